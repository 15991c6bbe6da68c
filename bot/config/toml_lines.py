"""Find the line of each key in a TOML file, which `tomllib` doesn't report."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]  # keys, and indexes in arrays of tables

# The tokens of a valid file: strings, comments, brackets and line ends. A statement ends at a
# line end outside all brackets.
TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*'''
    r"|(?P<open>[\[{])|(?P<close>[\]}])|(?P<end>\n)",
    re.DOTALL,
)


def lines_of(text: str) -> dict[Path, int]:
    """Return the line, from 1, of the statement that first mentions each path.

    Raises tomllib.TOMLDecodeError if the text does not parse.
    """
    tomllib.loads(text)
    known: dict[Path, int] = {}
    tables: Counter[Path] = Counter()  # tables so far in each array of tables
    table: Path = ()
    for line, statement in _statements(text):
        document = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _table(document, tables)
            new: Iterator[Path] = (table[:end] for end in range(1, len(table) + 1))
        else:
            new = _paths(document, table)
        for path in new:
            known.setdefault(path, line)
    return known


def line_of(path: Path, lines: dict[Path, int]) -> int | None:
    """Return the line of a path, or else of the nearest table or array around it."""
    return next(
        (lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), None
    )


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each header and assignment with the line where it begins."""
    began = depth = 0
    line = next_line = 1
    text = f"{text}\n"
    for token in TOKEN.finditer(text):
        next_line += token.group().count("\n")
        depth += (token["open"] is not None) - (token["close"] is not None)
        if token["end"] and not depth:
            statement = text[began : token.end()]
            if not _says_nothing(statement):
                yield line, statement
            began, line = token.end(), next_line


def _says_nothing(statement: str) -> bool:
    return not statement.strip() or statement.lstrip().startswith("#")


def _table(header: dict[str, Any], tables: Counter[Path]) -> Path:
    """Return the path of the table that a header opens, counting tables of an array."""
    path: Path = ()
    inside: Any = header
    while inside and isinstance(inside, dict):
        ((key, inside),) = inside.items()
        path = (*path, key)
        if isinstance(inside, list):
            tables[path] += 1
        if path in tables:  # a header below an array of tables belongs to its last table
            path = (*path, tables[path] - 1)
    return path


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
