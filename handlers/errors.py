"""Turn every error that a listener raises into an answer."""

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
from bot.domain.folding import words
from bot.domain.grammar import typed_in
from bot.domain.verbs import VERBS
from bot.slack.messages import answers
from bot.slack.messages.mrkdwn import Message
from bot.slack.messages.views import answer_view, title_of
from bot.slack.transport.bolt import Respond, tell_privately
from handlers import unheard
from handlers.origin import Outdated
from handlers.services import Services

# The payload types of what a person did, and gets an answer to.
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
    """Answer the person whose click, command or form raised the error, in the ack or after it.

    A submitted form is replaced by the answer. Where Slack gives no address for an answer, as
    with the global shortcut, it is sent as a direct message.

    A known error says what happened and what to do. An unknown one is logged with its traceback
    under a reference, which is all that the person is shown.
    """
    if isinstance(error, BoltUnhandledRequestError):
        return await unheard.answer(services.command, body, context, respond)
    message = _message(services.command, error, body)
    if context.ack.response is None and "command" in body:
        return await context.ack(response_type="ephemeral", **message.as_slack())
    if context.ack.response is None and body.get("type") == "view_submission":
        view = answer_view(title_of(body["view"]), message)
        return await context.ack(response_action="update", view=view)
    if context.ack.response is None and body.get("type") == "block_suggestion":
        return await context.ack(options=[])  # Slack takes no ack without them
    acked = None if context.ack.response is not None else await context.ack()
    if "command" in body or body.get("type") in ANSWERED:
        await tell_privately(respond, message)
    return acked


def _message(command: str, error: Exception, body: dict[str, Any]) -> Message:
    if isinstance(error, Outdated):
        is_form = body.get("type") == "view_submission"
        return answers.outdated_form() if is_form else answers.outdated_button()
    if isinstance(error, UserError | RdsError):
        text = str(body.get("text") or "")
        message = answers.refusal(error, command, verb=_verb(text))
        if isinstance(error, MENDABLE) and (typed := typed_in(text)):
            message = answers.fixable(message, typed)
        return message
    reference = uuid.uuid4().hex[:8]
    log.error("listener_fell_over", reference=reference, exc_info=error)
    return answers.unexpected(reference)


def _verb(text: str) -> str:
    """Return the verb of the typed command; empty if there is no such verb."""
    verb = next(iter(words(text)), "").lower()
    return verb if verb in VERBS else ""
