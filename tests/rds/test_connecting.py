"""A create that never left, because nobody could be reached."""

import httpx
import pytest

from bot.domain.errors import RdsUnreachable
from bot.rds.client import RETRY_DELAYS, RdsClient, call_budget, open_client
from bot.rds.signing import AkSkAuth
from tests.stepped_clock import SteppedClock


class PatientClock(SteppedClock):
    """Time passes at once for whoever sleeps: a retry needs no waiting."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)


async def test_without_a_server_rds_is_unreachable() -> None:
    """A closed port is tried twice; nothing was sent, so nobody has to look the name up."""
    clock = PatientClock()
    async with open_client("http://127.0.0.1:9", AkSkAuth("AK", "SK")) as http:
        client = RdsClient(http, "p", call_budget(60, clock), clock)
        with pytest.raises(RdsUnreachable):
            await client.create_backup("i", "before-42")

    assert clock.monotonic() == RETRY_DELAYS[0]


async def test_the_second_try_makes_the_backup() -> None:
    """One connection that fails costs half a second, and nobody hears of it."""
    clock, tries = PatientClock(), list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        tries.append(request.method)
        if len(tries) == 1:
            raise httpx.ConnectError("refused")
        backup = {"id": "b", "instance_id": "i", "name": "before-42", "status": "BUILDING"}
        return httpx.Response(200, json={"backup": backup})

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(base_url="http://rds", transport=transport) as http:
        client = RdsClient(http, "p", call_budget(60, clock), clock)
        accepted = await client.create_backup("i", "before-42")

    assert accepted.backup.id == "b"
    assert tries == ["POST", "POST"]
