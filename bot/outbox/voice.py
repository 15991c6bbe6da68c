"""Post what the workflow's steps say, in order, without making them wait for Slack."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

import structlog

from bot.application.ports import Store
from bot.domain.errors import CannotPost, SlackUnreachable, StoreUnavailable
from bot.domain.requests import BackupRequest, Choice
from bot.domain.thread_lines import ThreadLine
from bot.outbox.ports import Thread
from bot.runtime.backoff import Backoff
from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)

STEP_TIMEOUT = 5.0  # seconds for which a step waits until a line of progress is said
PROGRESS_TRIES = 6  # before a line of progress is dropped, half a minute after the first
FIRST_GAP, LONGEST_GAP = 1.0, 60.0  # seconds between two tries


class Voice:
    """Drops progress that Slack doesn't accept; retries outcomes until it does."""

    def __init__(self, thread: Thread, store: Store, clock: Clock) -> None:
        self._thread = thread
        self._store = store
        self._clock = clock
        self._speaking: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # lines come in order
        self._background: set[asyncio.Task[bool]] = set()

    @property
    def background(self) -> frozenset[asyncio.Task[bool]]:
        """The messages still being sent in the background."""
        return frozenset(self._background)

    async def show(self, request: BackupRequest) -> None:
        """Post the card now. Raises CannotPost and SlackUnreachable."""
        await self._thread.show(request)

    async def say(
        self,
        request: BackupRequest,
        line: ThreadLine,
        *,
        subject: str = "",
        call: Sequence[str] = (),
    ) -> bool:
        """Update the card and post a line of progress; return whether that is settled.

        A line that was posted before updates no card: after a restart that would be hundreds.
        After 5 s the step continues and the line is sent in the background, in order; after a
        few failed tries it is dropped.
        """
        if await self._store.posted(request.id, line.about(subject)):
            return True
        say = partial(self._try, request, line, subject=subject, call=call)
        return await self._within(STEP_TIMEOUT, self._soon(request.id, say))

    async def draw(self, request: BackupRequest) -> None:
        """Update the card; an update that fails is dropped."""
        await self._within(STEP_TIMEOUT, self._soon(request.id, partial(self._try, request)))

    async def put_off(self, request: BackupRequest, line: ThreadLine) -> None:
        """Tell the requester why there is no card yet; dropped if it fails."""
        await self._once(request.id, partial(self._thread.put_off, request, line))

    async def point(self, request: BackupRequest) -> None:
        """Link to the card from the thread of the command; dropped if it fails."""
        await self._once(request.id, partial(self._thread.point, request))

    async def _once(self, request_id: str, tell: Callable[[], Awaitable[None]]) -> None:
        async def try_once() -> bool:
            with suppress(SlackUnreachable, StoreUnavailable, CannotPost):
                await tell()
            return True

        await self._within(STEP_TIMEOUT, self._soon(request_id, try_once))

    async def tell(self, request: BackupRequest) -> None:
        """Announce the outcome, however long Slack is down. Raises CannotPost."""

        async def tell() -> None:
            if request.vote(Choice.BREAK_GLASS):  # not to be missed, whatever else was
                await self._thread.say(request, ThreadLine.BREAK_GLASS)
            await self._thread.announce(request)

        await self._until_taken(request.id, tell)

    async def insist(self, request: BackupRequest, line: ThreadLine) -> None:
        """Post a line, however long Slack is down. Raises CannotPost."""
        await self._until_taken(request.id, partial(self._thread.insist, request, line))

    async def _until_taken(self, request_id: str, tell: Callable[[], Awaitable[None]]) -> None:
        backoff = Backoff(self._clock, FIRST_GAP, LONGEST_GAP, key=request_id)
        while True:
            try:
                async with self._speaking[request_id]:
                    await tell()
            except SlackUnreachable:
                await backoff.wait()
            else:
                self._speaking.pop(request_id, None)
                return

    def _soon(self, request_id: str, say: Callable[[], Awaitable[bool]]) -> asyncio.Task[bool]:
        """Send in the background, after everything queued for this request before."""

        async def in_order() -> bool:
            async with lock:
                return await say()

        lock = self._speaking[request_id]
        task = asyncio.create_task(in_order())
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def _within(self, seconds: float, task: asyncio.Task[bool]) -> bool:
        done = asyncio.Event()
        task.add_done_callback(lambda _: done.set())
        return await self._clock.wait(done, seconds) and await task

    async def _try(
        self,
        request: BackupRequest,
        line: ThreadLine | None = None,
        *,
        subject: str = "",
        call: Sequence[str] = (),
    ) -> bool:
        backoff = Backoff(self._clock, FIRST_GAP, LONGEST_GAP, key=request.id)
        for left in reversed(range(PROGRESS_TRIES if line else 1)):
            try:
                await self._thread.show(request)
                if line:
                    await self._thread.say(request, line, subject=subject, call=call)
            except CannotPost as error:
                log.warning("line_dropped", request=request.id, line=line, error=error.error)
            except (SlackUnreachable, StoreUnavailable):
                if left:
                    await backoff.wait()
                continue
            return True
        return False
