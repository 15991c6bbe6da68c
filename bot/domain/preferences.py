"""What each person wants to hear in a direct message."""

from enum import StrEnum

from bot.domain.frozen import Frozen
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState

BAD = {
    RequestState.FAILED,
    RequestState.LOST,
    RequestState.REFUSED,
    RequestState.REJECTED,
    RequestState.EXPIRED,
}


class Finished(StrEnum):
    """When a person's own requests are worth a direct message, beside the thread."""

    NEVER = "never"
    FAILED = "failed"
    ALWAYS = "always"


class Preferences(Frozen):
    """One person's choices."""

    user_id: str
    finished: Finished = Finished.NEVER
    approvals: bool = False  # a direct message when their approval is wanted


def wants_to_know(finished: Finished, request: BackupRequest) -> bool:
    """Return whether the requester wants a direct message about the end; not of their own act."""
    if not request.state.is_final or request.state is RequestState.WITHDRAWN:
        return False
    if finished is Finished.FAILED:
        return request.state in BAD
    return finished is Finished.ALWAYS
