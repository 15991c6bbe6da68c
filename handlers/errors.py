"""The one place where an error becomes an answer."""

import uuid
from functools import partial
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse

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
from bot.slack.messages import answers
from bot.slack.messages.mrkdwn import Message
from bot.slack.messages.views import answer_view, title_of
from bot.slack.transport.bolt import Respond
from bot.slack.transport.slack_errors import FAILURES, error_code
from handlers import unheard
from handlers.origin import Outdated
from handlers.services import Services

# What a person did, and may wait for an answer to.
ANSWERED = "block_actions", "shortcut", "message_action", "view_submission"
MENDABLE = CommandError, UnknownInstance, AmbiguousInstance, ReadReplica, NameTaken

log = structlog.get_logger(__name__)


def register(app: AsyncApp, services: Services) -> None:
    app.error(partial(explain, services))


async def explain(
    services: Services,
    error: Exception,
    body: dict[str, Any],
    context: AsyncBoltContext,
    respond: Respond,
) -> BoltResponse | None:
    """What a person meets when a listener raised: an answer in the ack, or after it.

    A form that was sent shows it in its place. Where Slack gives no address for an answer, as
    with a view and the global shortcut, it is a direct message.

    A known error says what happened and what to do. An unknown one becomes a reference that
    stands in the log beside the traceback.
    """
    if isinstance(error, BoltUnhandledRequestError):
        return await unheard.answer(services.command, body, context, respond)
    message = _message(services.command, error, body)
    answer = {"response_type": "ephemeral", **message.as_slack()}
    if context.ack.response is None and "command" in body:
        return await context.ack(**answer)
    if context.ack.response is None and body.get("type") == "view_submission":
        view = answer_view(title_of(body["view"]), message)
        return await context.ack(response_action="update", view=view)
    acked = None if context.ack.response is not None else await context.ack()
    if "command" in body or body.get("type") in ANSWERED:
        try:
            await respond(replace_original=False, **answer)
        except FAILURES as failure:
            log.warning("answer_not_taken", error=error_code(failure))
    return acked


def _message(command: str, error: Exception, body: dict[str, Any]) -> Message:
    if isinstance(error, Outdated):
        is_form = body.get("type") == "view_submission"
        return answers.outdated_form() if is_form else answers.outdated_button()
    if isinstance(error, UserError | RdsError):
        message = answers.refusal(error, command)
        if isinstance(error, MENDABLE) and (typed := typed_in(str(body.get("text") or ""))):
            message = answers.fixable(message, typed)
        return message
    reference = uuid.uuid4().hex[:8]
    log.error("listener_fell_over", reference=reference, exc_info=error)
    return answers.unexpected(reference)
