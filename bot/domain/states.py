"""The states of a request and their transitions, and the retention of its backup."""

from enum import StrEnum


class RequestState(StrEnum):
    """The state of a request, unlike `BackupStatus`, which is RDS's."""

    SUBMITTED = "asked"  # on disk; not yet looked up in RDS
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    CREATING = "creating"  # a create may have been sent
    RUNNING = "running"  # RDS accepted it
    COMPLETED = "completed"
    FAILED = "failed"  # RDS says FAILED
    LOST = "lost"  # the backup disappeared from RDS
    DELETING = "deleting"  # a delete may have been sent
    DELETED = "deleted"  # RDS no longer lists it
    REFUSED = "refused"  # by RDS or a check before it
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"  # by the requester

    @property
    def is_final(self) -> bool:
        return not TRANSITIONS[self]


_S = RequestState
TRANSITIONS: dict[RequestState, frozenset[RequestState]] = {
    _S.SUBMITTED: frozenset({_S.AWAITING_APPROVAL, _S.APPROVED, _S.REFUSED, _S.WITHDRAWN}),
    _S.AWAITING_APPROVAL: frozenset(
        {_S.APPROVED, _S.REJECTED, _S.EXPIRED, _S.WITHDRAWN, _S.REFUSED}
    ),
    _S.APPROVED: frozenset({_S.CREATING, _S.DELETING, _S.REFUSED}),
    _S.CREATING: frozenset({_S.RUNNING, _S.REFUSED, _S.WITHDRAWN}),
    _S.RUNNING: frozenset({_S.COMPLETED, _S.FAILED, _S.LOST}),
    _S.DELETING: frozenset({_S.DELETED, _S.REFUSED, _S.WITHDRAWN}),
    _S.COMPLETED: frozenset(),
    _S.FAILED: frozenset(),
    _S.LOST: frozenset(),
    _S.DELETED: frozenset(),
    _S.REFUSED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.WITHDRAWN: frozenset(),
}


OPEN_STATES = frozenset(state for state in RequestState if TRANSITIONS[state])
SENDING = frozenset({_S.CREATING, _S.DELETING})  # calls to RDS are being sent


class Retention(StrEnum):
    """The state of a backup that has an end date."""

    WARNED = "warned"  # its deletion was announced
    KEPT = "kept"  # someone chose to keep it
    DELETING = "deleting"  # a delete may have been sent
    DELETED = "deleted"
    STAYS = "stays"  # RDS wouldn't delete it
