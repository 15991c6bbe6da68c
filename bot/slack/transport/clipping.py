"""Cut everything sent to Slack to the lengths that it accepts."""

import re
from typing import Any

# https://docs.slack.dev/reference/block-kit, by what contains a text: (type, field).
LONGEST = {
    ("message", "text"): 3999,
    ("section", "text"): 3000,
    ("section", "fields"): 2000,
    ("context", "elements"): 3000,
    ("header", "text"): 150,
    ("markdown", "text"): 12_000,
    ("image", "alt_text"): 2000,
    ("image", "title"): 2000,
    ("button", "text"): 75,
    ("button", "value"): 2000,
    ("button", "accessibility_label"): 75,
    ("input", "label"): 2000,
    ("input", "hint"): 2000,
    ("plain_text_input", "initial_value"): 3000,
    ("option", "text"): 75,
    ("option", "description"): 75,
    ("group", "label"): 75,
    ("confirm", "title"): 100,
    ("confirm", "text"): 300,
    ("confirm", "confirm"): 30,
    ("confirm", "deny"): 30,
    ("modal", "title"): 24,
    ("modal", "submit"): 24,
    ("modal", "close"): 24,
    ("errors", "errors"): 2000,
}
LONGEST_PLACEHOLDER = 150
MOST = {
    ("message", "blocks"): 50,
    ("modal", "blocks"): 100,
    ("home", "blocks"): 100,
    ("section", "fields"): 10,
    ("context", "elements"): 10,
    ("actions", "elements"): 25,
}
MOST_OPTIONS = 100
# What has no type of its own in Slack's JSON, by the field that contains it.
UNTYPED = {
    "options": "option",
    "initial_option": "option",
    "initial_options": "option",
    "option_groups": "group",
    "confirm": "confirm",
    "errors": "errors",
}
TEXTS = {"mrkdwn", "plain_text"}

_CUT_ENTITY = re.compile(r"&[a-z]*$")
_CUT_TOKEN = re.compile(r"<[^>]*$")


def clipped(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call, an ack or an answer, cut to Slack's limits."""
    return {key: _clipped(value, "message", key) for key, value in payload.items()}


def cut(text: str, longest: int) -> str:
    """Cut a text to `longest` characters, without breaking an entity, mention or code span."""
    if len(text) <= longest:
        return text
    short = text[: longest - 2]
    short = _CUT_ENTITY.sub("", _CUT_TOKEN.sub("", short))
    return short + ("`…" if short.rpartition("\n")[2].count("`") % 2 else "…")


def _clipped(value: Any, kind: str, field: str) -> Any:
    if isinstance(value, str):
        longest = LONGEST.get((kind, field))
        return cut(value, longest) if longest else value
    if isinstance(value, list | tuple):
        most = MOST_OPTIONS if field in ("options", "option_groups") else MOST.get((kind, field))
        return [_clipped(item, kind, field) for item in value[:most]]
    if not isinstance(value, dict):
        return value
    if value.get("type") in TEXTS:
        return _text(value, kind, field)
    own = str(value.get("type") or UNTYPED.get(field, field))
    if own == "errors":
        return {name: _clipped(text, own, own) for name, text in value.items()}
    return {name: _clipped(part, own, name) for name, part in value.items()}


def _text(value: dict[str, Any], kind: str, field: str) -> dict[str, Any]:
    longest = LONGEST_PLACEHOLDER if field == "placeholder" else LONGEST.get((kind, field))
    text = value.get("text")
    if longest is None or not isinstance(text, str):
        return value
    return value | {"text": cut(text, longest)}
