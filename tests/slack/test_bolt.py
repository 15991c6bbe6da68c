"""When Bolt's answer to a request is given."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.listener import asyncio_runner
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.runtime.in_flight import InFlight
from bot.slack.transport.bolt import bolt_app
from bot.slack.transport.web_client import SlackClient
from handlers import errors
from tests.fakes import UseCases

COMMAND = {
    "command": "/backup",
    "text": "help",
    "user_id": "U0ANA",
    "channel_id": "C0OPS",
    "team_id": "T0DEMO",
}


async def test_an_ack_goes_out_as_it_is_given() -> None:
    """Not when the listener ends."""
    ends, in_flight = asyncio.Event(), InFlight()

    async def listener(ack: AsyncAck) -> None:
        await asyncio.sleep(0)
        await ack("Here you are.")
        await ends.wait()

    app = listening(listener, in_flight)
    async with asyncio.timeout(10):
        response = await app.async_dispatch(AsyncBoltRequest(body=COMMAND, mode="socket_mode"))

    assert "Here you are." in response.body
    ends.set()
    await in_flight.close(10)


async def test_a_listener_that_acks_late_is_still_a_listener(
    monkeypatch: pytest.MonkeyPatch, cases: UseCases
) -> None:
    """However long it takes, and whatever Bolt's clock says."""
    acks, in_flight = asyncio.Event(), InFlight()

    async def listener(ack: AsyncAck) -> None:
        await acks.wait()
        await ack("Here you are.")

    hours = itertools.count(step=3600)
    monkeypatch.setattr(asyncio_runner, "time", SimpleNamespace(time=lambda: next(hours)))
    app = listening(listener, in_flight)
    errors.register(app, cases.services)
    request = AsyncBoltRequest(body=COMMAND, mode="socket_mode")
    answer = asyncio.create_task(app.async_dispatch(request))
    await asyncio.wait({answer}, timeout=0.1)
    acks.set()

    assert "Here you are." in (await answer).body
    await in_flight.close(10)


def listening(listener: Callable[..., Awaitable[None]], in_flight: InFlight) -> AsyncApp:
    """An app with this one listener."""
    identity = AuthorizeResult(enterprise_id=None, team_id="T0DEMO")
    app = bolt_app(SlackClient("xoxb"), identity, in_flight)
    app.command("/backup")(listener)
    return app
