"""The lifecycle of a request, from top to bottom, as one DBOS workflow.

DBOS journals each step and carries a workflow on after a crash from the last step that ended.
A step that was cut off runs again, so each looks first at what is already true.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import structlog
from dbos import DBOS, SetWorkflowID

from bot.domain.errors import BotError
from bot.domain.requests import Kind
from bot.domain.states import RequestState
from bot.lifecycle import asking, creation, deciding, deletion, keeping, watching
from bot.lifecycle.turns import Lull, Turns
from bot.lifecycle.world import World

log = structlog.get_logger(__name__)

Step = Callable[[World, str], Awaitable[RequestState]]
FIRST_GAP, LONGEST_GAP = 1.0, 60.0  # seconds between two tries of a step that fell over


class Lifecycle:
    """Starts a workflow for every request on disk, and wakes it when people decide.

    Build it after DBOS is constructed and before it is launched, so that what DBOS recovers
    finds the workflow registered.
    """

    def __init__(self, world: World, *, poll_seconds: float) -> None:
        self._world = world
        self._watch: Step = partial(watching.watch, poll_seconds=poll_seconds)
        self._asked: asyncio.Queue[str] = asyncio.Queue()
        self._begun: set[str] = set()  # in this process; what it recovers goes on in turn
        self._turns = Turns()
        self._lull = Lull()
        self._started: set[asyncio.Future[Any]] = set()  # here, and not yet at their end
        self._running: set[asyncio.Future[Any]] = set()  # and those that came to us by now
        self._is_closing = False

        @DBOS.workflow(name="back_up", max_recovery_attempts=None)
        async def back_up(request_id: str) -> str:
            if self._is_closing:
                raise asyncio.CancelledError
            if task := asyncio.current_task():
                _keep_until_done(self._running, task)
            if request_id not in self._begun:
                await self._turns.take()
            self._begun.discard(request_id)
            with structlog.contextvars.bound_contextvars(request=request_id):
                return await self.back_up(request_id)

        self._workflow = back_up

    async def back_up(self, request_id: str) -> RequestState:
        """What happens to a request, from the command to the last word."""
        state = await self._step("look_up", asking.look_up, request_id)
        if not state.is_final:
            state = await self._step("post_card", asking.post_card, request_id)
        if state is RequestState.AWAITING_APPROVAL:
            state = await self._step("await_decision", deciding.await_decision, request_id)
        if state is RequestState.APPROVED:
            does = {Kind.CREATE: creation.create, Kind.DELETE: deletion.delete}
            kind = (await self._world.load(request_id)).kind
            state = await self._step(kind.value, does[kind], request_id)
        if state is RequestState.RUNNING:
            state = await self._step("watch", self._watch, request_id)
        state = await self._step("announce", watching.announce, request_id)
        if state is RequestState.COMPLETED:
            state = await self._step("keep", keeping.keep, request_id)
        return state

    def begin(self, request_id: str) -> None:
        """Start the workflow of a request that is on disk. Twice is once."""
        self._lull.disturb()
        self._asked.put_nowait(request_id)

    async def begin_asked(self) -> None:
        """Start all that is on disk and has no workflow yet, whoever wrote it."""
        for request_id in await self._world.store.ids_in(RequestState.ASKED):
            self.begin(request_id)

    def wake(self, request_id: str) -> None:
        """Let the workflow look at its request again."""
        if request_id in self._world.wakeups:
            self._world.wakeups[request_id].set()

    async def run(self) -> None:
        """Start what was asked: first what an earlier process left, then what comes."""
        await self.begin_asked()
        while True:
            request_id = await self._asked.get()
            await self._lull.come()
            self._begun.add(request_id)
            with SetWorkflowID(request_id):
                handle = await DBOS.start_workflow_async(self._workflow, request_id)
            if task := getattr(handle, "task", None):  # there is none if it ended before
                _keep_until_done(self._started, task)

    async def close(self, seconds: float) -> None:
        """Let what changes the world right now finish, then leave everything as it stands.

        What waits is cut off: DBOS has its journal, and the next start carries on from there. So
        is what DBOS starts only now: a workflow is a task for a while before it comes to us.
        """
        self._is_closing = True
        if not await self._world.gate.close(seconds):
            log.warning("shutdown_cuts_off_calls", seconds=seconds)
        running: list[asyncio.Future[Any]] = [*self._running, *self._world.voice.background]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, *self._started, return_exceptions=True)

    async def _step(self, name: str, step: Step, request_id: str) -> RequestState:
        state = await DBOS.run_step_async({"name": name}, self._persist, name, step, request_id)
        return RequestState(state)

    async def _persist(self, name: str, step: Step, request_id: str) -> str:
        """Run a step until it ends: an outage, or a bug, must not end somebody's request."""
        gap = FIRST_GAP
        while True:
            try:
                return str(await step(self._world, request_id))
            except BotError as error:
                log.warning("step_put_off", step=name, request=request_id, error=repr(error))
            except Exception:  # the loop must survive whatever it was; the log says what
                log.exception("step_fell_over", step=name, request=request_id)
            await self._world.clock.sleep(gap)
            gap = min(gap * 2, LONGEST_GAP)


def _keep_until_done(tasks: set[asyncio.Future[Any]], task: asyncio.Future[Any]) -> None:
    tasks.add(task)
    task.add_done_callback(tasks.discard)
