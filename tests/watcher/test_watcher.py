"""The watcher finds out how each backup ends, in few calls, and goes easy on a sick RDS."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from bot.domain.absence import LOOK_AGAIN
from bot.domain.attempts import MENDING_GAP
from bot.domain.errors import RdsError, RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.instances import PAGE, Backup, BackupStatus, Instance
from bot.domain.progress import Expected
from bot.watcher.loop import Watcher
from bot.watcher.planner import SLOW_CLOCK
from tests.stepped_clock import SteppedClock

MINUTE = 60
SPARE_CALLS = 48.0  # per minute
USUAL = Expected(480.0, 0.3)
AWAY = RdsUnreachable(status=503, request_id="r-1")
REFUSED_KEYS = RdsRefused(RefusalReason.CREDENTIALS, "APIGW.0301", status=401)
NOT_PERMITTED = RdsRefused(RefusalReason.NOT_PERMITTED, status=403)


class FakeRds:
    """Instances `db-…`, each with a backup `backup-…` that runs until it is in `ended`."""

    spare_calls = SPARE_CALLS

    def __init__(self, clock: SteppedClock, skew: timedelta) -> None:
        self.clock = clock
        self.skew = skew  # of RDS's clock
        self.ended: dict[str, datetime] = {}  # when, by backup ID
        self.asked: list[str] = []  # backup IDs, in order
        self.error: RdsError | None = None  # raised by every call
        self.errors: dict[str, Exception] = {}  # raised by a question about this backup
        self.absent: dict[str, int] = {}  # how many more answers lack this backup

    def end(self, *numbers: int) -> None:
        """Let these backups end now."""
        self.ended |= {f"backup-{number}": self.now() for number in numbers}

    def now(self) -> datetime:
        """Return the time by RDS's clock."""
        return self.clock.now() + self.skew

    async def find_backup(self, instance_id: str, backup_id: str) -> Backup | None:
        self.asked.append(backup_id)
        await asyncio.sleep(0)
        if error := self.errors.get(backup_id, self.error):
            raise error
        if self.absent.get(backup_id):
            self.absent[backup_id] -= 1
            return None
        ended_at = self.ended.get(backup_id)
        status = BackupStatus.COMPLETED if ended_at else BackupStatus.BUILDING
        return Backup(
            id=backup_id, instance_id=instance_id, name="", status=status, end_time=ended_at
        )


class FakePages:
    """The pages of the instance list, which tell the watcher what they show."""

    def __init__(self, rds: FakeRds, size: int) -> None:
        numbers = range(size)
        self.rds = rds
        self.pages = [list(numbers[first : first + PAGE]) for first in range(0, size, PAGE)]
        self.always: dict[int, str] = {}  # the status that an instance shows, whatever happens
        self.read: list[int] = []  # page numbers, in order
        self.errors: dict[int, Exception] = {}  # raised by this page
        self.takes: dict[int, float] = {}  # seconds that this page takes
        self.watcher: Watcher | None = None

    async def read_page(self, number: int) -> None:
        self.read.append(number)
        at = self.rds.clock.monotonic()
        await self.rds.clock.sleep(self.takes.get(number, 0.0))
        if error := self.errors.get(number, self.rds.error):
            raise error
        self.show(number, at)

    def show(self, number: int, at: float) -> None:
        """Let the watcher see a page, without a call."""
        assert self.watcher
        page = self.pages[number] if number < len(self.pages) else []
        self.watcher.saw_page(number, [self._instance(n) for n in page], at)

    def _instance(self, number: int) -> Instance:
        usual = "ACTIVE" if f"backup-{number}" in self.rds.ended else "BACKING UP"
        status = self.always.get(number, usual)
        return Instance(id=f"db-{number}", name=f"db-{number}", status=status)


