"""Any text and any payload, signed by Slack or over a socket: each is answered or refused."""

import socket
from collections import Counter
from dataclasses import replace

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.app import running
from bot.config import settings
from bot.demo.slack.events import event_payload
from bot.demo.slack.records import Reply
from bot.demo.world import ANA, BEN, OPS
from bot.runtime.clock import Clock
from bot.slack.messages.ids import CHANNEL, INSTANCE, START
from bot.slack.transport.http import PATH, Address
from handlers import unheard
from tests.bench.strangers import post, real_payloads
from tests.mutations import mutated, texts
from tests.story import Opens, Story

DIRECT = f"D{ANA[1:]}"


def _written_to(story: Story, channel: str = DIRECT) -> list[str]:
    """What stands in a person's direct messages with the bot."""
    workspace = story.workspace
    if channel not in workspace.channels:
        return []
    return [workspace.read(message) for message in workspace.messages(channel)]


async def _form(story: Story) -> None:
    await story.workspace.open_home(ANA)
    await story.workspace.until(lambda: story.workspace.home(ANA), 20)
    await story.workspace.press(ANA, START)
    await story.workspace.until(lambda: story.workspace.modal(ANA), 20)


async def test_every_text_and_every_payload_is_answered(opens: Opens) -> None:
    """With 200, or with 400 where it cannot be read; nothing falls over."""
    async with opens(clock=Clock()) as story:
        world = story.workspace
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        loaded = settings.load(story.environ, http=True)
        world.request_url = f"http://127.0.0.1:{port}{PATH}"
        address = Address("127.0.0.1", port)
        async with running(loaded, clock=Clock(), address=address), aiohttp.ClientSession() as web:
            real = [one.payload for one in await real_payloads(world)]
            with capture_logs() as logged:
                replies = [await story.types(text) for text in texts(100)]
                statuses = Counter([await post(world, web, one) for one in mutated(real, 300)])

    assert [reply.error for reply in replies] == [None] * 100
    assert statuses.keys() == {200, 400}
    assert statuses[200] > 100
    assert not [entry for entry in logged if "exc_info" in entry]


async def test_as_many_unknown_flags_as_fit_are_answered(story: Story) -> None:
    """In one message that Slack takes, cut where it has to be."""
    flags = " ".join(f"--flag-{number}-{'x' * 40}" for number in range(78))
    reply = await story.types(f"create orders {flags}")

    assert reply.error is None
    assert reply.message
    assert "--flag-0" in story.workspace.read(reply.message)


async def test_what_another_release_drew_is_answered(story: Story) -> None:
    """In its place where there is one, else in a direct message."""
    workspace = story.workspace
    await _form(story)
    pressed = workspace.deliveries[-1].payload
    pressed["actions"][0] |= {"action_id": "button_of_another_release"}
    await workspace.deliver_action(pressed, twice=False)
    (told,) = await workspace.until(lambda: _written_to(story), 20)
    assert "This button is from another version" in told

    found = await workspace.suggest(ANA, INSTANCE, "orders-p")
    suggestion = workspace.deliveries[-1].payload
    await workspace.fill(ANA, INSTANCE, found.options[0]["value"])
    await workspace.submit(ANA, {CHANNEL: OPS})
    sent = workspace.deliveries[-1].payload
    for changed in ({"callback_id": "form_of_another_release"}, {"private_metadata": "[]"}):
        old = sent | {"view": sent["view"] | changed}
        delivery, error = await workspace.deliver("interactive", old)
        assert error is None
        assert "This form is from another version" in str(delivery.response["view"])
    old = suggestion | {"action_id": "menu_of_another_release"}
    delivery, error = await workspace.deliver("interactive", old)
    assert (delivery.response, error) == ({"options": []}, None)


async def test_a_payload_without_a_listener_is_logged_once_per_kind(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that isn't the configured one names both."""
    monkeypatch.setattr(unheard, "_logged", set())
    workspace = story.workspace
    event = event_payload(workspace.identity, {"type": "team_join", "user": {"id": ANA}})
    with capture_logs() as logged:
        replies: list[Reply] = [
            await workspace.command(ANA, OPS, "/backups", "help") for _ in range(3)
        ]
        for _ in range(3):
            await workspace.deliver_event(event, twice=False)
    heard = [entry for entry in logged if entry["event"] == "nobody_listens"]

    assert [(e["kind"], e["came"], e.get("configured")) for e in heard] == [
        ("command", "/backups", "/backup"),
        ("event_callback", "team_join", None),
    ]
    assert replies[0].message
    assert "`BACKUP_BOT_COMMAND`" in workspace.read(replies[0].message)


async def test_a_form_from_another_workspace_is_refused(story: Story) -> None:
    """They opened it while they belonged here."""
    workspace = story.workspace
    await _form(story)
    found = await workspace.suggest(ANA, INSTANCE, "dev")
    await workspace.fill(ANA, INSTANCE, found.options[0]["value"])
    workspace.users[ANA] = replace(workspace.users[ANA], team_id="T0OTHER")
    reply = await workspace.submit(ANA, {CHANNEL: OPS})

    assert reply.error is None
    assert "You belong to another workspace" in story.form(ANA)
    assert story.creates == 0


async def test_a_click_from_another_workspace_is_in_the_audit_log(story: Story) -> None:
    """Decisions are refused where they are judged, so that auditors see them."""
    card = await story.asks()
    story.workspace.users[BEN] = replace(story.workspace.users[BEN], team_id="T0OTHER")
    answer = await story.approves(card)

    assert "another workspace" in answer
    assert story.creates == 0


async def test_no_answer_is_lost_where_slack_takes_none_in_its_place(story: Story) -> None:
    """A response_url that is used up, or leads elsewhere: a direct message instead."""
    card = await story.asks()
    await story.approves(card, who=BEN)
    click = next(
        one.payload for one in reversed(story.workspace.deliveries) if "actions" in one.payload
    )
    elsewhere = click | {"response_url": "http://127.0.0.1:9/elsewhere"}
    await story.workspace.deliver_action(elsewhere, twice=False)
    direct = f"D{BEN[1:]}"
    (told,) = await story.workspace.until(lambda: _written_to(story, direct), 20)

    assert "already approved" in told
