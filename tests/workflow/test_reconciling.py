"""Whatever became of its workflow, a request that has not ended is carried on."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from dbos import DBOS

from bot.demo.clock import FastClock
from bot.demo.rds import faults
from bot.demo.rds.wire import Operation
from bot.domain.states import RequestState
from bot.workflow import reconciling
from bot.workflow.context import StepContext
from bot.workflow.journal import WORKFLOW_VERSION, workflows_of
from bot.workflow.reconciling import Reconciler
from bot.workflow.workflow import Lifecycle
from tests.story import Opens

NOW = datetime.now(UTC).timestamp() * 1000  # as DBOS writes it
LONG_AGO = NOW - 7200_000
OLDER = "0"  # the version of an older release's workflows


def workflow(
    workflow_id: str,
    status: str,
    executor: str = "me",
    *,
    at: float = NOW,
    version: str = WORKFLOW_VERSION,
) -> SimpleNamespace:
    """As DBOS lists it."""
    return SimpleNamespace(
        workflow_id=workflow_id,
        status=status,
        executor_id=executor,
        app_version=version,
        updated_at=at,
    )


@dataclass
class Journal:
    """DBOS, as far as the reconciler asks it."""

    workflows: list[SimpleNamespace] = field(default_factory=list)
    handed_on: list[str] = field(default_factory=list)  # what these executors had
    resumed: list[str] = field(default_factory=list)
    listed: asyncio.Event = field(default_factory=asyncio.Event)

    async def list_workflows_async(
        self,
        *,
        status: list[str] | None = None,
        workflow_ids: list[str] | None = None,
        app_version: list[str] | None = None,
        **_: Any,
    ) -> list[SimpleNamespace]:
        self.listed.set()
        return [
            w
            for w in self.workflows
            if (workflow_ids is None or w.workflow_id in workflow_ids)
            and (status is None or w.status in status)
            and (app_version is None or w.app_version in app_version)
        ]

    async def resume_workflow_async(self, workflow_id: str) -> None:
        self.resumed.append(workflow_id)

    def _recover_pending_workflows(self, executors: list[str]) -> None:
        self.handed_on += executors


@dataclass
class Bot:
    """The rest: what is unfinished, and what is begun."""

    unfinished_ids: list[str]
    living_ids: set[str] = field(default_factory=lambda: {"me"})
    here: set[str] = field(default_factory=set)
    begun: list[tuple[str, int]] = field(default_factory=list)
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)
    waiting_ids: list[str] = field(default_factory=list)
    waited_for: list[str] = field(default_factory=list)
    in_question: asyncio.Event = field(default_factory=asyncio.Event)

    async def unfinished(self) -> dict[str, RequestState]:
        waiting = dict.fromkeys(self.waiting_ids, RequestState.AWAITING_APPROVAL)
        return dict.fromkeys(self.unfinished_ids, RequestState.APPROVED) | waiting

    @property
    def approvals(self) -> "Bot":
        return self

    def wait_for(self, request_ids: Iterable[str]) -> None:
        self.waited_for += request_ids

    async def owe_untold(self) -> list[str]:
        return []

    def start(self, request_id: str, attempt: int) -> None:
        self.begun.append((request_id, attempt))
        self.has_begun.set()

    def is_under_way(self, workflow_id: str) -> bool:
        return workflow_id in self.here

    @property
    def id(self) -> str:
        return "me"

    async def living(self) -> set[str]:
        return self.living_ids

    async def fence(self) -> list[str]:
        return []

    def reconciler(self, **options: float) -> Reconciler:
        return Reconciler(self, self, self, **options)  # type: ignore[arg-type]


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    """DBOS's place is taken by this one."""
    journal = Journal()
    monkeypatch.setattr("bot.workflow.reconciling.DBOS", journal)
    monkeypatch.setattr("bot.workflow.journal.DBOS", journal)
    return journal


