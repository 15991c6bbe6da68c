"""The rules by which the simulated RDS makes, runs and deletes backups."""

import asyncio
from datetime import timedelta

import pytest

from bot.demo.rds.records import Ending, RdsInstance
from bot.demo.rds.region import Region
from bot.demo.rds.wire import Refused
from tests.demo.rds_caller import SteppedClock


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def region(clock: SteppedClock) -> Region:
    return Region(clock)


@pytest.fixture
def orders(region: Region) -> RdsInstance:
    return region.add_instance("orders", backup_takes=timedelta(minutes=7), size_kb=4_000)


def refused(region: Region, instance: RdsInstance, name: str, text: str = "") -> tuple[int, str]:
    """The status and code with which a create is refused."""
    with pytest.raises(Refused) as caught:
        region.create_backup(instance.id, name, text)
    return caught.value.status, caught.value.code


def test_a_backup_runs_by_the_clock(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """It is BUILDING and its instance BACKING UP until its time is over, to the second."""
    backup = region.create_backup(orders.id, "first", None)
    clock.advance(minutes=6, seconds=59)
    assert (backup.status, orders.status) == ("BUILDING", "BACKING UP")

    clock.advance(seconds=1)

    assert (backup.status, orders.status) == ("COMPLETED", "ACTIVE")
    assert backup.as_listed()["size"] == 4_000
    assert backup.as_listed()["end_time"] == "2024-03-01T20:07:00+0800"


def test_ids_have_rds_form(region: Region) -> None:
    """An id is 32 hex digits, its kind, and its engine."""
    instance = region.add_instance("ledger", engine="PostgreSQL", version="16")
    backup = region.create_backup(instance.id, "first", None)

    assert (len(instance.id), instance.id[-4:]) == (36, "in03")
    assert (len(backup.id), backup.id[-4:]) == (36, "br03")


@pytest.mark.parametrize("name", ["abc", "1abc", "a b c", "a" * 65, "naïve", "abcd\n"])
def test_a_bad_name_is_refused(region: Region, orders: RdsInstance, name: str) -> None:
    """A name has 4 to 64 letters, digits, hyphens or underscores, and begins with a letter."""
    assert refused(region, orders, name) == (400, "DBS.280277")


@pytest.mark.parametrize("text", ["a & b", "<@U1>", "it's", "x=1", "a\nb", "d" * 257])
def test_a_bad_description_is_refused(region: Region, orders: RdsInstance, text: str) -> None:
    """A description has 256 characters at most and none of RDS's special ones."""
    assert refused(region, orders, "good", text) == (400, "DBS.280127")


def test_a_name_is_unique_in_the_project(region: Region, orders: RdsInstance) -> None:
    """A backup of another instance, and an automated one, hold their names too."""
    region.add_backup(region.add_instance("other"), "taken", type="auto")

    assert refused(region, orders, "taken") == (409, "DBS.201201")


def test_one_backup_runs_at_a_time(region: Region, orders: RdsInstance) -> None:
    """While any backup runs, an automated one included, another is refused."""
    region.add_backup(orders, "nightly", type="auto")

    assert refused(region, orders, "mine") == (409, "DBS.201205")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("FROZEN", (400, "DBS.280449")),
        ("STORAGE FULL", (409, "DBS.200316")),
        ("REBOOTING", (409, "DBS.200011")),
    ],
)
def test_only_an_active_instance_is_backed_up(
    region: Region, orders: RdsInstance, status: str, expected: tuple[int, str]
) -> None:
    """Every other status is refused with its code."""
    region.set_status(orders, status)

    assert refused(region, orders, "mine") == expected


def test_a_read_replica_is_refused(region: Region, orders: RdsInstance) -> None:
    """RDS takes no backups of a read replica."""
    replica = region.add_instance("orders-read", replica_of=orders)

    assert refused(region, replica, "mine") == (400, "DBS.200076")


def test_a_backup_can_be_scripted_to_fail_or_vanish(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """The next backups end as scripted, in order, and free their instance."""
    region.next_backup(Ending.FAILED, takes=timedelta(minutes=1))
    region.next_backup(Ending.VANISHED, takes=timedelta(minutes=2))

    failed = region.create_backup(orders.id, "fails", None)
    clock.advance(minutes=1)
    region.create_backup(orders.id, "vanishes", None)
    assert [backup.name for backup in region.backups] == ["fails", "vanishes"]
    clock.advance(minutes=2)

    assert failed.status == "FAILED"
    assert region.backups == [failed]
    assert orders.status == "ACTIVE"
    assert region.create_backup(orders.id, "vanishes", None).status == "BUILDING"


def test_a_running_backup_can_be_ended_at_once(region: Region, orders: RdsInstance) -> None:
    """A test need not wait for the clock."""
    backup = region.create_backup(orders.id, "first", None)

    region.end_backup(backup, Ending.FAILED)

    assert (backup.status, orders.status) == ("FAILED", "ACTIVE")


def test_only_finished_manual_backups_are_deleted(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """A deleted backup is DELETING for a moment, then gone; others are refused."""
    nightly = region.add_backup(orders, "nightly", takes=timedelta())
    mine = region.create_backup(orders.id, "mine", None)
    for backup, code in ((nightly, "DBS.200001"), (mine, "DBS.201208")):
        with pytest.raises(Refused) as caught:
            region.delete_backup(backup.id)
        assert caught.value.code == code

    clock.advance(minutes=7)
    region.delete_backup(mine.id)

    assert mine.status == "DELETING"
    clock.advance(seconds=5)
    assert region.backups == [nightly]


async def test_a_change_wakes_who_waits(region: Region) -> None:
    """`changed` returns at the next change, so that nobody needs to sleep."""
    waiting = asyncio.create_task(region.changed())
    await asyncio.sleep(0)
    assert not waiting.done()

    region.add_instance("orders")

    await asyncio.wait_for(waiting, 1)