class Fleet:
    """Running backups, each followed until it has ended, as the workflow does it."""

    def __init__(self, size: int, skew: timedelta) -> None:
        self.clock = SteppedClock()
        self.rds = FakeRds(self.clock, skew)
        self.pages = FakePages(self.rds, size)
        self.watcher = Watcher(self.rds, self.pages, self.clock, rds_now=self.rds.now)
        self.pages.watcher = self.watcher
        self.told: dict[str, float] = {}  # when a follower heard that a backup isn't running
        self.failed: list[RdsError] = []  # what followers heard of outages
        self.followers = [self.follow(n) for n in range(size)]
        for number in range(len(self.pages.pages)):
            self.pages.show(number, self.clock.monotonic())

    @property
    def calls(self) -> int:
        return len(self.pages.read) + len(self.rds.asked)

    def follow(self, number: int, instance: int | None = None) -> "asyncio.Task[None]":
        """Follow a backup of the instance with the same number, or of another one."""
        db = number if instance is None else instance
        return asyncio.create_task(self._follow(f"db-{db}", f"backup-{number}"))

    async def _follow(self, instance_id: str, backup_id: str) -> None:
        began, is_away = self.clock.now(), False
        while True:
            try:
                backup = await self.watcher.follow(
                    instance_id, backup_id, began, USUAL, patient=is_away
                )
            except RdsError as error:
                self.failed.append(error)
                is_away = True
                continue
            is_away = False
            if backup is None or backup.status != BackupStatus.BUILDING:
                self.told[backup_id] = self.clock.monotonic()
                return

    async def passes(self, seconds: float) -> int:
        """Let time pass, a second at a time; return how many calls were made meanwhile."""
        before = self.calls
        for _ in range(int(seconds)):
            self.clock.advance(seconds=1)
            await _all_settled()
        return self.calls - before


async def _all_settled() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


@asynccontextmanager
async def _fleet(size: int, skew: timedelta = timedelta(0)) -> AsyncIterator[Fleet]:
    fleet = Fleet(size, skew)
    await _all_settled()  # all are followed when the watcher starts
    running = asyncio.create_task(fleet.watcher.run())
    await _all_settled()
    yield fleet
    tasks = [running, *fleet.followers]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_single_backup_is_asked_about_directly() -> None:
    """No page is read for one backup, and it is left alone until it is about to end."""
    async with _fleet(1) as fleet:
        assert await fleet.passes(3 * MINUTE) <= 3
        assert await fleet.passes(5 * MINUTE) <= 5 * SPARE_CALLS
        assert fleet.pages.read == []

        fleet.rds.end(0)
        await fleet.passes(20)
        assert "backup-0" in fleet.told


async def test_a_look_costs_one_call() -> None:
    """It is made when it is due, and not before."""
    async with _fleet(0) as fleet:
        looking = asyncio.create_task(fleet.watcher.look("db-0", "backup-0", 10.0))
        assert await fleet.passes(9) == 0
        assert await fleet.passes(10) == 1

        found = await looking
        assert found is not None
        assert found.status == BackupStatus.BUILDING


async def test_a_look_finds_a_backup_gone_after_three_answers() -> None:
    """They are nine seconds apart in all, and one that lists it would be believed."""
    async with _fleet(0) as fleet:
        fleet.rds.absent["backup-0"] = 9
        looking = asyncio.create_task(fleet.watcher.look("db-0", "backup-0", 0.0))
        await fleet.passes(sum(LOOK_AGAIN) - 1)
        assert not looking.done()
        await fleet.passes(3)

        assert await looking is None
        assert fleet.rds.asked == ["backup-0"] * (1 + len(LOOK_AGAIN))


@pytest.mark.parametrize("error", [AWAY, NOT_PERMITTED, KeyError("size")])
async def test_a_look_fails_after_two_failures(error: Exception) -> None:
    """A patient one waits until RDS responds, however long that takes."""
    async with _fleet(0) as fleet:
        fleet.rds.errors["backup-0"] = error
        looking = asyncio.create_task(fleet.watcher.look("db-0", "backup-0", 0.0))
        patient = asyncio.create_task(fleet.watcher.look("db-0", "backup-0", 5.0, patient=True))
        await fleet.passes(MINUTE)
        with pytest.raises(RdsError):
            await looking
        await fleet.passes(10 * MINUTE)
        assert not patient.done()

        fleet.rds.errors.clear()
        await fleet.passes(7 * MINUTE)
        found = await asyncio.wait_for(patient, 1)
        assert found is not None


