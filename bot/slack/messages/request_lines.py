"""Lists of requests with their status, one line each."""

from collections.abc import Sequence
from datetime import datetime

from slack_sdk.models.blocks import Block, SectionBlock

from bot.application.request_queries import SHOWN, Pending, Status
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.slack.messages.cards import request_card
from bot.slack.messages.listing import listing
from bot.slack.messages.mrkdwn import Message, code, date, mention, name, said, verbatim
from bot.slack.messages.plan import stands


def status_message(status: Status, command: str) -> Message:
    """Return a person's own open requests, and what else is running."""
    if not status.mine and not status.running:
        hint = code(f"{command} create <instance>")
        last = code(f"{command} status <backup>")
        return said(
            "You have no open requests, and nothing is running. "
            f"Request a backup with {hint}, or see how an earlier one ended with {last}."
        )
    lines = _titled("Yours", status.mine, status.at)
    lines += _titled("Running for others", status.running, status.at)
    return listing(lines)


def pending_message(pending: Pending, command: str) -> Message:
    """Return what is waiting for approval, first what this person can approve."""
    if not pending.for_me and not pending.for_others:
        running = code(f"{command} status")
        return said(f"Nothing is waiting for approval. {running} shows what's running.")
    mine = _titled("Waiting for you", pending.for_me, pending.at)
    lines = mine or ["Nothing is waiting for you."]
    lines += _titled("Waiting for others", pending.for_others, pending.at)
    return listing(lines)


def one_request(
    request: BackupRequest, now: datetime, link: str | None, command: str = "/backup"
) -> Message:
    """Return one request as its card shows it, with a link instead of the buttons."""
    card = request_card(request, now=now, with_plan=False, command=command)
    lines = [f"Request {code(request.id[:8])}, made {date(request.asked_at)}."]
    if link:
        has_buttons = any(block.type == "actions" for block in card.blocks)
        why = " to use its buttons" if has_buttons else ""
        lines.append(f"<{link}|View card>{why}.")
    shown = [block for block in card.blocks if block.type in ("section", "context")]
    blocks: list[Block] = [*shown, SectionBlock(text=verbatim(" ".join(lines)))]
    return Message(card.text, (*blocks,))


def line_of(request: BackupRequest, now: datetime) -> str:
    """`before-42 · orders-prod · Backing up: about 40%, 4 min left · requested by @ana`."""
    step = stands(request, now)
    if request.state is RequestState.AWAITING_APPROVAL and request.expires_at:
        step = f"{step} (expires {date(request.expires_at)})"
    asked = f"requested by {mention(request.requester)} {date(request.asked_at)}"
    parts = (code(request.name), name(request.instance_name), step, asked)
    return " · ".join(parts)


def _titled(title: str, requests: Sequence[BackupRequest], now: datetime) -> list[str]:
    if not requests:
        return []
    lines = [f"*{title}* ({len(requests)})"]
    lines += [f"• {line_of(request, now)}" for request in requests[:SHOWN]]
    if len(requests) > SHOWN:
        lines.append(f"… and {len(requests) - SHOWN} more.")
    return lines
