"""The watcher finds out how every backup ends, in few calls, and leaves a sick RDS alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from bot.domain.absence import LOOK_AGAIN
from bot.domain.errors import RdsError, RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.instances import Backup, BackupStatus, Instance
from bot.watcher.loop import TRUST_A_HINT, Watcher
from tests.stepped_clock import SteppedClock

POLL = 10.0  # seconds between two looks at one backup
MINUTE = 60


class FakeRds:
    """Instances `db-…`, each with a backup `backup-…` that runs until it is in `ended`."""

    def __init__(self, instances: int) -> None:
        self.instances = instances
        self.ended: set[str] = set()
        self.stuck: set[str] = set()  # instances that say BACKING UP whatever happens
        self.sweeps = 0
        self.asked: list[str] = []  # backup ids, in order
        self.error: RdsError | None = None  # that every call meets
        self.errors: dict[str, Exception] = {}  # that a question about this backup meets
        self.absent: dict[str, int] = {}  # how many more answers do not list this backup

    @property
    def calls(self) -> int:
        return self.sweeps + len(self.asked)

    async def find_backup(self, instance_id: str, backup_id: str) -> Backup | None:
        self.asked.append(backup_id)
        await asyncio.sleep(0)
        if error := self.errors.get(backup_id, self.error):
            raise error
        if self.absent.get(backup_id):
            self.absent[backup_id] -= 1
            return None
        status = BackupStatus.COMPLETED if backup_id in self.ended else BackupStatus.BUILDING
        return Backup(id=backup_id, instance_id=instance_id, name="nightly", status=status)

    async def list_instances(self) -> list[Instance]:
        self.sweeps += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return [self._instance(str(number)) for number in range(self.instances)]

    def _instance(self, number: str) -> Instance:
        is_idle = f"backup-{number}" in self.ended and f"db-{number}" not in self.stuck
        status = "ACTIVE" if is_idle else "BACKING UP"
        return Instance(id=f"db-{number}", name=f"db-{number}", status=status)


class Fleet:
    """Followers of backups, each looking again and again until its backup has ended."""

    def __init__(self, size: int) -> None:
        self.clock = SteppedClock()
        self.rds = FakeRds(size)
        self.watcher = Watcher(self.rds, self.clock)
        self.told: dict[str, float] = {}  # when somebody heard that a backup runs no longer
        self.followers = [asyncio.create_task(self._follow(n)) for n in range(size)]

    async def _follow(self, number: int) -> None:
        while True:
            backup = await self.watcher.look(
                f"db-{number}", f"backup-{number}", POLL, patient=True
            )
            if backup is None or backup.status != BackupStatus.BUILDING:
                self.told[f"backup-{number}"] = self.clock.monotonic()
                return

    async def passes(self, seconds: float) -> int:
        """Let time pass, a second at a time; how many calls were made meanwhile."""
        before = self.rds.calls
        for _ in range(int(seconds)):
            self.clock.advance(seconds=1)
            await _all_settled()
        return self.rds.calls - before


async def _all_settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@asynccontextmanager
async def _fleet(size: int) -> AsyncIterator[Fleet]:
    fleet = Fleet(size)
    tasks = [asyncio.create_task(fleet.watcher.run()), *fleet.followers]
    await _all_settled()
    yield fleet
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_single_backup_is_checked_directly() -> None:
    """One call a look, and no sweep over instances that nobody asks about."""
    async with _fleet(1) as fleet:
        assert await fleet.passes(5 * MINUTE) == 5 * MINUTE / POLL
        assert fleet.rds.sweeps == 0

        fleet.rds.ended.add("backup-0")
        await fleet.passes(POLL)
        assert "backup-0" in fleet.told


async def test_a_hundred_backups_fit_into_half_the_budget() -> None:
    """Sixty calls a minute are allowed, for everything: watching a fleet leaves room."""
    async with _fleet(100) as fleet:
        await fleet.passes(5 * MINUTE)
        calls = await fleet.passes(30 * MINUTE)

    assert calls / 30 <= 30


async def test_what_has_left_the_sweep_is_confirmed_at_once() -> None:
    """The sweep says that an instance does something else: its backup is asked about next."""
    async with _fleet(100) as fleet:
        await fleet.passes(MINUTE)
        fleet.rds.ended.add("backup-42")
        calls = await fleet.passes(POLL + 1)

        assert fleet.told.keys() == {"backup-42"}
        assert calls < 10


async def test_a_hint_is_not_trusted_for_more_than_five_minutes() -> None:
    """An instance may be BACKING UP for another reason: in the end only the backup counts."""
    async with _fleet(10) as fleet:
        await fleet.passes(MINUTE)
        fleet.rds.stuck = {f"db-{n}" for n in range(10)}
        fleet.rds.ended = {f"backup-{n}" for n in range(10)}
        await fleet.passes(TRUST_A_HINT + POLL)

        assert fleet.told.keys() == fleet.rds.ended


async def test_everybody_is_answered() -> None:
    """Whenever a backup ends, whoever follows it hears of it."""
    async with _fleet(60) as fleet:
        for number in range(60):
            fleet.rds.ended.add(f"backup-{number}")
            await fleet.passes(7)
        await fleet.passes(MINUTE)

        assert fleet.told.keys() == fleet.rds.ended


async def test_an_outage_is_said_once_and_so_is_its_end() -> None:
    """RDS is away for ten minutes: few calls, one warning, one recovery, and all goes on."""
    async with _fleet(20) as fleet:
        await fleet.passes(MINUTE)
        with capture_logs() as logs:
            fleet.rds.error = RdsUnreachable(status=503, request_id="r-1")
            calls = await fleet.passes(10 * MINUTE)
            fleet.rds.error = None
            fleet.rds.ended = {f"backup-{n}" for n in range(20)}
            await fleet.passes(6 * MINUTE)

        assert [line["event"] for line in logs] == ["watching_interrupted", "watching_again"]
        assert logs[0]["request_id"] == "r-1"
        assert calls <= 6
        assert fleet.told.keys() == fleet.rds.ended


async def test_refused_keys_are_tried_once_in_ten_minutes() -> None:
    """More than five wrong signatures lock a key, for everybody who uses it."""
    async with _fleet(50) as fleet:
        fleet.rds.error = RdsRefused(RefusalReason.CREDENTIALS, "APIGW.0301", status=401)

        assert await fleet.passes(9 * MINUTE) == 1
        assert await fleet.passes(10 * MINUTE) == 1


async def test_an_instance_that_is_woken_is_looked_at_at_once() -> None:
    """Its backup is asked about directly and before its time; the others wait for theirs."""
    async with _fleet(30) as fleet:
        await fleet.passes(MINUTE)
        fleet.rds.ended.add("backup-7")
        fleet.watcher.wake("db-7")
        fleet.watcher.wake("db-of-nobody")
        await fleet.passes(1)

        assert fleet.told.keys() == {"backup-7"}


async def test_waking_breaks_into_no_outage() -> None:
    """A refused key is left alone for ten minutes, whatever Cloud Eye says."""
    async with _fleet(1) as fleet:
        fleet.rds.error = RdsRefused(RefusalReason.CREDENTIALS, "APIGW.0301", status=401)
        await fleet.passes(MINUTE)
        fleet.watcher.wake("db-0")

        assert await fleet.passes(MINUTE) == 0


async def test_a_deleted_instance_lists_no_backup() -> None:
    """That is an answer, not a failure: its follower hears that the backup is gone."""
    async with _fleet(3) as fleet:
        gone = RdsRefused(RefusalReason.INSTANCE_NOT_FOUND, "DBS.200002", status=404)
        fleet.rds.errors["backup-1"] = gone
        with capture_logs() as logs:
            await fleet.passes(POLL + sum(LOOK_AGAIN) + 3)

        assert fleet.told.keys() == {"backup-1"}
        assert fleet.rds.asked.count("backup-1") == 1 + len(LOOK_AGAIN)
        assert logs == []


@pytest.mark.parametrize("times", [1, 2])
async def test_what_is_absent_for_a_moment_is_not_gone(times: int) -> None:
    """One empty answer, or two: nobody hears of it, because the third lists the backup."""
    async with _fleet(1) as fleet:
        fleet.rds.absent["backup-0"] = times
        await fleet.passes(2 * MINUTE)

        assert fleet.told == {}
        assert fleet.rds.absent["backup-0"] == 0


async def test_an_outage_is_not_absence() -> None:
    """Two empty answers, an hour of silence, and the backup is listed again: it's still there."""
    async with _fleet(1) as fleet:
        fleet.rds.absent["backup-0"] = 2
        await fleet.passes(POLL + LOOK_AGAIN[0] + 2)
        fleet.rds.error = RdsUnreachable(status=503)
        await fleet.passes(60 * MINUTE)
        fleet.rds.error = None
        await fleet.passes(10 * MINUTE)

        assert fleet.told == {}


