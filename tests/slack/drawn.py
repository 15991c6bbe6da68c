"""A card as it is drawn three minutes after the decision, part by part."""

from datetime import timedelta
from typing import Any

from bot.domain.requests import BackupRequest
from bot.slack.messages.cards import request_card
from tests.slack.samples import DECIDED_AT

NOW = DECIDED_AT + timedelta(minutes=3)


def blocks(request: BackupRequest, block_type: str, **how: Any) -> list[dict[str, Any]]:
    card = request_card(request, now=NOW, **how).as_slack()
    return [block for block in card["blocks"] if block["type"] == block_type]


def buttons(request: BackupRequest) -> list[dict[str, Any]]:
    return [button for row in blocks(request, "actions") for button in row["elements"]]


def plan(request: BackupRequest) -> list[tuple[str, str]]:
    return [(task["status"], task["title"]) for task in blocks(request, "plan")[0]["tasks"]]
