"""Modals: opened by a click within three seconds, filled in by people, answered by the app."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack import modals
from bot.demo.slack.api import SlackServer
from bot.demo.slack.records import Json
from bot.demo.slack.views import View
from bot.demo.slack.workspace import Workspace
from tests.demo.slack_people import ANA, BEN, OPS, error_of, small_workspace, web_client

BUTTONS = [
    {
        "type": "actions",
        "block_id": "b",
        "elements": [
            {
                "type": "button",
                "action_id": "open",
                "text": {"type": "plain_text", "text": "Open"},
                "value": "1",
            }
        ],
    }
]
FORM: dict[str, Any] = {
    "type": "modal",
    "callback_id": "form",
    "title": {"type": "plain_text", "text": "Why"},
    "submit": {"type": "plain_text", "text": "Send"},
    "private_metadata": "r1",
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "reason", "max_length": 10},
        }
    ],
}
DONE = {"type": "modal", "title": {"type": "plain_text", "text": "Done"}, "blocks": []}


@dataclass
class FormApp:
    """A small app: its button opens a form, and `answers` is what it acks a submission with."""

    workspace: Workspace
    client: AsyncWebClient
    ts: str = ""
    view: Json = field(default_factory=lambda: FORM)
    answers: dict[str, Any] = field(default_factory=dict)
    triggers: list[str] = field(default_factory=list)
    submitted: list[Json] = field(default_factory=list)
    closed: list[Json] = field(default_factory=list)

    async def opens(self, who: str = ANA) -> View:
        """Somebody clicks, and sees the form."""
        await self.workspace.click(who, self.ts, "open")
        await self.workspace.until(lambda: self.workspace.modal(who))
        view = self.workspace.modal(who)
        assert view is not None
        return view


@pytest.fixture
async def app() -> AsyncIterator[FormApp]:
    workspace = small_workspace()
    async with SlackServer(workspace) as server, web_client(workspace, server.api_url) as client:
        form = FormApp(workspace, client)
        bolt = AsyncApp(client=client, signing_secret=workspace.signing_secret)

        @bolt.action("open")
        async def open_form(ack: AsyncAck, body: Json) -> None:
            await ack()
            form.triggers.append(body["trigger_id"])
            await client.views_open(trigger_id=body["trigger_id"], view=form.view)

        @bolt.view("form")
        async def submitted(ack: AsyncAck, view: Json) -> None:
            form.submitted.append(view)
            await ack(**form.answers)

        @bolt.view_closed("form")
        async def closed(ack: AsyncAck, view: Json) -> None:
            form.closed.append(view)
            await ack()

        handler = AsyncSocketModeHandler(bolt, workspace.app_token)
        handler.client.ping_interval = 30
        await handler.connect_async()
        await workspace.until(lambda: workspace.sockets.open)
        posted = await client.chat_postMessage(channel=OPS, text="Card", blocks=BUTTONS)
        form.ts = str(posted["ts"])
        yield form
        await handler.close_async()


async def test_a_form_comes_back_with_what_was_typed(app: FormApp) -> None:
    """And goes when the app acks it with nothing."""
    await app.opens()
    reply = await app.workspace.submit(ANA, {"reason": "too late"})

    (view,) = app.submitted
    assert view["state"]["values"]["reason"]["reason"]["value"] == "too late"
    assert view["private_metadata"] == "r1"
    assert reply.errors == {}
    assert app.workspace.modal(ANA) is None
    assert app.workspace.violations == []


@pytest.mark.parametrize("typed", ["", "longer than ten"])
async def test_slack_itself_sends_nothing_that_the_field_forbids(app: FormApp, typed: str) -> None:
    """What is required or too long never reaches the app."""
    await app.opens()
    reply = await app.workspace.submit(ANA, {"reason": typed})

    assert list(reply.errors) == ["reason"]
    assert app.submitted == []
    assert app.workspace.modal(ANA) is not None


async def test_the_app_may_say_what_is_wrong(app: FormApp) -> None:
    """Its words stand beside the field, and the form stays."""
    view = await app.opens()
    app.answers = {"response_action": "errors", "errors": {"reason": "Say more."}}
    reply = await app.workspace.submit(ANA, {"reason": "no"})

    assert reply.errors == {"reason": "Say more."}
    assert "! Say more." in app.workspace.read_view(view)


async def test_errors_for_a_field_that_is_not_there_are_a_fault_of_the_app(app: FormApp) -> None:
    """As Slack, which shows the person an error then."""
    await app.opens()
    app.answers = {"response_action": "errors", "errors": {"other": "?"}}
    await app.workspace.submit(ANA, {"reason": "no"})

    assert "not at the fields" in app.workspace.violations.pop()


async def test_the_app_may_show_something_else(app: FormApp) -> None:
    """The same view with other content; closing it then tells nobody."""
    await app.opens()
    app.answers = {"response_action": "update", "view": DONE}
    await app.workspace.submit(ANA, {"reason": "no"})
    view = app.workspace.modal(ANA)
    assert view is not None
    assert app.workspace.read_view(view).strip() == "Done"
    await app.workspace.close_modal(ANA)

    assert app.workspace.modal(ANA) is None
    assert app.closed == []


async def test_who_presses_cancel_is_reported_where_the_app_wants_it(app: FormApp) -> None:
    """Only with notify_on_close."""
    app.view = {**FORM, "notify_on_close": True}
    await app.opens()
    await app.workspace.close_modal(ANA)
    await app.workspace.until(lambda: app.closed)

    assert app.submitted == []


async def test_a_trigger_opens_one_form(app: FormApp) -> None:
    """A second with the same, or with a made-up one, is refused."""
    await app.opens()
    again = app.client.views_open(trigger_id=app.triggers[0], view=FORM)
    made_up = app.client.views_open(trigger_id="1.2.abc", view=FORM)

    assert await error_of(again) == "exchanged_trigger_id"
    assert await error_of(made_up) == "invalid_trigger_id"


async def test_a_trigger_lasts_three_seconds(
    app: FormApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is late hears it."""
    monkeypatch.setattr(modals, "TRIGGER", 0.0)
    late = app.workspace.modals.trigger(ANA)
    await asyncio.sleep(0.01)

    assert await error_of(app.client.views_open(trigger_id=late, view=FORM)) == (
        "expired_trigger_id"
    )