@pytest.mark.parametrize("reason", ["INSTANCE_NOT_FOUND", "BACKUP_NOT_FOUND"])
async def test_a_bare_404_is_no_answer_of_rds(reason: str) -> None:
    """A proxy that has lost its way says nothing about a backup."""
    async with _fleet(1) as fleet:
        fleet.rds.errors["backup-0"] = RdsRefused(RefusalReason[reason], status=404)
        await fleet.passes(30 * MINUTE)
        assert fleet.told == {}

        fleet.rds.errors.clear()
        fleet.rds.ended.add("backup-0")
        await fleet.passes(6 * MINUTE)
        assert fleet.told.keys() == {"backup-0"}


@pytest.mark.parametrize("poison", [KeyError("size"), RecursionError(), OverflowError()])
async def test_an_unreadable_answer_ends_nothing(poison: Exception) -> None:
    """Whatever one backup's answer does to the bot, the others are looked at as ever."""
    async with _fleet(3) as fleet:
        fleet.rds.errors["backup-1"] = poison
        with capture_logs() as logs:
            await fleet.passes(10 * MINUTE)
        assert fleet.rds.asked.count("backup-1") < 10
        assert [line["event"] for line in logs] == ["look_set_aside"]

        fleet.rds.ended.add("backup-0")
        await fleet.passes(POLL + 1)
        assert fleet.told.keys() == {"backup-0"}

        fleet.rds.errors.clear()
        fleet.rds.ended.add("backup-1")
        await fleet.passes(6 * MINUTE)
        assert fleet.told.keys() == {"backup-0", "backup-1"}


async def test_a_refused_probe_delays_no_other() -> None:
    """The bot may not see one instance: the others' turn comes all the same."""
    async with _fleet(3) as fleet:
        fleet.rds.errors["backup-1"] = RdsRefused(RefusalReason.NOT_PERMITTED, status=403)
        fleet.rds.ended = {"backup-0", "backup-2"}
        await fleet.passes(2 * MINUTE)

        assert fleet.told.keys() == {"backup-0", "backup-2"}


async def test_a_canceled_look_costs_no_call() -> None:
    """Who stopped waiting is forgotten."""
    async with _fleet(5) as fleet:
        for follower in fleet.followers:
            follower.cancel()

        assert await fleet.passes(10 * MINUTE) == 0
