"""Keys of the ECS agency: renewed in time, kept while they can't be, and never logged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from bot.demo.rds.api import RdsServer
from bot.demo.rds.metadata import MetadataServer, Mood
from bot.demo.rds.region import Region
from bot.domain.errors import RdsRefused, RdsUnreachable
from bot.rds.agency import Agency, AgencyAuth, keys_of, open_metadata
from bot.rds.client import RdsClient, call_budget, open_client
from tests.stepped_clock import SteppedClock


class Ecs:
    """A region, the metadata service of a machine in it, and a client that uses its agency."""

    def __init__(self, metadata: MetadataServer, agency: Agency, rds: RdsClient) -> None:
        self.metadata = metadata
        self.agency = agency
        self.rds = rds


@asynccontextmanager
async def ecs(clock: SteppedClock, *, wants_token: bool = False) -> AsyncIterator[Ecs]:
    region = Region(clock, calls_per_minute=None)
    region.add_instance("orders-prod")
    async with (
        RdsServer(region) as server,
        MetadataServer(region, wants_token=wants_token) as metadata,
        open_metadata(metadata.endpoint) as http,
    ):
        agency = Agency(http, clock)
        project_id = region.gateway.project_id
        auth = AgencyAuth(agency, project_id=project_id, now=clock.now)
        async with open_client(server.endpoint, auth) as signed:
            rds = RdsClient(signed, project_id, call_budget(6000, clock), clock)
            yield Ecs(metadata, agency, rds)


@pytest.fixture
def clock() -> SteppedClock:
    """The clock of the bot and of the region."""
    return SteppedClock()


async def hours_pass(clock: SteppedClock, here: Ecs, hours: float) -> None:
    """Let time pass in half minutes, while the agency renews its keys."""
    renewing = asyncio.create_task(here.agency.run())
    for _ in range(round(hours * 120)):
        clock.advance(seconds=30)
        while not clock.is_waited_for:  # noqa: ASYNC110, a clock has no event for it
            await asyncio.sleep(0.001)
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)


@pytest.mark.parametrize("wants_token", [False, True])
async def test_the_first_call_gets_keys(clock: SteppedClock, *, wants_token: bool) -> None:
    """From a service that requires a token of its own, and from an older one."""
    async with ecs(clock, wants_token=wants_token) as here:
        assert [one.name for one in await here.rds.list_instances()] == ["orders-prod"]


async def test_calls_at_once_ask_for_keys_once(clock: SteppedClock) -> None:
    """Also the very first ones."""
    async with ecs(clock) as here:
        await asyncio.gather(*(here.rds.list_instances() for _ in range(5)))

        assert here.metadata.asked == 1


async def test_keys_are_renewed_before_they_expire(clock: SteppedClock) -> None:
    """Every call of a day is accepted, and the service is asked a few times an hour."""
    async with ecs(clock) as here:
        for _ in range(12):
            await hours_pass(clock, here, 0.5)
            await here.rds.list_instances()

        assert len(here.metadata.issued) >= 6
        assert here.metadata.asked <= 6 * 15


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.GARBAGE, Mood.STALE])
async def test_a_renewal_that_fails_keeps_the_keys_until_they_expire(
    clock: SteppedClock, mood: Mood
) -> None:
    """Then calls say so without being sent, and go on once the service is well again."""
    async with ecs(clock) as here:
        await here.rds.list_instances()
        here.metadata.mood = mood
        with capture_logs() as logs:
            await hours_pass(clock, here, 0.9)
            await here.rds.list_instances()
            assert here.agency.trouble

            await hours_pass(clock, here, 0.2)  # without new keys
            with pytest.raises(RdsUnreachable):
                await here.agency.keys()

            here.metadata.mood = Mood.WELL
            await hours_pass(clock, here, 0.1)
            await here.rds.list_instances()

        assert here.agency.trouble is None
        events = [entry["event"] for entry in logs]
        assert events.count("agency_keys_not_renewed") == 1
        assert here.metadata.asked < 100
        said = str(logs)
        for key in here.metadata.issued:
            assert key.secret_key not in said
            assert key.security_token not in said


async def test_without_keys_nothing_is_sent(clock: SteppedClock) -> None:
    """A create that wasn't signed can be repeated."""
    async with ecs(clock) as here:
        here.metadata.mood = Mood.DOWN
        create = asyncio.create_task(here.rds.create_backup("i", "before-42"))
        for _ in range(50):
            await asyncio.sleep(0.005)
            clock.advance(seconds=0.1)

        with pytest.raises(RdsUnreachable):
            await create


async def test_keys_that_the_gateway_no_longer_accepts_are_a_rejected_key(
    clock: SteppedClock,
) -> None:
    """As with permanent ones."""
    async with ecs(clock) as here:
        await here.rds.list_instances()
        here.metadata._region.gateway.temporary.clear()  # noqa: SLF001, someone detached the agency

        with pytest.raises(RdsRefused):
            await here.rds.list_instances()


def test_a_repr_shows_no_key() -> None:
    """It may end in a log."""
    body = {"access": "AK", "secret": "very-secret", "securitytoken": "also-secret"}
    keys, expires_at = keys_of({"credential": {**body, "expires_at": "2026-03-01T12:00:00.1Z"}})

    assert "secret" not in repr(keys)
    assert expires_at.utcoffset() == timedelta()


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {},
        {"credential": None},
        {"credential": {"access": "AK"}},
        {"credential": {"access": 1, "secret": "S", "securitytoken": "T", "expires_at": "now"}},
        {"credential": dict.fromkeys(["access", "secret", "securitytoken", "expires_at"], "x")},
        {
            "credential": {
                "access": "A\r\nX: y",
                "secret": "S",
                "securitytoken": "T",
                "expires_at": "2026-03-01T12:00:00Z",
            }
        },
        {
            "credential": {
                "access": "AK",
                "secret": "S",
                "securitytoken": "T",
                "expires_at": "2026-03-01T12:00:00",
            }
        },
    ],
)
def test_garbage_is_no_key(wrong: object) -> None:
    """Anything but keys in words that a header can hold, with a time that means one moment."""
    with pytest.raises(ValueError, match=r"."):
        keys_of(wrong)
