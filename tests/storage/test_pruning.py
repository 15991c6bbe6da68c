"""What is finished and old goes, what is open stays, and the audit log is proven all the same."""

import asyncio
import json
import shutil
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from bot.cli.audit import verify
from bot.domain.audit import AuditAction, AuditKey, Keys
from bot.domain.digests import Digest
from bot.domain.errors import SettingsError
from bot.domain.outbox import About, MessageState, Owed, Urgency
from bot.domain.requests import BackupRequest, Choice, Vote
from bot.domain.states import RequestState, Retention
from bot.domain.successes import NewSuccess, Success
from bot.domain.thread_lines import CARD, ThreadLine
from bot.runtime.clock import Clock
from bot.storage import pruning
from bot.storage.archive import AuditArchive, NotArchived, archive_files
from bot.storage.audit_rows import audit_rows, entry_of
from bot.storage.digests import Digests
from bot.storage.incidents import Incidents
from bot.storage.locks import only_pruner
from bot.storage.pruning import Pruner
from bot.storage.sealing import Sealer
from bot.storage.store import Store
from bot.storage.successes import tell_success
from bot.storage.tables import digests, incidents, outbox, requests, successes, votes
from tests.domain.observed import backup
from tests.requests import NOON, asked
from tests.stepped_clock import SteppedClock
from tests.storage.test_audit_trail import tamper

Output = pytest.CaptureFixture[str]
KEEP = timedelta(days=400)
LATER = NOON + timedelta(days=500)
DONE = {"state": RequestState.COMPLETED, "finished_at": NOON + timedelta(hours=1)}


class Hasty(SteppedClock):
    """Waits for nothing; what is recorded meanwhile is sealed, as a replica would."""

    def __init__(self, now: datetime, store: Store, key: AuditKey | None = None) -> None:
        super().__init__(now)
        self._sealer = Sealer(store.engine, store.recorded, Clock(), key)
        self._is_shared = store.engine.dialect.name == "postgresql"

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        if seconds >= 1 and self._is_shared:
            await self._sealer.seal()


async def nothing_runs(request_ids: Collection[str]) -> Collection[str]:
    """Every workflow has ended, and its journal is gone."""
    return request_ids


def pruner(store: Store, now: datetime = LATER, archive: AuditArchive | None = None) -> Pruner:
    return Pruner(store, nothing_runs, Hasty(now, store), KEEP, archive)


async def write(store: Store, *new: BackupRequest, at: datetime = NOON) -> None:
    """Requests with a card that Slack took then."""
    clock = SteppedClock(at)
    then = Store(store.engine, clock=clock)
    for request in new:
        async with then.transaction() as transaction:
            await transaction.insert(request)
            await transaction.vote(request, Vote(user_id="U0BEN", choice=Choice.APPROVE, at=at))
            await transaction.owe(message(request.id))
        await sent(store, request.id)


def message(topic_id: str, line: str = CARD, about: About = About.REQUEST) -> Owed:
    return Owed(
        topic_id=topic_id,
        line=line,
        about=about,
        destination="C0OPS",
        urgency=Urgency.PROGRESS,
    )


async def sent(store: Store, topic_id: str, state: MessageState = MessageState.SENT) -> None:
    async with store.transaction() as transaction:
        its = update(outbox).where(outbox.c.topic_id == topic_id)
        await transaction.execute(its.values(state=state, ts="1.1", channel_id="C0OPS"))


async def left(store: Store) -> set[str]:
    """The ids of all requests; every vote and message is one of theirs."""
    ids = {row["id"] for row in await store.rows(select(requests.c.id))}
    for column in (votes.c.request_id, outbox.c.topic_id):
        assert {row["id"] for row in await store.rows(select(column.label("id")))} <= ids
    return ids


async def test_a_request_goes_with_its_votes_and_messages_when_it_is_old(store: Store) -> None:
    """Counted from its end, and not a moment earlier."""
    await write(store, asked(1, **DONE))
    ended = NOON + timedelta(hours=1)

    await pruner(store, ended + KEEP).prune()
    assert await left(store) == {"request1"}
    await pruner(store, ended + KEEP + timedelta(seconds=1)).prune()
    assert await left(store) == set()
    assert await store.owe_untold() == []


