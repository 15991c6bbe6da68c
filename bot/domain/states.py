"""Where a request stands, and which way it may go; and what becomes of its backup."""

from enum import StrEnum


class RequestState(StrEnum):
    """Ours; RDS's own words for a backup are `BackupStatus`."""

    SUBMITTED = "asked"  # on disk; not yet looked up in RDS
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    CREATING = "creating"  # a create may have been sent
    RUNNING = "running"  # RDS accepted it
    COMPLETED = "completed"
    FAILED = "failed"  # RDS says FAILED
    LOST = "lost"  # the backup vanished from RDS
    DELETING = "deleting"  # a delete may have been sent
    DELETED = "deleted"  # RDS lists it no more
    REFUSED = "refused"  # RDS, or a check before it, would not do it
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"  # by who asked

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
SENDING = frozenset({_S.CREATING, _S.DELETING})  # RDS is being asked to do it


class Retention(StrEnum):
    """What becomes of a backup that was asked for with an end."""

    WARNED = "warned"  # people were told that it will be deleted
    KEPT = "kept"  # somebody said that it stays
    DELETING = "deleting"  # a delete may have been sent
    DELETED = "deleted"
    STAYS = "stays"  # RDS does not delete it
