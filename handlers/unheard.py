"""Payloads without a listener: buttons of another release, another slash command."""

from typing import Any

import structlog
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse

from bot.slack.messages import answers
from bot.slack.messages.views import answer_view, title_of
from bot.slack.transport.bolt import Respond, tell_privately

log = structlog.get_logger(__name__)

MOST_KINDS = 200  # of payload, remembered as logged
_logged: set[tuple[str, str]] = set()


async def answer(
    command: str, body: dict[str, Any], context: AsyncBoltContext, respond: Respond
) -> BoltResponse:
    """Ack the payload, tell the person why nothing happened, and log each kind once."""
    kind, name = _kind(body)
    _log_once(command, kind, name)
    match kind:
        case "command":
            message = answers.other_command(name, command)
            return await context.ack(response_type="ephemeral", **message.as_slack())
        case "view_submission":
            view = answer_view(title_of(body["view"]), answers.outdated_form())
            return await context.ack(response_action="update", view=view)
        case "block_suggestion":
            return await context.ack(options=[])
        case "block_actions" | "shortcut" | "message_action":
            acked = await context.ack()
            await tell_privately(respond, answers.outdated_button())
            return acked
        case _:
            return await context.ack()


def _kind(body: dict[str, Any]) -> tuple[str, str]:
    """Return the payload's type and the name that a listener would have."""
    if "command" in body:
        return "command", str(body["command"])
    kind = str(body.get("type", ""))
    match kind:
        case "block_actions":
            return kind, str(next(iter(body.get("actions") or [{}])).get("action_id", ""))
        case "view_submission" | "view_closed":
            return kind, str(body["view"].get("callback_id", ""))
        case "event_callback":
            return kind, str(body.get("event", {}).get("type", ""))
        case _:
            return kind, str(body.get("callback_id") or body.get("action_id") or "")


def _log_once(command: str, kind: str, name: str) -> None:
    if (kind, name) in _logged or len(_logged) >= MOST_KINDS:
        return
    _logged.add((kind, name))
    configured = {"configured": command} if kind == "command" else {}
    log.warning("nobody_listens", kind=kind, came=name[:100], **configured)
