"""Cloud Eye names the instances whose backups failed, once each, and costs no call to RDS."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from bot.demo.rds import faults as rds_faults
from bot.demo.rds.api import RdsServer
from bot.demo.rds.faults import Fault, How, When
from bot.demo.rds.records import Ending, RdsInstance
from bot.demo.rds.region import Region
from bot.demo.rds.wire import Answer, Operation
from bot.domain.attempts import MENDING_GAP
from bot.domain.errors import RdsError, RdsRefused, RdsUnreachable, RefusalReason
from bot.rds import cloud_eye
from bot.rds.client import open_client
from bot.rds.cloud_eye import FAILED, GAP, LONGEST_GAP, CloudEye, CloudEyeClient
from bot.rds.signing import AkSkAuth
from tests.stepped_clock import SteppedClock

LIST, SHOW = Operation.LIST_EVENTS, Operation.SHOW_EVENT
WRONG_KEYS = rds_faults.refused(401, "APIGW.0301")


class SleepersClock(SteppedClock):
    """Shows whether the loop sleeps, which means that it has done its work."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asleep.set()
        try:
            await super().sleep(seconds)
        finally:
            self.asleep.clear()


@pytest.fixture
def clock() -> SleepersClock:
    return SleepersClock()


@pytest.fixture
def region(clock: SleepersClock) -> Region:
    """A region with one instance."""
    region = Region(clock)
    region.add_instance("orders-prod")
    return region


@pytest.fixture
def orders(region: Region) -> RdsInstance:
    return region.instances[0]


Now = Callable[[], datetime]