async def test_looks_at_other_backups_do_not_wait_for_a_refused_one() -> None:
    """And another look at the refused one waits until its next try is due."""
    async with _fleet(0) as fleet:
        fleet.rds.errors["backup-0"] = NOT_PERMITTED
        refused = asyncio.create_task(fleet.watcher.look("db-0", "backup-0", 0.0))
        await fleet.passes(1)
        again = asyncio.create_task(fleet.watcher.look("db-0", "backup-0", 0.0))
        other = asyncio.create_task(fleet.watcher.look("db-1", "backup-1", 0.0))
        await fleet.passes(2)
        assert other.done()
        assert fleet.rds.asked == ["backup-0", "backup-1"]

        await fleet.passes(MINUTE)
        for look in (refused, again):
            with pytest.raises(RdsRefused):
                await look


async def test_a_hundred_backups_stay_within_the_budget() -> None:
    """Even when all of them take much longer than usual."""
    async with _fleet(100) as fleet:
        for _ in range(4):
            assert await fleet.passes(5 * MINUTE) <= 5 * SPARE_CALLS + 13  # burst and debt


async def test_an_idle_instance_has_its_backup_confirmed_at_once() -> None:
    """A page shows that one instance has finished: its backup is the only one asked about."""
    async with _fleet(100) as fleet:
        await fleet.passes(MINUTE)
        fleet.rds.asked.clear()
        fleet.rds.end(42)
        fleet.pages.show(0, fleet.clock.monotonic())
        await fleet.passes(1)

        assert fleet.told.keys() == {"backup-42"}
        assert fleet.rds.asked == ["backup-42"]


async def test_the_end_of_one_in_a_hundred_is_found_soon() -> None:
    """Around their usual end, the page is read often enough."""
    async with _fleet(100) as fleet:
        await fleet.passes(8 * MINUTE)
        fleet.rds.end(42)
        await fleet.passes(15)

        assert fleet.told.keys() == {"backup-42"}


async def test_a_hint_is_not_trusted_for_more_than_five_minutes() -> None:
    """An instance may be BACKING UP for another reason: in the end only the backup counts."""
    async with _fleet(10) as fleet:
        await fleet.passes(MINUTE)
        fleet.pages.always = dict.fromkeys(range(10), "BACKING UP")
        fleet.rds.end(*range(10))
        await fleet.passes(SLOW_CLOCK + 20)

        assert fleet.told.keys() == fleet.rds.ended.keys()


@pytest.mark.parametrize("skew", [timedelta(0), -timedelta(minutes=1), timedelta(minutes=1)])
async def test_the_hint_is_judged_by_the_clock_of_rds(skew: timedelta) -> None:
    """RDS says when a backup ended; with the machine's clock, each hint would look like a lie."""
    async with _fleet(100, skew) as fleet:
        await fleet.passes(8 * MINUTE)
        for number in range(50):
            fleet.rds.end(number)
            await fleet.passes(4)
        fleet.pages.read.clear()
        await fleet.passes(MINUTE)

        assert len(fleet.pages.read) > 8


async def test_a_backup_whose_instance_never_shows_it_is_found() -> None:
    """The status may lag, or never change: the backup is asked about instead of believed gone."""
    async with _fleet(10) as fleet:
        fleet.pages.always = dict.fromkeys(range(10), "ACTIVE")
        await fleet.passes(8 * MINUTE)
        assert fleet.told == {}

        fleet.rds.end(*range(10))
        await fleet.passes(MINUTE)
        assert fleet.told.keys() == fleet.rds.ended.keys()


async def test_every_follower_is_answered() -> None:
    """Whenever a backup ends, its follower hears of it."""
    async with _fleet(60) as fleet:
        for number in range(60):
            fleet.rds.end(number)
            await fleet.passes(7)
        await fleet.passes(2 * MINUTE)

        assert fleet.told.keys() == fleet.rds.ended.keys()