async def test_forms_are_stacked_three_high(app: FormApp) -> None:
    """And each person has a stack of their own."""
    await app.opens()
    await app.opens(BEN)
    for _ in range(2):
        trigger = app.workspace.modals.trigger(ANA)
        await app.client.views_push(trigger_id=trigger, view=FORM)
    fourth = app.client.views_push(trigger_id=app.workspace.modals.trigger(ANA), view=FORM)

    assert await error_of(fourth) == "push_limit_reached"


async def test_a_form_is_updated_only_as_it_stands(app: FormApp) -> None:
    """The hash keeps two who update from overwriting each other."""
    view = await app.opens()
    await app.client.views_update(view_id=view.id, hash=view.hash, view=DONE)

    assert await error_of(app.client.views_update(view_id=view.id, hash=view.hash, view=FORM)) == (
        "hash_conflict"
    )
    assert await error_of(app.client.views_update(view_id="V0", view=FORM)) == "not_found"


@pytest.mark.parametrize(
    "wrong",
    [
        {"submit": None},
        {"title": {"type": "plain_text", "text": "longer than twenty-four characters"}},
        {"private_metadata": "x" * 3001},
        {"blocks": [{"type": "nothing"}]},
    ],
)
async def test_a_form_that_slack_does_not_take_is_a_fault_of_the_app(
    app: FormApp, wrong: Json
) -> None:
    """Refused, and on the list of faults."""
    view = {key: value for key, value in {**FORM, **wrong}.items() if value is not None}
    trigger = app.workspace.modals.trigger(ANA)

    assert await error_of(app.client.views_open(trigger_id=trigger, view=view)) == (
        "invalid_arguments"
    )
    assert app.workspace.violations.pop().startswith("view: ")