@pytest.mark.parametrize(
    ("workflows", "begun"),
    [
        ([], [("r", 1)]),
        ([workflow("r", "ERROR")], [("r", 2)]),
        ([workflow("r", "CANCELLED")], [("r", 2)]),
        ([workflow("r", "SUCCESS")], [("r", 2)]),
        ([workflow("r", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")], [("r", 2)]),
        ([workflow("r", "PENDING")], []),
        ([workflow("r", "PENDING", "other")], []),
        ([workflow("r", "ENQUEUED", "other")], []),
        ([workflow("r", "PENDING", "other", version=OLDER)], [("r", 2)]),
        ([workflow("r", "PENDING", version=OLDER)], [("r", 2)]),  # ours, before the update
        ([workflow("r", "ENQUEUED", version=OLDER)], [("r", 2)]),
        ([workflow("r", "PENDING", version=OLDER), workflow("r:2", "PENDING")], []),
        ([workflow("r", "ERROR"), workflow("r:2", "PENDING")], []),
        ([workflow("r", "ERROR"), workflow("r:2", "ERROR")], []),  # not at once again
        ([workflow("r", "SUCCESS"), workflow("r:2", "ERROR")], [("r", 3)]),  # its first failure
        ([workflow("r", "SUCCESS"), workflow("r:2", "SUCCESS")], [("r", 3)]),
        (
            [workflow("r", "SUCCESS"), workflow("r:2", "SUCCESS"), workflow("r:3", "SUCCESS")],
            [],  # they do nothing
        ),
        ([workflow("r:2", "ERROR", at=LONG_AGO)], [("r", 3)]),  # the first one was deleted
        (
            [workflow("r", "ERROR", at=LONG_AGO), workflow("r:2", "ERROR", at=LONG_AGO)],
            [("r", 3)],
        ),
    ],
)
async def test_an_unfinished_request(
    journal: Journal,
    workflows: list[SimpleNamespace],
    begun: list[tuple[str, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It gets another workflow if it has none that anybody runs or will run."""
    # However long ago these workflows were collected, for the reconciler it is now.
    monkeypatch.setattr(reconciling, "time", SimpleNamespace(time=lambda: NOW / 1000))
    journal.workflows, bot = workflows, Bot(["r"], here={"r", "r:2"})
    await bot.reconciler().reconcile()

    assert bot.begun == begun


async def test_what_waits_for_a_decision_needs_no_workflow(journal: Journal) -> None:
    journal.workflows = [workflow("r", "SUCCESS")]
    bot = Bot([], waiting_ids=["r", "new"])
    await bot.reconciler().reconcile()

    assert (bot.begun, sorted(bot.waited_for)) == ([], ["new", "r"])


async def test_what_a_replica_of_an_older_release_runs_is_left_alone(journal: Journal) -> None:
    """It lives: while an update rolls out, both releases work. Once it is dead, it is taken on."""
    journal.workflows = [workflow("r", "PENDING", "other", version=OLDER)]
    bot = Bot(["r"], living_ids={"me", "other"})
    await bot.reconciler().reconcile()
    assert (bot.begun, journal.handed_on, journal.resumed) == ([], [], [])

    bot.living_ids = {"me"}
    await bot.reconciler().reconcile()
    assert (bot.begun, journal.handed_on, journal.resumed) == ([("r", 2)], [], [])


async def test_what_the_dead_had_under_way_is_handed_on(journal: Journal) -> None:
    """Once for each of them, and only theirs; no second workflow is begun."""
    journal.workflows = [
        workflow("a", "PENDING", "dead"),
        workflow("b", "PENDING", "dead"),
        workflow("c", "PENDING", "me"),
    ]
    bot = Bot(["a", "b", "c"], here={"c"})
    await bot.reconciler().reconcile()

    assert journal.handed_on == ["dead"]
    assert (bot.begun, journal.resumed) == ([], [])


async def test_what_is_ours_and_does_not_run_is_resumed_after_a_while(journal: Journal) -> None:
    """At first it may just be about to start, or to be written down as ended."""
    journal.workflows, bot = [workflow("r", "PENDING")], Bot(["r"])
    patient, hasty = bot.reconciler(), bot.reconciler(stranded_after=0.0)
    await patient.reconcile()
    await patient.reconcile()
    assert journal.resumed == []

    await hasty.reconcile()
    assert journal.resumed == ["r"]


async def test_what_seems_idle_delays_no_other_look(journal: Journal) -> None:
    """It had just fallen and was not yet written down as an error; the next look sees that."""
    journal.workflows, bot = [workflow("r", "PENDING")], Bot(["r"])
    reconciler = bot.reconciler(look=0.001, every=0.001, stranded_after=3600.0)
    running = asyncio.create_task(reconciler.run())
    async with asyncio.timeout(10):
        await journal.listed.wait()
        journal.workflows = [workflow("r", "ERROR")]
        await bot.has_begun.wait()
    running.cancel()

    assert bot.begun[0] == ("r", 2)


async def test_an_error_ends_no_request(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal fails between two steps, and DBOS gives the workflow up; the bot does not."""
    run_step: Any = DBOS.run_step_async
    fallen = asyncio.Event()

    async def run_or_fall(options: dict[str, str], *args: Any) -> Any:
        if options["name"] == "create" and not fallen.is_set():
            fallen.set()
            raise RuntimeError("disk I/O error")
        return await run_step(options, *args)

    monkeypatch.setattr(DBOS, "run_step_async", run_or_fall)
    monkeypatch.setattr("bot.app.Reconciler", partial(Reconciler, look=0.1, every=0.1))
    async with opens() as story, story.bot():
        card = await story.asks()
        await story.approves(card)
        await story.until_said(card, "is complete")

    assert fallen.is_set()
    assert story.made("before-42") == 1
    assert sum("is complete" in line for line in story.thread(card)) == 1


async def test_a_start_looks_for_what_was_left(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests that never had a workflow, though they were promised."""
    async with opens() as story:
        monkeypatch.setattr(Lifecycle, "start", lambda *_, **__: None)
        async with story.bot():
            await story.types("create orders before-42")
        monkeypatch.undo()
        async with story.bot():
            await story.workspace.until(lambda: story.cards, 10.0)


async def test_what_ran_when_the_bot_was_updated_goes_on(
    opens: Opens, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its workflow is of the release before, which nobody runs any more: a new one carries on."""
    async with opens() as story:
        async with story.bot():
            card = await story.asks()
            await story.approves(card)
            await story.until_said(card, "has started")
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as database:
            changed = "UPDATE workflow_status SET application_version = ? WHERE status = ?"
            assert database.execute(changed, (OLDER, "PENDING")).rowcount == 1
        database.close()
        monkeypatch.setattr("bot.app.Reconciler", partial(Reconciler, look=0.1))
        async with story.bot():
            await story.until_said(card, "is complete")

    assert story.made("before-42") == 1
    assert len(story.cards) == 1


# Until a release after 0.1.0, a workflow waited for the decision in a step of its own.
AS_IT_WAITED = ["UPDATE workflow_status SET status = 'PENDING'"]
IN_ONE = [
    """
    UPDATE operation_outputs SET workflow_uuid = substr(workflow_uuid, 1, 32),
    function_id = function_id + 1,
    function_name = replace(function_name, 'look_up', 'await_decision')
    WHERE workflow_uuid LIKE '%:2'
    """,
    "DELETE FROM workflow_status WHERE workflow_uuid LIKE '%:2'",
]
AS_IT_RAN = [*IN_ONE, "UPDATE workflow_status SET status = 'PENDING'"]
IN_0_1_0 = "UPDATE workflow_status SET status = 'PENDING', application_version = '1'"
FELL_OVER = "UPDATE workflow_status SET status = 'ERROR' WHERE status = 'PENDING'"
BUSY = faults.refused(409, "DBS.200011")


@pytest.fixture
def journal_as(database_url: str) -> Callable[[list[str]], None]:
    """Makes the journal what another release, or a bug, would have left."""

    def change(statements: list[str]) -> None:
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as database:
            for statement in statements:
                assert database.execute(statement).rowcount >= 1
        database.close()

    return change


@pytest.mark.parametrize("ran", [False, True])
async def test_what_waited_in_its_workflow_before_an_update_goes_on(
    opens: Opens, journal_as: Callable[[list[str]], None], *, ran: bool
) -> None:
    """Its journal has a step that there is no longer."""
    async with opens() as story:
        async with story.bot():
            card = await story.asks()
            if ran:
                await story.approves(card)
                await story.until_said(card, "has started")
        journal_as(AS_IT_RAN if ran else AS_IT_WAITED)
        async with story.bot():
            if not ran:
                await story.approves(card)
            await story.until_said(card, "is complete")

    assert story.made("before-42") == 1
    assert len(story.cards) == 1
    assert sum("has started" in line for line in story.thread(card)) == 1


@pytest.mark.parametrize(
    "statements",
    [AS_IT_RAN, [*IN_ONE, IN_0_1_0], [FELL_OVER]],
    ids=["before an update", "in 0.1.0", "with an error"],
)
async def test_a_create_that_was_being_sent_goes_on_in_a_new_workflow(
    opens: Opens,
    journal_as: Callable[[list[str]], None],
    statements: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The instance was busy when its workflow ended."""
    monkeypatch.setattr("bot.app.Reconciler", partial(Reconciler, look=0.1, every=0.5))
    async with opens(clock=FastClock(60)) as story:
        story.region.faults.always(BUSY, Operation.CREATE_BACKUP)
        async with story.bot():
            card = await story.asks()
            await story.approves(card)
            await story.until_said(card, "busy")
        journal_as(statements)
        story.region.faults.clear()
        async with story.bot():
            await story.until_said(card, "has started")

    assert story.made("before-42") == 1


async def test_a_decision_after_an_update_from_0_1_0_needs_no_minute(
    opens: Opens, journal_as: Callable[[list[str]], None]
) -> None:
    """Only the reconciler knows that no replica of 0.1.0 runs the workflow that waited."""
    async with opens() as story:
        async with story.bot():
            card = await story.asks()
        journal_as([IN_0_1_0])
        async with story.bot():
            await asyncio.sleep(0.5)  # the first look at all that is unfinished
            await story.approves(card)
            await story.until_said(card, "has started")


async def test_a_start_that_waits_for_the_database_holds_up_no_decision(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DBOS sleeps for up to 90 s between two tries, while the database is back."""
    start: Any = DBOS.start_workflow_async
    in_backoff = asyncio.Event()

    async def start_or_wait(*args: Any, **options: Any) -> Any:
        if not in_backoff.is_set():
            in_backoff.set()
            await asyncio.Event().wait()
        return await start(*args, **options)

    async with opens() as story, story.bot():
        card = await story.asks()
        monkeypatch.setattr(DBOS, "start_workflow_async", start_or_wait)
        await story.types("create orders before-43")
        await in_backoff.wait()
        await story.approves(card)
        await story.until_said(card, "has started")


async def test_a_decision_is_seen_though_the_workflow_that_asked_ends_meanwhile(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was still under way when its end was asked for, and not when the answer came."""
    lives: list[Lifecycle] = []
    may_end = asyncio.Event()
    init, back_up = Lifecycle.__init__, Lifecycle.back_up

    def noted(lifecycle: Lifecycle, context: StepContext) -> None:
        lives.append(lifecycle)
        init(lifecycle, context)

    async def end_late(lifecycle: Lifecycle, request_id: str) -> RequestState:
        state = await back_up(lifecycle, request_id)
        if state is RequestState.AWAITING_APPROVAL:
            await may_end.wait()
        return state

    async def answer_late(request_ids: list[str]) -> list[Any]:
        found = await workflows_of(request_ids)
        if not may_end.is_set():
            assert [workflow.status for workflow in found] == ["PENDING"]
            may_end.set()
            await asyncio.sleep(0.5)
        return list(found)

    monkeypatch.setattr(Lifecycle, "__init__", noted)
    monkeypatch.setattr(Lifecycle, "back_up", end_late)
    monkeypatch.setattr("bot.workflow.workflow.workflows_of", answer_late)
    async with opens() as story, story.bot():
        card = await story.asks()
        (lifecycle,) = lives
        lifecycle.approvals.wait_for(await lifecycle._context.store.unfinished())  # noqa: SLF001
        await asyncio.sleep(0.3)
        await story.approves(card)
        await story.until_said(card, "has started")
