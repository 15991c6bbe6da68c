"""The forms, field by field."""

from typing import Any

import pytest

from bot.domain.clicks import LONGEST_REASON
from bot.domain.errors import NameTaken
from bot.domain.policy import Terms
from bot.domain.states import RequestState
from bot.slack.messages import answers, views
from tests.slack.block_kit import check_view, mrkdwn
from tests.slack.samples import TERMS, asked, half_approved, in_every_state

WAITS = in_every_state(asked())[RequestState.AWAITING_APPROVAL]
FORMS = [views.reject_view(WAITS), views.break_glass_view(WAITS), views.ask_again_view(WAITS, "b")]


def fields(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}


def says(view: dict[str, Any]) -> str:
    return "\n".join(mrkdwn(view["blocks"]))


@pytest.mark.parametrize("view", FORMS, ids=[view["callback_id"] for view in FORMS])
def test_a_form_carries_the_request_id_alone(view: dict[str, Any]) -> None:
    """As a button does: rights are checked when it is sent."""
    check_view(view)

    assert view["private_metadata"] == WAITS.id
    assert all(field == block["element"]["action_id"] for field, block in fields(view).items())


@pytest.mark.parametrize("view", FORMS[:2], ids=["reject", "break glass"])
def test_a_reason_is_wanted(view: dict[str, Any]) -> None:
    """As long as the trail takes it, on more than one line."""
    field = fields(view)[views.REASON]

    assert not field.get("optional")
    assert field["element"]["multiline"]
    assert field["element"]["max_length"] == LONGEST_REASON


def test_rejecting_says_who_is_told() -> None:
    """Before one writes it."""
    assert says(views.reject_view(WAITS)) == (
        "Reject <@U0ANA>'s request to back up orders-prod as `before-migration-42`? "
        "Your reason goes to <@U0ANA> and the thread."
    )


def test_breaking_the_glass_says_what_it_brings_about() -> None:
    """At once, without approval, for all to see; also where the approvers have no names."""
    anybody = half_approved(Terms(approvals=2, break_glass=("U0ANA",)))

    assert says(views.break_glass_view(WAITS)) == (
        "*This starts the backup of orders-prod immediately, without approval.* It can't be "
        "stopped. <!subteam^S0DBA> and the channel will see your name and reason; both are kept "
        "in the audit log."
    )
    assert "The channel will see your name" in says(views.break_glass_view(anybody))


def test_asking_again_is_filled_in() -> None:
    """The name that was given to it, and the same reason."""
    view = views.ask_again_view(WAITS, "before-43")
    name, why = fields(view)[views.NAME], fields(view)[views.DESCRIPTION]

    assert name["element"]["initial_value"] == "before-43"
    assert "starting with a letter" in name["hint"]["text"]
    assert why["element"]["initial_value"] == WAITS.description
    assert why["optional"]


def test_nothing_to_fill_in_is_an_empty_field() -> None:
    """Slack takes no empty first value."""
    view = views.ask_again_view(in_every_state(asked(description=""), TERMS)[WAITS.state], "")

    check_view(view)
    assert all("initial_value" not in field["element"] for field in fields(view).values())


def test_a_form_turns_into_its_answer() -> None:
    """With the same title, and nothing left to send."""
    view = views.answer_view("Reject the backup", answers.unknown_request())

    check_view(view)
    assert view["title"]["text"] == "Reject the backup"
    assert "submit" not in view
    assert "I can't find this request" in says(view)


def test_a_taken_name_is_told_in_plain_text() -> None:
    """Beside a field, Slack shows no mention."""
    assert views.name_taken(NameTaken("before-42", "before-42-2", "U0BEN")) == (
        "Another request already uses the name before-42. Try before-42-2."
    )
    assert "Another backup" in views.name_taken(NameTaken("before-42", "before-42-2"))
