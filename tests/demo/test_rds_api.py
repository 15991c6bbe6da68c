"""The simulated RDS over HTTP: shapes, parameters, and what its gateway lets through."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from bot.demo.rds.api import RdsServer
from bot.demo.rds.region import Region
from tests.demo.rds_caller import Caller, SteppedClock, refusal


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


async def test_a_backup_is_created_and_listed_in_rds_shapes(
    region: Region, caller: Caller, clock: SteppedClock
) -> None:
    """Create tells neither size nor end; the list has them once the backup is COMPLETED."""
    orders = region.add_instance("orders", size_kb=4_000)

    created = await caller.create(orders.id, "first", description="manual backup")

    backup_id = region.backups[0].id
    assert created.status_code == 200
    assert created.json() == {
        "backup": {
            "id": backup_id,
            "instance_id": orders.id,
            "name": "first",
            "description": "manual backup",
            "begin_time": "2024-03-01T12:00:00Z",
            "status": "BUILDING",
            "type": "manual",
        }
    }
    [building] = (await caller.list_backups(orders.id))["backups"]
    assert (building["status"], building["size"], building["end_time"]) == ("BUILDING", 0, None)

    clock.advance(minutes=7)

    listed = await caller.list_backups(orders.id, f"&backup_id={backup_id}")
    assert listed["total_count"] == 1
    assert listed["backups"][0] == building | {
        "status": "COMPLETED",
        "size": 4_000,
        "end_time": "2024-03-01T20:07:00+0800",
    }


async def test_backups_are_listed_newest_first_by_type_time_and_page(
    region: Region, caller: Caller, clock: SteppedClock
) -> None:
    """Every parameter narrows the list; `total_count` is that of all pages."""
    orders = region.add_instance("orders")
    for days in (3, 2, 1):
        region.add_backup(orders, f"nightly-{days}", began=clock.now() - timedelta(days=days))
    await caller.create(orders.id, "mine")

    page = await caller.list_backups(orders.id, "&offset=1&limit=2")
    manual = await caller.list_backups(orders.id, "&backup_type=manual")
    span = "&begin_time=2024-02-27T12:00:00%2B0000&end_time=2024-02-28T11:59:59%2B0000"
    early = await caller.list_backups(orders.id, span)

    assert [backup["name"] for backup in page["backups"]] == ["nightly-1", "nightly-2"]
    assert page["total_count"] == 4
    assert [backup["name"] for backup in manual["backups"]] == ["mine"]
    assert [backup["name"] for backup in early["backups"]] == ["nightly-3"]


async def test_instances_are_found_by_name_type_and_id(region: Region, caller: Caller) -> None:
    """A leading `*` matches anywhere in the name; without it the whole name must match."""
    orders = region.add_instance("orders-prod")
    region.add_instance("orders-read", replica_of=orders)
    ledger = region.add_instance("ledger", engine="PostgreSQL", status="FROZEN")

    assert await caller.list_instances() == ["orders-prod", "orders-read", "ledger"]
    assert await caller.list_instances("?name=%2Aorders") == ["orders-prod", "orders-read"]
    assert await caller.list_instances("?name=orders") == []
    assert await caller.list_instances("?type=Replica") == ["orders-read"]
    assert await caller.list_instances("?datastore_type=PostgreSQL") == ["ledger"]
    assert await caller.list_instances(f"?id={ledger.id}") == ["ledger"]
    assert await caller.list_instances("?offset=1&limit=1") == ["orders-read"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("backups", (400, "DBS.200001")),
        ("backups?instance_id=orders", (400, "DBS.280404")),
        (f"backups?instance_id={'0' * 32}in01", (404, "DBS.200002")),
        ("instances?limit=101", (400, "DBS.200001")),
        ("instances?name=%2A", (400, "DBS.200001")),
        ("instances?datastore_type=mysql", (400, "DBS.200001")),
        ("clusters", (404, "APIGW.0101")),
    ],
)
async def test_a_wrong_look_is_refused(
    caller: Caller, path: str, expected: tuple[int, str]
) -> None:
    """Missing, malformed and unknown parameters are refused with RDS's codes."""
    assert refusal(await caller.call("GET", path)) == expected


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"name": "first"}', b"\xff"])
async def test_a_malformed_body_is_refused(caller: Caller, body: bytes) -> None:
    """A create must be a JSON object with an instance and a name."""
    assert refusal(await caller.post(body)) == (400, "DBS.200001")


