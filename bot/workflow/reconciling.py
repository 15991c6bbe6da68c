"""Finds the requests that no workflow is running for, whatever the reason, and resumes them.

DBOS itself recovers only what the same executor id left behind, and only at a start. A workflow
that ended with an error, was never started, or was stranded by an outage it leaves alone. Every
step looks first at what is already true, so a request may be resumed from the first one.
"""

import asyncio
import time
from typing import Protocol

import structlog
from dbos import DBOS, WorkflowStatus

from bot.application.ports import Store
from bot.domain.attempts import delay_after
from bot.domain.errors import StoreUnavailable
from bot.domain.states import RequestState
from bot.runtime.clock import Clock
from bot.runtime.metrics import RECOVERIES, RESUMED
from bot.workflow.journal import (
    UNDER_WAY,
    WORKFLOW_VERSION,
    next_attempt,
    request_of,
    workflows_of,
)
from bot.workflow.workflow import Lifecycle

log = structlog.get_logger(__name__)

LOOK = 2.0  # seconds between two looks for replicas that died
EVERY = 60.0  # seconds between two looks at all that is unfinished
STRANDED = 10.0  # seconds after which a workflow of ours that does not run here never will
LONGEST_GAP = 3600.0  # seconds between two workflows of a request that keep falling over
AT_ONCE = 100  # requests whose workflows are listed together


class Members(Protocol):
    """The processes that share the database. Raises StoreUnavailable."""

    @property
    def id(self) -> str:
        """This process's."""
        ...

    async def living(self) -> set[str]: ...
    async def fence(self) -> list[str]:
        """Shut out those who are silent for too long; their ids."""
        ...


class Alone:
    """The only process on a SQLite file."""

    def __init__(self, executor_id: str) -> None:
        self.id = executor_id

    async def living(self) -> set[str]:
        return {self.id}

    async def fence(self) -> list[str]:
        return []


class Reconciler:
    """Compares unfinished requests with the running workflows, in real time.

    Two replicas may do so at once: a stranded workflow is handed on by compare-and-set, and the
    next attempt at a request has one workflow id, whoever starts it.
    """

    def __init__(
        self,
        members: Members,
        lifecycle: Lifecycle,
        store: Store,
        *,
        look: float = LOOK,
        every: float = EVERY,
        stranded_after: float = STRANDED,
    ) -> None:
        self._members = members
        self._lifecycle = lifecycle
        self._store = store
        self._clock = Clock()
        self._look = look
        self._every = every
        self._stranded_after = stranded_after
        self._idle_since: dict[str, float] = {}  # our workflows that do not run here, by id

    async def run(self) -> None:
        """Reconcile now, whenever a replica has died, and once a minute."""
        due = self._clock.monotonic()
        while True:
            try:
                if await self._members.fence() or self._lifecycle.in_question.is_set():
                    due = self._clock.monotonic()
                    self._lifecycle.in_question.clear()
                if self._clock.monotonic() >= due:
                    await self.reconcile()
                    soon = self._stranded_after if self._idle_since else self._every
                    due = self._clock.monotonic() + min(soon, self._every)
            except StoreUnavailable:
                log.warning("reconciling_put_off")
            except Exception:  # whatever it was, the next look may do better
                log.exception("reconciling_fell_over")
            await self._clock.wait(self._lifecycle.in_question, self._look)

    async def reconcile(self) -> None:
        """Resume the unfinished requests that have no running workflow."""
        unfinished = await self._unfinished()
        if untold := await self._store.owe_untold():
            log.warning("outcomes_owed", requests=untold)
        under_way = await DBOS.list_workflows_async(
            status=UNDER_WAY,
            app_version=[WORKFLOW_VERSION],
            load_input=False,
            load_output=False,
        )
        living = await self._members.living()  # after the list: who started one of it is known
        await self._hand_on([w for w in under_way if w.status == "PENDING"], living)
        carried = {request_of(w) for w in under_way}
        if any(request_id not in carried for request_id in unfinished):
            # Once more: what has ended meanwhile is neither unfinished nor under way.
            unfinished = await self._unfinished()
            others = living - {self._members.id}
            await self._resume([r for r in unfinished if r not in carried], others)

    async def _unfinished(self) -> list[str]:
        """Return the requests that need a workflow. For the others, a decision is waited for."""
        unfinished, waiting = await self._store.unfinished(), RequestState.AWAITING_APPROVAL
        self._lifecycle.approvals.wait_for(
            r for r, state in unfinished.items() if state is waiting
        )
        return [r for r, state in unfinished.items() if state is not waiting]

    async def _hand_on(self, pending: list[WorkflowStatus], living: set[str]) -> None:
        """Recover the workflows of dead replicas, and ours that don't run here."""
        left = [w.executor_id for w in pending if w.executor_id and w.executor_id not in living]
        if left:
            dead = sorted(set(left))
            # Not the public `resume_workflow`: it also takes what another replica runs.
            await asyncio.to_thread(DBOS._recover_pending_workflows, dead)  # noqa: SLF001
            RECOVERIES.inc(len(left))
            log.warning("work_taken_over", replicas=dead, requests=len(left))
        now = self._clock.monotonic()
        idle = [
            w.workflow_id
            for w in pending
            if w.executor_id == self._members.id
            and not self._lifecycle.is_under_way(w.workflow_id)
        ]
        self._idle_since = {w: self._idle_since.get(w, now) for w in idle}
        for workflow_id, since in self._idle_since.items():
            if now - since >= self._stranded_after:
                RESUMED.labels("PENDING").inc()
                log.warning("request_resumed", workflow=workflow_id, status="PENDING")
                await DBOS.resume_workflow_async(workflow_id)

    async def _resume(self, request_ids: list[str], others: set[str]) -> None:
        for start in range(0, len(request_ids), AT_ONCE):
            chunk = request_ids[start : start + AT_ONCE]
            listed = await workflows_of(chunk)
            for request_id in chunk:
                past = [w for w in listed if request_of(w) == request_id]
                if not any(_is_carried(w, others) for w in past):
                    self._attempt(request_id, past)

    def _attempt(self, request_id: str, past: list[WorkflowStatus]) -> None:
        """Start the next workflow of a request, with a backoff after several failed ones."""
        status = "none"
        if past:
            last = max(past, key=lambda w: w.updated_at or 0)
            status = last.status
            # The first one succeeds where people have to decide; each other should be the last.
            failed = sum(w.status != "SUCCESS" or w.workflow_id != request_id for w in past)
            gap = delay_after(failed + 1, EVERY, LONGEST_GAP, request_id) if failed > 1 else 0.0
            if time.time() - (last.updated_at or 0) / 1000 < gap:
                return
        RESUMED.labels(status).inc()
        if past:
            log.warning("request_resumed", request=request_id, status=status, after=len(past))
        self._lifecycle.start(request_id, attempt=next_attempt(past))


def _is_carried(workflow: WorkflowStatus, others: set[str]) -> bool:
    """Whether the workflow goes on: it is of this version, or another living replica runs it."""
    if workflow.status not in UNDER_WAY:
        return False
    runs = workflow.status == "PENDING" and workflow.executor_id in others
    return runs or workflow.app_version in (None, WORKFLOW_VERSION)