async def test_two_followers_of_one_backup_share_the_calls() -> None:
    """Both hear how it ended, and one that goes doesn't stop the other's calls."""
    async with _fleet(1) as fleet:
        fleet.followers += [fleet.follow(0), fleet.follow(0)]
        await _all_settled()
        fleet.followers[0].cancel()
        await fleet.passes(MINUTE)
        fleet.rds.end(0)
        fleet.rds.asked.clear()
        fleet.watcher.wake("db-0")
        await fleet.passes(1)

        assert fleet.rds.asked == ["backup-0"]
        assert all(follower.done() for follower in fleet.followers)


async def test_two_backups_of_one_instance_are_both_found() -> None:
    """The second keeps the instance BACKING UP, so the first is asked about when it begins."""
    async with _fleet(1) as fleet:
        await fleet.passes(MINUTE)
        fleet.rds.end(0)
        fleet.pages.always = {0: "BACKING UP"}
        fleet.followers.append(fleet.follow(1, instance=0))
        await fleet.passes(1)
        assert fleet.told.keys() == {"backup-0"}

        fleet.rds.end(1)
        fleet.pages.always = {}
        await fleet.passes(SLOW_CLOCK + 20)
        assert fleet.told.keys() == {"backup-0", "backup-1"}


async def test_an_outage_is_logged_once_and_so_is_its_end() -> None:
    """RDS is away for ten minutes: few calls, one warning, one recovery, and all goes on."""
    async with _fleet(20) as fleet:
        await fleet.passes(MINUTE)
        with capture_logs() as logs:
            fleet.rds.error = AWAY
            calls = await fleet.passes(10 * MINUTE)
            fleet.rds.error = None
            fleet.rds.end(*range(20))
            await fleet.passes(6 * MINUTE)

        assert [line["event"] for line in logs] == ["watching_interrupted", "watching_again"]
        assert logs[0]["request_id"] == "r-1"
        assert calls <= 7
        assert len(fleet.failed) == 20
        assert fleet.told.keys() == fleet.rds.ended.keys()


async def test_a_patient_follower_hears_when_rds_is_back() -> None:
    """It waits through the outage without an error, and then learns that the backup runs."""
    async with _fleet(3) as fleet:
        fleet.rds.error = AWAY
        began = fleet.clock.now()
        patient = asyncio.create_task(
            fleet.watcher.follow("db-2", "backup-2", began, USUAL, patient=True)
        )
        await fleet.passes(20 * MINUTE)
        assert not patient.done()

        fleet.rds.error = None
        await fleet.passes(6 * MINUTE)
        found = await asyncio.wait_for(patient, 1)
        assert found is not None
        assert (found.id, found.status) == ("backup-2", BackupStatus.BUILDING)


async def test_a_crowded_page_is_not_set_aside() -> None:
    """RDS returns 429 for it, and would for any other call."""
    async with _fleet(20) as fleet:
        fleet.pages.errors[0] = RdsUnreachable("429", status=429, retry_after=1.0)
        with capture_logs() as logs:
            await fleet.passes(8 * MINUTE)

        assert len(fleet.pages.read) > 2
        assert "page_set_aside" not in [line["event"] for line in logs]


async def test_a_patient_follower_hears_of_an_end_that_the_outage_hid() -> None:
    """The first answer after the outage says it: no second call is needed."""
    async with _fleet(1) as fleet:
        fleet.rds.errors["backup-0"] = NOT_PERMITTED
        await fleet.passes(20 * MINUTE)
        assert fleet.failed == [NOT_PERMITTED]

        fleet.rds.errors.clear()
        fleet.rds.end(0)
        fleet.rds.asked.clear()
        await fleet.passes(7 * MINUTE)
        assert fleet.told.keys() == {"backup-0"}
        assert fleet.rds.asked == ["backup-0"]