@pytest.mark.parametrize(
    ("changes", "stays"),
    [
        *(({"state": state}, not state.is_final) for state in RequestState),
        ({**DONE, "keep": timedelta(days=800)}, True),
        ({**DONE, "keep": timedelta(days=800), "retention": Retention.WARNED}, True),
        ({**DONE, "keep": timedelta(days=14), "retention": Retention.DELETING}, True),
        ({**DONE, "keep": timedelta(days=14), "retention": Retention.DELETED}, False),
        ({**DONE, "keep": timedelta(days=14), "retention": Retention.KEPT}, False),
        ({**DONE, "keep": timedelta(days=14), "retention": Retention.STAYS}, False),
    ],
    ids=str,
)
async def test_what_is_open_stays_whatever_its_age(
    store: Store,
    changes: dict[str, object],
    stays: bool,  # noqa: FBT001, a parameter of the test
) -> None:
    """Running backups, decisions to come, and backups that are still to be deleted."""
    await write(store, asked(1, **changes))
    await pruner(store).prune()

    assert await left(store) == ({"request1"} if stays else set())


async def test_what_slack_was_told_lately_or_not_yet_stays(store: Store) -> None:
    """A backup with `--keep` may be deleted years after it was made, and then is news."""
    for number in (1, 2, 3):
        await write(store, asked(number, **DONE))
    lately = Store(store.engine, clock=SteppedClock(LATER - KEEP + timedelta(days=1)))
    async with lately.transaction() as transaction:
        await transaction.owe(message("request1", ThreadLine.BACKUP_DELETED))
    await sent(store, "request1")
    await sent(store, "request2", MessageState.PENDING)
    await pruner(store).prune()

    assert await left(store) == {"request1", "request2"}


async def test_a_request_whose_workflow_runs_stays(store: Store) -> None:
    """Or the workflow could never end. Those behind it in the list go."""
    await write(store, *(asked(number, **DONE) for number in range(50)))

    async def forget(request_ids: Collection[str]) -> Collection[str]:
        return [one for one in request_ids if one not in {"request1", "request30"}]

    await Pruner(store, forget, Hasty(LATER, store), KEEP).prune()

    assert await left(store) == {"request1", "request30"}


async def test_ended_incidents_and_digests_go_with_their_messages(store: Store) -> None:
    """An open incident stays, however old."""
    for number, ended_at in ((1, NOON), (2, None), (3, LATER - timedelta(days=1))):
        row = dict.fromkeys(("channel_id", "instance_id", "instance_name", "owner"), "x")
        row |= {"kind": "failed", "topic": "backup", "subject": str(number)}
        times = {"opened_at": NOON, "noticed_at": NOON, "ended_at": ended_at}
        values: dict[str, object] = {
            **row,
            **times,
            "id": f"i{number}",
            "facts": {},
            "mention": [],
            "times": 1,
        }
        async with Store(store.engine, clock=SteppedClock(NOON)).transaction() as transaction:
            await transaction.execute(insert(incidents).values(**values, version=0))
            await transaction.owe(message(f"i{number}", about=About.INCIDENT))
        await sent(store, f"i{number}")
    for number, due_at in ((1, NOON), (2, LATER - timedelta(days=1))):
        digest = Digest(id=f"d{number}", channel_id="C0OPS", owner="", due_at=due_at, made_at=NOON)
        await Digests(Store(store.engine, clock=SteppedClock(NOON))).save(digest)
        await sent(store, f"d{number}")
    await pruner(store).prune()

    assert {i.id for i in await Incidents(store).of_channel("x", NOON)} == {"i2", "i3"}
    assert [row["id"] for row in await store.rows(select(digests.c.id))] == ["d2"]
    rows = await store.rows(select(outbox.c.topic_id).order_by(outbox.c.topic_id))
    assert [row["topic_id"] for row in rows] == ["d2", "i2", "i3"]
    await pruner(store).prune()
    (count,) = await store.rows(select(func.count().label("all")).select_from(outbox))
    assert count["all"] == 3


