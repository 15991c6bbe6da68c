"""The fields of a view: what can be entered there, and how Slack tells the app about it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bot.demo.slack.records import Json

LONGEST = 3000  # characters in a text field
TEXTS = {"plain_text_input"}
CONVERSATIONS = {"conversations_select"}  # named by id; who may be chosen is not checked
MENUS = {"static_select", "external_select", "radio_buttons"}
LISTS = {"checkboxes", "multi_static_select"}
BARE = {"button", "overflow", "image", "workflow_button"}  # hold nothing that is entered


class NoSuchField(LookupError):
    """The view has no such field (now), so nobody can enter anything there."""


class NoSuchOption(LookupError):
    """The menu does not offer this, so nobody can choose it."""


@dataclass(frozen=True)
class Field:
    """An element that holds what a person enters, and the block in which it stands."""

    block: Json
    element: Json

    @property
    def key(self) -> tuple[str, str]:
        """By which Slack knows it: block_id and action_id."""
        return self.block["block_id"], self.element["action_id"]

    @property
    def type(self) -> str:
        """The element's type."""
        return str(self.element["type"])

    @property
    def initial(self) -> Any:
        """What it holds before anything is entered."""
        return self.element.get(_keys(self.type)[1]) or self._nothing

    @property
    def _nothing(self) -> Any:
        return [] if self.type in LISTS else None

    def state(self, value: Any) -> Json:
        """How `state.values` tells a value."""
        return {"type": self.type, _keys(self.type)[0]: value}

    def show(self, value: Any) -> None:
        """Make the value the one that the element shows from the start."""
        _, initial = _keys(self.type)
        self.element.pop(initial, None)
        if value:
            self.element[initial] = value

    def entered(self, value: str | Sequence[str], offered: Iterable[Json]) -> Any:
        """What the field holds once this is typed or chosen; an empty text clears it.

        Options are named by their `value`, those of an external menu stand in `offered`. Raises
        NoSuchOption.
        """
        if self.type in TEXTS | CONVERSATIONS:
            return value or self._nothing
        options = [*options_in(self.element), *offered]
        if self.type in LISTS:
            return [_option(options, one) for one in value]
        return _option(options, str(value)) if value else self._nothing

    def problem(self, value: Any) -> str | None:
        """What Slack itself says beside the field when the form is sent like that."""
        if self.block["type"] != "input":
            return None
        if not value:
            return None if self.block.get("optional") else "Please complete this required field."
        if self.type in TEXTS:
            longest = self.element.get("max_length", LONGEST)
            if len(value) > longest:
                return f"Please shorten this to {longest} characters."
            if len(value) < self.element.get("min_length", 0):
                return f"Please enter at least {self.element['min_length']} characters."
        return None

    def dispatches(self, *, enter: bool) -> bool:
        """Whether the app hears at once that something was entered; `enter` was pressed or not."""
        if self.block["type"] != "input":
            return True
        if not self.block.get("dispatch_action") or self.type not in TEXTS:
            return bool(self.block.get("dispatch_action"))
        config = self.element.get("dispatch_action_config", {})
        moments = config.get("trigger_actions_on", ["on_enter_pressed"])
        return "on_character_entered" in moments or (enter and "on_enter_pressed" in moments)


def fields_in(blocks: Iterable[Json]) -> Iterator[Field]:
    """Every field, from top to bottom."""
    for block in blocks:
        for element in elements_of(block):
            if element["type"] not in BARE:
                yield Field(block, element)


def elements_of(block: Json) -> list[Json]:
    """What people can act on in a block."""
    match block["type"]:
        case "input":
            return [block["element"]]
        case "section" if "accessory" in block:
            return [block["accessory"]]
        case "actions":
            return list(block["elements"])
        case _:
            return []


def options_in(menu: Json) -> list[Json]:
    """The options of a menu, those of its groups as well, and the one chosen from the start."""
    groups = menu.get("option_groups") or []
    initial = [menu["initial_option"]] if menu.get("initial_option") else []
    return [
        *(menu.get("options") or []),
        *(option for group in groups for option in group["options"]),
        *initial,
    ]


def _option(options: Iterable[Json], value: str) -> Json:
    for option in options:
        if option.get("value") == value:
            return option
    raise NoSuchOption(f"{value} is none of {[option.get('value') for option in options]}")


def _keys(kind: str) -> tuple[str, str]:
    """Under which names a type of element holds its value, and the one to begin with."""
    if kind in TEXTS:
        return "value", "initial_value"
    if kind in CONVERSATIONS:
        return "selected_conversation", "initial_conversation"
    if kind in MENUS:
        return "selected_option", "initial_option"
    if kind in LISTS:
        return "selected_options", "initial_options"
    raise NotImplementedError(kind)