async def test_follow_returns_a_running_backup_after_a_while() -> None:
    """Whoever wants to say that it takes long gets it back, and can follow it again."""
    async with _fleet(1) as fleet:
        began = fleet.clock.now()
        following = asyncio.create_task(
            fleet.watcher.follow("db-0", "backup-0", began, USUAL, within=30.0)
        )
        await fleet.passes(29)
        assert not following.done()
        await fleet.passes(2)

        found = await following
        assert found is not None
        assert found.status == BackupStatus.BUILDING
        fleet.rds.end(0)
        await fleet.passes(SLOW_CLOCK)
        assert fleet.told.keys() == {"backup-0"}


async def test_refused_keys_are_tried_once_in_ten_minutes() -> None:
    """More than five wrong signatures lock a key, for everyone who uses it."""
    async with _fleet(50) as fleet:
        fleet.rds.error = REFUSED_KEYS

        assert await fleet.passes(9 * MINUTE) == 1
        assert await fleet.passes(10 * MINUTE) == 1
        assert len(fleet.failed) == 50


async def test_waking_an_instance_asks_about_its_backup_at_once() -> None:
    """It is asked about directly; the others wait for their time."""
    async with _fleet(30) as fleet:
        await fleet.passes(MINUTE)
        fleet.rds.asked.clear()
        fleet.rds.end(7)
        fleet.watcher.wake("db-7")
        fleet.watcher.wake("db-of-nobody")
        await fleet.passes(1)

        assert fleet.told.keys() == {"backup-7"}
        assert fleet.rds.asked == ["backup-7"]


async def test_waking_an_instance_answers_a_look_at_once() -> None:
    """A look that was to be made in an hour is made now."""
    async with _fleet(0) as fleet:
        looking = asyncio.create_task(fleet.watcher.look("db-0", "backup-0", 3600.0))
        await fleet.passes(1)
        fleet.watcher.wake("db-0")
        await fleet.passes(1)

        assert looking.done()


async def test_waking_does_not_cut_an_outage_short() -> None:
    """A refused key is left alone for ten minutes, whatever Cloud Eye says."""
    async with _fleet(1) as fleet:
        fleet.rds.error = REFUSED_KEYS
        await fleet.passes(5 * MINUTE)
        assert fleet.calls == 1
        fleet.watcher.wake("db-0")

        assert await fleet.passes(MINUTE) == 0


async def test_a_deleted_instance_has_no_backup() -> None:
    """That is an answer, not a failure: its follower hears that the backup is gone."""
    async with _fleet(3) as fleet:
        fleet.rds.errors["backup-1"] = RdsRefused(
            RefusalReason.INSTANCE_NOT_FOUND, "DBS.200002", status=404
        )
        fleet.watcher.wake("db-1")
        with capture_logs() as logs:
            await fleet.passes(sum(LOOK_AGAIN) + 3)

        assert fleet.told.keys() == {"backup-1"}
        assert fleet.rds.asked.count("backup-1") == 1 + len(LOOK_AGAIN)
        assert logs == []


@pytest.mark.parametrize("times", [1, 2])
async def test_a_backup_that_is_absent_for_a_moment_is_not_gone(times: int) -> None:
    """After one empty answer, or two, the third lists the backup."""
    async with _fleet(1) as fleet:
        fleet.rds.absent["backup-0"] = times
        fleet.watcher.wake("db-0")
        await fleet.passes(2 * MINUTE)

        assert fleet.told == {}
        assert fleet.rds.absent["backup-0"] == 0


async def test_only_answers_in_a_row_show_that_a_backup_is_gone() -> None:
    """It is missing twice, then listed, then missing twice again."""
    async with _fleet(1) as fleet:
        for _ in range(3):
            fleet.rds.absent["backup-0"] = 2
            fleet.watcher.wake("db-0")
            await fleet.passes(sum(LOOK_AGAIN) + 3)
            assert fleet.rds.absent["backup-0"] == 0

        assert fleet.told == {}


