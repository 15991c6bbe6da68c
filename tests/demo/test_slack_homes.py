"""The home tab: published by the app, opened and used by people, over sockets and over HTTP."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.loopback import LOOPBACK
from bot.demo.slack.api import SlackServer
from bot.demo.slack.records import Json
from bot.demo.slack.workspace import Workspace
from tests.demo.slack_people import ANA, BEN, CARD, button, error_of, small_workspace, web_client

MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Ask"}, "blocks": []}
HOME = {"type": "home", "blocks": [{"type": "actions", "elements": [button("ask", "now")]}]}


@dataclass
class HomeApp:
    """An app with a home tab; its button opens a modal. `headers` are those over HTTP."""

    workspace: Workspace
    client: AsyncWebClient
    bolt: AsyncApp
    opened: list[Json] = field(default_factory=list)
    pressed: list[Json] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)  # to answer first, before 200

    async def listen(self, request: web.Request) -> web.Response:
        """Take a delivery over HTTP."""
        self.headers.append({key.lower(): value for key, value in request.headers.items()})
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        answer = await self.bolt.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(answer)


@pytest.fixture
async def app() -> AsyncIterator[HomeApp]:
    workspace = small_workspace()
    async with SlackServer(workspace) as server, web_client(workspace, server.api_url) as client:
        bolt = AsyncApp(client=client, signing_secret=workspace.signing_secret)
        app = HomeApp(workspace, client, bolt)

        @bolt.event("app_home_opened")
        async def opened(body: Json) -> None:
            app.opened.append(body)

        @bolt.action("ask")
        async def ask(ack: AsyncAck, body: Json) -> None:
            await ack()
            app.pressed.append(body)
            await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

        handler = AsyncSocketModeHandler(bolt, workspace.app_token)
        await handler.connect_async()
        await workspace.until(lambda: workspace.sockets.open)
        yield app
        await handler.close_async()


@pytest.fixture
async def url(app: HomeApp) -> AsyncIterator[str]:
    """The app's Request URL, which the workspace uses."""
    site = web.Application()
    site.router.add_post("/slack/events", app.listen)
    runner = web.AppRunner(site)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    app.workspace.request_url = f"http://{LOOPBACK}:{runner.addresses[0][1]}/slack/events"
    yield app.workspace.request_url
    await runner.cleanup()


async def test_the_first_look_finds_nothing(app: HomeApp) -> None:
    """The app hears who looks, and may publish something for them alone."""
    reply = await app.workspace.open_home(ANA)
    await app.workspace.until(lambda: app.opened)
    (body,) = app.opened

    assert reply.acked_after is not None
    assert (body["type"], body["team_id"]) == ("event_callback", "T0DEMO")
    event = body["event"]
    assert (event["type"], event["user"], event["tab"]) == ("app_home_opened", ANA, "home")
    assert event["channel"] == "D0ANA"
    assert "view" not in event
    assert app.workspace.deliveries[0].type == "events_api"
    await app.client.views_publish(user_id=ANA, view=HOME)
    home = app.workspace.home(ANA)
    assert home is not None
    assert app.workspace.read_view(home) == "[Ask]"
    assert app.workspace.home(BEN) is None


async def test_a_button_there_opens_a_modal(app: HomeApp) -> None:
    """The payload says in which view it was, and that there was no message."""
    await app.client.views_publish(user_id=ANA, view=HOME)
    reply = await app.workspace.press(ANA, "ask")
    await app.workspace.until(lambda: app.workspace.modal(ANA))

    (body,) = app.pressed
    assert reply.error is None
    assert body["container"]["type"] == "view"
    assert body["view"]["type"] == "home"
    assert body.keys().isdisjoint({"channel", "message", "response_url"})
    assert app.workspace.violations == []


async def test_a_home_is_replaced_only_as_it_stands(app: HomeApp) -> None:
    """The view keeps its id and gets a new hash; the next look sends what is published."""
    first = (await app.client.views_publish(user_id=ANA, view=HOME))["view"]
    await app.client.views_publish(user_id=ANA, view=HOME, hash=first["hash"])
    late = app.client.views_publish(user_id=ANA, view=HOME, hash=first["hash"])

    assert await error_of(late) == "hash_conflict"
    await app.workspace.open_home(ANA)
    await app.workspace.until(lambda: app.opened)
    view = app.opened[0]["event"]["view"]
    assert view["id"] == first["id"]
    assert view["hash"] != first["hash"]


async def test_what_cannot_be_published(app: HomeApp) -> None:
    """A modal, for nobody, bad blocks, or anything where there is no home tab."""
    bad = {"type": "home", "blocks": [{"type": "markdown", "text": "# Hi"}]}

    for view in (MODAL, bad):
        assert await error_of(app.client.views_publish(user_id=ANA, view=view)) == (
            "invalid_arguments"
        )
        assert app.workspace.violations.pop().startswith("view: ")
    assert await error_of(app.client.views_publish(user_id="U0X", view=HOME)) == (
        "invalid_arguments"
    )
    app.workspace.homes.is_enabled = False
    assert await error_of(app.client.views_publish(user_id=ANA, view=HOME)) == "not_enabled"


async def test_a_lost_ack_brings_the_event_again(app: HomeApp) -> None:
    """The same event, and Slack says that it is a retry."""
    await app.workspace.open_home(ANA, deliver_twice=True)
    first, second = await app.workspace.until(lambda: app.opened[:2])

    assert first["event_id"] == second["event_id"]
    assert [delivery.attempt for delivery in app.workspace.deliveries] == [0, 1]
    assert app.workspace.deliveries[1].retry_reason == "timeout"


async def test_an_event_without_ack_is_sent_four_times(app: HomeApp) -> None:
    """Then Slack gives up; the person never sees an error."""
    app.workspace.ack_within = 0.01
    app.workspace.sockets.kill_silently()
    reply = await app.workspace.open_home(ANA)

    assert (reply.acked_after, reply.error) == (None, None)
    assert [delivery.attempt for delivery in app.workspace.deliveries] == [0, 1, 2, 3]


async def test_events_over_http_are_signed_json(app: HomeApp, url: str) -> None:
    """Bolt takes them; a failure is tried again, and the headers say so."""
    app.statuses = [500]
    await app.workspace.open_home(ANA)
    await app.workspace.until(lambda: app.opened)

    assert app.workspace.request_url == url
    failed, again = app.headers
    assert failed["content-type"] == again["content-type"] == "application/json"
    assert "x-slack-retry-num" not in failed
    assert (again["x-slack-retry-num"], again["x-slack-retry-reason"]) == ("1", "http_error")


async def test_a_home_reads_like_its_blocks(app: HomeApp) -> None:
    """Without a title, and without buttons of its own."""
    await app.client.views_publish(user_id=ANA, view={"type": "home", "blocks": CARD})
    home = app.workspace.home(ANA)

    assert home is not None
    assert app.workspace.read_view(home) == "Back up orders?\n[Approve]"
