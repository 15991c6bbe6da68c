"""Suggestions for a field while a person types."""

from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.domain.folding import fold
from bot.slack.messages.ids import INSTANCE
from bot.slack.messages.instance_options import suggestions
from handlers.services import Services

TO_SUGGEST = 2.0  # seconds for RDS's list; Slack allows three in all


def register(app: AsyncApp, services: Services) -> None:
    app.options(INSTANCE)(partial(suggest, services))


async def suggest(services: Services, ack: AsyncAck, body: dict[str, Any]) -> None:
    """Suggest instances for what is typed so far."""
    text = fold(str(body.get("value") or ""))
    recent, others = await services.instance_search.suggest(text, body["user"]["id"], TO_SUGGEST)
    await ack(**suggestions(recent, others))