async def test_a_day_of_successes_goes_when_its_message_is_old(store: Store) -> None:
    """All of the day's backups at once; what a channel was told lately stays."""
    for told_at in (NOON, LATER - timedelta(days=1)):
        then = Store(store.engine, clock=SteppedClock(told_at))
        for number in range(3):
            made = backup(told_at, id=f"{told_at:%Y}-b{number}")
            success = Success(instance_name="orders-prod", backup=made)
            new = NewSuccess("C0OPS", told_at.date(), in_thread=False, success=success)
            async with then.transaction() as transaction:
                await tell_success(then, transaction, new)
        await sent(store, new.topic_id)
    await pruner(store).prune()

    rows = await store.rows(select(successes.c.topic_id))
    assert {row["topic_id"] for row in rows} == {new.topic_id}
    rows = await store.rows(select(outbox.c.topic_id))
    assert {row["topic_id"] for row in rows} == {new.topic_id}


async def test_one_replica_prunes_at_a_time(store: Store) -> None:
    """On SQLite there is only one."""
    is_shared = store.engine.dialect.name == "postgresql"
    async with only_pruner(store.engine) as first, only_pruner(store.engine) as second:
        assert (first, second) == (True, not is_shared)
    async with only_pruner(store.engine) as again:
        assert again


