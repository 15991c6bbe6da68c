"""Wait for decisions: remind people, expire requests, and have the decided ones carried on."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

import structlog

from bot.application.ports import Conflict
from bot.domain.audit import AuditAction
from bot.domain.errors import BotError
from bot.domain.reminders import can_still_act, reminders
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from bot.runtime.loop_pacing import calm
from bot.workflow.context import StepContext

log = structlog.get_logger(__name__)

RETRY = timedelta(seconds=5)  # until a look that failed is repeated
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
        self._due: dict[str, datetime] = {}  # when to look at each, by its ID
        self._queue: list[tuple[datetime, str]] = []  # the same as a heap, with outdated entries
        self._redrawn: set[str] = set()  # those whose card shows the present policy
        self._sooner = asyncio.Event()
        self._looks: set[asyncio.Task[None]] = set()

    def wait_for(self, request_ids: Iterable[str]) -> None:
        """Wait for the decisions on these requests, too."""
        for request_id in request_ids:
            if request_id not in self._due:
                self._look_again(request_id, self._context.clock.now())

    def wake(self, request_id: str) -> None:
        """Look at a request at once, if its decision is waited for."""
        if request_id in self._due:
            task = asyncio.create_task(self._look(request_id))
            self._looks.add(task)
            task.add_done_callback(self._looks.discard)

    def wake_all(self) -> None:
        """Look at all requests, one after the other."""
        now = self._context.clock.now()
        self._due = dict.fromkeys(self._due, now)
        self._queue = sorted((now, request_id) for request_id in self._due)
        self._sooner.set()

    async def run(self) -> None:
        """Look at each request when it is due."""
        clock = self._context.clock
        while True:
            self._sooner.clear()
            if request_id := self._next_due():
                await self._look(request_id)
                await calm()
            else:
                await clock.wait(self._sooner, self._seconds_left())

    def close(self) -> None:
        """Cut off the looks of `wake`; `run` is canceled by its owner."""
        for task in self._looks:
            task.cancel()

    def _next_due(self) -> str | None:
        now = self._context.clock.now()
        while self._queue and self._queue[0][0] <= now:
            at, request_id = heapq.heappop(self._queue)
            if self._due.get(request_id) == at:
                return request_id
        return None

    def _seconds_left(self) -> float:
        if not self._queue:
            return LONGEST_WAIT
        left = (self._queue[0][0] - self._context.clock.now()).total_seconds()
        return min(left, LONGEST_WAIT)

    def _look_again(self, request_id: str, at: datetime) -> None:
        self._due[request_id] = at
        heapq.heappush(self._queue, (at, request_id))
        self._sooner.set()

    async def _look(self, request_id: str) -> None:
        """Do what is due, and plan the next look. Nothing that fails ends the wait."""
        with structlog.contextvars.bound_contextvars(request=request_id):
            try:
                at = await self._looked(request_id)
            except BotError as error:
                log.warning("step_put_off", step="await_decision", error=repr(error))
                at = self._context.clock.now() + RETRY
            except Exception:  # the loop must survive whatever it was; the log says what
                log.exception("step_fell_over", step="await_decision")
                at = self._context.clock.now() + RETRY
        if at is None:
            self._due.pop(request_id, None)
            self._redrawn.discard(request_id)
        else:
            self._look_again(request_id, at)

    async def _looked(self, request_id: str) -> datetime | None:
        """Say what is due; return when to look again, or None if there is no decision to come."""
        stored = await self._context.store.load(request_id)
        if stored is None:
            return None
        request = stored.under(self._context.policy)
        if request.state is not RequestState.AWAITING_APPROVAL or request.expires_at is None:
            await self._carry_on(request)
            return None
        if request.terms != stored.terms and request_id not in self._redrawn:
            await self._context.redraw(request)  # the policy changed since the card was posted
            self._redrawn.add(request_id)
        now = self._context.clock.now()
        if now >= request.expires_at:
            await _expire(self._context, request)
            return now
        await _remind(self._context, request, now)
        return min(at for at in (*reminders(request), request.expires_at) if at > now)


async def _remind(context: StepContext, request: BackupRequest, now: datetime) -> None:
    """Send the reminder that is due; of several missed ones, only the last."""
    due = sum(at <= now for at in reminders(request))
    terms = request.terms
    if not due or terms is None:
        return
    call = can_still_act(
        terms,
        requester=request.requester,
        approved_by=request.approvers,
        members=await context.people.members(terms.mentioned),
    )
    await context.tell(request, ThreadLine.REMINDER, subject=str(due), call=call)


async def _expire(context: StepContext, request: BackupRequest) -> None:
    try:
        await context.move(
            request, RequestState.EXPIRED, AuditAction.EXPIRED, decided_at=request.expires_at
        )
    except Conflict:
        return  # it was decided at the same moment; the next look sees how
