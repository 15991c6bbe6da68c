"""What the steps of the lifecycle need of the outside, and what they share."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import structlog

from bot.clock import Clock
from bot.domain.audit import OURSELVES, AuditAction, AuditEntry
from bot.domain.errors import CannotPost, RdsUnreachable, SlackUnreachable
from bot.domain.instances import Accepted, Backup, Instance
from bot.domain.policy import Policy
from bot.domain.requests import BackupRequest, Line, RequestState
from bot.lifecycle.gate import Gate
from bot.ports import People, Store

log = structlog.get_logger(__name__)
T = TypeVar("T")

FIRST_GAP, LONGEST_GAP = 2.0, 60.0  # seconds between two tries while RDS cannot be reached

SAY_AGAIN = (1.0, 4.0, 0.0)  # seconds after each try to say a line of progress


class Rds(Protocol):
    """RDS v3. Raises the RdsError tree of `bot/domain/errors.py`."""

    async def create_backup(self, instance_id: str, name: str, description: str) -> Accepted: ...
    async def list_backups(self, instance_id: str) -> list[Backup]: ...


class Catalogue(Protocol):
    """The project's instances."""

    async def find(self, reference: str, patience: float) -> Instance: ...
    async def current(self, instance_id: str) -> Instance | None:
        """The instance as RDS shows it now, or None if it is gone."""
        ...


class Watcher(Protocol):
    """Looks at running backups, within the call budget."""

    async def look(self, instance_id: str, backup_id: str, after: float) -> Backup | None:
        """What RDS says of the backup `after` seconds from now; None if it is not listed."""
        ...


class Thread(Protocol):
    """A request's card and the thread under it. Each line is said once, however often asked."""

    async def show(self, request: BackupRequest) -> None:
        """Post the card, or edit it, so that it shows the request as it stands.

        Raises CannotPost if the card has no place to stand.
        """
        ...

    async def say(
        self, request: BackupRequest, line: Line, *, subject: str = "", call: Sequence[str] = ()
    ) -> None:
        """Reply under the card, calling those who can do something about it."""
        ...

    async def announce(self, request: BackupRequest) -> None:
        """Tell how it ended: on the card and in the thread, or to the requester alone."""
        ...


@dataclass(frozen=True)
class World:
    """The collaborators of every step."""

    store: Store
    rds: Rds
    catalogue: Catalogue
    watcher: Watcher
    thread: Thread
    people: People
    policy: Policy
    clock: Clock
    gate: Gate = field(default_factory=Gate)
    wakeups: MutableMapping[str, asyncio.Event] = field(
        default_factory=lambda: defaultdict(asyncio.Event)
    )

    async def load(self, request_id: str) -> BackupRequest:
        """The request; it exists, because its workflow is started after it was stored."""
        request = await self.store.load(request_id)
        if request is None:
            raise LookupError(request_id)
        return request

    async def move(
        self,
        request: BackupRequest,
        to: RequestState,
        action: AuditAction,
        detail: Mapping[str, str] | None = None,
        **changes: object,
    ) -> BackupRequest:
        """Change the state and write the trail, in one transaction. Raises Conflict."""
        async with self.store.transaction() as transaction:
            moved = await transaction.move(request, to, **changes)
            await transaction.record(self._entry(moved, action, detail))
        return moved

    async def note(
        self, request: BackupRequest, action: AuditAction, detail: Mapping[str, str]
    ) -> None:
        """Write the trail of something that changed no state."""
        async with self.store.transaction() as transaction:
            await transaction.record(self._entry(request, action, detail))

    def _entry(
        self, request: BackupRequest, action: AuditAction, detail: Mapping[str, str] | None
    ) -> AuditEntry:
        now = self.clock.now()
        return request.on_trail(action, at=now, actor=OURSELVES, detail=detail or {})

    async def say(
        self, request: BackupRequest, line: Line, *, subject: str = "", call: Sequence[str] = ()
    ) -> bool:
        """Draw the card and say a line of progress; whether there is nothing left to try.

        What Slack does not take after a few tries is dropped: no backup waits for Slack.
        """
        for gap in SAY_AGAIN:
            try:
                async with self.gate:
                    await self.thread.show(request)
                    await self.thread.say(request, line, subject=subject, call=call)
            except CannotPost as error:
                log.warning("line_dropped", request=request.id, error=error.error)
            except SlackUnreachable as error:
                log.warning("line_not_said", request=request.id, line=line, error=error.error)
                await self.clock.sleep(gap)
                continue
            return True
        return False

    async def draw(self, request: BackupRequest) -> None:
        """Draw the card once; progress that Slack does not take is dropped."""
        try:
            async with self.gate:
                await self.thread.show(request)
        except (CannotPost, SlackUnreachable) as error:
            log.warning("card_not_drawn", request=request.id, error=error.error)

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call that changes nothing until RDS answers it, and say once that it does not."""
        gap = FIRST_GAP
        while True:
            try:
                answer = await call()
            except RdsUnreachable as error:
                if gap == FIRST_GAP:
                    log.warning("rds_unreachable", code=error.code, request_id=error.request_id)
                await self.clock.sleep(max(gap, error.retry_after or 0.0))
                gap = min(gap * 2, LONGEST_GAP)
            else:
                if gap > FIRST_GAP:
                    log.info("rds_reachable_again")
                return answer
