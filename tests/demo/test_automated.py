"""What the simulated RDS does on its own: automated backups, retention, and log backups."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.demo.rds.api import RdsServer
from bot.demo.rds.records import Ending, RdsBackup, RdsInstance
from bot.demo.rds.region import Region
from bot.demo.rds.wire import Refused
from bot.domain.instances import AutomatedPolicy, RestoreWindow
from bot.rds.client import RdsClient, call_budget, open_client
from bot.rds.signing import AkSkAuth
from tests.demo.rds_caller import Caller, SteppedClock, refusal

TAKES = timedelta(minutes=7)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def region(clock: SteppedClock) -> Region:
    return Region(clock)


@pytest.fixture
def orders(region: Region) -> RdsInstance:
    """An instance whose automated backups were switched on on a Friday at noon."""
    orders = region.add_instance("orders-prod", backup_takes=TAKES, size_kb=4_000)
    region.automate(orders)
    return orders


@pytest.fixture
async def caller(region: Region) -> AsyncIterator[Caller]:
    async with RdsServer(region) as server, httpx.AsyncClient() as http:
        yield Caller(region, server.endpoint, http)


@pytest.fixture
async def rds(region: Region, clock: SteppedClock) -> AsyncIterator[RdsClient]:
    keys = region.gateway
    auth = AkSkAuth(keys.access_key, keys.secret_key, now=clock.now)
    async with RdsServer(region) as server, open_client(server.endpoint, auth) as http:
        yield RdsClient(http, keys.project_id, call_budget(60, clock), clock)


def listed(region: Region, instance: RdsInstance) -> list[RdsBackup]:
    return region.backups_of(instance.id)


def statuses(region: Region, instance: RdsInstance) -> list[str]:
    return [backup.status for backup in listed(region, instance)]


def minute(hour: int, *, of: datetime) -> datetime:
    return of.replace(hour=hour, minute=0, second=0)


def first_night(name: str) -> datetime:
    """When the first backup of an instance of this name begins, as in another region."""
    region = Region(clock := SteppedClock())
    instance = region.add_instance(name)
    region.automate(instance)
    clock.advance(hours=10)
    return listed(region, instance)[0].began


def until_it_runs(clock: SteppedClock) -> datetime:
    """Move on to a minute after the first backup of orders-prod began; return when it began."""
    began = first_night("orders-prod")
    clock.advance(seconds=(began - clock.now()).total_seconds() + 60)
    return began


def test_a_backup_is_made_each_night_in_the_window(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """At the same time every night, with RDS's kind of name, and found whenever one looks."""
    clock.advance(days=3)

    first, second, third = listed(region, orders)
    for backup in (first, second, third):
        assert minute(19, of=backup.began) <= backup.began < minute(20, of=backup.began)
        assert (backup.type, backup.status, backup.size_kb) == ("auto", "COMPLETED", 4_000)
        assert backup.ended - backup.began == TAKES
    assert second.began - first.began == third.began - second.began == timedelta(days=1)
    assert first.name.startswith(f"mysql-orders-prod-{first.began:%Y%m%d%H%M%S}")
    assert len(first.name) == len("mysql-orders-prod-20261126190312345")


