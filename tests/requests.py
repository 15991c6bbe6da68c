"""A request as tests need it."""

from datetime import UTC, datetime

from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def asked(number: int = 1, **changes: object) -> BackupRequest:
    """Request `number`, as it is when it was just asked."""
    request = BackupRequest(
        id=f"request{number}",
        trigger_id=f"trigger{number}",
        team_id="T0DEMO",
        channel_id="C0OPS",
        card_channel_id="C0OPS",
        requester="U0ANA",
        response_url=None,
        reference="orders-prod",
        name=f"before-{number}",
        description="",
        state=RequestState.SUBMITTED,
        asked_at=NOON,
    )
    return request.model_copy(update=changes)
