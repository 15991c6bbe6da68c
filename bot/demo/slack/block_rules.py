"""What Slack takes as a message or a view: every block by its schema, and all of them together."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bot.demo.slack.block_schema import Problem, Surface, block_problems, problems
from bot.demo.slack.records import Json

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
TEXT = 4000  # characters; Slack's advice for `text`, and the limit of chat.update
MARKDOWN = 12_000  # characters in all markdown blocks together
TABLE_COLUMNS, TABLE_TEXT = 20, 10_000  # the schema counts the rows
MODAL_ONLY, MESSAGE_ONLY = {"alert"}, {"plan", "task_card", "markdown", "table", "data_table"}
NOT_EMPTY = {"actions": "elements", "context": "elements", "rich_text": "elements"}
BROADCAST = re.compile(r"<!(?:channel|here|everyone)[|>]")
BARE_BROADCAST = re.compile(r"(?<!\w)@(?:channel|here|everyone)\b")


def message_problems(text: str, blocks: Any, before: Sequence[Json] = ()) -> list[Problem]:
    """What Slack, or a reader, has against a message; `before` are its blocks before an edit."""
    found: list[Problem] = []
    if not text.strip():
        found.append(Problem("/text", "must be there: it is what notifications and readers get"))
    if len(text) >= TEXT:
        found.append(Problem("/text", f"must be less than {TEXT} characters"))
    found += _blocks_problems(blocks, Surface.MESSAGE)
    if not found:
        found += _plan_ids(blocks, before)
    return list(dict.fromkeys(found))


def view_problems(view: Json) -> list[Problem]:
    """What Slack has against a modal or a home tab."""
    definition = "HomeView" if view.get("type") == "home" else "ModalView"
    found = list(problems({**view, "blocks": []}, "", Surface.VIEW, definition))
    return found + _blocks_problems(view.get("blocks"), Surface.VIEW)


def broadcasts(text: str, blocks: Sequence[Json]) -> list[str]:
    """The texts that would notify a whole channel."""
    found = [text] if BROADCAST.search(text) else []
    for _, item in _walk(blocks, ""):
        said = item.get("text")
        if item.get("type") == "broadcast":
            found.append(f"@{item.get('range')}")
        elif isinstance(said, str) and item.get("type") in ("mrkdwn", "markdown"):
            is_parsed = not item.get("verbatim") and BARE_BROADCAST.search(said)
            if BROADCAST.search(said) or is_parsed:
                found.append(said)
    return found


def _blocks_problems(blocks: Any, surface: Surface) -> list[Problem]:
    most = MESSAGE_BLOCKS if surface is Surface.MESSAGE else VIEW_BLOCKS
    if not isinstance(blocks, list):
        return [Problem("/blocks", "must be an array")]
    found = (
        [Problem("/blocks", f"no more than {most} items allowed")] if len(blocks) > most else []
    )
    for place, block in enumerate(blocks):
        found += block_problems(block, f"/blocks/{place}", surface)
    if not found:  # the rules below may count on the shape
        elsewhere = MODAL_ONLY if surface is Surface.MESSAGE else MESSAGE_ONLY
        found += _of_other_surfaces(blocks, elsewhere)
        found += [problem for rule in RULES for problem in rule(blocks)]
    return found


def _of_other_surfaces(blocks: list[Json], types: set[str]) -> Iterator[Problem]:
    for place, block in enumerate(blocks):
        if block["type"] in types:
            yield Problem(f"/blocks/{place}/type", f"unsupported type here: {block['type']}")


def _unique_ids(blocks: list[Json]) -> Iterator[Problem]:
    for block_id in _doubled([block.get("block_id") for block in blocks]):
        yield Problem("/blocks", f"block_id {block_id} is not unique")
    for place, block in enumerate(blocks):
        action_ids = [item.get("action_id") for _, item in _walk(block, "")]
        for action_id in _doubled(action_ids):
            yield Problem(f"/blocks/{place}", f"action_id {action_id} is not unique")


def _nothing_empty(blocks: list[Json]) -> Iterator[Problem]:
    for pointer, item in _walk(blocks, "/blocks"):
        if item.get("type") in ("mrkdwn", "plain_text") and item.get("text") == "":
            yield Problem(f"{pointer}/text", "must be more than 0 characters")
    for place, block in enumerate(blocks):
        inside = NOT_EMPTY.get(block["type"])
        if inside and not block[inside]:
            yield Problem(f"/blocks/{place}/{inside}", "must not be empty")
        if block["type"] == "section" and not (block.get("text") or block.get("fields")):
            yield Problem(f"/blocks/{place}", "must have text or fields")


def _plans(blocks: list[Json]) -> Iterator[Problem]:
    types = Counter(block["type"] for block in blocks)
    if types["plan"] > 1:
        yield Problem("/blocks", "no more than one plan allowed")
    if types["plan"] and types["task_card"]:
        yield Problem("/blocks", "plan and task_card do not go together")
    for place, block in enumerate(blocks):
        if block["type"] == "task_card" and block["status"] == "pending":
            yield Problem(f"/blocks/{place}/status", "a task_card of its own can't be pending")
        if block["type"] == "plan":
            for task_id in _doubled([task["task_id"] for task in block.get("tasks", [])]):
                yield Problem(f"/blocks/{place}/tasks", f"task_id {task_id} is not unique")


def _sizes(blocks: list[Json]) -> Iterator[Problem]:
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > MARKDOWN:
        yield Problem("/blocks", f"no more than {MARKDOWN} characters of markdown allowed")
    tables = [block["rows"] for block in blocks if block["type"] == "table"]
    if len(tables) > 1:
        yield Problem("/blocks", "no more than one table allowed")
    for rows in tables:
        if any(len(row) > TABLE_COLUMNS for row in rows):
            yield Problem("/blocks", f"no more than {TABLE_COLUMNS} columns allowed in a table")
        if sum(len(str(item.get("text", ""))) for _, item in _walk(rows, "")) > TABLE_TEXT:
            yield Problem("/blocks", f"no more than {TABLE_TEXT} characters allowed in a table")


RULES: tuple[Callable[[list[Json]], Iterator[Problem]], ...] = (
    _unique_ids,
    _nothing_empty,
    _plans,
    _sizes,
)


def _plan_ids(blocks: list[Json], before: Sequence[Json]) -> Iterator[Problem]:
    old = {block.get("block_id") for block in before if block["type"] == "plan"}
    for place, block in enumerate(blocks):
        if block["type"] == "plan" and block.get("block_id") in old:
            yield Problem(f"/blocks/{place}/block_id", "must be a new one at each edit of a plan")


def _doubled(ids: list[str | None]) -> list[str]:
    return [key for key, count in Counter(filter(None, ids)).items() if count > 1]


def _walk(value: Any, pointer: str) -> Iterator[tuple[str, Json]]:
    """Every object inside, with its place."""
    if isinstance(value, dict):
        yield pointer, value
        for key, inner in value.items():
            yield from _walk(inner, f"{pointer}/{key}")
    elif isinstance(value, (list, tuple)):
        for place, inner in enumerate(value):
            yield from _walk(inner, f"{pointer}/{place}")
