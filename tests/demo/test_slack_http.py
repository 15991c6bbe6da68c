"""Signed deliveries, as slack_bolt's own verification takes or refuses them."""

import time
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request

from bot.demo.loopback import LOOPBACK
from bot.demo.slack.api import SlackServer
from bot.demo.slack.http_mode import signed_headers
from bot.demo.slack.workspace import Workspace
from tests.demo.slack_people import ANA, BEN, CARD, OPS, bolt_app, small_workspace, web_client


@pytest.fixture
def workspace() -> Workspace:
    return small_workspace()


@pytest.fixture(autouse=True)
async def app(workspace: Workspace) -> AsyncIterator[None]:
    """The app listens at the workspace's Request URL."""
    async with (
        SlackServer(workspace) as server,
        web_client(workspace, server.api_url) as client,
    ):
        bolt = bolt_app(workspace, client)

        async def listen(request: web.Request) -> web.Response:
            answer = await bolt.async_dispatch(await to_bolt_request(request))
            return await to_aiohttp_response(answer)

        site = web.Application()
        site.router.add_post("/slack/events", listen)
        runner = web.AppRunner(site)
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, 0).start()
        workspace.request_url = f"http://{LOOPBACK}:{runner.addresses[0][1]}/slack/events"
        await client.chat_postMessage(channel=OPS, text="Back up?", blocks=CARD)
        yield
        await runner.cleanup()


async def test_commands_and_clicks(workspace: Workspace) -> None:
    """Bolt takes the signature; the ack's message and the answer arrive."""
    reply = await workspace.command(ANA, OPS, "/backup", "créate & <run>")
    click = await workspace.click(BEN, workspace.messages(OPS)[0].ts, "approve")
    await workspace.until(lambda: workspace.ephemerals(BEN))

    assert (reply.error, click.error) == (None, None)
    assert reply.message is not None
    assert reply.message.text == "Noted: créate &amp; &lt;run&gt;"
    assert workspace.violations == []


async def test_a_command_that_nobody_handles(workspace: Workspace) -> None:
    """An answer other than 200 is an error for the person."""
    assert (await workspace.command(ANA, OPS, "/other")).error == "dispatch_failed"


async def test_nobody_listens(workspace: Workspace) -> None:
    """So is none at all."""
    workspace.request_url = f"http://{LOOPBACK}:1/"

    assert (await workspace.command(ANA, OPS, "/backup")).error == "dispatch_failed"


@pytest.mark.parametrize(
    ("secret", "age", "status"), [("shh", 0, 200), ("guessed", 0, 401), ("shh", 301, 401)]
)
async def test_forgeries(workspace: Workspace, secret: str, age: int, status: int) -> None:
    """Signed with another secret or too long ago, a delivery is refused."""
    body = urlencode({"command": "/backup", "text": "help", "user_id": ANA, "channel_id": OPS})
    headers = signed_headers(body, secret, int(time.time()) - age)
    assert workspace.request_url is not None

    async with (
        aiohttp.ClientSession() as http,
        http.post(workspace.request_url, data=body, headers=headers) as answer,
    ):
        assert answer.status == status
