"""How requests stand, a line each, for whoever asks."""

from collections.abc import Sequence
from datetime import datetime

from slack_sdk.models.blocks import Block, SectionBlock

from bot.application.request_queries import SHOWN, Pending, Status
from bot.domain.requests import BackupRequest
from bot.slack.messages.cards import request_card
from bot.slack.messages.listing import listing
from bot.slack.messages.mrkdwn import Message, code, date, mention, name, said, verbatim
from bot.slack.messages.plan import stands


def status_message(status: Status, command: str) -> Message:
    """What is mine, and what else runs."""
    if not status.mine and not status.running:
        hint = code(f"{command} create <instance>")
        last = code(f"{command} status <backup>")
        return said(f"Nothing of yours is open, and nothing runs. {hint} asks for a backup; "
                    f"{last} tells how an earlier one ended.")  # fmt: skip
    lines = _titled("Yours", status.mine, status.at)
    lines += _titled("Running for others", status.running, status.at)
    return listing(lines)


def pending_message(pending: Pending, command: str) -> Message:
    """What waits for approval; mine to decide first, with where to press."""
    if not pending.for_me and not pending.for_others:
        return said(f"Nothing waits for approval. {code(f'{command} status')} shows what runs.")
    lines = _titled("Waiting for you", pending.for_me, pending.at) or ["Nothing waits for you."]
    lines += _titled("Waiting for others", pending.for_others, pending.at)
    return listing(lines)


def one_request(request: BackupRequest, now: datetime, link: str | None) -> Message:
    """One request as its card shows it, without buttons: those stand on the card."""
    card = request_card(request, now=now, with_plan=False)
    lines = [f"Request {code(request.id[:8])}, asked {date(request.asked_at)}."]
    if link:
        has_buttons = any(block.type == "actions" for block in card.blocks)
        where = ", where the buttons are" if has_buttons else ""
        lines.append(f"<{link}|Go to its card>{where}.")
    shown = [block for block in card.blocks if block.type in ("section", "context")]
    blocks: list[Block] = [*shown, SectionBlock(text=verbatim(" ".join(lines)))]
    return Message(card.text, (*blocks,))


def line_of(request: BackupRequest, now: datetime) -> str:
    """`before-42 · orders-prod · backing up: about 40 %, 4 min left · @ana asked`."""
    asked = f"{mention(request.requester)} asked {date(request.asked_at)}"
    parts = (code(request.name), name(request.instance_name), stands(request, now), asked)
    return " · ".join(parts)


def _titled(title: str, requests: Sequence[BackupRequest], now: datetime) -> list[str]:
    if not requests:
        return []
    lines = [f"*{title}* ({len(requests)})"]
    lines += [f"• {line_of(request, now)}" for request in requests[:SHOWN]]
    if len(requests) > SHOWN:
        lines.append(f"… and {len(requests) - SHOWN} more.")
    return lines
