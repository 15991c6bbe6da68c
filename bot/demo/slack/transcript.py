"""Block Kit as plain lines of text, for a terminal's transcript and for tests."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bot.demo.slack.mrkdwn import as_read, when

MARKS = {"complete": "✓", "in_progress": "●", "pending": "◯", "error": "✗"}

_Block = Mapping[str, Any]
_Names = Mapping[str, str]


def read(blocks: Sequence[_Block], text: str, users: _Names) -> list[str]:
    """What a reader in UTC sees of a message, line by line: its blocks, or else its text.

    `users` maps ids (of channels and groups, too) to names.
    """
    if not blocks:
        return as_read(text, users).split("\n")
    paragraphs = [line for block in blocks for line in _block(block, users)]
    return [line for paragraph in paragraphs for line in paragraph.split("\n")]


def read_view(view: _Block, errors: Mapping[str, str], names: _Names) -> list[str]:
    """What a reader sees of a modal: its title, its blocks, and errors beside their fields.

    A home tab has no title and no buttons of its own.
    """
    lines = [str(view["title"]["text"])] if "title" in view else []
    for block in view["blocks"]:
        lines += read([block], "", names)
        if block["block_id"] in errors:
            lines.append(f"  ! {errors[block['block_id']]}")
    if view["type"] == "home":
        return lines
    buttons = [view[name]["text"] for name in ("close", "submit") if view.get(name)]
    return [*lines, " ".join(f"[{button}]" for button in buttons)]


def _block(block: _Block, names: _Names) -> Iterator[str]:
    reader = _READERS.get(block["type"])
    if reader is None:
        yield f"({block['type']})"
    else:
        yield from reader(block, names)


def _text(item: _Block, names: _Names) -> str:
    """A text object, an image or an interactive element."""
    match item["type"]:
        case "mrkdwn":
            return as_read(item["text"], names)
        case "plain_text" | "raw_text" | "raw_number":
            return str(item.get("text", item.get("value", "")))
        case "image":
            return f"({item['alt_text']})"
        case "rich_text":
            return " ".join(_rich_text(item, names))
        case _:
            return _interactive(item, names)


def _interactive(item: _Block, names: _Names) -> str:
    match item["type"]:
        case "button":
            return f"[{item['text']['text']}]"
        case "checkboxes" | "radio_buttons":
            return "  ".join(_choices(item, names))
        case _:
            shown = item.get("initial_option") or {"text": item.get("placeholder", {})}
            return f"[{shown['text'].get('text', item['type'])} ▾]"


def _choices(item: _Block, names: _Names) -> Iterator[str]:
    chosen = [*item.get("initial_options", []), item.get("initial_option")]
    marks = "☐☑" if item["type"] == "checkboxes" else "○●"
    for option in item["options"]:
        yield f"{marks[option in chosen]} {_text(option['text'], names)}"


def _section(block: _Block, names: _Names) -> Iterator[str]:
    for item in filter(None, (block.get("text"), *block.get("fields", []))):
        yield _text(item, names)
    if "accessory" in block:
        yield _text(block["accessory"], names)


def _elements(block: _Block, names: _Names) -> Iterator[str]:
    separator = " " if block["type"] == "actions" else "  "
    yield separator.join(_text(item, names) for item in block["elements"])


def _input(block: _Block, names: _Names) -> Iterator[str]:
    optional = " (optional)" if block.get("optional") else ""
    yield f"{_text(block['label'], names)}{optional}: {_entered(block['element'], names)}"
    if "hint" in block:
        yield f"  {_text(block['hint'], names)}"


def _entered(element: _Block, names: _Names) -> str:
    if element["type"] in ("checkboxes", "radio_buttons"):
        return _text(element, names)
    shown = element.get("initial_value") or element.get("placeholder", {}).get("text", "")
    if "initial_option" in element:
        shown = _text(element["initial_option"]["text"], names)
    return f"[{shown}]"


def _plan(block: _Block, names: _Names) -> Iterator[str]:
    yield block["title"]
    for task in block.get("tasks", []):
        yield from _task(task, names)


def _task(task: _Block, names: _Names) -> Iterator[str]:
    yield f"{MARKS[task['status']]} {task['title']}"
    for more in ("details", "output"):
        if more in task:
            yield from (f"  {line}" for line in _rich_text(task[more], names))


def _table(block: _Block, names: _Names) -> Iterator[str]:
    rows = [[_text(cell, names) for cell in row] for row in block["rows"]]
    columns = max((len(row) for row in rows), default=0)
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(columns)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        yield " | ".join(cells).rstrip()


def _rich_text(block: _Block, names: _Names) -> Iterator[str]:
    for element in block["elements"]:
        if element["type"] == "rich_text_list":
            for number, item in enumerate(element["elements"], 1):
                mark = f"{number}." if element.get("style") == "ordered" else "•"
                yield f"{'  ' * element.get('indent', 0)}{mark} {_inline(item, names)}"
        elif element["type"] == "rich_text_quote":
            yield f"> {_inline(element, names)}"
        else:
            yield _inline(element, names)


def _inline(element: _Block, names: _Names) -> str:
    return "".join(_rich(item, names) for item in element["elements"])


def _rich(item: _Block, names: _Names) -> str:
    match item["type"]:
        case "text":
            return f"`{item['text']}`" if item.get("style", {}).get("code") else item["text"]
        case "link":
            return str(item.get("text") or item["url"])
        case "user" | "usergroup" | "channel" as kind:
            named = item[f"{kind}_id"]
            return f"{'#' if kind == 'channel' else '@'}{names.get(named, named)}"
        case "date":
            return when(item["timestamp"], item["format"], item.get("fallback", ""))
        case "emoji":
            return f":{item['name']}:"
        case _:
            return f"@{item.get('range', item['type'])}"


def _title(block: _Block, names: _Names) -> Iterator[str]:
    yield _text(block["text"], names)


def _markdown(block: _Block, _names: _Names) -> Iterator[str]:
    yield block["text"]


def _divider(_block: _Block, _names: _Names) -> Iterator[str]:
    yield "───"


def _image(block: _Block, names: _Names) -> Iterator[str]:
    yield _text(block, names)


def _chart(block: _Block, _: _Names) -> Iterator[str]:
    chart = block["chart"]
    yield f"[{chart['type']} chart: {block['title']}]"
    for one in chart.get("series", []):
        yield f"  {one['name']}: {', '.join(str(point['value']) for point in one['data'])}"
    for segment in chart.get("segments", []):
        yield f"  {segment['label']}: {segment['value']}"


_READERS: dict[str, Callable[[_Block, _Names], Iterator[str]]] = {
    "actions": _elements,
    "context": _elements,
    "data_visualization": _chart,
    "divider": _divider,
    "header": _title,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "plan": _plan,
    "rich_text": _rich_text,
    "section": _section,
    "table": _table,
    "task_card": _task,
}
