"""Modals: opened while Slack waits, and replaced by their answer."""

from collections.abc import Mapping
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.application.origin import Origin
from bot.domain.commands import CommandError, Typed, checked_create
from bot.domain.errors import (
    AmbiguousInstance,
    FormNotOpened,
    NameTaken,
    RdsError,
    ReadReplica,
    TooManyCommands,
    UnknownInstance,
    UserError,
)
from bot.slack.messages import answers
from bot.slack.messages.mrkdwn import Message
from bot.slack.messages.views import answer_view, name_taken, title_of
from bot.slack.transport.slack_errors import FAILURES, error_code
from handlers.services import Services

log = structlog.get_logger(__name__)

WRONG_INSTANCE = UnknownInstance, AmbiguousInstance, ReadReplica


async def open_modal(client: AsyncWebClient, trigger_id: str, view: dict[str, Any]) -> None:
    """Open a form. Raises FormNotOpened."""
    try:
        await client.views_open(trigger_id=trigger_id, view=view)
    except FAILURES as error:
        log.warning("form_not_opened", error=error_code(error))
        raise FormNotOpened from error


async def answer(ack: AsyncAck, view: dict[str, Any], message: Message) -> None:
    """Replace a submitted form with its answer."""
    await ack(response_action="update", view=answer_view(title_of(view), message))


async def point_out(ack: AsyncAck, problems: Mapping[str, str]) -> None:
    """Show each problem beside its field; the form keeps what was typed."""
    await ack(response_action="errors", errors=dict(problems))


async def ask(
    services: Services,
    ack: AsyncAck,
    view: dict[str, Any],
    typed: Typed,
    origin: Origin,
    fields: Mapping[str, str],
    *,
    again: str | None = None,
) -> None:
    """Request a backup. `fields` maps each value (`name` at least) to its block."""
    try:
        services.rate_limit.check(origin.user_id)
        wish = checked_create(
            typed.instance, typed.name, typed.description, typed.keep, command=services.command
        )
        request = await services.backups.ask(wish, origin, again=again)
    except CommandError as error:
        beside = {fields.get(p.about, fields["name"]): str(p) for p in error.problems}
        await point_out(ack, beside)
    except TooManyCommands as error:  # what was typed stays
        await point_out(ack, {fields["name"]: answers.in_plain_text(error)})
    except NameTaken as error:
        await point_out(ack, {fields["name"]: name_taken(error)})
    except (UserError, RdsError) as error:
        if isinstance(error, WRONG_INSTANCE) and "instance" in fields:
            await point_out(ack, {fields["instance"]: answers.in_plain_text(error)})
        else:
            await answer(ack, view, answers.refusal(error, services.command))
    else:
        await answer(ack, view, answers.accepted(request, services.command))