async def test_an_outage_is_not_absence() -> None:
    """Two empty answers, an hour of silence, and the backup is listed again: it's still there."""
    async with _fleet(1) as fleet:
        fleet.rds.absent["backup-0"] = 2
        fleet.watcher.wake("db-0")
        await fleet.passes(LOOK_AGAIN[0] + 2)
        assert fleet.rds.absent["backup-0"] == 0
        fleet.rds.error = AWAY
        await fleet.passes(60 * MINUTE)
        fleet.rds.error = None
        await fleet.passes(10 * MINUTE)

        assert fleet.told == {}


@pytest.mark.parametrize("reason", ["INSTANCE_NOT_FOUND", "BACKUP_NOT_FOUND"])
async def test_a_bare_404_is_no_answer_of_rds(reason: str) -> None:
    """A misrouted proxy says nothing about a backup."""
    async with _fleet(1) as fleet:
        fleet.rds.errors["backup-0"] = RdsRefused(RefusalReason[reason], status=404)
        await fleet.passes(30 * MINUTE)
        assert fleet.told == {}

        fleet.rds.errors.clear()
        fleet.rds.end(0)
        await fleet.passes(7 * MINUTE)
        assert fleet.told.keys() == {"backup-0"}


@pytest.mark.parametrize("poison", [KeyError("size"), RecursionError(), OverflowError()])
async def test_an_unreadable_answer_stops_nothing(poison: Exception) -> None:
    """Whatever one backup's answer does to the bot, the others are followed as ever."""
    async with _fleet(3) as fleet:
        fleet.rds.errors["backup-1"] = poison
        with capture_logs() as logs:
            await fleet.passes(10 * MINUTE)
        assert fleet.rds.asked.count("backup-1") < 10
        assert [line["event"] for line in logs] == ["look_set_aside"]

        fleet.rds.end(0)
        await fleet.passes(20)
        assert fleet.told.keys() == {"backup-0"}

        fleet.rds.errors.clear()
        fleet.rds.end(1)
        await fleet.passes(7 * MINUTE)
        assert fleet.told.keys() == {"backup-0", "backup-1"}


async def test_a_refused_backup_delays_no_other() -> None:
    """The bot has no access to one instance: the others' turn comes all the same."""
    async with _fleet(3) as fleet:
        fleet.rds.errors["backup-1"] = NOT_PERMITTED
        fleet.watcher.wake("db-1")
        await fleet.passes(8 * MINUTE)
        fleet.rds.end(0, 2)
        await fleet.passes(20)

        assert fleet.told.keys() == {"backup-0", "backup-2"}
        assert fleet.failed == [NOT_PERMITTED]


@pytest.mark.parametrize("error", [NOT_PERMITTED, KeyError("status")])
async def test_a_refused_page_is_left_alone_for_ten_minutes(error: Exception) -> None:
    """Meanwhile the backups on it are asked about one by one, and no one hears of a failure."""
    async with _fleet(20) as fleet:
        fleet.pages.errors[0] = error
        await fleet.passes(8 * MINUTE)
        assert len(fleet.pages.read) == 1

        fleet.rds.end(*range(20))
        await fleet.passes(MINUTE)
        assert fleet.told.keys() == fleet.rds.ended.keys()
        assert fleet.failed == []


async def test_a_refused_page_is_tried_again() -> None:
    """After ten minutes it may be read again, and not before."""
    async with _fleet(20) as fleet:
        fleet.pages.errors[0] = NOT_PERMITTED
        while not fleet.pages.read:
            await fleet.passes(1)
        await fleet.passes(MENDING_GAP.total_seconds() - 2)
        assert len(fleet.pages.read) == 1
        fleet.pages.errors.clear()
        await fleet.passes(MINUTE)
        assert len(fleet.pages.read) > 1


async def test_a_page_that_hangs_does_not_stop_the_questions() -> None:
    """It times out every time, while backups can be asked about: it is left alone, too."""
    async with _fleet(20) as fleet:
        fleet.pages.takes[0], fleet.pages.errors[0] = 30.0, RdsUnreachable("deadline")
        with capture_logs() as logs:
            await fleet.passes(8 * MINUTE)
            assert len(fleet.pages.read) == 2
            fleet.rds.end(*range(20))
            await fleet.passes(MINUTE)

        assert fleet.told.keys() == fleet.rds.ended.keys()
        assert fleet.failed == []
        events = [line["event"] for line in logs]
        assert events == ["watching_interrupted", "watching_again", "page_set_aside"]