async def test_an_outage_puts_it_off(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next round does it."""
    rounds: list[str] = []
    ran = asyncio.Event()

    async def prune(_: Pruner) -> None:
        rounds.append("round")
        if len(rounds) == 1:
            raise OSError(28, "No space left on device")
        if len(rounds) == 2:
            raise ValueError("a bug")
        ran.set()

    monkeypatch.setattr(Pruner, "prune", prune)
    running = asyncio.create_task(pruner(store).run())
    async with asyncio.timeout(10):
        await ran.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


# The audit log.


KEY = AuditKey(b"sixteen characters")


@pytest.fixture(params=[None, KEY], ids=["plain", "sealed"])
def key(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AuditKey | None:
    """With and without a key."""
    monkeypatch.setenv("AUDIT_KEY", request.param.secret.decode() if request.param else "")
    found: AuditKey | None = request.param
    return found


class Log:
    """An audit log, its archive, and a pruner of it."""

    def __init__(self, store: Store, directory: Path, key: AuditKey | None) -> None:
        self.url = store.engine.url.render_as_string(hide_password=False)
        self.url = self.url.replace("+aiosqlite", "")
        self.store = Store(store.engine, key)
        self.directory = directory
        self.key = key
        keys: Keys = {key.id: key} if key else {}
        self.archive = AuditArchive(directory, self.url, keys)

    async def write(self, count: int, at: datetime = NOON) -> None:
        """Entries of one hour each."""
        for number in range(count):
            entry = asked(number).on_trail(
                AuditAction.SUBMITTED, at=at + timedelta(hours=number), actor="U0ANA", detail={}
            )
            async with self.store.transaction() as transaction:
                await transaction.record(entry)
        if self.store.engine.dialect.name == "postgresql":
            await Sealer(self.store.engine, self.store.recorded, Clock(), self.key).seal()

    async def prune(self, now: datetime = LATER) -> None:
        clock = Hasty(now, self.store, self.key)
        await Pruner(self.store, nothing_runs, clock, KEEP, self.archive).prune()

    def numbers(self) -> list[int]:
        """What is left in the database."""
        return [entry_of(row).number for row in audit_rows(self.url)]

    def files(self) -> list[str]:
        return [file.name for file in archive_files(self.directory)]


@pytest.fixture
def log(
    store: Store, tmp_path: Path, key: AuditKey | None, monkeypatch: pytest.MonkeyPatch
) -> Log:
    """An empty one; the command line reads it."""
    found = Log(store, tmp_path / "archive", key)
    monkeypatch.setenv("DATABASE_URL", found.url)
    found.archive.prepare()
    return found


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten entries in a file, three in a transaction."""
    monkeypatch.setattr(pruning, "FILE", 10)
    monkeypatch.setattr(pruning, "ENTRIES", 3)


@pytest.fixture
async def archived(log: Log, small: None) -> Log:
    """25 old entries in three files; five younger ones, and what says so, in the database."""
    assert small is None
    await log.write(25)
    await log.write(5, at=LATER)
    await log.prune()
    assert log.numbers() == list(range(26, 34))
    assert log.files() == [
        "audit-000000000001-000000000010.jsonl",
        "audit-000000000011-000000000020.jsonl",
        "audit-000000000021-000000000025.jsonl",
    ]
    return log


async def test_old_entries_are_in_files_and_the_rest_is_proven(
    archived: Log, capsys: Output
) -> None:
    """With the archive, all of it is; the files are only their owner's."""
    assert verify() == 0
    assert "Entries 1 to 25 are in the archive." in capsys.readouterr().out
    assert verify(archive=archived.directory) == 0
    assert "33 entries" in capsys.readouterr().out
    assert {file.stat().st_mode & 0o777 for file in archive_files(archived.directory)} == {0o600}
    assert archived.directory.stat().st_mode & 0o777 == 0o700


async def test_the_chain_goes_on_after_it(archived: Log) -> None:
    """New entries follow, and the next round has its own file."""
    await archived.write(2, at=LATER + timedelta(days=20))
    await archived.prune(LATER + KEEP + timedelta(days=10))

    assert archived.files()[-1] == "audit-000000000026-000000000033.jsonl"
    assert archived.numbers() == [34, 35, 36]
    assert verify() == verify(archive=archived.directory) == 0


async def test_a_noted_hash_is_found_wherever_it_is(archived: Log, capsys: Output) -> None:
    """The last one that is gone can be told without its file."""
    lines = "".join(file.read_text("utf-8") for file in archive_files(archived.directory))
    hashes = [json.loads(line)["hash"] for line in lines.splitlines()]

    assert len(hashes) == 25
    assert verify(head=hashes[24]) == 0
    assert verify(head=hashes[3]) == 1
    assert verify(head=hashes[3], archive=archived.directory) == 0
    assert capsys.readouterr().out


async def test_a_file_that_is_missing_shows(archived: Log, capsys: Output) -> None:
    """Whichever it is."""
    for file, number in zip(archive_files(archived.directory), (1, 11, 21), strict=True):
        moved = file.rename(archived.directory.parent / file.name)
        assert verify(archive=archived.directory) == 1
        assert f"entry {number} is missing" in capsys.readouterr().out
        moved.rename(file)
    assert verify(archive=archived.directory) == 0
    with pytest.raises(SettingsError, match=r"--archive: .*No such file"):
        verify(archive=archived.directory / "elsewhere")


async def test_every_byte_of_a_file_counts(archived: Log, capsys: Output) -> None:
    """Changed, cut off, emptied, or with something behind it."""
    file = archive_files(archived.directory)[1]
    whole = file.read_bytes()
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert verify(archive=archived.directory) == 1, place
    lines = whole.splitlines(keepends=True)
    for changed in ([], lines[:-1], lines[1:], [*lines, b"\n"], [*lines, lines[-1]], lines[::-1]):
        file.write_bytes(b"".join(changed))
        assert verify(archive=archived.directory) == 1, changed
    file.write_bytes(whole)
    assert verify(archive=archived.directory) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DELETE FROM audit WHERE number = 26", "entry 26 is missing"),
        ("DELETE FROM audit WHERE number > 25", "nothing after entry 25"),
        ("UPDATE audit SET previous = 'x' WHERE number = 26", "it doesn't follow"),
        (
            "UPDATE audit SET detail = replace(detail{text}, '25', '26'){json} WHERE number = 33",
            "its content was changed",
        ),
    ],
)
async def test_what_holds_the_rest_cannot_be_changed(
    archived: Log, capsys: Output, statement: str, why: str
) -> None:
    """The entry that names the last one moved, and the first one that stayed."""
    types = {"text": "::text", "json": "::json"}
    if "postgres" not in archived.url:
        types = dict.fromkeys(types, "")
    tamper(archived.url, statement.format(**types))

    assert verify(archive=archived.directory) == 1
    assert why in capsys.readouterr().out
    if "25" not in why:
        assert verify() == 1


