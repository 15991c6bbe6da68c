"""The lifecycle of a request, from top to bottom, as DBOS workflows.

DBOS journals each step and carries a workflow on after a crash from the last step that ended.
A step that was cut off runs again, so each looks first at what is already true. A workflow ends
where a decision is waited for, and another one starts from the top when it has come.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog
from dbos import DBOS, SetWorkflowID

from bot.domain.errors import BotError, StoreUnavailable
from bot.domain.requests import BackupRequest, Kind
from bot.domain.states import SENDING, RequestState
from bot.runtime import tracing
from bot.runtime.backoff import Backoff
from bot.runtime.loop_pacing import Debounce, LoopPacer
from bot.runtime.metrics import WORKFLOW_ERRORS
from bot.workflow import creation, deletion, preparation, retention, watching
from bot.workflow.approval import Approvals
from bot.workflow.context import StepContext
from bot.workflow.journal import (
    UNDER_WAY,
    WORKFLOW_VERSION,
    next_attempt,
    workflow_id_of,
    workflows_of,
)

log = structlog.get_logger(__name__)

T = TypeVar("T")
Step = Callable[[StepContext, str], Awaitable[RequestState]]
FIRST_GAP, LONGEST_GAP = 1.0, 60.0  # seconds between two tries of a step that fell over
UNDECIDED = {RequestState.SUBMITTED, RequestState.AWAITING_APPROVAL}
STORE_GAP = 5.0  # the longest while it is only the database that does not answer
PATIENCE = 2.0  # seconds for a start: DBOS retries for a minute after the database is back


class Lifecycle:
    """Starts a workflow for each stored request, and another one when people have decided.

    Build it after DBOS is constructed and before it is launched, so that what DBOS recovers
    finds the workflow registered.
    """

    def __init__(self, context: StepContext) -> None:
        self.approvals = Approvals(context, self.carry_on)
        self.in_question = asyncio.Event()  # whether a living replica of another release runs one
        self._context = context
        self._to_start: asyncio.Queue[tuple[str, str]] = (
            asyncio.Queue()
        )  # workflow and request ids
        self._starting: set[str] = set()  # by this process; what DBOS recovers waits for the pacer
        self._under_way: Counter[str] = Counter()  # by workflow id
        self._pacer = LoopPacer()
        self._debounce = Debounce()
        self._started: set[asyncio.Future[Any]] = set()  # here, and not yet at their end
        self._running: set[asyncio.Future[Any]] = set()  # and those that came to us by now
        self._is_closing = False

        @DBOS.workflow(name="back_up", max_recovery_attempts=None)
        async def back_up(request_id: str) -> str:
            if self._is_closing:
                raise asyncio.CancelledError
            if task := asyncio.current_task():
                _keep_until_done(self._running, task)
            with (
                self._counted(DBOS.workflow_id or request_id) as workflow_id,
                structlog.contextvars.bound_contextvars(request=request_id),
            ):
                if workflow_id not in self._starting:
                    await self._pacer.take()
                self._starting.discard(workflow_id)
                state = await self.back_up(request_id)
                if state is RequestState.AWAITING_APPROVAL and task:
                    # Once the journal has this workflow's end: the next one starts after it.
                    task.add_done_callback(lambda _: self.approvals.look_at(request_id))
                return state

        self._workflow = back_up

    async def back_up(self, request_id: str) -> RequestState:
        """Carry a request on from wherever it is to its decision or its outcome.

        What people hear of it is in the outbox, and delays no step.
        """
        state = await self._step("look_up", preparation.look_up, request_id)
        if state is RequestState.APPROVED or state in SENDING:
            does = {Kind.CREATE: creation.create, Kind.DELETE: deletion.delete}
            kind = await self._persist("load", _kind, request_id)
            state = await self._step(kind.value, does[kind], request_id)
        if state is RequestState.RUNNING:
            state = await self._step("watch", watching.watch, request_id)
        if state is RequestState.COMPLETED:
            state = await self._step("keep", retention.keep, request_id)
        return state

    def start(self, request_id: str, attempt: int = 1) -> None:
        """Start a workflow for a stored request; starting an attempt twice starts it once."""
        workflow_id = workflow_id_of(request_id, attempt)
        self._debounce.hold_off()
        self._to_start.put_nowait((workflow_id, request_id))

    async def carry_on(self, request: BackupRequest) -> None:
        """Start the next workflow of a request that was decided, unless one is under way."""
        if request.state.is_final or request.state in UNDECIDED:
            return
        past = await workflows_of([request.id])
        under_way = [workflow for workflow in past if workflow.status in UNDER_WAY]
        if not under_way:
            self._to_start.put_nowait((workflow_id_of(request.id, next_attempt(past)), request.id))
        elif any(workflow.app_version != WORKFLOW_VERSION for workflow in under_way):
            self.in_question.set()

    def is_under_way(self, workflow_id: str) -> bool:
        """Whether this workflow runs in this process."""
        return self._under_way[workflow_id] > 0

    def wake(self, request_id: str) -> None:
        """Have the request read again, by its workflow or by what waits for its decision."""
        if request_id in self._context.wakeups:
            self._context.wakeups[request_id].set()
        self.approvals.wake(request_id)

    def wake_all(self) -> None:
        """Have every request read again, after notifications may have been missed."""
        for woken in self._context.wakeups.values():
            woken.set()
        self.approvals.wake_all()

    async def run(self) -> None:
        """Start workflows as requests come in, one after the other, but wait for none for long."""
        begun = set[asyncio.Task[None]]()
        try:
            while True:
                workflow_id, request_id = await self._to_start.get()
                await self._debounce.wait()
                task = asyncio.create_task(self._begin(workflow_id, request_id))
                begun.add(task)
                task.add_done_callback(begun.discard)
                await asyncio.wait([task], timeout=PATIENCE)
        finally:
            for task in begun:
                task.cancel()

    async def _begin(self, workflow_id: str, request_id: str) -> None:
        try:
            await self._start(workflow_id, request_id)
        except Exception:  # the journal fell over; the next one may have more luck
            log.exception("workflow_not_started", request=request_id)
            await self._context.clock.sleep(FIRST_GAP)
            self._to_start.put_nowait((workflow_id, request_id))

    async def _start(self, workflow_id: str, request_id: str) -> None:
        self._starting.add(workflow_id)
        with SetWorkflowID(workflow_id):
            handle = await DBOS.start_workflow_async(self._workflow, request_id)
        if task := getattr(handle, "task", None):  # there is none if it ended before
            _keep_until_done(self._started, task)
        else:
            self._starting.discard(workflow_id)

    @contextmanager
    def _counted(self, workflow_id: str) -> Iterator[str]:
        """Count the workflow as running here, and log its failure: DBOS then ends it for good.

        The request is not lost: `reconciling.py` starts another workflow for it.
        """
        self._under_way[workflow_id] += 1
        try:
            yield workflow_id
        except Exception:
            WORKFLOW_ERRORS.inc()
            log.exception("workflow_fell_over", workflow=workflow_id)
            raise
        finally:
            self._under_way[workflow_id] -= 1
            if not self._under_way[workflow_id]:
                del self._under_way[workflow_id]

    async def close(self, seconds: float) -> None:
        """Let calls in flight finish, then cancel all workflows.

        The next start resumes them from the journal. A workflow that DBOS has started, but that
        has not reached `back_up` yet, is cancelled there.
        """
        self._is_closing = True
        if not await self._context.in_flight.close(seconds):
            log.warning("shutdown_cuts_off_calls", seconds=seconds)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, *self._started, return_exceptions=True)

    async def _step(self, name: str, step: Step, request_id: str) -> RequestState:
        state = await DBOS.run_step_async({"name": name}, self._journaled, name, step, request_id)
        return RequestState(state)

    async def _journaled(self, name: str, step: Step, request_id: str) -> str:
        with tracing.span(name, request_id):
            return str(await self._persist(name, step, request_id))

    async def _persist(
        self, name: str, call: Callable[[StepContext, str], Awaitable[T]], request_id: str
    ) -> T:
        """Retry a step until it succeeds: neither an outage nor a bug may end a request."""
        backoff = Backoff(self._context.clock, FIRST_GAP, LONGEST_GAP, key=request_id)
        longest = LONGEST_GAP
        while True:
            began = self._context.clock.monotonic()
            try:
                return await call(self._context, request_id)
            except BotError as error:
                longest = STORE_GAP if isinstance(error, StoreUnavailable) else LONGEST_GAP
                log.warning("step_put_off", step=name, request=request_id, error=repr(error))
            except Exception:  # the loop must survive whatever it was; the log says what
                longest = LONGEST_GAP
                log.exception("step_fell_over", step=name, request=request_id)
            if self._context.clock.monotonic() - began > LONGEST_GAP:
                backoff.reset()  # it went well for long: this is another trouble
            await backoff.wait(at_most=longest)


async def _kind(context: StepContext, request_id: str) -> Kind:
    return (await context.load(request_id)).kind


def _keep_until_done(tasks: set[asyncio.Future[Any]], task: asyncio.Future[Any]) -> None:
    tasks.add(task)
    task.add_done_callback(tasks.discard)
