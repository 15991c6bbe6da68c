"""The request form, as commands, buttons, shortcuts, and modals share it."""

from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.application.origin import Origin
from bot.domain.commands import CommandError, DeleteBackup, Typed, checked_create
from bot.domain.errors import (
    AmbiguousInstance,
    NameTaken,
    RdsError,
    ReadReplica,
    TooManyCommands,
    UnknownInstance,
    UserError,
)
from bot.domain.instances import Instance
from bot.domain.keeping import keep_problem
from bot.domain.references import References
from bot.slack.messages import answers
from bot.slack.messages.deletion_form import deletion_form
from bot.slack.messages.form import Chosen, create_form, unknown_instance
from bot.slack.messages.ids import Purpose
from bot.slack.messages.views import name_taken
from handlers.modals import answer, open_modal, point_out
from handlers.services import Services

AT_ONCE = 0.5  # seconds for RDS's list before a form opens; Slack allows three in all
WRONG_INSTANCE = UnknownInstance, AmbiguousInstance, ReadReplica


async def open_form(
    services: Services,
    client: AsyncWebClient,
    trigger_id: str,
    origin: Origin,
    typed: Typed | None = None,
) -> None:
    """Open the form with what was typed, without waiting for anything slow."""
    typed, problems = typed or Typed(), list[str]()
    known = await services.instance_search.known(AT_ONCE)
    purpose = Purpose(channel=origin.channel_id, thread_ts=origin.thread_ts)
    if origin.channel_id.startswith("D"):  # no one could approve it there
        purpose = Purpose()
    found = services.instance_search.named(typed.instance, known) if typed.instance else None
    chosen = await chosen_in(services, found, origin) if found else None
    if found and not typed.name:
        purpose = proposing(services, purpose, found, typed.description)
    if typed.instance and known and not found:
        is_known = bool(References(known).named(typed.instance))
        problems.append(unknown_instance(typed, is_known=is_known))
    if problem := keep_problem(typed.keep):
        problems.append(str(problem))
    view = create_form(typed, purpose, chosen, problems=problems, knows_instances=bool(known))
    await open_modal(client, trigger_id, view)


async def confirm_deletion(
    services: Services,
    client: AsyncWebClient,
    trigger_id: str,
    command: DeleteBackup,
    origin: Origin,
) -> None:
    """Open a form that asks for the name again. Raises why the backup can't be deleted."""
    target = await services.deletions.find(command)
    await open_modal(client, trigger_id, deletion_form(target, origin.channel_id))


async def chosen_in(services: Services, found: Instance, origin: Origin) -> Chosen:
    """Return what the form shows about an instance."""
    view = await services.policy_queries.policy_of(found, origin)
    return Chosen(found, view.terms, answers.objection(view))


def proposing(services: Services, purpose: Purpose, found: Instance, why: str) -> Purpose:
    """Return the purpose with a proposed name for a backup of this instance."""
    proposed = services.backups.propose(found, why)
    return purpose.model_copy(update={"proposed": proposed, "turn": purpose.turn + 1})


async def send_form(
    services: Services,
    ack: AsyncAck,
    view: dict[str, Any],
    typed: Typed,
    origin: Origin,
    fields: Mapping[str, str],
    *,
    again: str | None = None,
) -> None:
    """Request a backup. `fields` maps each problem's field to its block, at least `name`."""
    try:
        services.rate_limit.check(origin.user_id)
        command = checked_create(
            typed.instance, typed.name, typed.description, typed.keep, command=services.command
        )
        request = await services.backups.ask(command, origin, again=again)
    except CommandError as error:
        beside = {fields.get(p.about, fields["name"]): str(p) for p in error.problems}
        await point_out(ack, beside)
    except TooManyCommands as error:  # keep what was typed
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
