"""The one place where an error becomes an answer."""

import uuid
from functools import partial
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp, AsyncRespond
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.commands import CommandError
from bot.domain.errors import (
    AmbiguousInstance,
    NameTaken,
    RdsError,
    ReadReplica,
    UnknownInstance,
    UserError,
)
from bot.domain.grammar import typed_in
from bot.slack import answers
from bot.slack.codes import FAILURES, error_code
from bot.slack.mrkdwn import Message
from bot.slack.views import answer_view
from handlers.door import Door

MENDABLE = CommandError, UnknownInstance, AmbiguousInstance, ReadReplica, NameTaken

log = structlog.get_logger(__name__)


def register(app: AsyncApp, door: Door) -> None:
    app.error(partial(explain, door.command))


async def explain(
    command: str,
    error: Exception,
    body: dict[str, Any],
    context: AsyncBoltContext,
    respond: AsyncRespond,
    client: AsyncWebClient,
) -> BoltResponse | None:
    """What a person meets when a listener raised: an answer in the ack, or after it.

    A form that was sent shows it in its place. Where Slack gives no address for an answer, as
    with the home tab and the global shortcut, it is a direct message.

    A known error says what happened and what to do. An unknown one becomes a reference that
    stands in the log beside the traceback.
    """
    if isinstance(error, UserError | RdsError):
        message = answers.refusal(error, command)
        if isinstance(error, MENDABLE) and (typed := typed_in(str(body.get("text") or ""))):
            message = answers.fixable(message, typed)
    else:
        reference = uuid.uuid4().hex[:8]
        log.error("listener_fell_over", reference=reference, exc_info=error)
        message = answers.unexpected(reference)
    answer = {"response_type": "ephemeral", **message.as_slack()}
    if context.ack.response is None and "command" in body:
        return BoltResponse(status=200, body=answer)
    if context.ack.response is None and body.get("type") == "view_submission":
        view = answer_view(body["view"]["title"]["text"], message)
        return await context.ack(response_action="update", view=view)
    acked = None if context.ack.response is not None else await context.ack()
    if respond.response_url:
        await respond(replace_original=False, **answer)
    elif body.get("type") in ("shortcut", "block_actions"):
        await _write(client, body["user"]["id"], message)
    return acked


async def _write(client: AsyncWebClient, user_id: str, message: Message) -> None:
    try:
        await client.chat_postMessage(channel=user_id, **message.as_slack())
    except FAILURES as error:
        log.warning("answer_not_taken", user=user_id, error=error_code(error))
