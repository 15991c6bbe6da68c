"""Shortcuts open the form, and are acked after it."""

from typing import Any

import pytest
from slack_sdk.errors import SlackClientError

from bot.domain.errors import FormNotOpened
from bot.slack.messages.ids import CHANNEL, Purpose
from handlers import shortcuts
from tests.fakes import ANA, OPS, UseCases
from tests.handlers.payloads import click, fields

FROM_ANYWHERE = {"user": {"id": ANA, "team_id": "T0DEMO"}, "trigger_id": "trigger-1"}


async def test_from_anywhere_the_form_asks_for_the_channel(cases: UseCases) -> None:
    """It was opened in none."""
    slack: Any = cases.slack()
    await shortcuts.back_up(cases.services, slack.ack, FROM_ANYWHERE, slack)

    (view,) = slack.opened
    assert slack.happened == ["opened", "acked"]
    assert CHANNEL in fields(view)


@pytest.mark.parametrize(
    ("message", "thread"),
    [({"ts": "2.2"}, "2.2"), ({"ts": "2.2", "thread_ts": "1.1"}, "1.1")],
)
async def test_from_a_message_the_form_knows_its_thread(
    cases: UseCases, message: dict[str, str], thread: str
) -> None:
    """A message that has none begins one."""
    slack: Any = cases.slack()
    body = click() | {"message": message}
    await shortcuts.back_up_from_here(cases.services, slack.ack, body, slack)

    purpose = Purpose.parse(slack.opened[0]["private_metadata"])
    assert slack.happened == ["opened", "acked"]
    assert (purpose.channel, purpose.thread_ts) == (OPS, thread)


async def test_a_form_that_slack_does_not_open_is_an_error(cases: UseCases) -> None:
    """The error handler acks and answers."""
    slack: Any = cases.slack()
    slack.trouble = SlackClientError("expired_trigger_id")
    with pytest.raises(FormNotOpened):
        await shortcuts.back_up(cases.services, slack.ack, FROM_ANYWHERE, slack)

    assert slack.acks == []