async def test_the_beginning_cut_off_is_no_archive(archived: Log, capsys: Output) -> None:
    """Only what an entry of the log says can be gone."""
    tamper(archived.url, "DELETE FROM audit WHERE number <= 28")
    assert verify() == 1
    assert "entry 26 is missing" in capsys.readouterr().out


async def test_a_changed_entry_is_not_moved_away(log: Log, capsys: Output) -> None:
    """Or nothing in the database would show it any longer."""
    await log.write(12)
    tamper(log.url, "UPDATE audit SET actor = 'U0EVE' WHERE number = 7")
    with pytest.raises(NotArchived, match="entry 7: its content was changed"):
        await log.prune()

    assert log.numbers() == list(range(1, 13))
    assert log.files() == []
    assert verify() == 1
    assert "entry 7" in capsys.readouterr().out


async def test_entries_wait_for_a_week_to_be_moved_together(log: Log) -> None:
    """So that there is not a file an hour."""
    await log.write(3)
    await log.prune(NOON + KEEP + timedelta(days=6, hours=23))
    assert log.files() == []
    await log.prune(NOON + KEEP + timedelta(days=7, hours=1))
    assert log.files() == ["audit-000000000001-000000000003.jsonl"]
    assert log.numbers() == [4]
    assert verify() == 0


async def test_without_an_archive_the_log_stays_whole(log: Log) -> None:
    """Whatever else goes."""
    await log.write(5)
    await pruner(log.store).prune()
    assert log.numbers() == [1, 2, 3, 4, 5]


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("key", [KEY], indirect=True, ids=["sealed"])
@pytest.mark.parametrize("step", range(1, 17))
async def test_a_crash_anywhere_loses_nothing(
    log: Log, small: None, monkeypatch: pytest.MonkeyPatch, step: int, capsys: Output
) -> None:
    """Before and after each file and each transaction; the log is proven then, and later."""
    assert small is None
    await log.write(14)
    passed = 0

    def die() -> None:
        nonlocal passed
        passed += 1
        if passed == step:
            raise Killed

    write, transaction, slept = AuditArchive.write, Store.transaction, Hasty.sleep

    def dies_around_a_file(*args: object) -> object:
        die()
        found = write(*args)  # type: ignore[arg-type]  # as it was called
        die()
        return found

    def dies_before_a_transaction(store: Store) -> object:
        die()
        return transaction(store)

    async def dies_after(clock: Hasty, seconds: float) -> None:
        die()
        await slept(clock, seconds)

    with monkeypatch.context() as patch:
        patch.setattr(AuditArchive, "write", dies_around_a_file)
        patch.setattr(Store, "transaction", dies_before_a_transaction)
        patch.setattr(Hasty, "sleep", dies_after)
        with pytest.raises(Killed):
            await log.prune()
    if log.store.engine.dialect.name == "postgresql":
        await Sealer(log.store.engine, log.store.recorded, Clock(), log.key).seal()
    assert verify() == 0
    if log.files():
        assert verify(archive=log.directory) == 0, capsys.readouterr().out

    await log.prune()
    assert verify() == verify(archive=log.directory) == 0
    assert min(log.numbers()) == 15
    assert len(log.files()) == 2


async def test_a_file_that_is_gone_before_its_entries_were_deleted(log: Log) -> None:
    """What is still in the database gets another file; nothing is deleted without one."""
    await log.write(6)
    wiped = log.archive.write(1, 6)
    async with log.store.transaction() as transaction:
        await transaction.record(wiped.entry(LATER))
    await log.write(1, at=LATER)  # which seals it, too
    shutil.rmtree(log.directory)
    log.archive.prepare()
    await log.prune()

    assert log.files() == ["audit-000000000001-000000000006.jsonl"]
    assert min(log.numbers()) == 7
    assert verify(archive=log.directory) == 0


async def test_a_directory_that_cannot_be_written_stops_the_start(
    store: Store, tmp_path: Path
) -> None:
    """Not the first round, an hour later."""
    (tmp_path / "file").touch()
    log = Log(store, tmp_path / "file" / "archive", None)
    with pytest.raises(SettingsError, match=r"\[store\] archive: .* can't be written to"):
        log.archive.prepare()
