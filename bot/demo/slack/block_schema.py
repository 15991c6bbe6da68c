"""What one block may look like: the JSON schema of its type, and its errors in plain words."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from bot.demo.slack.records import Json

SCHEMAS = Path(__file__).parent / "schemas"
# All that the schemas ask of a string: to be one of a few words, under these names, or else to
# be no longer than one of these limits.
CHOSEN = {
    *("type", "style", "level", "width", "align", "border", "range", "status", "include"),
    "trigger_actions_on",
}
LIMITS = (20, 24, 30, 50, 75, 100, 150, 200, 255, 300, 2000, 3000)


class Surface(StrEnum):
    """Where blocks stand, and the schema that knows it."""

    MESSAGE = "slack-block-kit.schema.json"
    VIEW = "slack-block-kit-view.schema.json"


@dataclass(frozen=True)
class Problem:
    """What Slack has against a payload, and where in it."""

    pointer: str
    message: str

    def __str__(self) -> str:
        """As in Slack's `response_metadata.messages`."""
        return f"[ERROR] {self.message} [json-pointer:{self.pointer}]"


def block_problems(block: Any, pointer: str, surface: Surface) -> Iterator[Problem]:
    """What the schema of the block's own type has against it."""
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        yield Problem(pointer, "must be an object with a type")
        return
    words = block["type"].split("_")
    definition = "".join(word.capitalize() for word in words) + "Block"
    if definition not in _definitions(surface):
        yield Problem(f"{pointer}/type", f"unsupported type: {block['type']}")
        return
    yield from problems(block, pointer, surface, definition)


def problems(value: Json, pointer: str, surface: Surface, definition: str) -> Iterator[Problem]:
    """What a definition of the surface's schema has against the value."""
    if _found(json.dumps(_shape(value)), surface, definition):
        for path, words in _found(json.dumps(value), surface, definition):
            yield Problem(pointer + path, words)


def _shape(value: Any, name: str = "") -> Any:
    """The value with other texts, which are right or wrong as its own are."""
    match value:
        case dict():
            return {key: _shape(inner, key) for key, inner in value.items()}
        case list():
            return [_shape(inner, name) for inner in value]
        case str() if name not in CHOSEN:
            return "x" * next((most for most in LIMITS if len(value) <= most), LIMITS[-1] + 1)
        case _:
            return value


@lru_cache(maxsize=4096)  # what is written varies, but not in how many shapes
def _found(value: str, surface: Surface, definition: str) -> tuple[tuple[str, str], ...]:
    """Where in the value, as JSON, something is wrong, and what."""
    errors = _validator(surface, definition).iter_errors(json.loads(value))
    causes = [_cause(error) for error in errors]
    return tuple(
        ("".join(f"/{part}" for part in cause.absolute_path), _words(cause)) for cause in causes
    )


@cache
def _definitions(surface: Surface) -> Json:
    schema: Json = json.loads((SCHEMAS / surface).read_text())
    definitions: Json = schema["definitions"]
    return definitions


@cache
def _validator(surface: Surface, definition: str) -> Draft7Validator:
    return Draft7Validator(
        {"$ref": f"#/definitions/{definition}", "definitions": _definitions(surface)}
    )


def _cause(error: ValidationError) -> ValidationError:
    """Of a choice that failed, what is wrong with the alternative that was meant."""
    while error.validator == "anyOf":
        branches: defaultdict[Any, list[ValidationError]] = defaultdict(list)
        for inner in error.context or ():
            branches[inner.schema_path[0]].append(inner)
        meant = min(branches.values(), key=_distance)
        if _distance(meant)[0]:
            return error
        error = meant[0]
    return error


def _distance(branch: list[ValidationError]) -> tuple[int, int]:
    """How far off an alternative is: another type is farthest."""
    other = [error for error in branch if list(error.path) == ["type"]]
    nested = [error for error in branch if error.validator == "anyOf" and not error.path]
    inner = sum(_is_far(error) for error in nested)
    return len(other) + inner, len(branch)


def _is_far(error: ValidationError) -> bool:
    return _cause(error) is error


def _words(error: ValidationError) -> str:
    limit: Any = error.validator_value
    match error.validator:
        case "maxLength":
            return f"must be less than {limit + 1} characters"
        case "maxItems":
            return f"no more than {limit} items allowed"
        case "anyOf":
            return "is none of what is allowed here"
        case _:
            return error.message[:200]
