"""Buttons of incidents and digests, and the form that snoozes an incident."""

from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.application.incident_clicks import IncidentAnswer, IncidentVerdict
from bot.domain.commands import DeleteBackup, Typed
from bot.slack.messages.ids import (
    ACKNOWLEDGE_INCIDENT,
    BACK_UP_NOW,
    DELETE_OLDS,
    EXPECT_INCIDENT,
    SNOOZE_INCIDENT,
    SNOOZE_VIEW,
    OldBackup,
)
from bot.slack.messages.incident_answers import incident_answer, snooze_of, snooze_view
from bot.slack.transport.bolt import Respond, tell_privately
from handlers.forms import confirm_deletion, open_form
from handlers.modals import answer, open_modal
from handlers.origin import carried, of_this_release, origin_of
from handlers.services import Services


def register(app: AsyncApp, services: Services) -> None:
    app.action(BACK_UP_NOW)(partial(back_up_now, services))
    app.action(ACKNOWLEDGE_INCIDENT)(partial(acknowledge, services))
    app.action(EXPECT_INCIDENT)(partial(expect, services))
    app.action(SNOOZE_INCIDENT)(partial(ask_how_long, services))
    app.action(DELETE_OLDS)(partial(delete_old, services))
    app.view(SNOOZE_VIEW)(partial(snooze, services))


async def acknowledge(
    services: Services, ack: AsyncAck, body: dict[str, Any], respond: Respond
) -> None:
    """Note who has the incident. Saved before the ack; the person gets an answer."""
    found = await services.incident_clicks.acknowledge(carried(body), body["user"]["id"])
    await ack()
    await tell_privately(respond, incident_answer(found))


async def expect(
    services: Services, ack: AsyncAck, body: dict[str, Any], respond: Respond
) -> None:
    """Declare what is unusual to be normal."""
    found = await services.incident_clicks.expect(carried(body), body["user"]["id"])
    await ack()
    await tell_privately(respond, incident_answer(found))


async def ask_how_long(
    services: Services,
    ack: AsyncAck,
    body: dict[str, Any],
    respond: Respond,
    client: AsyncWebClient,
) -> None:
    """Open the form that snoozes an open incident."""
    incident = await services.incident_clicks.load(carried(body))
    await ack()
    if incident is None or not incident.is_open:
        over = IncidentAnswer(IncidentVerdict.ENDED, incident)
        await tell_privately(respond, incident_answer(over))
    else:
        await open_modal(client, body["trigger_id"], snooze_view(incident))


async def snooze(
    services: Services, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]
) -> None:
    """Snooze the incident, and say until when."""
    with of_this_release():
        span = snooze_of(view)
    incident_id, user_id = view.get("private_metadata", ""), body["user"]["id"]
    found = await services.incident_clicks.snooze(incident_id, user_id, span)
    await answer(ack, view, incident_answer(found))


async def back_up_now(
    services: Services, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient
) -> None:
    """Open the request form for the incident's instance; the policy decides as always."""
    incident = await services.incident_clicks.load(carried(body))
    typed = Typed(instance=incident.instance_id) if incident else None
    await open_form(services, client, body["trigger_id"], origin_of(body), typed)
    await ack()


async def delete_old(
    services: Services, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient
) -> None:
    """Open the form that deletes a backup of a digest. Raises why it can't be deleted."""
    with of_this_release():
        old = OldBackup.parse(carried(body))
    command = DeleteBackup(old.name, old.instance)
    await confirm_deletion(services, client, body["trigger_id"], command, origin_of(body))
    await ack()