async def test_times_come_together_and_with_an_escaped_plus(
    region: Region, caller: Caller
) -> None:
    """A lone begin_time is refused, and so is a `+` that arrives as a blank."""
    orders = region.add_instance("orders")
    path = f"backups?instance_id={orders.id}&begin_time=2024-02-27T00:00:00%2B0000"

    alone = await caller.call("GET", path)
    unescaped = await caller.call("GET", f"{path}&end_time=2024-02-28T00:00:00+0000")

    assert refusal(alone) == refusal(unescaped) == (400, "DBS.200001")


async def test_a_backup_is_deleted_with_an_empty_answer(
    region: Region, caller: Caller, clock: SteppedClock
) -> None:
    """Delete answers 200 without a body, and 404 once it is gone."""
    orders = region.add_instance("orders")
    await caller.create(orders.id, "first")
    path = f"backups/{region.backups[0].id}"
    clock.advance(minutes=7)

    deleted = await caller.call("DELETE", path)
    clock.advance(seconds=5)

    assert (deleted.status_code, deleted.text) == (200, "")
    assert refusal(await caller.call("DELETE", path)) == (404, "DBS.201010")


async def test_a_wrong_signature_is_refused_and_echoed(region: Region, caller: Caller) -> None:
    """The gateway's text repeats the Authorization header, as the real one's may."""
    caller.secret_key = "wrong"

    answer = await caller.call("GET", "instances")

    assert refusal(answer) == (401, "APIGW.0301")
    assert answer.request.headers["Authorization"] in answer.json()["error_msg"]
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]
    assert region.calls[0].signed_ok is False


async def test_a_sixth_bad_signature_locks_the_key(
    region: Region, caller: Caller, clock: SteppedClock
) -> None:
    """More than five in a row lock it for five minutes, even for good signatures."""
    caller.secret_key = "wrong"
    for _ in range(6):
        await caller.call("GET", "instances")
    caller.secret_key = region.gateway.secret_key

    assert refusal(await caller.call("GET", "instances")) == (401, "APIGW.0301")
    clock.advance(minutes=5)
    assert await caller.list_instances() == []


@pytest.mark.parametrize("minutes", [-16, 16])
async def test_a_wrong_clock_is_refused(caller: Caller, minutes: int) -> None:
    """A signature more than 15 minutes off is refused, however well it is made."""
    caller.skew = timedelta(minutes=minutes)

    assert refusal(await caller.call("GET", "instances")) == (401, "APIGW.0301")


async def test_temporary_keys_want_their_token(region: Region, caller: Caller) -> None:
    """With a security token set, a call without it is refused and one with it is not."""
    region.gateway.security_token = "token"
    assert refusal(await caller.call("GET", "instances")) == (401, "APIGW.0301")

    caller.headers["x-security-token"] = "token"

    assert await caller.list_instances() == []


async def test_another_project_is_forbidden(caller: Caller) -> None:
    """The keys open one project only."""
    answer = await caller.call("GET", "instances", project_id="1" * 32)

    assert refusal(answer) == (403, "APIGW.0302")


async def test_too_many_calls_are_throttled(
    region: Region, caller: Caller, clock: SteppedClock
) -> None:
    """The limit holds for any 60 seconds; Retry-After is sent if the gateway is told to."""
    region.gateway.calls_per_minute = 2
    region.gateway.sends_retry_after = True
    await caller.list_instances()
    clock.advance(seconds=30)
    await caller.list_instances()

    throttled = await caller.call("GET", "instances")

    assert refusal(throttled) == (429, "APIGW.0308")
    assert 0 < int(throttled.headers["Retry-After"]) <= 31
    clock.advance(seconds=30)
    assert await caller.list_instances() == []


async def test_calls_are_on_record(region: Region, caller: Caller) -> None:
    """Each call is kept with what was asked and what came of it."""
    orders = region.add_instance("orders", status="FROZEN")

    await caller.create(orders.id, "first")

    [call] = region.calls
    assert (call.method, call.status, call.code) == ("POST", 400, "DBS.280449")
    assert call.body == {"instance_id": orders.id, "name": "first"}
    assert call.signed_ok is True
    assert call.milliseconds > 0
