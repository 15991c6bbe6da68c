"""What Slack takes of blocks together, each of which is in order by its own schema."""

from collections import Counter
from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any

from bot.demo.slack.block_schema import Problem
from bot.demo.slack.records import Json

MARKDOWN = 12_000  # characters in all markdown blocks together
TABLE_COLUMNS, TABLE_TEXT = 20, 10_000  # the schema counts the rows
CHARTS = 2  # in a message
NOT_EMPTY = {"actions": "elements", "context": "elements", "rich_text": "elements"}
MENUS = {"static_select", "multi_static_select", "radio_buttons", "checkboxes"}


def _unique_ids(blocks: list[Json]) -> Iterator[Problem]:
    for block_id in doubled([block.get("block_id") for block in blocks]):
        yield Problem("/blocks", f"block_id {block_id} is not unique")
    for place, block in enumerate(blocks):
        action_ids = [item.get("action_id") for _, item in walk(block, "")]
        for action_id in doubled(action_ids):
            yield Problem(f"/blocks/{place}", f"action_id {action_id} is not unique")


def _nothing_empty(blocks: list[Json]) -> Iterator[Problem]:
    for pointer, item in walk(blocks, "/blocks"):
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
            for task_id in doubled([task["task_id"] for task in block.get("tasks", [])]):
                yield Problem(f"/blocks/{place}/tasks", f"task_id {task_id} is not unique")


def _menus(blocks: list[Json]) -> Iterator[Problem]:
    for pointer, item in walk(blocks, "/blocks"):
        if item.get("type") in MENUS:
            groups = item.get("option_groups", [])
            options = [*item.get("options", []), *(o for g in groups for o in g["options"])]
            initial = [*item.get("initial_options", []), item.get("initial_option")]
            if ("options" in item) is ("option_groups" in item) or not options:
                yield Problem(pointer, "must have options or option_groups")
            if not all(option.get("value") for option in options):
                yield Problem(pointer, "must have a value for each option")
            if any(option not in options for option in filter(None, initial)):
                yield Problem(pointer, "must begin with one of its options")


def _sizes(blocks: list[Json]) -> Iterator[Problem]:
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > MARKDOWN:
        yield Problem("/blocks", f"no more than {MARKDOWN} characters of markdown allowed")
    tables = [block["rows"] for block in blocks if block["type"] == "table"]
    if len(tables) > 1:
        yield Problem("/blocks", "no more than one table allowed")
    for rows in tables:
        if any(len(row) > TABLE_COLUMNS for row in rows):
            yield Problem("/blocks", f"no more than {TABLE_COLUMNS} columns allowed in a table")
        if sum(len(str(item.get("text", ""))) for _, item in walk(rows, "")) > TABLE_TEXT:
            yield Problem("/blocks", f"no more than {TABLE_TEXT} characters allowed in a table")


def _charts(blocks: list[Json]) -> Iterator[Problem]:
    charts = [(n, b["chart"]) for n, b in enumerate(blocks) if b["type"] == "data_visualization"]
    if len(charts) > CHARTS:
        yield Problem("/blocks", f"no more than {CHARTS} data_visualization blocks allowed")
    for place, chart in charts:
        pointer = f"/blocks/{place}/chart"
        if chart["type"] == "pie":
            yield from _pie(chart["segments"], f"{pointer}/segments")
        else:
            yield from _plotted(chart, pointer)


def _pie(segments: list[Json], pointer: str) -> Iterator[Problem]:
    if not segments:
        yield Problem(pointer, "must not be empty")
    if any(segment["value"] <= 0 for segment in segments):
        yield Problem(pointer, "must have positive values")


def _plotted(chart: Json, pointer: str) -> Iterator[Problem]:
    """What is against a line, bar, or area chart: each series has a value for each category."""
    categories, series = chart["axis_config"]["categories"], chart["series"]
    if not series or not categories:
        yield Problem(pointer, "must have series and categories")
    if doubled([one["name"] for one in series]) or doubled(categories):
        yield Problem(pointer, "names of series and categories must be unique")
    for place, one in enumerate(series):
        if sorted(point["label"] for point in one["data"]) != sorted(categories):
            yield Problem(f"{pointer}/series/{place}/data", "must have a value for each category")
        if not all(isfinite(point["value"]) for point in one["data"]):
            yield Problem(f"{pointer}/series/{place}/data", "must have finite values")


RULES: tuple[Callable[[list[Json]], Iterator[Problem]], ...] = (
    _unique_ids,
    _nothing_empty,
    _plans,
    _menus,
    _sizes,
    _charts,
)


def doubled(ids: list[str | None]) -> list[str]:
    """The ids that are there more than once."""
    return [key for key, count in Counter(filter(None, ids)).items() if count > 1]


def walk(value: Any, pointer: str) -> Iterator[tuple[str, Json]]:
    """Every object inside, with its place."""
    if isinstance(value, dict):
        yield pointer, value
        for key, inner in value.items():
            yield from walk(inner, f"{pointer}/{key}")
    elif isinstance(value, (list, tuple)):
        for place, inner in enumerate(value):
            yield from walk(inner, f"{pointer}/{place}")
