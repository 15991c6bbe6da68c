"""`backup-bot doctor`: what is stuck, why, and what helps."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, text, update

from bot.__main__ import cli
from bot.domain.attempts import Attempt
from bot.domain.audit import AuditAction
from bot.domain.errors import SettingsError
from bot.domain.outbox import MessageState, Owed, Urgency
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState, Retention
from bot.domain.stuck import limit_of
from bot.domain.thread_lines import ThreadLine
from bot.storage.engine import migrate, open_engine
from bot.storage.locks import only_process
from bot.storage.store import Store
from bot.storage.tables import outbox, replicas
from tests.requests import NOON, asked
from tests.stepped_clock import SteppedClock

Output = pytest.CaptureFixture[str]
S = RequestState
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RUNNING = {"state": S.RUNNING, "started_at": datetime.now(UTC), "asked_at": NOON}


@dataclass
class Patient:
    """A database in which something may be stuck."""

    url: str
    output: Output

    @property
    def is_shared(self) -> bool:
        return "postgres" in self.url

    def doctor(self) -> dict[str, dict[str, str]]:
        """What the doctor finds, by its kind; the words and the exit code fit to it."""
        code = cli("doctor --json", result_action="return_value")
        found = json.loads(self.output.readouterr().out)["stuck"]
        assert code == (1 if found else 0)
        assert cli("doctor", result_action="return_value") == code
        words = self.output.readouterr().out
        assert words.count("  Why:  ") == words.count("  Cure: ") == len(found)
        assert all(one["why"] in words and one["cure"] in words for one in found)
        return {one["kind"]: one for one in found}

    @contextmanager
    def bot(self) -> Iterator[None]:
        """As if one ran: it has the lock of its file, or a lease."""
        with ExitStack() as stack:
            if self.is_shared:
                self.lease("me", datetime.now(UTC) + HOUR)
            else:
                stack.enter_context(only_process(self.url))
            yield

    def lease(self, name: str, until: datetime) -> None:
        engine = create_engine(self.url)
        with engine.begin() as connection:
            connection.execute(insert(replicas).values(id=name, lease_expires_at=until))
        engine.dispose()

    async def write(self, *new: BackupRequest, owed: tuple[Owed, ...] = ()) -> None:
        """Requests, and messages of that time."""
        store = Store(open_engine(self.url), clock=SteppedClock(NOON))
        async with store.transaction() as transaction:
            await transaction.insert(*new)
            await transaction.owe(*owed)
        await store.engine.dispose()

    def journal(
        self, workflow_id: str, status: str, executor: str = "me", at: datetime = NOON
    ) -> None:
        """A workflow, as the engine notes it."""
        row = {
            "workflow_uuid": workflow_id,
            "status": status,
            "executor_id": executor,
            "created_at": at.timestamp() * 1000,
            "updated_at": at.timestamp() * 1000,
            "priority": 0,
        }
        table = "dbos.workflow_status" if self.is_shared else "workflow_status"
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        engine = create_engine(self.url)
        with engine.begin() as connection:
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), row)  # noqa: S608, constants
        engine.dispose()


@pytest.fixture(params=["migrated_database_url", "migrated_postgresql_url"])
def patient(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> Patient:
    """Nothing is stuck in it yet."""
    url: str = request.getfixturevalue(request.param)
    monkeypatch.setenv("DATABASE_URL", url)
    return Patient(url, capsys)


async def test_a_bot_that_works_has_nothing_stuck(patient: Patient) -> None:
    """Nor has one that does not run and has nothing to do."""
    assert patient.doctor() == {}
    with patient.bot():
        await patient.write(asked(1, **RUNNING), asked(2, state=S.COMPLETED))
        patient.journal("request1", "PENDING")
        assert patient.doctor() == {}


async def test_without_a_bot_everything_waits(patient: Patient) -> None:
    """It is one thing, with one cure."""
    await patient.write(asked(1, **RUNNING))
    patient.journal("request1", "PENDING")
    found = patient.doctor()

    assert found.keys() == {"no_bot"}
    assert found["no_bot"]["what"] == "requests: 1, messages: 0"
    assert "Start the bot" in found["no_bot"]["cure"]


async def test_a_request_that_nothing_continues(patient: Patient) -> None:
    """Its workflow was never started, or failed; unless it will be continued in a moment."""
    with patient.bot():
        await patient.write(asked(1, **RUNNING))
        assert patient.doctor()["no_workflow"]["what"].startswith(
            "request before-1 of orders-prod"
        )
        patient.journal("request1", "ERROR", at=NOON + HOUR)
        found = patient.doctor()
        assert "ended as ERROR; workflows that failed: 1" in found["workflow_failed"]["why"]
        assert found["workflow_failed"]["since"] == (NOON + HOUR).isoformat()
        patient.journal("request1:2", "ERROR", at=datetime.now(UTC))
        assert patient.doctor() == {}
        patient.journal("request1:3", "PENDING")
        assert patient.doctor() == {}


async def test_a_request_of_a_replica_that_died(patient: Patient) -> None:
    """On SQLite there is one process, whatever it was called."""
    with patient.bot():
        await patient.write(asked(1, **RUNNING))
        patient.journal("request1", "PENDING", "replica-gone")
        found = patient.doctor()
        if patient.is_shared:
            assert "is PENDING on replica-gone, which is dead" in found["replica_died"]["why"]
        else:
            assert found == {}


def test_a_lease_that_nobody_removed(patient: Patient) -> None:
    """One that expired just now will be."""
    with patient.bot():
        patient.lease("replica-slow", datetime.now(UTC) - timedelta(seconds=10))
        assert patient.doctor() == {}
        patient.lease("replica-gone", datetime.now(UTC) - HOUR)
        kinds = {"lease_expired"} if patient.is_shared else set()
        assert patient.doctor().keys() == kinds


ATTEMPT = Attempt(since=NOON, give_up_at=NOON + HOUR)
KEPT = {"state": S.COMPLETED, "finished_at": NOON, "keep": 14 * DAY}


@pytest.mark.parametrize(
    ("changes", "lasts"),
    [
        ({"state": S.SUBMITTED}, 12 * HOUR),
        ({"state": S.AWAITING_APPROVAL, "expires_at": NOON + 8 * HOUR}, 8 * HOUR + 10 * MINUTE),
        ({"state": S.APPROVED, "decided_at": NOON}, HOUR),
        ({"state": S.CREATING, "attempt": ATTEMPT}, 2 * HOUR),
        ({"state": S.DELETING, "attempt": None}, 13 * HOUR),
        ({"state": S.RUNNING, "started_at": NOON}, DAY),
        (KEPT, 16 * DAY),
        ({**KEPT, "retention": Retention.DELETING, "attempt": ATTEMPT}, 2 * HOUR),
        ({**KEPT, "retention": Retention.KEPT}, None),
        ({"state": S.COMPLETED, "finished_at": NOON}, None),
        ({"state": S.REJECTED}, None),
    ],
    ids=str,
)
def test_how_long_a_state_lasts(changes: dict[str, object], lasts: timedelta | None) -> None:
    """Everything that has an end of its own, and some time for it."""
    limit = limit_of(asked(1, **changes))

    assert (limit.until - NOON if limit else None) == lasts


async def test_a_state_that_lasts_too_long(patient: Patient) -> None:
    """Though its workflow goes on."""
    with patient.bot():
        await patient.write(asked(1, state=S.APPROVED, decided_at=NOON))
        patient.journal("request1", "PENDING")
        found = patient.doctor()["state_overdue"]

    assert found["why"] == "it is approved, and nothing was sent to RDS; its state is approved"
    assert "Restart the bot" in found["cure"]


async def test_messages_that_slack_does_not_take(patient: Patient) -> None:
    """With what Slack said. One that waits for quiet hours to end is not stuck."""
    ended = {"topic_id": "request1", "line": ThreadLine.ENDED, "urgency": Urgency.OUTCOME}
    later = datetime.now(UTC) + HOUR
    owed = (
        Owed(**ended, destination="C0OPS"),  # type: ignore[arg-type]  # all of them fit
        Owed(**ended, destination="C0QUIET", subject="x", not_before=later),  # type: ignore[arg-type]  # the same
    )
    with patient.bot():
        await patient.write(asked(1, state=S.COMPLETED), owed=owed)
        found = patient.doctor()
        assert found.keys() == {"not_sent"}
        assert found["not_sent"]["what"] == "message ended of orders-prod/before-1 to C0OPS"
        assert found["not_sent"]["why"] == "it wasn't tried yet; tries: 0"
        _change(patient, attempts=7, last_error="token_revoked")
        assert patient.doctor()["not_sent"]["why"] == "Slack said token_revoked; tries: 7"
        _change(patient, state=MessageState.GIVEN_UP, created_at=datetime.now(UTC))
        assert patient.doctor().keys() == {"given_up"}


def _change(patient: Patient, **values: object) -> None:
    engine = create_engine(patient.url)
    with engine.begin() as connection:
        its = update(outbox).where(outbox.c.destination == "C0OPS")
        connection.execute(its.values(**values))
    engine.dispose()


async def test_entries_that_nobody_seals(patient: Patient) -> None:
    """SQLite seals at once."""
    store = Store(open_engine(patient.url))
    for at in (NOON, datetime.now(UTC)):
        entry = asked(1).on_trail(AuditAction.SUBMITTED, at=at, actor="U0ANA", detail={})
        async with store.transaction() as transaction:
            await transaction.record(entry)
    await store.engine.dispose()
    found = patient.doctor()

    if patient.is_shared:
        assert found["not_sealed"]["what"] == "audit entries: 1"
        assert "within ten seconds" in found["not_sealed"]["cure"]
    else:
        assert found == {}


def test_a_database_that_never_ran_has_nothing_stuck(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path
) -> None:
    """And one that isn't there is named, not made."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    with pytest.raises(SettingsError, match="there is no file"):
        cli("doctor", result_action="return_value")
    assert list(tmp_path.iterdir()) == []
    migrate(database_url)
    assert cli("doctor", result_action="return_value") == 0
    assert capsys.readouterr().out == "Nothing is stuck.\n"


async def test_a_request_lacks_its_workflow_since_it_was_decided(patient: Patient) -> None:
    """It had waited for days, for which it needs none."""
    now = datetime.now(UTC)
    with patient.bot():
        request = asked(1, state=S.APPROVED, asked_at=now - 2 * DAY, decided_at=now - 5 * MINUTE)
        await patient.write(request)
        patient.journal("request1", "SUCCESS", at=now - 2 * DAY)
        found = patient.doctor()

    assert found.keys() == {"no_workflow"}
    assert datetime.fromisoformat(found["no_workflow"]["since"]) > now - 10 * MINUTE
