"""The client against a region that checks every signature and rule, over HTTP on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from prometheus_client import REGISTRY

from bot.demo.rds import faults as rds_faults
from bot.demo.rds.api import RdsServer
from bot.demo.rds.region import Region
from bot.demo.rds.wire import Operation
from bot.domain.errors import RdsOutcomeUnknown, RdsRefused, RdsUnreachable, RefusalReason
from bot.rds.client import RdsClient, call_budget, open_client
from bot.rds.signing import AkSkAuth
from tests.stepped_clock import SteppedClock


class PatientClock(SteppedClock):
    """Time passes at once for whoever sleeps: a retry needs no waiting."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> SteppedClock:
    return PatientClock()


@pytest.fixture
def region(clock: SteppedClock) -> Region:
    """A region with one instance."""
    region = Region(clock)
    region.add_instance("orders-prod")
    return region


@asynccontextmanager
async def calling(region: Region, *, secret_key: str | None = None) -> AsyncIterator[RdsClient]:
    """A client with the region's keys, or a wrong one."""
    keys = region.gateway
    auth = AkSkAuth(keys.access_key, secret_key or keys.secret_key, now=region.clock.now)
    async with RdsServer(region) as server, open_client(server.endpoint, auth) as http:
        yield RdsClient(http, keys.project_id, call_budget(60, region.clock), region.clock)


@pytest.fixture
async def rds(region: Region) -> AsyncIterator[RdsClient]:
    async with calling(region) as client:
        yield client


async def test_a_backup_is_created_and_followed_to_its_end(
    region: Region, rds: RdsClient, clock: SteppedClock
) -> None:
    """Create answers without size and end; once it is completed the list has both."""
    (orders,) = region.instances
    accepted = await rds.create_backup(orders.id, "before-42", "before the 4.2 migration")
    created = accepted.backup
    running = await rds.find_backup(orders.id, created.id)
    clock.advance(minutes=8)
    done = await rds.find_backup(orders.id, created.id)

    assert accepted.request_id
    assert (created.status, created.size_kb, created.end_time) == ("BUILDING", None, None)
    assert running is not None
    assert (running.status, running.size_kb, running.duration) == ("BUILDING", None, None)
    assert done is not None
    assert (done.status, done.size_kb, done.duration) == (
        "COMPLETED",
        40_000_000,
        timedelta(minutes=7),
    )
    assert all(call.signed_ok for call in region.calls)


async def test_an_empty_description_is_not_sent(region: Region, rds: RdsClient) -> None:
    """RDS gets the parameter only where there is something to say."""
    await rds.create_backup(region.instances[0].id, "before-42")

    assert region.calls[-1].body is not None
    assert "description" not in region.calls[-1].body


async def test_long_lists_are_read_to_their_end(region: Region, rds: RdsClient) -> None:
    """250 instances are three pages."""
    for number in range(249):
        region.add_instance(f"shard-{number}")

    assert len({i.id for i in await rds.list_instances()}) == 250
    assert len(region.calls) == 3


async def test_backups_are_listed_to_their_end(
    region: Region, rds: RdsClient, clock: SteppedClock
) -> None:
    """The name we look for may stand on the second page."""
    orders = region.instances[0]
    for number in range(101):
        began = clock.now() - timedelta(days=1 + number)
        region.add_backup(orders, f"nightly-{number}", type="manual", began=began)

    assert len({b.name for b in await rds.list_backups(orders.id)}) == 101
    assert len(region.calls) == 2


async def test_backups_of_one_type_cost_the_calls_of_that_type(
    region: Region, rds: RdsClient, clock: SteppedClock
) -> None:
    """Thousands of old binlog backups stay out of it."""
    orders = region.instances[0]
    for number in range(300):
        began = clock.now() - timedelta(days=1, minutes=number)
        region.add_backup(orders, f"binlog-{number}", type="incremental", began=began)
    region.add_backup(orders, "before-41", type="manual", began=clock.now() - timedelta(days=2))

    assert [b.name for b in await rds.list_backups(orders.id, backup_type="manual")] == [
        "before-41"
    ]
    assert len(region.calls) == 1


async def test_a_list_without_a_count_ends_with_a_short_page(clock: SteppedClock) -> None:
    """A missing total_count must not hide a backup: it would be made a second time."""
    item = {"instance_id": "i", "name": "n", "status": "COMPLETED"}

    def answer(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params["offset"])
        return httpx.Response(
            200, json={"backups": [item | {"id": str(n)} for n in range(start, 150)][:100]}
        )

    async with httpx.AsyncClient(
        base_url="http://rds", transport=httpx.MockTransport(answer)
    ) as http:
        client = RdsClient(http, "p", call_budget(60, clock), clock)
        assert len(await client.list_backups("i")) == 150


