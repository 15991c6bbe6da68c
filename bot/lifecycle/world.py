"""What the steps of the lifecycle share: how they move a request, and speak of it."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog

from bot.clock import Clock
from bot.domain.audit import OURSELVES, AuditAction, AuditEntry
from bot.domain.errors import CannotPost, SlackUnreachable
from bot.domain.policy import Policy
from bot.domain.requests import BackupRequest, Choice, Line, RequestState, Retention
from bot.lifecycle.gate import Gate
from bot.lifecycle.ports import Catalogue, Rds, Thread, Watcher
from bot.ports import People, Store

log = structlog.get_logger(__name__)

FIRST_GAP, LONGEST_GAP = 2.0, 60.0  # seconds between two tries while RDS or Slack is away
PATIENCE = 5.0  # seconds for which a step waits until a line of progress is said
SAY_AGAIN = (1.0, 2.0, 4.0, 8.0, 16.0, 0.0)  # seconds after each try to say a line of progress


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
    speaking: MutableMapping[str, asyncio.Lock] = field(  # a thread's lines come in order
        default_factory=lambda: defaultdict(asyncio.Lock)
    )
    background: set[asyncio.Task[bool]] = field(default_factory=set)

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

    async def retain(
        self,
        request: BackupRequest,
        to: Retention,
        action: AuditAction | None,
        detail: Mapping[str, str] | None = None,
        **changes: object,
    ) -> None:
        """Change what becomes of the backup, and write the trail. Raises Conflict."""
        async with self.store.transaction() as transaction:
            changed = await transaction.retain(request, to, **changes)
            if action:
                await transaction.record(self._entry(changed, action, detail))

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

        What was said is not drawn again: after a restart that would be hundreds of cards.
        No backup waits for Slack for longer than a moment: after that it is said in the
        background, in its order, and what Slack does not take after a few tries is dropped.
        """
        if await self.store.posted(request.id, line.about(subject)):
            return True
        say = partial(self._try, request, line, subject=subject, call=call)
        return await self._within(PATIENCE, self._soon(request.id, say))

    async def draw(self, request: BackupRequest) -> None:
        """Draw the card once; progress that Slack does not take is dropped."""
        await self._within(PATIENCE, self._soon(request.id, partial(self._try, request)))

    async def put_off(self, request: BackupRequest) -> None:
        """Tell who asked that there is no card yet; dropped if Slack does not take it."""
        await self._once(request.id, partial(self.thread.put_off, request))

    async def point(self, request: BackupRequest) -> None:
        """Link to the card where it was asked; dropped if Slack does not take it."""
        await self._once(request.id, partial(self.thread.point, request))

    async def _once(self, request_id: str, tell: Callable[[], Awaitable[None]]) -> None:
        async def try_once() -> bool:
            with suppress(SlackUnreachable, CannotPost):
                await tell()
            return True

        await self._within(PATIENCE, self._soon(request_id, try_once))

    async def tell(self, request: BackupRequest) -> None:
        """Say how it ended, however long Slack takes nothing. Raises CannotPost."""

        async def tell() -> None:
            if request.vote(Choice.BREAK_GLASS):  # not to be missed, whatever else was
                await self.thread.say(request, Line.BREAK_GLASS)
            await self.thread.announce(request)

        await self._until_taken(request.id, tell)

    async def insist(self, request: BackupRequest, line: Line) -> None:
        """Say a line, however long Slack takes nothing. Raises CannotPost."""
        await self._until_taken(request.id, partial(self.thread.insist, request, line))

    async def _until_taken(self, request_id: str, tell: Callable[[], Awaitable[None]]) -> None:
        gap = FIRST_GAP
        while True:
            try:
                async with self.speaking[request_id]:
                    await tell()
            except SlackUnreachable:
                await self.clock.sleep(gap)
                gap = min(gap * 2, LONGEST_GAP)
            else:
                self.speaking.pop(request_id, None)
                return

    def _soon(self, request_id: str, say: Callable[[], Awaitable[bool]]) -> asyncio.Task[bool]:
        """In the background, after all that was to be said of this request before."""

        async def in_order() -> bool:
            async with lock:
                return await say()

        lock = self.speaking[request_id]
        task = asyncio.create_task(in_order())
        self.background.add(task)
        task.add_done_callback(self.background.discard)
        return task

    async def _within(self, seconds: float, task: asyncio.Task[bool]) -> bool:
        done = asyncio.Event()
        task.add_done_callback(lambda _: done.set())
        return await self.clock.wait(done, seconds) and await task

    async def _try(
        self,
        request: BackupRequest,
        line: Line | None = None,
        *,
        subject: str = "",
        call: Sequence[str] = (),
    ) -> bool:
        for gap in SAY_AGAIN if line else (0.0,):
            try:
                await self.thread.show(request)
                if line:
                    await self.thread.say(request, line, subject=subject, call=call)
            except CannotPost as error:
                log.warning("line_dropped", request=request.id, line=line, error=error.error)
            except SlackUnreachable:
                await self.clock.sleep(gap)
                continue
            return True
        return False
