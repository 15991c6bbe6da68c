"""The one place where an error becomes an answer."""

import uuid
from functools import partial
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp, AsyncRespond
from slack_bolt.context.async_context import AsyncBoltContext
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
from bot.slack import answers
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
) -> BoltResponse | None:
    """What a person meets when a listener raised: an answer in the ack, or after it.

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
    if context.ack.response is not None:
        await respond(replace_original=False, **answer)
        return None
    if "command" in body:
        return BoltResponse(status=200, body=answer)
    acked = await context.ack()
    await respond(replace_original=False, **answer)
    return acked