class Eye:
    """A CloudEye, and which instances it woke."""

    def __init__(self, http: httpx.AsyncClient, region: Region, now: Now | None = None) -> None:
        self.woken: list[str] = []
        self.region = region
        client = CloudEyeClient(http, region.gateway.project_id)
        self.looks = CloudEye(client, self.woken.append, region.clock, now)

    async def runs(self, clock: SleepersClock, seconds: int) -> None:
        """Let it run, ten seconds at a time; it looks at once when it starts."""
        running = asyncio.create_task(self.looks.run())
        for _ in range(seconds // 10):
            await clock.asleep.wait()
            clock.advance(seconds=10)
            await asyncio.sleep(0)
        await clock.asleep.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def looking(
    region: Region, *, secret_key: str | None = None, now: Now | None = None
) -> AsyncIterator[Eye]:
    """An eye with the region's keys, or a wrong one."""
    keys = region.gateway
    auth = AkSkAuth(keys.access_key, secret_key or keys.secret_key, now=region.clock.now)
    async with RdsServer(region) as server, open_client(server.endpoint, auth) as http:
        yield Eye(http, region, now)


@pytest.fixture
async def eye(region: Region) -> AsyncIterator[Eye]:
    async with looking(region) as eye:
        yield eye


def fails(
    region: Region, instance: RdsInstance, *, ago: timedelta = timedelta(0), kind: str = "manual"
) -> None:
    """A backup of the instance that failed."""
    began = region.clock.now() - ago - timedelta(minutes=1)
    region.add_backup(
        instance,
        f"backup-{len(region.history)}",
        type=kind,
        began=began,
        takes=timedelta(minutes=1),
        ending=Ending.FAILED,
    )


def asked(region: Region) -> list[str]:
    return [call.operation for call in region.calls]


@pytest.mark.parametrize("kind", ["manual", "auto"])
async def test_an_instance_is_named_when_its_backup_has_failed(
    region: Region, orders: RdsInstance, eye: Eye, kind: str
) -> None:
    """Manual and automated ones; the details are asked for only when there are any."""
    before = await eye.looks.new_failures()
    fails(region, orders, kind=kind)
    found = await eye.looks.new_failures()

    assert (before, found) == ([], [orders.id])
    assert asked(region) == [LIST, LIST, SHOW]
    assert all(call.signed_ok for call in region.calls)


async def test_the_query_is_that_of_the_api_reference(
    region: Region, orders: RdsInstance, eye: Eye
) -> None:
    """Times are in milliseconds, and the first page begins at 0."""
    fails(region, orders)
    await eye.looks.new_failures()
    listed, shown = region.calls
    until = round(region.clock.now().timestamp() * 1000)
    common = {
        "event_type": "EVENT.SYS",
        "from": str(until - 25 * 60 * 1000),
        "to": str(until),
        "start": "0",
        "limit": "100",
    }

    assert listed.path == f"/V1.0/{region.gateway.project_id}/events"
    assert listed.query == common | {"event_name": FAILED}
    assert shown.path == f"/V1.0/{region.gateway.project_id}/event/{FAILED}"
    assert shown.query == common


@pytest.mark.parametrize(
    ("ending", "kind"),
    [(Ending.COMPLETED, "manual"), (Ending.VANISHED, "manual"), (Ending.FAILED, "incremental")],
)
async def test_other_endings_are_no_events(
    region: Region, orders: RdsInstance, eye: Eye, ending: Ending, kind: str
) -> None:
    """Cloud Eye records failed full backups and nothing else."""
    began = region.clock.now() - timedelta(minutes=8)
    region.add_backup(orders, "before-42", type=kind, began=began, ending=ending)

    assert await eye.looks.new_failures() == []
    assert asked(region) == [LIST]


async def test_an_event_is_told_once(
    region: Region, orders: RdsInstance, eye: Eye, clock: SleepersClock
) -> None:
    """Looks overlap, but an event that is known costs no second call and wakes nobody."""
    fails(region, orders)
    await eye.runs(clock, 40 * 60)

    assert eye.woken == [orders.id]
    assert asked(region).count(SHOW) == 1
    assert asked(region).count(LIST) == 41


async def test_two_failures_of_an_instance_wake_it_once(
    region: Region, orders: RdsInstance, eye: Eye
) -> None:
    """One look at the instance is enough for both."""
    billing = region.add_instance("billing-prod")
    for instance in (orders, billing, orders):
        fails(region, instance)

    assert sorted(await eye.looks.new_failures()) == sorted([orders.id, billing.id])


@pytest.mark.parametrize("minutes", [1, 5, 10])
async def test_an_event_that_arrives_late_is_told(
    region: Region, orders: RdsInstance, eye: Eye, clock: SleepersClock, minutes: int
) -> None:
    """Up to ten minutes after the backup failed."""
    region.event_delay = timedelta(minutes=minutes)
    await eye.looks.new_failures()
    fails(region, orders)
    await eye.runs(clock, minutes * 60 - 10)
    before = list(eye.woken)
    await eye.runs(clock, 60)

    assert before == []
    assert eye.woken == [orders.id]


async def test_a_late_event_isnt_hidden_by_one_that_leaves(
    region: Region, orders: RdsInstance, eye: Eye, clock: SleepersClock
) -> None:
    """The count and the latest time stay the same; the late event is told all the same."""
    billing = region.add_instance("billing-prod")
    fails(region, orders, ago=timedelta(minutes=24, seconds=30))
    fails(region, billing, ago=timedelta(minutes=2))
    await eye.looks.new_failures()
    late = region.add_instance("late-prod")
    fails(region, late, ago=timedelta(minutes=9))
    clock.advance(seconds=60)

    assert await eye.looks.new_failures() == [late.id]


async def test_what_failed_during_an_outage_of_cloud_eye_is_told(
    region: Region, orders: RdsInstance, eye: Eye, clock: SleepersClock
) -> None:
    """The first look that succeeds goes back to the last one that did."""
    await eye.looks.new_failures()
    region.faults.always(rds_faults.UNAVAILABLE, LIST)
    fails(region, orders)
    for _ in range(3):
        clock.advance(hours=1)
        with pytest.raises(RdsUnreachable):
            await eye.looks.new_failures()
    region.faults.clear()

    assert await eye.looks.new_failures() == [orders.id]


async def test_details_that_fail_are_asked_for_again(
    region: Region, orders: RdsInstance, eye: Eye
) -> None:
    """The event counts as known only when its details were read."""
    region.faults.next(SHOW, rds_faults.UNAVAILABLE)
    fails(region, orders)
    with pytest.raises(RdsUnreachable):
        await eye.looks.new_failures()

    assert await eye.looks.new_failures() == [orders.id]


@pytest.mark.parametrize("off", [timedelta(minutes=14), timedelta(minutes=-14)])
async def test_a_clock_that_is_wrong_misses_nothing(
    region: Region, orders: RdsInstance, clock: SleepersClock, off: timedelta
) -> None:
    """As far as a gateway accepts its signatures; a slow one is told as late as it is slow."""
    async with looking(region, now=lambda: clock.now() + off) as eye:
        await eye.looks.new_failures()
        fails(region, orders)
        await eye.runs(clock, 15 * 60)

    assert eye.woken == [orders.id]


async def test_a_clock_that_jumps_misses_nothing(
    region: Region, orders: RdsInstance, clock: SleepersClock
) -> None:
    """Hours ahead or back, where a look sees nothing: what happened meanwhile is still told."""
    off = timedelta(0)
    async with looking(region, now=lambda: clock.now() + off) as eye:
        await eye.looks.new_failures()
        off = timedelta(hours=-3)
        assert await eye.looks.new_failures() == []
        fails(region, orders)
        clock.advance(minutes=5)
        off = timedelta(hours=3)
        assert await eye.looks.new_failures() == []
        clock.advance(minutes=5)
        off = timedelta(0)

        assert await eye.looks.new_failures() == [orders.id]


async def test_the_memory_of_events_is_bounded(
    region: Region, orders: RdsInstance, eye: Eye, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest are kept."""
    monkeypatch.setattr(cloud_eye, "MOST_REMEMBERED", 5)
    for _ in range(20):
        fails(region, orders)
        await eye.looks.new_failures()

    assert len(eye.looks._known) == 5  # noqa: SLF001, nothing else shows it


async def test_cloud_eye_costs_no_call_to_rds(region: Region, eye: Eye) -> None:
    """A region whose budget is spent still answers for Cloud Eye."""
    region.gateway.calls_per_minute = 0

    assert await eye.looks.new_failures() == []


BODIES: list[Any] = [
    "",
    "[]",
    "null",
    "{",
    "{}",
    '{"events": null}',
    '{"events": {"event_name": "fullBackupFailed"}}',
    '{"error_code": "ces.0014", "error_msg": "no"}',
    '{"events": ' + "[" * 10_000,
    '{"events": "' + "x" * 3_000_000 + '"}',
    json.dumps({"events": [{}] * 6_000}),
]


def answered(body: str) -> Fault:
    return Fault(When.AFTER, How.ANSWER, Answer(200, body))


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:24])
async def test_a_garbled_answer_is_an_outage(region: Region, eye: Eye, body: str) -> None:
    """Whatever it is, it raises nothing else, and the next look works."""
    region.faults.next(LIST, answered(body))

    with pytest.raises(RdsUnreachable):
        await eye.looks.new_failures()
    assert await eye.looks.new_failures() == []


@pytest.mark.parametrize("key", ["event_name", "event_count", "latest_occur_time"])
@pytest.mark.parametrize("value", [None, [], {}, "x", -1, 1e400, True, "1" * 5000])
async def test_odd_fields_of_the_list_hide_nothing_else(
    region: Region, orders: RdsInstance, eye: Eye, key: str, value: Any
) -> None:
    """A field that can't be read is unknown; the details are asked for all the same."""
    fails(region, orders)
    event = {"event_name": FAILED, "event_count": 1, "latest_occur_time": 1} | {key: value}
    region.faults.next(LIST, answered(json.dumps({"events": [7, None, event]})))
    found = await eye.looks.new_failures()

    assert found == ([] if key == "event_name" else [orders.id])


ODD_EVENTS: list[Any] = [
    7,
    None,
    {},
    {"time": "soon", "event_id": "ev1", "detail": {"resource_id": "in01"}},
    {"time": 1, "event_id": "ev1", "detail": None},
    {"time": 1, "event_id": "ev1", "detail": {"resource_id": ["in01"]}},
    {"time": 1, "event_id": "ev1", "detail": {"resource_id": "in 01\n"}},
    {"time": 1, "event_id": {}, "detail": {"resource_id": "x" * 65}},
    {"time": 1e999, "event_id": "ev1", "detail": {"resource_id": "in01"}},
]


@pytest.mark.parametrize("odd", ODD_EVENTS, ids=str)
async def test_odd_details_hide_no_other_event(
    region: Region, orders: RdsInstance, eye: Eye, odd: Any
) -> None:
    """What can't be read wakes nobody."""
    fails(region, orders)
    good = {"time": "1764000000000", "detail": {"resource_id": orders.id}}  # and no event ID
    region.faults.next(SHOW, answered(json.dumps({"event_info": [odd, good]})))

    assert await eye.looks.new_failures() == [orders.id]


async def test_a_redirect_is_not_followed(region: Region, eye: Eye) -> None:
    """The signature is for one host."""
    elsewhere = Answer(302, headers={"Location": "/elsewhere"})
    region.faults.next(LIST, Fault(When.BEFORE, How.ANSWER, elsewhere))
    with pytest.raises(RdsUnreachable):
        await eye.looks.new_failures()

    assert len(region.calls) == 1


async def test_an_answer_that_never_comes_is_given_up(region: Region) -> None:
    """After the deadline of a whole call."""
    region.faults.next(LIST, rds_faults.NO_ANSWER)
    keys = region.gateway
    auth = AkSkAuth(keys.access_key, keys.secret_key, now=region.clock.now)
    async with RdsServer(region) as server, open_client(server.endpoint, auth) as http:
        client = CloudEyeClient(http, keys.project_id, deadline=0.2)
        with pytest.raises(RdsUnreachable):
            await CloudEye(client, print, region.clock).new_failures()


async def test_a_wrong_key_is_tried_once_in_ten_minutes(
    region: Region, clock: SleepersClock
) -> None:
    """More than five wrong signatures lock it; what is kept of the answer holds no signature."""
    async with looking(region, secret_key="wrong") as eye:
        with capture_logs() as logs:
            await eye.runs(clock, 35 * 60)
        with pytest.raises(RdsRefused) as raised:
            await eye.looks.new_failures()

    times = [call.at for call in region.calls[:-1]]
    assert {later - sooner for sooner, later in pairwise(times)} == {MENDING_GAP}
    assert [line["event"] for line in logs] == ["cloud_eye_unreachable"]
    assert eye.looks.trouble == "refused (APIGW.0301)"
    assert raised.value.reason is RefusalReason.CREDENTIALS
    assert "SDK-HMAC" not in repr(logs) + repr(vars(raised.value))


async def test_a_missing_permission_is_tried_again_every_ten_minutes(
    region: Region, orders: RdsInstance, eye: Eye, clock: SleepersClock
) -> None:
    """Someone may grant it meanwhile."""
    region.faults.always(rds_faults.refused(403, "ces.0015"), LIST)
    await eye.runs(clock, 25 * 60)
    refused, trouble = len(region.calls), eye.looks.trouble
    region.faults.clear()
    fails(region, orders)
    await eye.runs(clock, 10 * 60)

    assert (refused, trouble) == (3, "refused (HTTP 403)")
    assert eye.woken == [orders.id]


async def test_an_outage_is_logged_once_and_so_is_its_end(
    region: Region, orders: RdsInstance, eye: Eye, clock: SleepersClock
) -> None:
    """Delays double up to ten minutes; afterward it looks once a minute again."""
    region.faults.always(rds_faults.UNAVAILABLE, LIST)
    with capture_logs() as logs:
        await eye.runs(clock, 60 * 60)
        during = [call.at for call in region.calls]
        trouble = eye.looks.trouble
        region.faults.clear()
        fails(region, orders)
        await eye.runs(clock, 5 * 60)

    gaps = [(later - sooner).total_seconds() for sooner, later in pairwise(during)]
    assert [line["event"] for line in logs] == [
        "cloud_eye_unreachable",
        "cloud_eye_reachable_again",
    ]
    assert 0.75 * GAP <= gaps[0] <= 1.25 * GAP + 10
    assert gaps[0] < gaps[1] < gaps[2]
    assert 0.75 * LONGEST_GAP <= max(gaps) <= LONGEST_GAP
    assert (trouble, eye.looks.trouble) == ("not responding (HTTP 503)", None)
    assert eye.woken == [orders.id]
    last = [call.at for call in region.calls if call.operation == LIST][-2:]
    assert last[1] - last[0] == timedelta(seconds=GAP)


async def test_a_throttled_look_waits_as_long_as_it_is_told(
    region: Region, eye: Eye, clock: SleepersClock
) -> None:
    """The second call comes after Retry-After, not after a minute."""
    region.faults.next(LIST, rds_faults.throttled(300))
    await eye.runs(clock, 300)
    first, second = [call.at for call in region.calls]

    assert second - first == timedelta(seconds=300)


async def test_a_bug_in_the_callback_ends_nothing(
    region: Region, orders: RdsInstance, eye: Eye, clock: SleepersClock
) -> None:
    """It is logged with its traceback, and the next minute is looked at."""

    def wake(_: str) -> None:
        raise ZeroDivisionError

    eye.looks.listen(wake)
    fails(region, orders)
    with capture_logs() as logs:
        await eye.runs(clock, 5 * 60)

    assert [(line["event"], line.get("code")) for line in logs] == [
        ("cloud_eye_unreachable", "ZeroDivisionError"),
        ("cloud_eye_reachable_again", None),
    ]


async def test_every_error_is_one_of_rds(region: Region, eye: Eye) -> None:
    """A caller has one tree to catch."""
    for fault in (rds_faults.DROPPED, rds_faults.PORTAL, rds_faults.GARBAGE, WRONG_KEYS):
        region.faults.next(LIST, fault)
        with pytest.raises(RdsError):
            await eye.looks.new_failures()
