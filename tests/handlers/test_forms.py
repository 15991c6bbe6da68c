"""The form for a backup, as it opens."""

from dataclasses import replace
from typing import Any

import pytest
from slack_sdk.errors import SlackClientError

from bot.domain.commands import Typed
from bot.domain.errors import FormNotOpened, RdsUnreachable
from bot.slack.messages.ids import CHANNEL, DESCRIPTION, INSTANCE, KEEP, TYPED_INSTANCE, Purpose
from handlers import forms
from tests.fakes import OPS, ORDERS, TYPED, UseCases
from tests.handlers.payloads import fields, initial

NAME_0 = "name-0"


async def opens(
    cases: UseCases, typed: Typed | None = None, channel: str = OPS
) -> tuple[dict[str, Any], Purpose]:
    """The form as it opens, and what it carries."""
    slack: Any = cases.slack()
    origin = replace(TYPED, channel_id=channel, thread_ts="1.1")
    await forms.open_form(cases.services, slack, "trigger-1", origin, typed)
    (view,) = slack.opened
    return view, Purpose.parse(view["private_metadata"])


async def test_it_opens_empty(cases: UseCases) -> None:
    """It carries where it was opened, and does not ask for it."""
    view, purpose = await opens(cases)

    assert list(fields(view)) == [INSTANCE, NAME_0, DESCRIPTION, KEEP]
    assert initial(view, INSTANCE) is None
    assert (purpose.channel, purpose.thread_ts) == (OPS, "1.1")


@pytest.mark.parametrize("channel", ["", "D0ANA"])
async def test_where_no_one_could_approve_it_asks_for_a_channel(
    cases: UseCases, channel: str
) -> None:
    """As on the home tab and in a direct message."""
    view, purpose = await opens(cases, channel=channel)

    assert CHANNEL in fields(view)
    assert purpose.channel == ""


async def test_it_opens_with_what_was_typed(cases: UseCases) -> None:
    """The instance is chosen, and its policy shown."""
    view, _ = await opens(cases, Typed("orders", "before-42", "why", "14d"))

    shown = [initial(view, block) for block in fields(view)]
    assert shown == [ORDERS.id, "before-42", "why", "14d"]
    assert any(block["type"] == "context" for block in view["blocks"])


async def test_it_proposes_a_name(cases: UseCases) -> None:
    """And carries it, so that it is told apart from one that was typed."""
    view, purpose = await opens(cases, Typed("orders"))

    assert purpose.proposed == "orders-prod-20261123-1400"
    assert initial(view, purpose.name_block) == purpose.proposed


@pytest.mark.parametrize("typed", [Typed("nowhere"), Typed("orders-replica"), Typed(keep="3x")])
async def test_problems_are_shown_at_the_top(cases: UseCases, typed: Typed) -> None:
    """The fields are as if it had not been typed."""
    view, _ = await opens(cases, typed)

    assert view["blocks"][0]["type"] == "section"
    assert initial(view, INSTANCE) is None


async def test_without_the_instances_one_is_typed(cases: UseCases) -> None:
    """The form holds what was typed already."""
    cases.catalogue.trouble = RdsUnreachable("slow")
    view, _ = await opens(cases, Typed("orders-prod"))

    assert initial(view, TYPED_INSTANCE) == "orders-prod"


async def test_a_form_that_slack_does_not_open_is_an_error(cases: UseCases) -> None:
    """Its trigger is valid for three seconds."""
    slack: Any = cases.slack()
    slack.trouble = SlackClientError("expired_trigger_id")
    with pytest.raises(FormNotOpened):
        await forms.open_form(cases.services, slack, "trigger-1", TYPED)
