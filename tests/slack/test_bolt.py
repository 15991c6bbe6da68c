"""When Bolt's answer to a request is given."""

import asyncio
from types import SimpleNamespace

import pytest
from slack_bolt.async_app import AsyncAck
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.listener import asyncio_runner
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.runtime.in_flight import InFlight
from bot.slack.transport.bolt import bolt_app
from bot.slack.transport.web_client import SlackClient

COMMAND = {
    "command": "/backup",
    "text": "help",
    "user_id": "U0ANA",
    "channel_id": "C0OPS",
    "team_id": "T0DEMO",
}


async def test_an_ack_goes_out_as_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when Bolt looks for it next, and not when the listener ends."""
    ends, never, at_work = asyncio.Event(), asyncio.Event(), InFlight()

    async def does_not_look(_: float) -> None:
        await never.wait()

    async def listener(ack: AsyncAck) -> None:
        await asyncio.sleep(0)
        await ack("Here you are.")
        await ends.wait()

    asyncio_of_bolt = SimpleNamespace(sleep=does_not_look, ensure_future=asyncio.ensure_future)
    monkeypatch.setattr(asyncio_runner, "asyncio", asyncio_of_bolt)
    app = bolt_app(
        SlackClient("xoxb"), AuthorizeResult(enterprise_id=None, team_id="T0DEMO"), at_work
    )
    app.command("/backup")(listener)
    async with asyncio.timeout(10):
        response = await app.async_dispatch(AsyncBoltRequest(body=COMMAND, mode="socket_mode"))

    assert "Here you are." in response.body
    ends.set()
    await at_work.close(10)
    never.set()
