"""Wait for decisions: remind people, expire requests, and have the decided ones carried on."""

import asyncio
import heapq
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.application.deadlines import MEMBERS_TIMEOUT, members_within
from bot.application.ports import Conflict
from bot.domain.attempts import delay_after
from bot.domain.audit import AuditAction
from bot.domain.errors import BotError
from bot.domain.reminders import can_still_act, reminders
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from bot.runtime.loop_pacing import calm
from bot.workflow.context import StepContext

log = structlog.get_logger(__name__)

AT_ONCE = 20  # looks: one that waits for Slack or the database holds up no other
SOON = timedelta(seconds=1)  # until it is seen that a request has expired
FIRST_GAP, LONGEST_GAP = 1.0, 60.0  # seconds between two looks that fail
STORE_GAP = 5.0  # the longest while it is only the database or Slack that doesn't answer
LONGEST_WAIT = 60.0  # seconds; then the time is read again, since the clock may have jumped


class Approvals:
    """Waits for all decisions in one task, since a workflow each takes 38 KiB.

    Of a waiting request only its ID is kept, and when it has to be looked at again. Replicas may
    wait for the same one: the outbox has each reminder once, and one decision or expiry wins.
    """

    def __init__(
        self, context: StepContext, carry_on: Callable[[BackupRequest], Awaitable[None]]
    ) -> None:
        self._context = context
        self._carry_on = carry_on  # with a request that doesn't wait for a decision
        self._due: dict[str, datetime] = {}  # when to look at each that waits, by its ID
        self._queue: list[tuple[datetime, str]] = []  # the same as a heap, with outdated entries
        # To be looked at now, in order: those that people wait for, and the others.
        self._urgent: dict[str, None] = {}
        self._backlog: dict[str, None] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}  # under way
        self._sooner = asyncio.Event()
        self._reminded: dict[str, int] = {}  # the last reminder that this process has owed
        self._redrawn: set[str] = set()  # those whose card shows the present policy
        self._failures: Counter[str] = Counter()  # in a row

    def wait_for(self, request_ids: Iterable[str]) -> None:
        """Wait for the decisions on these requests, too."""
        new = (r for r in request_ids if r not in self._due and r not in self._looks)
        self._backlog.update(dict.fromkeys(new))
        self._sooner.set()

    def look_at(self, request_id: str) -> None:
        """Look at a request at once; once more, if a look is under way."""
        self._urgent[request_id] = None
        self._sooner.set()

    def wake(self, request_id: str) -> None:
        """Look at a request at once, if its decision is waited for."""
        if any(request_id in waiting for waiting in (self._due, self._backlog, self._looks)):
            self.look_at(request_id)

    def wake_all(self) -> None:
        """Look at all requests, one after the other; those that are due go first."""
        self._backlog.update(dict.fromkeys(self._due))
        self._backlog.update(dict.fromkeys(self._looks))
        self._sooner.set()

    async def run(self) -> None:
        """Look at each request when it is due."""
        clock = self._context.clock
        try:
            while True:
                self._sooner.clear()
                if len(self._looks) >= AT_ONCE:
                    await clock.wait(self._sooner, LONGEST_WAIT)
                    continue
                is_urgent = bool(self._urgent)
                if (request_id := self._next()) is None:
                    await clock.wait(self._sooner, self._seconds_left())
                    continue
                self._looks[request_id] = task = asyncio.create_task(self._look(request_id))
                task.add_done_callback(partial(self._looked, request_id))
                await asyncio.sleep(0) if is_urgent else await calm()
        finally:
            for task in self._looks.values():
                task.cancel()

    def _next(self) -> str | None:
        """Take the next request to look at. One that is being looked at has to wait for that."""
        for waiting in (self._urgent, self._overdue(), self._backlog):
            for request_id in waiting:
                if request_id not in self._looks:
                    self._urgent.pop(request_id, None)
                    self._backlog.pop(request_id, None)
                    return request_id
        return None

    def _overdue(self) -> Iterator[str]:
        now = self._context.clock.now()
        while self._queue and self._queue[0][0] <= now:
            at, request_id = heapq.heappop(self._queue)
            if self._due.get(request_id) == at:
                del self._due[request_id]  # until it is looked at, which plans the next look
                yield request_id

    def _seconds_left(self) -> float:
        if not self._queue:
            return LONGEST_WAIT
        left = (self._queue[0][0] - self._context.clock.now()).total_seconds()
        return min(max(left, 0.0), LONGEST_WAIT)

    def _looked(self, request_id: str, _: object) -> None:
        del self._looks[request_id]
        self._sooner.set()

    async def _look(self, request_id: str) -> None:
        """Do what is due, and plan the next look. Nothing that fails ends the wait."""
        with structlog.contextvars.bound_contextvars(request=request_id):
            try:
                at = await self._do_what_is_due(request_id)
            except BotError as error:
                log.warning("step_put_off", step="approval", error=repr(error))
                at = self._retry_at(request_id, STORE_GAP)
            except Exception:  # the wait must survive whatever it was; the log says what
                log.exception("step_fell_over", step="approval")
                at = self._retry_at(request_id, LONGEST_GAP)
            else:
                self._failures.pop(request_id, None)
        if at is None:
            self._due.pop(request_id, None)
            self._reminded.pop(request_id, None)
            self._redrawn.discard(request_id)
        elif self._due.get(request_id) != at:
            self._due[request_id] = at
            heapq.heappush(self._queue, (at, request_id))

    def _retry_at(self, request_id: str, longest: float) -> datetime:
        self._failures[request_id] += 1
        delay = delay_after(self._failures[request_id], FIRST_GAP, longest, request_id)
        return self._context.clock.now() + timedelta(seconds=delay)

    async def _do_what_is_due(self, request_id: str) -> datetime | None:
        """Return when to look again, or None if there is no decision to wait for."""
        context = self._context
        stored = await context.store.load(request_id)
        if stored is None:
            return None
        request = stored.under(context.policy)
        if request.state is not RequestState.AWAITING_APPROVAL or request.expires_at is None:
            await self._carry_on(request)
            return None
        if request.terms != stored.terms and request_id not in self._redrawn:
            await context.redraw(request)  # the policy changed since the card was posted
            self._redrawn.add(request_id)
        now = context.clock.now()
        if now >= request.expires_at:
            await _expire(context, request)
            return now + SOON
        due = sum(at <= now for at in reminders(request))  # of several missed ones, only the last
        if due and due != self._reminded.get(request_id):
            await _remind(context, request, due)
            self._reminded[request_id] = due
        return min(at for at in (*reminders(request), request.expires_at) if at > now)


async def _remind(context: StepContext, request: BackupRequest, number: int) -> None:
    terms = request.terms
    if terms is None:
        return
    call = can_still_act(
        terms,
        requester=request.requester,
        approved_by=request.approvers,
        members=await members_within(MEMBERS_TIMEOUT, context.people, terms.mentioned),
    )
    await context.tell(request, ThreadLine.REMINDER, subject=str(number), call=call)


async def _expire(context: StepContext, request: BackupRequest) -> None:
    with suppress(Conflict):  # it was decided at the same moment; the next look sees how
        await context.move(
            request, RequestState.EXPIRED, AuditAction.EXPIRED, decided_at=request.expires_at
        )
