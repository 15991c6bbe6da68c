"""Buttons: a click is an identity, not a power."""

import re
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.backups import Backups
from bot.domain.clicks import Click
from bot.domain.requests import Choice
from bot.slack import answers
from bot.slack.cards import APPROVE, REJECT
from bot.slack.codes import FAILURES, error_code
from bot.slack.mrkdwn import Message

log = structlog.get_logger(__name__)

TRIES = 2  # to hand Slack one answer


def register(app: AsyncApp, backups: Backups) -> None:
    app.action(APPROVE)(partial(decide, backups, Choice.APPROVE))
    app.action(REJECT)(partial(decide, backups, Choice.REJECT))
    app.action(re.compile(".*"))(outdated)


async def decide(
    backups: Backups,
    choice: Choice,
    ack: AsyncAck,
    body: dict[str, Any],
    action: dict[str, Any],
    respond: AsyncRespond,
) -> None:
    """Approve or Reject: the vote is on disk before the ack, and the clicker always hears."""
    user = body["user"]
    click = Click(
        request_id=str(action.get("value", "")),
        choice=choice,
        user_id=user["id"],
        team_id=user.get("team_id") or (body.get("team") or {}).get("id", ""),
    )
    result = await backups.decide(click)
    await ack()
    await _tell(respond, answers.click_answer(result, click))


async def outdated(ack: AsyncAck, respond: AsyncRespond) -> None:
    """A button that this release does not draw: say so instead of nothing."""
    await ack()
    await _tell(respond, answers.outdated_button())


async def _tell(respond: AsyncRespond, message: Message) -> None:
    """Say it to the clicker alone; the click counts, whether Slack takes the answer or not."""
    for _ in range(TRIES):
        try:
            said = await respond(
                response_type="ephemeral", replace_original=False, **message.as_slack()
            )
        except FAILURES as error:
            problem = error_code(error)
        else:
            if said.status_code == HTTPStatus.OK:
                return
            problem = f"http_{said.status_code}"
        log.warning("click_answer_not_taken", error=problem)
