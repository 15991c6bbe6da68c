"""The ports of the use cases; `app.py` connects them."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bot.domain.audit import AuditEntry
from bot.domain.instances import Instance
from bot.domain.policy import Members
from bot.domain.requests import BackupRequest, Kind, Vote
from bot.domain.states import RequestState, Retention


class Conflict(Exception):
    """Another row already has what must be unique, or has moved on; nothing was written."""


class Transaction(Protocol):
    """One unit of work: all of it is on disk when its block ends, or none of it."""

    async def insert(self, *new: BackupRequest) -> None: ...
    async def load(self, request_id: str) -> BackupRequest | None: ...
    async def move(
        self, request: BackupRequest, to: RequestState, **changes: object
    ) -> BackupRequest: ...
    async def update(self, request: BackupRequest, **changes: object) -> BackupRequest:
        """The request with these changes; Conflict if it has left its state."""
        ...

    async def vote(self, request: BackupRequest, vote: Vote) -> BackupRequest: ...
    async def retain(
        self, request: BackupRequest, to: Retention, **changes: object
    ) -> BackupRequest: ...
    async def revoke(self, request: BackupRequest, voters: Iterable[str]) -> BackupRequest:
        """The request without the approvals of these people."""
        ...

    async def record(self, *entries: AuditEntry) -> None:
        """Add to the audit trail. It waits for no other transaction's entries."""
        ...


class Store(Protocol):
    """The database. Raises StoreUnavailable when it isn't responding."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]: ...
    async def load(self, request_id: str) -> BackupRequest | None: ...
    async def find_by_trigger(self, trigger_id: str) -> BackupRequest | None: ...
    async def open_named(self, name: str) -> BackupRequest | None: ...
    async def requests(
        self,
        *,
        states: Collection[RequestState] | None = None,
        requester: str | None = None,
        kind: Kind | None = None,
        names: Collection[str] | None = None,
        offset: int = 0,
        limit: int = 100,
    ) -> list[BackupRequest]:
        """Those to which all of this applies, the newest first."""
        ...

    async def request_about(self, name_or_id: str) -> BackupRequest | None:
        """The open request of this backup's name, else its newest, else the one of this id."""
        ...

    async def unfinished(self) -> list[str]:
        """The ids of all requests with something left to do or to say, oldest first."""
        ...

    async def posted(self, request_id: str, line: str) -> tuple[str, str] | None:
        """Channel id and ts of the message that said this line, or None if none did."""
        ...

    async def last_audit_entries(self, instance: str, limit: int) -> Sequence[AuditEntry]:
        """The newest entries about an instance, by its name or id, oldest first."""
        ...


class Intake(Protocol):
    """Saves new requests, many at a time. Raises Conflict and StoreUnavailable."""

    async def write(self, request: BackupRequest, entry: AuditEntry) -> None: ...


class Catalogue(Protocol):
    """The project's instances, from memory when they are known."""

    async def find(self, reference: str, timeout_seconds: float) -> Instance: ...
    async def known(self, timeout_seconds: float) -> Sequence[Instance]:
        """All of them, as they were listed last; none if RDS does not tell in time."""
        ...


class People(Protocol):
    """Slack's people and user groups."""

    async def members(self, ids: Iterable[str], *, max_age: float | None = None) -> Members:
        """The people behind each user and user group; None where Slack could not say.

        From memory; with a `max_age` in seconds nothing older is believed, and with 0 Slack is
        asked now.
        """
        ...

    async def everybody(self, ids: Iterable[str]) -> Members:
        """The same, once it was asked of all members of the groups whether they are there."""
        ...


class Engine(Protocol):
    """Runs the workflows of stored requests."""

    def start(self, request_id: str) -> None: ...
    def wake(self, request_id: str) -> None: ...
