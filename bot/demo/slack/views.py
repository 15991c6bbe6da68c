"""A modal or a home tab before one person, with what they entered; and what Slack takes as one."""

import json
import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from bot.demo.slack.block_rules import view_problems
from bot.demo.slack.fields import Field, NoSuchField, elements_of, fields_in
from bot.demo.slack.records import Content, Json, Refused

LARGEST = 250 * 1024  # bytes of JSON

_Key = tuple[str, str]  # block_id and action_id


@dataclass
class View:
    """A view as it stands before one person; `errors` are those beside its fields.

    `entered` and `offered` hold what the person entered, and what menus last offered, by
    block_id and action_id.
    """

    id: str
    user_id: str
    given: Json  # as the app gave it
    root_id: str
    hash: str = field(default_factory=lambda: f"{time.time():.6f}.{token_hex(4)}")
    errors: dict[str, str] = field(default_factory=dict)
    entered: dict[_Key, Any] = field(default_factory=dict)
    offered: dict[_Key, list[Json]] = field(default_factory=dict)

    @property
    def blocks(self) -> list[Json]:
        """As the app gave them, with ids."""
        blocks: list[Json] = self.given["blocks"]
        return blocks

    @property
    def shown(self) -> Json:
        """As the person sees it: with what they entered."""
        given = deepcopy(self.given)
        for shown in fields_in(given["blocks"]):
            shown.show(self.value(shown))
        return given

    def inputs(self) -> Iterator[Json]:
        """The blocks that errors can stand beside."""
        return (block for block in self.blocks if block["type"] == "input")

    def buttons(self) -> Iterator[tuple[str, Json]]:
        """Each button with its block's id, from top to bottom."""
        return Content("", self.blocks).buttons()

    def field_called(self, name: str) -> Field:
        """The field with this action_id, or else block_id. Raises NoSuchField."""
        found = list(fields_in(self.blocks))
        for place in (1, 0):
            for one in found:
                if one.key[place] == name:
                    return one
        raise NoSuchField(f"{name} is none of {[one.key for one in found]}")

    def value(self, of: Field) -> Any:
        """What the field holds now."""
        return self.entered.get(of.key, of.initial)

    def enter(self, name: str, value: str | Sequence[str]) -> Field:
        """Type or choose. Raises NoSuchField or NoSuchOption."""
        changed = self.field_called(name)
        self.entered[changed.key] = changed.entered(value, self.offered.get(changed.key, ()))
        return changed

    def offer(self, name: str, found: list[Json]) -> None:
        """Let an external menu offer these options, or groups of them, and no others."""
        options = [option for one in found for option in one.get("options", [one])]
        self.offered[self.field_called(name).key] = options

    def state(self) -> Json:
        """`state.values`."""
        state: Json = {}
        for one in fields_in(self.blocks):
            block_id, action_id = one.key
            state.setdefault(block_id, {})[action_id] = one.state(self.value(one))
        return state

    def problems(self) -> dict[str, str]:
        """What Slack itself says beside the fields, by block_id."""
        found = {one.key[0]: one.problem(self.value(one)) for one in fields_in(self.blocks)}
        return {block_id: problem for block_id, problem in found.items() if problem}

    def replaced(self, given: Json) -> "View":
        """The view with other content: fields of the same ids and type keep what was entered."""
        new = View(self.id, self.user_id, given, self.root_id)
        before = {one.key: one.type for one in fields_in(self.blocks)}
        for one in fields_in(new.blocks):
            if before.get(one.key) == one.type:
                for old, now in ((self.entered, new.entered), (self.offered, new.offered)):
                    now.update({one.key: old[one.key]} if one.key in old else {})
        return new


def checked(given: Any, kind: str, violations: list[str]) -> Json:
    """What the app gave as a view of this type, with ids wherever it gave none.

    Raises Refused, and notes the violation, if Slack does not take it.
    """
    try:
        view = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        view = None
    if not isinstance(view, dict):
        raise Refused("invalid_arguments")
    found = [str(problem) for problem in view_problems(view)]
    if view.get("type") != kind:
        found.append(f"[ERROR] must be {kind} [json-pointer:/type]")
    if found:
        violations.append(f"view: {found}")
        raise Refused("invalid_arguments", response_metadata={"messages": found})
    if len(json.dumps(view).encode()) > LARGEST:
        violations.append(f"view: more than {LARGEST} bytes")
        raise Refused("view_too_large")
    return _numbered(view)


def _numbered(view: Json) -> Json:
    blocks = [{"block_id": token_hex(3), **block} for block in deepcopy(view["blocks"])]
    for block in blocks:
        for element in elements_of(block):
            element.setdefault("action_id", token_hex(3))
    return {**view, "blocks": blocks}
