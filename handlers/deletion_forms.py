"""The form that asks for a backup's name before its deletion is requested."""

import json
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.application.origin import Origin
from bot.domain.commands import DeleteBackup
from bot.domain.errors import RdsError, TooManyCommands, UserError
from bot.domain.folding import fold
from bot.slack.messages import answers
from bot.slack.messages.deletion_form import DELETE_VIEW, deletion_form, wrong_name
from bot.slack.messages.form_values import values_of
from bot.slack.messages.views import NAME
from handlers.modals import answer, open_modal, point_out
from handlers.origin import of_this_release, origin_of_form
from handlers.services import Services


def register(app: AsyncApp, services: Services) -> None:
    app.view(DELETE_VIEW)(partial(send, services))


async def confirm(
    services: Services, client: AsyncWebClient, trigger_id: str, wish: DeleteBackup, origin: Origin
) -> None:
    """Open the form. Raises UserError or RdsError if the backup can't be deleted."""
    target = await services.deletions.find(wish)
    await open_modal(client, trigger_id, deletion_form(target, origin.channel_id))


async def send(
    services: Services, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]
) -> None:
    """Request the deletion, if the name was typed correctly."""
    with of_this_release():
        carried = json.loads(view["private_metadata"])
        name, instance, channel = (str(carried[key]) for key in ("name", "instance", "channel"))
    if fold(values_of(view).name).strip() != name:
        return await point_out(ack, {NAME: wrong_name(name)})
    try:
        services.rate_limit.check(body["user"]["id"])
        wish = DeleteBackup(name, instance)
        request = await services.deletions.ask(wish, origin_of_form(body, channel))
    except TooManyCommands as error:
        await point_out(ack, {NAME: answers.in_plain_text(error)})
    except (UserError, RdsError) as error:
        await answer(ack, view, answers.refusal(error, services.command, "Nothing was deleted."))
    else:
        await answer(ack, view, answers.accepted(request, services.command))
