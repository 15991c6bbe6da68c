"""The slash command."""

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import Any, assert_never

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.application.origin import Origin
from bot.domain.commands import (
    CreateBackup,
    DeleteBackup,
    Help,
    ListBackups,
    ListInstances,
    OpenForm,
    ShowAudit,
    ShowPending,
    ShowPolicy,
    ShowPosture,
    ShowStatus,
    ShowWatches,
    UnwatchInstances,
    WatchInstances,
    Withdraw,
)
from bot.domain.grammar import parse
from bot.slack.messages import answers
from bot.slack.messages.mrkdwn import Message
from bot.slack.transport.bolt import Respond
from bot.slack.transport.http import SENT_AT
from handlers.forms import confirm_deletion, open_form
from handlers.origin import origin_of_command
from handlers.pages import backups_page, instances_page
from handlers.services import Services
from handlers.watches import watching

SOON = 2.0  # seconds that an ack waits for its answer; Slack waits for three


def register(app: AsyncApp, services: Services) -> None:
    app.command(services.command)(partial(backup, services))


async def backup(
    services: Services,
    ack: AsyncAck,
    respond: Respond,
    client: AsyncWebClient,
    payload: dict[str, Any],
    context: AsyncBoltContext,
) -> None:
    """Handle `/backup …`. A request is saved, and a form opened, before the ack."""
    origin = origin_of_command(payload, context.get(SENT_AT))
    services.rate_limit.check(origin.user_id)
    command = parse(payload.get("text") or "", command=services.command)
    show = partial(answer, ack=ack, respond=respond)
    match command:
        case OpenForm():
            await open_form(services, client, payload["trigger_id"], origin, command.typed)
            await ack()
        case DeleteBackup():
            await confirm_deletion(services, client, payload["trigger_id"], command, origin)
            await ack()
        case CreateBackup():
            request = await services.backups.ask(command, origin)
            await tell(ack, answers.accepted(request, services.command))
        case Withdraw():
            result = await services.clicks.withdraw(command.about, origin)
            await tell(ack, answers.click_answer(*result))
        case Help():
            await tell(ack, answers.help_message(services.command, command.verb))
        case ListBackups():
            await show(backups_page(services, command.instance, origin, every=command.every))
        case ListInstances():
            await show(instances_page(services, command.like, origin))
        case ShowStatus():
            await show(status(services, command, origin))
        case ShowPending():
            await show(pending(services, origin))
        case ShowPolicy():
            await show(policy(services, command, origin))
        case ShowAudit():
            await show(audit(services, command, origin))
        case WatchInstances() | UnwatchInstances() | ShowWatches() | ShowPosture():
            await show(watching(services, command, origin))
        case _:
            assert_never(command)


async def tell(ack: AsyncAck, message: Message) -> None:
    """Answer in the ack."""
    await ack(response_type="ephemeral", **message.as_slack())


async def answer(coming: Awaitable[Message], *, ack: AsyncAck, respond: Respond) -> None:
    """Answer in the ack, or after it if RDS is slow."""
    task = asyncio.ensure_future(coming)
    done, _ = await asyncio.wait([task], timeout=SOON)
    if done:
        await tell(ack, task.result())
        return
    await tell(ack, answers.takes_time())
    message = await task
    await respond(response_type="ephemeral", replace_original=False, **message.as_slack())


async def status(services: Services, command: ShowStatus, origin: Origin) -> Message:
    """Show one request, or the person's own and everything running."""
    queries, teams = services.request_queries, services.seen_by(origin)
    if command.about is None:
        return answers.status_message(await queries.status(origin, teams), services.command)
    request = await queries.request(command.about, origin, teams)
    link = (await services.homes.links([request])).get(request.id)
    return answers.one_request(request, queries.now(), link, services.command)


async def pending(services: Services, origin: Origin) -> Message:
    """List what is waiting for approval."""
    found = await services.request_queries.pending(origin.user_id, services.seen_by(origin))
    return answers.pending_message(found, services.command)


async def policy(services: Services, command: ShowPolicy, origin: Origin) -> Message:
    """Show the policy of one instance, or every rule."""
    if command.instance is None:
        return answers.policy_overview(services.policy_queries.policy, services.command)
    view = await services.policy_queries.policy_for(command.instance, origin)
    return answers.policy_answer(
        view.instance,
        view.terms,
        view.decision,
        user=origin.user_id,
        able=view.able,
        break_glass=view.may_break_glass,
        command=services.command,
    )


async def audit(services: Services, command: ShowAudit, origin: Origin) -> Message:
    """Show the audit log of an instance."""
    trail = await services.policy_queries.trail(command.instance, origin)
    return answers.audit_answer(
        trail.instance_name, trail.entries, now=trail.at, command=services.command
    )
