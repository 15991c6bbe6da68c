"""Where in a TOML file each key stands; `tomllib` does not say."""

import tomllib
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]  # keys, and places in arrays of tables


def lines_of(text: str) -> dict[Path, int]:
    """The line, from 1, on which the statement begins that brings each path in.

    Read from growing beginnings of the file: what is new in one that parses stands after the
    one before. Raises tomllib.TOMLDecodeError if the whole does not parse.
    """
    tomllib.loads(text)
    known: dict[Path, int] = {}
    lines = text.splitlines()
    began = 1
    for number in range(1, len(lines) + 1):
        if began == number and _says_nothing(lines[number - 1]):
            began = number + 1
            continue
        try:
            document = tomllib.loads("\n".join(lines[:number]) + "\n")
        except tomllib.TOMLDecodeError:
            continue  # in the middle of a statement
        for path in _paths(document, ()):
            known.setdefault(path, began)
        began = number + 1
    return known


def line_of(path: Path, lines: dict[Path, int]) -> int | None:
    """The line of a path, or of what it stands in."""
    return next(
        (lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), None
    )


def _says_nothing(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _paths(value: Any, path: Path) -> Iterator[Path]:
    inside: Iterator[tuple[str | int, Any]]
    if isinstance(value, dict):
        inside = iter(value.items())
    elif isinstance(value, list):
        inside = iter(enumerate(value))
    else:
        return
    for key, item in inside:
        yield (*path, key)
        yield from _paths(item, (*path, key))