async def test_a_replica_names_its_primary(region: Region, rds: RdsClient) -> None:
    """Read replicas are listed, and say whose they are."""
    primary = region.instances[0]
    region.add_instance("orders-replica", replica_of=primary)
    replica = next(i for i in await rds.list_instances() if i.is_replica)

    assert replica.primary_id == primary.id


@pytest.mark.parametrize(
    "fault",
    [
        rds_faults.DROPPED,
        rds_faults.ERROR,
        rds_faults.UNAVAILABLE,
        rds_faults.GARBAGE,
        rds_faults.UNROUTED,
        rds_faults.PORTAL,
        rds_faults.QUERY_FAILED,
    ],
    ids=["dropped", "500", "503", "garbage", "404", "portal", "query failed"],
)
async def test_a_look_is_tried_again(
    region: Region, rds: RdsClient, fault: rds_faults.Fault
) -> None:
    """What changes nothing may be asked three times."""
    region.faults.next(Operation.LIST_INSTANCES, fault, fault)

    assert len(await rds.list_instances()) == 1
    assert len(region.calls) == 3


async def test_a_look_gives_up_in_the_end(region: Region, rds: RdsClient) -> None:
    """After three tries the caller hears that RDS cannot be reached."""
    region.faults.always(rds_faults.UNAVAILABLE)

    with pytest.raises(RdsUnreachable):
        await rds.list_instances()
    assert len(region.calls) == 3


@pytest.mark.parametrize(
    "fault",
    [
        rds_faults.LOST_ANSWER,
        rds_faults.ERROR_AFTERWARDS,
        rds_faults.GARBAGE,
        rds_faults.DROPPED,
        rds_faults.ERROR,
        rds_faults.UNAVAILABLE,
        rds_faults.UNROUTED,
        rds_faults.PORTAL,
        rds_faults.QUERY_FAILED,
    ],
)
async def test_a_create_that_may_have_arrived_is_sent_once(
    region: Region, rds: RdsClient, fault: rds_faults.Fault
) -> None:
    """The client never repeats it; it says that nobody knows."""
    region.faults.next_create(fault)

    with pytest.raises(RdsOutcomeUnknown):
        await rds.create_backup(region.instances[0].id, "before-42")
    assert len(region.calls) == 1


async def test_a_throttled_call_makes_the_budget_cool_down(
    region: Region, rds: RdsClient, clock: SteppedClock
) -> None:
    """After a 429 no call leaves until the time that RDS named is over."""
    region.faults.next(Operation.LIST_INSTANCES, rds_faults.throttled(30))
    with pytest.raises(RdsUnreachable) as raised:
        await rds.list_instances()
    before = clock.monotonic()
    await rds.list_instances()

    assert raised.value.retry_after == 30
    assert clock.monotonic() - before >= 30


async def test_each_error_is_counted_by_its_code(region: Region, rds: RdsClient) -> None:
    """Its HTTP status, if it has none."""

    def counted(code: str) -> float:
        labels = {"code": code, "project": ""}
        return REGISTRY.get_sample_value("backup_bot_rds_errors_total", labels) or 0

    before = counted("HTTP 503"), counted("DBS.200203")
    region.faults.next(Operation.LIST_INSTANCES, rds_faults.UNAVAILABLE, rds_faults.QUERY_FAILED)
    await rds.list_instances()

    assert (counted("HTTP 503"), counted("DBS.200203")) == (before[0] + 1, before[1] + 1)


async def test_wrong_keys_are_tried_once_and_echoed_nowhere(region: Region) -> None:
    """Five wrong signatures lock the key; and the gateway's text holds the signature."""
    async with calling(region, secret_key="wrong") as client:
        with pytest.raises(RdsRefused) as raised:
            await client.list_instances()

    assert raised.value.reason is RefusalReason.CREDENTIALS
    assert len(region.calls) == 1
    assert "SDK-HMAC" not in repr(vars(raised.value))


async def test_a_deleted_backup_is_gone(
    region: Region, rds: RdsClient, clock: SteppedClock
) -> None:
    """Delete takes manual backups only, and a look finds nothing afterwards."""
    (orders,) = region.instances
    backup = region.add_backup(orders, "manual-1", type="manual", began=clock.now() - timedelta(1))
    await rds.delete_backup(backup.id)
    clock.advance(minutes=1)

    assert await rds.find_backup(orders.id, backup.id) is None


async def test_sixty_calls_a_minute_are_never_exceeded(
    region: Region, rds: RdsClient, clock: SteppedClock
) -> None:
    """A region that counts strictly never throttles us, however quickly we ask."""
    for _ in range(130):
        await rds.list_instances()

    assert {call.status for call in region.calls} == {200}
    assert clock.monotonic() >= 120
