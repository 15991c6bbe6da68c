"""Open modals, and answer them in place."""

from collections.abc import Mapping
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import FormNotOpened
from bot.slack.messages.mrkdwn import Message
from bot.slack.messages.views import answer_view, title_of
from bot.slack.transport.slack_errors import FAILURES, error_code

log = structlog.get_logger(__name__)


async def open_modal(client: AsyncWebClient, trigger_id: str, view: dict[str, Any]) -> None:
    """Open a modal. Raises FormNotOpened."""
    try:
        await client.views_open(trigger_id=trigger_id, view=view)
    except FAILURES as error:
        log.warning("form_not_opened", error=error_code(error))
        raise FormNotOpened from error


async def answer(ack: AsyncAck, view: dict[str, Any], message: Message) -> None:
    """Replace the form with the answer."""
    await ack(response_action="update", view=answer_view(title_of(view), message))


async def point_out(ack: AsyncAck, problems: Mapping[str, str]) -> None:
    """Show problems beside their fields; the input is kept."""
    await ack(response_action="errors", errors=dict(problems))
