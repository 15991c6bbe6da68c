"""What Slack sends, as little of it as the handlers read."""

from typing import Any

from tests.fakes import ANA, BEN, OPS, TEAM

RESPONSE_URL = "https://hooks.slack.test/1"


def command(text: str, user: str = ANA, trigger: str = "trigger-1") -> dict[str, Any]:
    """`/backup …`."""
    return {
        "command": "/backup",
        "text": text,
        "user_id": user,
        "team_id": TEAM,
        "channel_id": OPS,
        "trigger_id": trigger,
        "response_url": RESPONSE_URL,
    }


def click(value: str = "", user: str = BEN, ts: str = "1.1", team: str = TEAM) -> dict[str, Any]:
    """A button of a message."""
    return {
        "type": "block_actions",
        "user": {"id": user, "team_id": team},
        "channel": {"id": OPS},
        "container": {"message_ts": ts},
        "trigger_id": "trigger-1",
        "response_url": RESPONSE_URL,
        "actions": [{"value": value, "action_ts": "5.0"}],
    }


def form(
    values: dict[str, str],
    *,
    metadata: str = "",
    user: str = ANA,
    blocks: tuple[str, ...] = (),
    number: int = 1,
) -> dict[str, Any]:
    """A form that was sent, or chosen in; `values` by block id."""
    view = {
        "id": f"V{number}",
        "hash": "h1",
        "title": {"text": "Back up a database"},
        "private_metadata": metadata,
        "blocks": [{"block_id": block} for block in (*values, *blocks)],
        "state": {"values": {block: _typed(block, text) for block, text in values.items()}},
    }
    return {
        "type": "view_submission",
        "user": {"id": user, "team_id": TEAM},
        "view": view,
        "actions": [{"action_ts": "5.0"}],
    }


def _typed(block: str, text: str) -> dict[str, Any]:
    action = block.partition("-")[0]
    if block == "channel":
        return {action: {"selected_conversation": text}}
    if block in ("instance", "keep"):
        return {action: {"selected_option": {"value": text}}}
    return {action: {"value": text}}


def fields(view: dict[str, Any]) -> dict[str, Any]:
    """The input blocks of a form, by block id."""
    return {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}


def initial(view: dict[str, Any], block: str) -> str | None:
    """What a field of a form is filled in with."""
    element = fields(view)[block]["element"]
    option = element.get("initial_option")
    text: str | None = option["value"] if option else element.get("initial_value")
    return text
