"""The ports of the use cases; `app.py` connects them."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from bot.domain.audit import AuditEntry
from bot.domain.incidents import Incident
from bot.domain.instances import Backup, Instance
from bot.domain.outbox import MessageState, Owed
from bot.domain.policy import Members
from bot.domain.preferences import Preferences
from bot.domain.requests import BackupRequest, Kind, Vote
from bot.domain.states import RequestState, Retention


class Conflict(Exception):
    """A unique value is taken, or the row has changed; nothing was written."""


class Change(NamedTuple):
    """An incident that opens (without a `before`) or changes, and what that brings."""

    before: Incident | None
    after: Incident
    owed: Sequence[Owed] = ()
    entries: Sequence[AuditEntry] = ()


class Transaction(Protocol):
    """One unit of work: when its block ends, all of it is on disk, or none."""

    async def insert(self, *new: BackupRequest) -> None: ...
    async def load(self, request_id: str) -> BackupRequest | None: ...
    async def move(
        self, request: BackupRequest, to: RequestState, **changes: object
    ) -> BackupRequest: ...
    async def update(self, request: BackupRequest, **changes: object) -> BackupRequest:
        """Save these changes; return the request. Raises Conflict if its state has changed."""
        ...

    async def vote(self, request: BackupRequest, vote: Vote) -> BackupRequest: ...
    async def retain(
        self, request: BackupRequest, to: Retention, **changes: object
    ) -> BackupRequest: ...
    async def revoke(self, request: BackupRequest, voters: Iterable[str]) -> BackupRequest:
        """Remove these people's approvals; return the request."""
        ...

    async def owe(self, *messages: Owed) -> None:
        """Put messages into the outbox: a card is drawn again, everything else is sent once.

        A change of state or retention adds the messages that it owes.
        """
        ...

    async def owe_once(self, card: Owed, line: Owed) -> None:
        """Put a line and its card's edit into the outbox, unless the line is there already.

        A step says again what it said before a restart, and at each try.
        """
        ...

    async def record(self, *entries: AuditEntry) -> None:
        """Add an entry to the audit log, without waiting for other transactions."""
        ...


class Store(Protocol):
    """The database. Raises StoreUnavailable when it isn't responding."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]: ...
    async def save_preferences(self, chosen: Preferences) -> None: ...
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
        teams: Collection[str] | None = None,
        offset: int = 0,
        limit: int = 100,
    ) -> list[BackupRequest]:
        """Return the requests that match all of this, newest first."""
        ...

    async def completed_backups(self, instance_id: str, limit: int) -> list[Backup]:
        """Return an instance's latest backups that this bot saw complete, deleted ones, too."""
        ...

    async def request_about(self, name_or_id: str, teams: Collection[str]) -> BackupRequest | None:
        """Return the name's open request, else its newest, else the one with this ID.

        Only of these workspaces.
        """
        ...

    async def preferences(self, user_id: str) -> Preferences:
        """Return what a person wants to hear, or the defaults."""
        ...

    async def wanting_approvals(self) -> list[str]:
        """Return who wants a direct message when their approval is wanted."""
        ...

    async def unfinished(self) -> dict[str, RequestState]:
        """Return all requests with something left to do: their states by ID, oldest first."""
        ...

    async def owe_untold(self) -> list[str]:
        """Put outcomes into the outbox that aren't there; return their requests' IDs."""
        ...

    async def posted(self, request_id: str, line: str) -> tuple[str, str] | None:
        """Return the channel ID and ts of the message with this line, or None."""
        ...

    async def message_state(self, request_id: str, line: str) -> MessageState | None:
        """Return the state of a message, or None if it isn't in the outbox."""
        ...

    async def last_audit_entries(
        self, instance: str, limit: int, teams: Collection[str], *, unplaced: bool
    ) -> Sequence[AuditEntry]:
        """Return an instance's newest entries, by its name or ID, oldest first.

        Leaves out requests of other workspaces, and, unless they are wanted, `unplaced` entries:
        what was refused or can't be found, so that no one can say in which workspace.
        """
        ...


class Intake(Protocol):
    """Saves new requests, many at a time. Raises Conflict and StoreUnavailable."""

    async def write(self, request: BackupRequest, entry: AuditEntry) -> None: ...


class Catalogue(Protocol):
    """The project's instances, cached."""

    async def find(self, reference: str, timeout_seconds: float) -> Instance: ...
    async def known(self, timeout_seconds: float) -> Sequence[Instance]:
        """Return all instances as last listed; none if RDS doesn't answer in time."""
        ...

    @property
    def age(self) -> float:
        """Seconds since RDS listed the instances; 0 if it never has."""
        ...

    def unread(self, after: float) -> Sequence[str]:
        """Return the projects whose lists are older than that because they can't be read.

        A single project is never among them: `age` says how old its list is.
        """
        ...


class People(Protocol):
    """Slack's people and user groups."""

    async def members(self, ids: Iterable[str], *, max_age: float | None = None) -> Members:
        """Return the people behind each user and user group; None where Slack couldn't say.

        From a cache; nothing older than `max_age` seconds is used, and with 0 Slack is asked
        now.
        """
        ...

    async def everybody(self, ids: Iterable[str]) -> Members:
        """Return the same, after checking that each member of a group is still active."""
        ...


class Engine(Protocol):
    """Runs the workflows of stored requests."""

    def start(self, request_id: str) -> None: ...
    def wake(self, request_id: str) -> None: ...
