"""How far RDS's clock is from ours, read from the `Date` of its answers."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.demo.rds.api import RdsServer
from bot.demo.rds.region import Region
from bot.rds.client import RdsClient, call_budget, open_client
from bot.rds.signing import AkSkAuth
from bot.runtime.clock import Clock
from tests.stepped_clock import SteppedClock


async def skew_after(date: str | None, clock: Clock, *, takes: float = 0.0) -> timedelta:
    """What the client measures when an answer carries this date."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        if isinstance(clock, SteppedClock):
            clock.advance(seconds=takes)
        headers = {} if date is None else {"Date": date}
        return httpx.Response(200, json={"instances": [], "total_count": 0}, headers=headers)

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(base_url="http://rds", transport=transport) as http:
        client = RdsClient(http, "p", call_budget(60, clock), clock)
        assert client.clock_skew == timedelta()
        await client.list_instances()
        return client.clock_skew


async def test_the_skew_of_the_region_is_measured() -> None:
    """A region whose clock runs 90 seconds ahead says so with each answer."""
    ours = SteppedClock()
    theirs = SteppedClock(ours.now() + timedelta(seconds=90))
    region = Region(theirs)
    keys = region.gateway
    auth = AkSkAuth(keys.access_key, keys.secret_key, now=ours.now)
    async with RdsServer(region) as server, open_client(server.endpoint, auth) as http:
        client = RdsClient(http, keys.project_id, call_budget(60, ours), ours)
        await client.list_instances()

    assert client.clock_skew == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("date", "skew"),
    [
        ("Mon, 23 Nov 2026 13:59:00 GMT", timedelta(minutes=-1)),
        ("Mon, 23 Nov 2026 22:01:00 +0800", timedelta(minutes=1)),
        ("Mon, 23 Nov 2026 14:00:30 -0000", timedelta(seconds=30)),
    ],
)
async def test_a_date_in_any_zone_is_read(date: str, skew: timedelta) -> None:
    """HTTP wants GMT; what says otherwise is believed."""
    clock = SteppedClock(datetime(2026, 11, 23, 14, 0, tzinfo=UTC))

    assert await skew_after(date, clock) == skew


@pytest.mark.parametrize(
    "date",
    [
        None,
        "",
        "soon",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 99 Nov 2026 14:00:00 GMT",
        "Mon, 23 Nov 2026 14:00:00 +9999",
        "Mon, 23 Nov 99999999999999999999 14:00:00 GMT",
    ],
)
async def test_a_date_that_cannot_be_measures_nothing(date: str | None) -> None:
    """A call whose signature RDS accepted cannot be more than 15 minutes off."""
    assert await skew_after(date, SteppedClock()) == timedelta()


async def test_a_slow_answer_measures_nothing() -> None:
    """Nobody knows when in a minute its date was written."""
    clock = SteppedClock()

    assert await skew_after("Mon, 23 Nov 2026 14:00:00 GMT", clock, takes=60) == timedelta()