def test_what_an_instance_is_like_when_a_backup_begins_counts(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """A change holds from the next backup on, even if nobody has looked since the last."""
    clock.advance(days=1)
    orders.backup_takes, orders.size_kb = timedelta(hours=2), 9_000
    clock.advance(days=1)
    orders.condition = "FROZEN"

    before, after = listed(region, orders)

    assert (before.takes, before.size_kb) == (TAKES, 4_000)
    assert (after.takes, after.size_kb) == (timedelta(hours=2), 9_000)


def test_each_instance_has_its_own_minute(region: Region, clock: SteppedClock) -> None:
    """They don't all begin at once, and they begin at the same time in every run."""
    instances = [region.add_instance(f"shard-{number}") for number in range(20)]
    for instance in instances:
        region.automate(instance)
    clock.advance(days=1)

    began = [listed(region, instance)[0].began for instance in instances]
    assert len(set(began)) > 15
    assert began[7] == first_night("shard-7")


def test_a_running_nightly_keeps_others_waiting(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """While it runs the instance is BACKING UP, and a manual backup is refused."""
    until_it_runs(clock)

    assert orders.status == "BACKING UP"
    with pytest.raises(Refused) as caught:
        region.create_backup(orders.id, "before-42", None)
    assert caught.value.code == "DBS.201205"


def test_a_nightly_waits_until_a_manual_backup_is_over(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """One backup of an instance runs at a time."""
    orders.backup_takes = timedelta(hours=9)
    manual = region.create_backup(orders.id, "before-42", None)
    orders.backup_takes = TAKES
    clock.advance(hours=12)

    nightly = listed(region, orders)[1]

    assert nightly.began == manual.ended


def test_a_nightly_begins_once_the_backup_it_waits_for_is_over(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """Even if that ends long before it was to, after someone has seen the nightly wait."""
    region.next_backup(takes=timedelta(days=30))
    manual = region.create_backup(orders.id, "before-42", None)
    clock.advance(hours=10)
    assert listed(region, orders) == [manual]

    region.end_backup(manual)
    clock.advance(days=1)

    _, waited, next_night = listed(region, orders)
    assert waited.began == manual.ended == datetime(2024, 3, 1, 22, 0, tzinfo=UTC)
    assert next_night.began == first_night("orders-prod") + timedelta(days=1)


def test_the_window_may_reach_past_midnight(region: Region, clock: SteppedClock) -> None:
    """A night belongs to the day on which its window begins."""
    late = region.add_instance("late")
    region.automate(late, keep_days=14, start="23:30-00:30", days=(5,))  # Fridays
    clock.advance(days=8)

    first, second = listed(region, late)
    for backup in (first, second):
        opens = datetime(2024, 3, backup.began.day, 23, 30, tzinfo=UTC)
        opens -= timedelta(days=backup.began.hour < 1)
        assert opens.isoweekday() == 5
        assert opens <= backup.began < opens + timedelta(hours=1)


def test_there_are_none_on_other_days_of_the_week(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """Monday is 1."""
    region.set_policy(orders, days=(1, 3))
    clock.advance(days=7)

    assert [backup.began.isoweekday() for backup in listed(region, orders)] == [1, 3]


def test_there_are_none_while_the_instance_is_out_of_order(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """A frozen one is not backed up; the nights before and after are not changed by it."""
    clock.advance(days=1)
    region.set_status(orders, "FROZEN")
    clock.advance(days=2)
    region.set_status(orders, "ACTIVE")
    clock.advance(days=1)

    assert [backup.began.day for backup in listed(region, orders)] == [1, 4]


def test_automated_backups_are_kept_for_keep_days(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """Each is deleted when it is seven days old; manual ones stay."""
    region.create_backup(orders.id, "before-42", None)
    clock.advance(days=30)

    manual, *automated = listed(region, orders)

    assert manual.name == "before-42"
    assert len(automated) == 7
    assert all(clock.now() - backup.began < timedelta(days=7) for backup in automated)
    assert len(region.history) == 31
    assert len(region.backups) == 8


def test_what_is_read_does_not_depend_on_how_often(region: Region, clock: SteppedClock) -> None:
    """Looking every ten minutes, or once after nine days, shows the same backups."""
    twin = Region(other_clock := SteppedClock())
    for where in (region, twin):
        instance = where.add_instance("orders")
        where.automate(instance, keep_days=3)
        where.fail_automated(instance, times=7)
    often, once = region.instances[0], twin.instances[0]
    for _ in range(9 * 24 * 6):
        clock.advance(minutes=10)
        listed(region, often)
    other_clock.advance(days=9)

    def seen(instance: RdsInstance) -> list[tuple[str, datetime, str]]:
        return [(b.name, b.began, b.status) for b in instance.backups if b.exists]

    assert seen(often) == seen(once)
    assert len(seen(once)) == 3


def test_a_failed_one_is_tried_again_after_half_an_hour(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """The retry succeeds, and the next night is as any other."""
    region.fail_automated(orders)
    clock.advance(days=2)

    failed, retry, next_night = listed(region, orders)

    assert statuses(region, orders) == ["FAILED", "COMPLETED", "COMPLETED"]
    assert retry.began == failed.ended + timedelta(minutes=30)
    assert next_night.began == failed.began + timedelta(days=1)


def test_retries_end_after_three_hours(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """The night stays without a backup, and the next one has its own retries."""
    region.fail_automated(orders, times=6)
    clock.advance(days=2)

    *failed, good = listed(region, orders)

    assert [backup.began.day for backup in failed] == [1, 1, 1, 1, 1, 2]
    assert failed[4].began - failed[0].began < timedelta(hours=3)
    assert (good.status, good.began) == ("COMPLETED", failed[5].ended + timedelta(minutes=30))


def test_a_night_that_fails_leaves_the_next_one_alone(
    region: Region, clock: SteppedClock, orders: RdsInstance
) -> None:
    """All its retries fail, however many a manual backup leaves room for."""
    automated = region.automated(orders)
    assert automated
    region.fail_night(orders)
    clock.advance(days=1)
    night = statuses(region, orders)
    assert len(night) > 1
    assert set(night) == {"FAILED"}
    assert not automated.fails_night

    clock.advance(days=1)

    assert statuses(region, orders)[len(night) :] == ["COMPLETED"]


@pytest.mark.parametrize("how", ["taken back", "switched off and on"])
def test_a_night_that_was_to_fail_does_not(
    region: Region, clock: SteppedClock, orders: RdsInstance, how: str
) -> None:
    region.fail_night(orders)
    if how == "taken back":
        region.fail_night(orders, fails=False)
    else:
        region.set_policy(orders, keep_days=0)
        region.set_policy(orders, keep_days=7)

    clock.advance(days=1)

    assert statuses(region, orders) == ["COMPLETED"]


def test_one_that_is_made_to_fail_while_it_runs_is_tried_again(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """Its end was planned otherwise."""
    began = until_it_runs(clock)
    (running,) = listed(region, orders)
    region.end_backup(running, Ending.FAILED)
    clock.advance(hours=1)

    assert statuses(region, orders) == ["FAILED", "COMPLETED"]
    assert listed(region, orders)[1].began == began + timedelta(minutes=31)


async def test_a_failed_one_is_an_event_before_anyone_has_listed_it(
    region: Region, orders: RdsInstance, caller: Caller, clock: SteppedClock
) -> None:
    """Cloud Eye knows of it, as of any failed full backup."""
    region.fail_automated(orders)
    since = clock.now()
    clock.advance(hours=9)
    span = f"from={since.timestamp():.0f}000&to={clock.now().timestamp():.0f}000"

    events = await caller.events(f"events?event_type=EVENT.SYS&{span}")

    assert events.json()["events"][0]["event_count"] == 1


async def test_once_they_are_off_there_are_no_more_and_restore_time_stands_still(
    region: Region, orders: RdsInstance, rds: RdsClient, clock: SteppedClock
) -> None:
    """RDS keeps the ones there are."""
    clock.advance(days=2)
    before = await rds.restore_windows(orders.id)
    region.set_policy(orders, keep_days=0)
    kept = listed(region, orders)
    clock.advance(days=20)

    assert listed(region, orders) == kept
    assert len(kept) == 2
    assert await rds.restore_windows(orders.id) == before
    assert (await rds.automated_policy(orders.id)).keep_days == 0


async def test_once_they_are_on_again_the_next_night_begins_a_second_window(
    region: Region, orders: RdsInstance, rds: RdsClient, clock: SteppedClock
) -> None:
    """Nothing can be restored to the time between."""
    clock.advance(days=2)
    region.set_policy(orders, keep_days=0)
    clock.advance(days=2)
    region.set_policy(orders, keep_days=7)
    on_again = clock.now()
    clock.advance(days=1)

    first, second = await rds.restore_windows(orders.id)

    assert first.end < on_again < second.start
    assert second.start == listed(region, orders)[-1].ended


def test_fewer_keep_days_delete_older_ones(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """At once, and more days bring none of them back."""
    clock.advance(days=7)
    assert len(listed(region, orders)) == 7

    region.set_policy(orders, keep_days=2)
    assert len(listed(region, orders)) == 2
    region.set_policy(orders, keep_days=7)

    assert len(listed(region, orders)) == 2


def test_another_window_holds_from_the_next_night(
    region: Region, orders: RdsInstance, clock: SteppedClock
) -> None:
    """What ran before ran by the old one."""
    clock.advance(days=1)
    region.set_policy(orders, start="03:00-04:00")
    clock.advance(days=1)

    assert [backup.began.hour for backup in listed(region, orders)] == [19, 3]


async def test_an_instance_without_automated_backups_shows_its_policy_and_makes_none(
    region: Region, rds: RdsClient, clock: SteppedClock
) -> None:
    """They run only where they were switched on."""
    quiet = region.add_instance("quiet")
    region.add_backup(quiet, "nightly", began=clock.now() - timedelta(days=20))
    region.set_policy(quiet, keep_days=3)
    clock.advance(days=3)

    assert [backup.name for backup in listed(region, quiet)] == ["nightly"]
    assert await rds.restore_windows(quiet.id) == []
    assert (await rds.automated_policy(quiet.id)).keep_days == 3


async def test_restore_time_is_from_the_oldest_backup_to_the_last_five_minutes(
    region: Region, orders: RdsInstance, rds: RdsClient, clock: SteppedClock
) -> None:
    """Before the first backup has ended, there is none."""
    assert await rds.restore_windows(orders.id) == []
    clock.advance(days=30, minutes=14, seconds=59)

    oldest = listed(region, orders)[0]
    assert await rds.restore_windows(orders.id) == [
        RestoreWindow(oldest.ended, datetime(2024, 3, 31, 12, 10, tzinfo=UTC))
    ]
    clock.advance(seconds=1)
    assert (await rds.restore_windows(orders.id))[0].end.minute == 15


async def test_a_failed_backup_begins_no_window(
    region: Region, orders: RdsInstance, rds: RdsClient, clock: SteppedClock
) -> None:
    """Nothing can be restored from it."""
    region.fail_automated(orders)
    clock.advance(days=1)

    (window,) = await rds.restore_windows(orders.id)

    assert window.start == listed(region, orders)[1].ended


async def test_restore_time_stands_still_while_logs_do(
    region: Region, orders: RdsInstance, rds: RdsClient, clock: SteppedClock
) -> None:
    """Once they flow again, the next backup begins a second window."""
    clock.advance(days=1, minutes=3)
    region.stop_logs(orders)
    clock.advance(hours=2)
    (stopped,) = await rds.restore_windows(orders.id)
    region.resume_logs(orders)
    clock.advance(days=1)

    assert stopped.end == datetime(2024, 3, 2, 12, 0, tzinfo=UTC)
    night = listed(region, orders)[1]
    assert await rds.restore_windows(orders.id) == [
        stopped,
        RestoreWindow(night.ended, datetime(2024, 3, 3, 14, 0, tzinfo=UTC)),
    ]


async def test_without_log_backups_there_is_no_time_to_restore_to(
    region: Region, rds: RdsClient, clock: SteppedClock
) -> None:
    """Whatever the policy, until they are switched on."""
    quiet = region.add_instance("quiet")
    region.add_backup(quiet, "nightly", began=clock.now() - timedelta(days=1))
    region.automate(quiet, log_backups=False)
    clock.advance(days=2)
    region.set_policy(quiet, keep_days=0)
    region.set_policy(quiet, keep_days=7)
    clock.advance(days=1)
    assert await rds.restore_windows(quiet.id) == []

    region.automate(quiet)
    clock.advance(days=1)

    (window,) = await rds.restore_windows(quiet.id)
    assert window.start == listed(region, quiet)[-1].ended


async def test_a_removed_instance_keeps_its_manual_backups_listed(
    region: Region, orders: RdsInstance, caller: Caller, clock: SteppedClock
) -> None:
    """Its automated ones go with it, and nothing else knows of it."""
    clock.advance(days=2)
    region.create_backup(orders.id, "before-42", None)
    clock.advance(hours=1)
    region.remove_instance(orders)
    clock.advance(days=2)

    left = await caller.list_backups(orders.id)

    assert [backup["name"] for backup in left["backups"]] == ["before-42"]
    assert await caller.list_instances() == []
    for path in ("restore-time", "backups/policy"):
        gone = await caller.call("GET", f"instances/{orders.id}/{path}")
        assert refusal(gone) == (404, "DBS.200002")
    with pytest.raises(Refused):
        region.create_backup(orders.id, "before-43", None)
    region.delete_backup(left["backups"][0]["id"])


def test_an_instance_that_never_was_automated_is_removed_likewise(
    region: Region, clock: SteppedClock
) -> None:
    """Automated backups that were added to it go, and its manual ones stay."""
    plain = region.add_instance("plain")
    region.add_backup(plain, "nightly", began=clock.now() - timedelta(days=1))
    region.add_backup(plain, "mine", type="manual", began=clock.now() - timedelta(days=1))

    region.remove_instance(plain)

    assert [backup.name for backup in listed(region, plain)] == ["mine"]


async def test_the_policy_is_the_same_in_the_list_and_on_its_own(
    region: Region, orders: RdsInstance, rds: RdsClient
) -> None:
    """Both follow a change at once."""
    region.set_policy(orders, keep_days=14, start="02:15-03:15", days=(1, 5))

    (instance,) = await rds.list_instances()

    assert (instance.keep_days, instance.backup_window) == (14, "02:15-03:15")
    assert await rds.automated_policy(orders.id) == AutomatedPolicy(
        keep_days=14, start_time="02:15-03:15", days=(1, 5)
    )


@pytest.mark.parametrize("path", ["restore-time", "backups/policy"])
async def test_an_unknown_instance_is_refused(
    region: Region, caller: Caller, clock: SteppedClock, path: str
) -> None:
    """As elsewhere; and the gateway counts the call."""
    unknown = await caller.call("GET", f"instances/{'0' * 32}in01/{path}")
    malformed = await caller.call("GET", f"instances/orders/{path}")
    region.gateway.calls_per_minute = 2
    throttled = await caller.call("GET", f"instances/{'0' * 32}in01/{path}")
    clock.advance(minutes=1)
    elsewhere = await caller.call("GET", f"instances/{'0' * 32}in01/{path}/more")

    assert refusal(unknown) == (404, "DBS.200002")
    assert refusal(malformed) == (400, "DBS.280404")
    assert refusal(throttled) == (429, "APIGW.0308")
    assert refusal(elsewhere) == (404, "APIGW.0101")
