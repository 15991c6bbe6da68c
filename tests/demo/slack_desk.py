"""Ana's modal, and a small app that notes all it hears of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack.api import SlackServer
from bot.demo.slack.records import Json
from bot.demo.slack.views import View
from bot.demo.slack.workspace import Workspace
from tests.demo.slack_people import ANA, button, option, small_workspace, web_client


def field(name: str, element: Json, **more: object) -> Json:
    """An input block; block and element go by the same name."""
    label = {"type": "plain_text", "text": name.capitalize()}
    element = {"action_id": f"{name}.it", **element}
    return {"type": "input", "block_id": name, "label": label, "element": element, **more}


WHY = field("why", {"type": "plain_text_input"})
SEARCH = field("instance", {"type": "external_select"}, dispatch_action=True)
HOURS: Json = {"type": "static_select", "options": [option("1"), option("8")]}
FLAGS = field(
    "flags", {"type": "checkboxes", "options": [option("a"), option("b")]}, optional=True
)
KEEP = {
    "type": "actions",
    "block_id": "keep",
    "elements": [{**HOURS, "action_id": "hours"}, button("more", "m1")],
}


def form(*blocks: Json) -> Json:
    """A modal of these blocks."""
    texts = {name: {"type": "plain_text", "text": name} for name in ("title", "submit")}
    return {"type": "modal", "callback_id": "form", "blocks": list(blocks), **texts}


class Desk:
    """Ana's modal, and what an app hears of it; `offers` is what it acks a search with."""

    def __init__(self, workspace: Workspace, client: AsyncWebClient) -> None:
        self.workspace = workspace
        self.client = client
        self.heard: list[Json] = []
        self.update_before_ack: list[Json] = []
        self.offers: Json = {"options": [option("orders")]}

    async def opens(self, *blocks: Json) -> View:
        """The modal is before Ana."""
        trigger_id = self.workspace.modals.trigger(ANA)
        await self.client.views_open(trigger_id=trigger_id, view=form(*blocks))
        return self.modal

    async def updates(self, *blocks: Json) -> None:
        """The modal shows something else."""
        await self.client.views_update(view_id=self.modal.id, view=form(*blocks))

    @property
    def modal(self) -> View:
        """The modal as it stands now."""
        view = self.workspace.modal(ANA)
        assert view is not None
        return view

    @property
    def read(self) -> str:
        """The modal as text."""
        return self.workspace.read_view(self.modal)


@asynccontextmanager
async def anas_desk() -> AsyncIterator[Desk]:
    """Her modal, and the app over Socket Mode."""
    workspace = small_workspace()
    async with SlackServer(workspace) as server, web_client(workspace, server.api_url) as client:
        desk = Desk(workspace, client)
        bolt = AsyncApp(client=client, signing_secret=workspace.signing_secret)

        async def hear(ack: AsyncAck, body: Json) -> None:
            desk.heard.append(body)
            if desk.update_before_ack:
                await desk.updates(*desk.update_before_ack)
            await ack()

        @bolt.options("instance.it")
        async def suggest(ack: AsyncAck, body: Json) -> None:
            desk.heard.append(body)
            await ack(**desk.offers)

        for action_id in ("more", "hours", "why.it", "instance.it", "flags.it"):
            bolt.action(action_id)(hear)
        bolt.view("form")(hear)
        handler = AsyncSocketModeHandler(bolt, workspace.app_token)
        await handler.connect_async()
        await workspace.until(lambda: workspace.sockets.open)
        yield desk
        await handler.close_async()
