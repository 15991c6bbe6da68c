"""Submitted modals: validated, and replaced by the answer."""

from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.application.clicks import Clicks
from bot.domain.clicks import Click
from bot.domain.commands import DeleteBackup, Typed
from bot.domain.decisions import Verdict
from bot.domain.errors import RdsError, TooManyCommands, UserError
from bot.domain.folding import fold
from bot.domain.keeping import shown_keep
from bot.domain.requests import Choice
from bot.slack.messages import answers
from bot.slack.messages.deletion_form import wrong_name
from bot.slack.messages.form_values import channel_of, values_of
from bot.slack.messages.ids import (
    ASK_AGAIN_VIEW,
    BREAK_GLASS_VIEW,
    CREATE_VIEW,
    DELETE_VIEW,
    DESCRIPTION,
    INSTANCE,
    KEEP,
    NAME,
    REASON,
    REJECT_VIEW,
    TYPED_INSTANCE,
    Deletion,
    Purpose,
)
from handlers.forms import send_form
from handlers.modals import answer, point_out
from handlers.origin import of_this_release, origin_of_form, sender_of
from handlers.services import Services

FIELDS = {"name": NAME, "description": DESCRIPTION}  # a problem's field → its block


def register(app: AsyncApp, services: Services) -> None:
    app.view(CREATE_VIEW)(partial(send_backup, services))
    app.view(DELETE_VIEW)(partial(send_deletion, services))
    app.view(REJECT_VIEW)(partial(give_reason, services.clicks, Choice.REJECT))
    app.view(BREAK_GLASS_VIEW)(partial(give_reason, services.clicks, Choice.BREAK_GLASS))
    app.view(ASK_AGAIN_VIEW)(partial(send_again, services))


async def give_reason(
    clicks: Clicks, choice: Choice, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]
) -> None:
    """Reject, or start without approval. The choice is saved before the form says so."""
    sender = sender_of(body)
    click = Click(
        request_id=view.get("private_metadata", ""),
        choice=choice,
        user_id=body["user"]["id"],
        team_id=sender.team_id,
        enterprise_id=sender.enterprise_id,
        reason=_typed(view, REASON),
    )
    result = await clicks.decide(click)
    message = answers.click_answer(result, click)
    if result.verdict is Verdict.NO_REASON:
        await point_out(ack, {REASON: message.text})
    else:
        await answer(ack, view, message)


async def send_again(
    services: Services, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]
) -> None:
    """Make the same request again, for the person who submitted the form."""
    before = await services.clicks.claimed(view.get("private_metadata", ""), sender_of(body))
    if before is None:
        await answer(ack, view, answers.unknown_request())
        return
    keep = shown_keep(before.keep) if before.keep else ""
    typed = Typed(before.reference, _typed(view, NAME), _typed(view, DESCRIPTION), keep)
    origin = origin_of_form(body, before.channel_id)
    await send_form(services, ack, view, typed, origin, FIELDS, again=before.id)


async def send_backup(
    services: Services, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]
) -> None:
    """Request the backup. Problems are shown beside their fields; no input is lost."""
    with of_this_release():
        purpose = Purpose.parse(view["private_metadata"])
    fields = {
        "instance": INSTANCE if INSTANCE in _blocks(view) else TYPED_INSTANCE,
        "name": purpose.name_block,
        "description": DESCRIPTION,
        "keep": KEEP,
    }
    typed = values_of(view)
    typed = Typed(
        fold(typed.instance).strip(), fold(typed.name).strip(), fold(typed.description), typed.keep
    )
    origin = origin_of_form(body, channel_of(view) or purpose.channel, purpose.thread_ts)
    await send_form(services, ack, view, typed, origin, fields)


async def send_deletion(
    services: Services, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]
) -> None:
    """Request the deletion, if the name was typed correctly."""
    with of_this_release():
        about = Deletion.parse(view["private_metadata"])
    if fold(values_of(view).name).strip() != about.name:
        return await point_out(ack, {NAME: wrong_name(about.name)})
    try:
        services.rate_limit.check(body["user"]["id"])
        command = DeleteBackup(about.name, about.instance)
        origin = origin_of_form(body, about.channel)
        request = await services.deletions.ask(command, origin)
    except TooManyCommands as error:
        await point_out(ack, {NAME: answers.in_plain_text(error)})
    except (UserError, RdsError) as error:
        await answer(ack, view, answers.refusal(error, services.command, "Nothing was deleted."))
    else:
        await answer(ack, view, answers.accepted(request, services.command))


def _typed(view: dict[str, Any], field: str) -> str:
    values = view.get("state", {}).get("values", {})
    return fold(str(values.get(field, {}).get(field, {}).get("value") or "")).strip()


def _blocks(view: dict[str, Any]) -> set[str]:
    return {block["block_id"] for block in view.get("blocks", [])}