async def test_one_slow_answer_does_not_stop_the_questions() -> None:
    """RDS times out for one backup only: its followers hear of it, and the others' go on."""
    async with _fleet(3) as fleet:
        fleet.rds.errors["backup-1"] = RdsUnreachable("deadline")
        await fleet.passes(9 * MINUTE)
        assert fleet.rds.asked.count("backup-1") < 10
        assert len(fleet.failed) == 1

        fleet.rds.end(0, 2)
        await fleet.passes(20)
        assert fleet.told.keys() == fleet.rds.ended.keys()


async def test_a_page_that_fails_now_and_then_is_not_left_alone() -> None:
    """Each time it could be read before: these are short outages."""
    async with _fleet(20) as fleet:
        with capture_logs() as logs:
            for _ in range(3):
                fleet.rds.error = AWAY
                while not logs or logs[-1]["event"] != "watching_interrupted":
                    await fleet.passes(1)
                fleet.rds.error = None
                await fleet.passes(2 * MINUTE)

        events = [line["event"] for line in logs]
        assert events == ["watching_interrupted", "watching_again"] * 3


async def test_a_new_follower_of_a_refused_backup_waits_for_its_next_try() -> None:
    """Following it again costs no call."""
    async with _fleet(1) as fleet:
        fleet.rds.errors["backup-0"] = NOT_PERMITTED
        fleet.watcher.wake("db-0")
        await fleet.passes(1)
        fleet.followers[0].cancel()
        await _all_settled()
        fleet.clock.set_back(hours=1)  # so that the next one counts as overdue
        fleet.followers.append(fleet.follow(0))
        fleet.clock.set_back(hours=-1)

        assert await fleet.passes(10) == 0
        assert await fleet.passes(10) == 1


async def test_fewer_calls_are_made_while_rds_allows_fewer() -> None:
    """The budget has shrunk, because others use the same key."""
    async with _fleet(100) as fleet:
        await fleet.passes(7 * MINUTE)
        fleet.rds.spare_calls = 6.0
        await fleet.passes(MINUTE)

        assert await fleet.passes(5 * MINUTE) <= 5 * 6 + 3


async def test_an_instance_that_is_missing_from_its_page_is_not_believed_gone() -> None:
    """The list shifts when an instance is deleted: its backup is asked about, and goes on."""
    async with _fleet(150) as fleet:
        await fleet.passes(MINUTE)
        fleet.rds.asked.clear()
        fleet.pages.pages = [list(range(1, 101)), list(range(101, 150))]
        fleet.pages.show(1, fleet.clock.monotonic())  # 100 has moved to page 0
        await fleet.passes(20)
        assert fleet.rds.asked.count("backup-100") < 5
        assert fleet.told == {}

        fleet.rds.end(100)
        await fleet.passes(SLOW_CLOCK + 20)
        assert fleet.told.keys() == {"backup-100"}


async def test_an_instance_on_two_pages_is_still_asked_about() -> None:
    """Each page shows it BACKING UP, again and again; the backup is asked about all the same."""
    async with _fleet(100) as fleet:
        fleet.pages.always[50] = "BACKING UP"
        fleet.rds.end(50)
        for second in range(int(SLOW_CLOCK) + 30):
            await fleet.passes(1)
            fleet.pages.show(0, second + 1)
            fleet.pages.pages.append([50])
            fleet.pages.show(1, second + 1)

        assert fleet.told.keys() == {"backup-50"}


async def test_a_canceled_follower_costs_no_call() -> None:
    """Whoever stopped waiting is forgotten."""
    async with _fleet(5) as fleet:
        for follower in fleet.followers:
            follower.cancel()

        assert await fleet.passes(10 * MINUTE) == 0
