"""What people enter in a modal and press there, and what the app hears of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.demo.slack.fields import NoSuchField, NoSuchOption
from bot.demo.slack.records import Json
from bot.demo.slack.screens import NoSuchButton
from tests.demo.slack_desk import FLAGS, KEEP, WHY, Desk, anas_desk, field, form
from tests.demo.slack_people import ANA, error_of, option


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with anas_desk() as desk:
        yield desk


async def test_a_button_in_a_modal(desk: Desk) -> None:
    """The app hears in which view, with all that was entered so far, and may push another."""
    view = await desk.opens(WHY, KEEP)
    await desk.workspace.fill(ANA, "why", "upgrade")
    reply = await desk.workspace.press(ANA, "more")

    (body,) = desk.heard
    assert reply.error is None
    assert reply.acked_after is not None
    assert body["container"] == {"type": "view", "view_id": view.id}
    assert body["view"]["hash"] == view.hash
    assert body["view"]["state"]["values"]["why"]["why.it"]["value"] == "upgrade"
    assert body.keys().isdisjoint({"channel", "message", "response_url"})
    (action,) = body["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("more", "keep", "m1")
    await desk.client.views_push(trigger_id=body["trigger_id"], view=form(WHY))
    assert desk.modal.root_id == view.id != desk.modal.id


async def test_what_is_not_there_cannot_be_used(desk: Desk) -> None:
    """Neither a button, nor a field, nor an option; and nobody acts without a screen."""
    with pytest.raises(NoSuchButton):
        await desk.workspace.press(ANA, "more")
    await desk.opens(WHY, KEEP)

    with pytest.raises(NoSuchButton):
        await desk.workspace.press(ANA, "less")
    with pytest.raises(NoSuchField):
        await desk.workspace.fill(ANA, "wherefore", "upgrade")
    with pytest.raises(NoSuchOption):
        await desk.workspace.fill(ANA, "hours", "5")
    assert desk.heard == []


async def test_an_older_screen_can_be_pressed(desk: Desk) -> None:
    """As when an update has not arrived yet."""
    old = await desk.opens(KEEP)
    await desk.updates(WHY)
    await desk.workspace.press(ANA, "more", view=old)

    assert desk.heard[0]["view"]["hash"] == old.hash


async def test_what_is_filled_in_goes_with_the_form(desk: Desk) -> None:
    """Also from outside of input blocks, and what is named at the end wins."""
    await desk.opens(WHY, FLAGS, KEEP)
    await desk.workspace.fill(ANA, "why.it", "first")
    await desk.workspace.fill(ANA, "flags", ["b"])
    assert desk.heard == []
    await desk.workspace.fill(ANA, "hours", "8")
    assert "Why: [first]\nFlags (optional): ☐ A  ☑ B\n[8 ▾] [More]" in desk.read
    await desk.workspace.submit(ANA, {"why": "second"})

    chosen, sent = desk.heard
    assert chosen["actions"][0]["selected_option"] == option("8")
    values = sent["view"]["state"]["values"]
    assert values["why"]["why.it"] == {"type": "plain_text_input", "value": "second"}
    assert values["flags"]["flags.it"]["selected_options"] == [option("b")]
    assert values["keep"]["hours"] == {"type": "static_select", "selected_option": option("8")}


@pytest.mark.parametrize(
    ("config", "enter", "heard"),
    [
        ({}, False, 0),
        ({}, True, 1),
        ({"trigger_actions_on": ["on_enter_pressed"]}, True, 1),
        ({"trigger_actions_on": ["on_character_entered"]}, False, 1),
    ],
)
async def test_a_text_dispatches_as_its_field_says(
    desk: Desk, config: Json, heard: int, *, enter: bool
) -> None:
    """Once Enter is pressed, unless the field wants every character."""
    more = {"dispatch_action_config": config} if config else {}
    await desk.opens(field("why", {"type": "plain_text_input", **more}, dispatch_action=True))
    await desk.workspace.fill(ANA, "why", "upgrade", enter=enter)

    assert [body["actions"][0]["value"] for body in desk.heard] == ["upgrade"] * heard


async def test_an_update_keeps_what_was_entered_in_the_same_fields(desk: Desk) -> None:
    """The same block_id and action_id; any other field begins anew."""
    await desk.opens(WHY, FLAGS)
    await desk.workspace.fill(ANA, "why", "upgrade")
    await desk.workspace.fill(ANA, "flags", ["a"])
    other = field("flags", {**FLAGS["element"], "action_id": "other"}, optional=True)
    await desk.updates({**WHY, "optional": True}, other)

    assert "Why (optional): [upgrade]\nFlags (optional): ☐ A  ☐ B" in desk.read
    again: Json = {"type": "plain_text_input", "initial_value": "begin"}
    await desk.updates({**field("why", again), "block_id": "why2"})
    assert "Why: [begin]" in desk.read


async def test_an_update_during_a_submission(desk: Desk) -> None:
    """The ack meets the view as it stands by then."""
    await desk.opens(WHY)
    desk.update_before_ack = [FLAGS]
    await desk.workspace.submit(ANA, {"why": "upgrade"})

    assert desk.workspace.modal(ANA) is None


@pytest.mark.parametrize(
    ("view", "error"),
    [
        ({**form(WHY), "type": "home"}, "invalid_arguments"),
        (form(*[field(f"f{n}", {"type": "plain_text_input"}) for n in range(101)]), "invalid_"),
        (
            form(
                *[
                    {"type": "section", "text": {"type": "plain_text", "text": "x" * 3000}}
                    for _ in range(90)
                ]
            ),
            "view_too_large",
        ),
    ],
)
async def test_views_that_slack_does_not_open(desk: Desk, view: Any, error: str) -> None:
    """Of another type, with too many blocks, or too large."""
    trigger_id = desk.workspace.modals.trigger(ANA)

    opened = desk.client.views_open(trigger_id=trigger_id, view=view)
    assert (await error_of(opened)).startswith(error)
    assert desk.workspace.violations.pop().startswith("view: ")
