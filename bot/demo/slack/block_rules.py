"""What Slack takes as a message or a view: every block by its schema, and all of them together."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from bot.demo.slack.block_schema import Problem, Surface, block_problems, problems
from bot.demo.slack.block_sets import RULES, walk
from bot.demo.slack.records import Json

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
TEXT = 4000  # characters; Slack's advice for `text`, and the limit of chat.update
MESSAGE_ONLY = {
    *("context_actions", "data_table", "data_visualization", "file", "markdown", "plan"),
    *("table", "task_card"),
}
UNSUPPORTED = {
    "message": {"alert"},
    "modal": {*MESSAGE_ONLY, "carousel", "container"},
    "home": {*MESSAGE_ONLY, "alert"},
}
BROADCAST = re.compile(r"<!(?:channel|here|everyone)[|>]")
BARE_BROADCAST = re.compile(r"(?<!\w)@(?:channel|here|everyone)\b")


def message_problems(text: str, blocks: Any, before: Sequence[Json] = ()) -> list[Problem]:
    """What Slack, or a reader, has against a message; `before` are its blocks before an edit."""
    found: list[Problem] = []
    if not text.strip():
        found.append(Problem("/text", "must be there: it is what notifications and readers get"))
    if len(text) >= TEXT:
        found.append(Problem("/text", f"must be less than {TEXT} characters"))
    found += _blocks_problems(blocks, Surface.MESSAGE, "message")
    if not found:
        found += _plan_ids(blocks, before)
    return list(dict.fromkeys(found))


def view_problems(view: Json) -> list[Problem]:
    """What Slack has against a modal or a home tab."""
    kind = "home" if view.get("type") == "home" else "modal"
    definition = f"{kind.capitalize()}View"
    found = list(problems({**view, "blocks": []}, "", Surface.VIEW, definition))
    found += _blocks_problems(view.get("blocks"), Surface.VIEW, kind)
    return found or list(_submit(view, kind))


def broadcasts(text: str, blocks: Sequence[Json]) -> list[str]:
    """The texts that would notify a whole channel."""
    found = [text] if BROADCAST.search(text) else []
    for _, item in walk(blocks, ""):
        said = item.get("text")
        if item.get("type") == "broadcast":
            found.append(f"@{item.get('range')}")
        elif isinstance(said, str) and item.get("type") in ("mrkdwn", "markdown"):
            is_parsed = not item.get("verbatim") and BARE_BROADCAST.search(said)
            if BROADCAST.search(said) or is_parsed:
                found.append(said)
    return found


def _blocks_problems(blocks: Any, surface: Surface, kind: str) -> list[Problem]:
    most = MESSAGE_BLOCKS if surface is Surface.MESSAGE else VIEW_BLOCKS
    if not isinstance(blocks, list):
        return [Problem("/blocks", "must be an array")]
    found = (
        [Problem("/blocks", f"no more than {most} items allowed")] if len(blocks) > most else []
    )
    for place, block in enumerate(blocks):
        found += block_problems(block, f"/blocks/{place}", surface)
    if not found:  # the rules below may count on the shape
        found += _of_other_surfaces(blocks, UNSUPPORTED[kind])
        found += [problem for rule in RULES for problem in rule(blocks)]
    return found


def _submit(view: Json, kind: str) -> Iterator[Problem]:
    has_inputs = any(block["type"] == "input" for block in view["blocks"])
    if kind == "modal" and has_inputs and not view.get("submit"):
        yield Problem("/submit", "must be there if there are input blocks")


def _of_other_surfaces(blocks: list[Json], types: set[str]) -> Iterator[Problem]:
    for place, block in enumerate(blocks):
        if block["type"] in types:
            yield Problem(f"/blocks/{place}/type", f"unsupported type here: {block['type']}")


def _plan_ids(blocks: list[Json], before: Sequence[Json]) -> Iterator[Problem]:
    old = {block.get("block_id") for block in before if block["type"] == "plan"}
    for place, block in enumerate(blocks):
        if block["type"] == "plan" and block.get("block_id") in old:
            yield Problem(f"/blocks/{place}/block_id", "must be a new one at each edit of a plan")
