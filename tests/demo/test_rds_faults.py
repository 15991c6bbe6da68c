"""What a client meets when something goes wrong on the way to the simulated RDS and back."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from bot.demo.rds import faults
from bot.demo.rds.api import RdsServer
from bot.demo.rds.faults import Fault, When
from bot.demo.rds.records import RdsInstance
from bot.demo.rds.region import Region
from bot.demo.rds.wire import Operation
from tests.demo.rds_caller import Caller, SteppedClock, refusal


@pytest.fixture
def region() -> Region:
    return Region(SteppedClock())


@pytest.fixture
def orders(region: Region) -> RdsInstance:
    return region.add_instance("orders")


@pytest.fixture
async def caller(region: Region) -> AsyncIterator[Caller]:
    async with RdsServer(region) as server, httpx.AsyncClient(timeout=5) as http:
        yield Caller(region, server.endpoint, http)


@pytest.mark.parametrize(
    ("fault", "carried_out"), [(faults.LOST_ANSWER, True), (faults.DROPPED, False)]
)
async def test_a_connection_breaks(
    region: Region, orders: RdsInstance, caller: Caller, fault: Fault, *, carried_out: bool
) -> None:
    """The client sees the same, whether the backup was started or not; the next call works."""
    region.faults.next_create(fault)

    with pytest.raises(httpx.TransportError):
        await caller.create(orders.id, "first")

    assert bool(region.backups) is carried_out
    assert region.calls[0].status is None
    assert await caller.list_instances() == ["orders"]


@pytest.mark.parametrize(
    ("fault", "status", "carried_out"),
    [
        (faults.ERROR, 500, False),
        (faults.UNAVAILABLE, 503, False),
        (faults.ERROR_AFTERWARDS, 500, True),
        (faults.GARBAGE, 200, True),
    ],
)
async def test_an_answer_that_is_not_json(
    region: Region,
    orders: RdsInstance,
    caller: Caller,
    fault: Fault,
    status: int,
    *,
    carried_out: bool,
) -> None:
    """Something on the way answers in RDS's place, with a page or with half an answer."""
    region.faults.next_create(fault)

    answer = await caller.create(orders.id, "first")

    assert answer.status_code == status
    with pytest.raises(ValueError, match=r"Expecting value|Unterminated"):
        answer.json()
    assert bool(region.backups) is carried_out


async def test_no_answer_at_all(region: Region, orders: RdsInstance) -> None:
    """The create is carried out, the client waits, and closing the server does not."""
    region.faults.next_create(faults.NO_ANSWER)

    async with httpx.AsyncClient(timeout=5) as http:
        async with asyncio.timeout(2), RdsServer(region) as server:
            creating = asyncio.create_task(
                Caller(region, server.endpoint, http).create(orders.id, "first")
            )
            while not region.backups:
                await region.changed()
            assert not creating.done()

        with pytest.raises(httpx.TransportError):
            await creating


async def test_a_create_may_be_carried_out_after_its_client_left(
    region: Region, orders: RdsInstance
) -> None:
    """A client that gave up finds nothing, and then there is a backup."""
    region.faults.next_create(faults.slow(0.5, When.BEFORE))
    impatient = httpx.Timeout(5, read=0.02)
    async with RdsServer(region) as server, httpx.AsyncClient(timeout=impatient) as http:
        with pytest.raises(httpx.ReadTimeout):
            await Caller(region, server.endpoint, http).create(orders.id, "first")
        assert region.backups == []

        while not region.backups:
            await region.changed()


async def test_faults_come_in_order_and_then_all_is_well(
    region: Region, orders: RdsInstance, caller: Caller
) -> None:
    """Each call of the operation takes one; the other operations are not touched."""
    region.faults.next_create(faults.throttled(7), faults.refused(409, "DBS.200011"))

    throttled = await caller.create(orders.id, "first")
    busy = await caller.create(orders.id, "first")
    created = await caller.create(orders.id, "first")

    assert (refusal(throttled), throttled.headers["Retry-After"]) == ((429, "APIGW.0308"), "7")
    assert refusal(busy) == (409, "DBS.200011")
    assert created.status_code == 200
    assert [call.code for call in region.calls] == ["APIGW.0308", "DBS.200011", ""]


async def test_an_outage_lasts_until_it_is_cleared(region: Region, caller: Caller) -> None:
    """A fault that always holds meets every operation, or those that are named."""
    region.faults.always(faults.UNAVAILABLE)
    assert (await caller.call("GET", "instances")).status_code == 503
    region.faults.clear()
    region.faults.always(faults.UNAVAILABLE, Operation.LIST_BACKUPS)

    assert await caller.list_instances() == []
