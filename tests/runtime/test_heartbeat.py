"""A dead-man switch hears from the bot while all is well, and is told when it isn't."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from aiohttp import web

from bot.runtime.heartbeat import Heartbeat
from tests.stepped_clock import SteppedClock


class Switch:
    """Notes what is called, and answers with a status."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.status = 200
        self.url = ""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        self.heard.append(f"{request.method} {request.path}")
        return web.Response(status=self.status)


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    switch = Switch()
    runner = web.ServerRunner(web.Server(switch.answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    switch.url = f"http://{host}:{port}/check-1"
    yield switch
    await runner.cleanup()


async def beats(switch: Switch, clock: SteppedClock, count: int) -> None:
    """Let time pass until so many calls came."""
    async with asyncio.timeout(10):
        while len(switch.heard) < count:
            clock.advance(seconds=20)
            await asyncio.sleep(0.01)


async def test_it_is_called_every_minute_and_told_when_something_is_wrong(switch: Switch) -> None:
    clock, well = SteppedClock(), True

    async def is_well() -> bool:
        return well

    beating = asyncio.create_task(Heartbeat(switch.url + "/", is_well, clock).run())
    await beats(switch, clock, 2)
    well = False
    await beats(switch, clock, 4)
    beating.cancel()
    with suppress(asyncio.CancelledError):
        await beating

    assert switch.heard[:2] == ["GET /check-1"] * 2
    assert switch.heard[-1] == "GET /check-1/fail"


async def test_neither_a_switch_that_fails_nor_a_bug_ends_it(switch: Switch) -> None:
    clock = SteppedClock()

    async def is_well() -> bool:
        raise ZeroDivisionError

    switch.status = 500
    beating = asyncio.create_task(Heartbeat(switch.url, is_well, clock).run())
    await beats(switch, clock, 3)

    assert not beating.done()
    assert set(switch.heard) == {"GET /check-1/fail"}
    beating.cancel()
    with suppress(asyncio.CancelledError):
        await beating
