"""The simulated Cloud Eye over HTTP: events of failed backups, for whoever signs."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx
import pytest

from bot.demo.rds.api import RdsServer
from bot.demo.rds.records import Ending, RdsBackup
from bot.demo.rds.region import Region
from tests.demo.rds_caller import Caller, SteppedClock, refusal

FAILED = "fullBackupFailed"


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def region(clock: SteppedClock) -> Region:
    return Region(clock)


@pytest.fixture
async def caller(region: Region) -> AsyncIterator[Caller]:
    async with RdsServer(region) as server, httpx.AsyncClient() as http:
        yield Caller(region, server.endpoint, http)


@pytest.fixture
def failed(region: Region) -> RdsBackup:
    """A backup that fails in seven minutes."""
    orders = region.add_instance("orders")
    return region.add_backup(orders, "nightly", ending=Ending.FAILED)


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def within(since: datetime, until: datetime) -> str:
    return f"event_type=EVENT.SYS&from={milliseconds(since)}&to={milliseconds(until)}"


async def test_a_failed_backup_is_an_event_at_its_end(
    caller: Caller, clock: SteppedClock, failed: RdsBackup
) -> None:
    """The list counts it, and the details name the instance."""
    hour = within(clock.now() - timedelta(minutes=30), clock.now() + timedelta(minutes=30))
    before = await caller.events(f"events?event_name={FAILED}&{hour}")
    clock.advance(minutes=7)
    after = await caller.events(f"events?event_name={FAILED}&{hour}")
    shown = await caller.events(f"event/{FAILED}?{hour}")

    assert before.json() == {"events": [], "meta_data": {"total": 0}}
    (event,) = after.json()["events"]
    assert (event["event_count"], event["latest_occur_time"]) == (1, milliseconds(failed.ended))
    (info,) = shown.json()["event_info"]
    assert info["time"] == milliseconds(failed.ended)
    assert info["detail"]["resource_id"] == failed.instance.id


async def test_times_filter_events(caller: Caller, clock: SteppedClock, failed: RdsBackup) -> None:
    """Both ends of the time count."""
    clock.advance(hours=1)
    end = failed.ended
    counts = [
        len((await caller.events(f"event/{FAILED}?{within(*span)}")).json()["event_info"])
        for span in (
            (end - timedelta(hours=1), end),
            (end, end + timedelta(hours=1)),
            (end + timedelta(seconds=1), end + timedelta(hours=1)),
            (end - timedelta(hours=1), end - timedelta(seconds=1)),
        )
    ]

    assert counts == [1, 1, 0, 0]


async def test_pages_begin_at_zero(caller: Caller, clock: SteppedClock, failed: RdsBackup) -> None:
    """A start of 1 is behind the only kind of event."""
    clock.advance(hours=1)
    span = within(failed.began, clock.now())
    pages = [(await caller.events(f"events?{span}&start={n}&limit=100")).json() for n in (0, 1)]

    assert [len(page["events"]) for page in pages] == [1, 0]


@pytest.mark.parametrize(
    "query",
    [
        "event_type=EVENT.SYS&from=1&to=1",
        "event_type=EVENT.SYS&from=2",
        "event_type=EVENT.SYS&from=x&to=2",
        "event_type=EVENT&from=1&to=2",
        "event_type=EVENT.SYS&from=1&to=2&start=-1",
        "event_type=EVENT.SYS&from=1&to=2&limit=101",
    ],
)
async def test_a_wrong_parameter_is_refused(caller: Caller, query: str) -> None:
    """As Cloud Eye refuses it."""
    assert refusal(await caller.events(f"events?{query}")) == (400, "ces.0014")


async def test_cloud_eye_wants_the_same_keys_and_has_its_own_limit(
    region: Region, caller: Caller, clock: SteppedClock
) -> None:
    """Its calls don't count against those of RDS."""
    region.gateway.calls_per_minute = 0
    span = within(clock.now(), clock.now() + timedelta(hours=1))
    good = await caller.events(f"events?{span}")
    elsewhere = await caller.events(f"events?{span}", project_id="another")
    unknown = await caller.events(f"alarms?{span}")
    caller.secret_key = "wrong"
    unsigned = await caller.events(f"events?{span}")

    assert good.status_code == 200
    assert [refusal(answer)[0] for answer in (elsewhere, unknown, unsigned)] == [403, 404, 401]
