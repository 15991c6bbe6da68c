"""The modals in front of people: what an app may open there, and for how long it may."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from secrets import randbelow, token_hex
from typing import Any

from bot.demo.slack.block_rules import view_problems
from bot.demo.slack.records import Json, Refused

TRIGGER = 3.0  # real seconds for which a trigger_id opens a modal
DEEPEST = 3  # views on one stack


@dataclass
class View:
    """A modal as it stands before one person; `errors` are those beside its fields."""

    id: str
    user_id: str
    given: Json  # as the app gave it
    root_id: str
    hash: str = field(default_factory=lambda: f"{time.time():.6f}.{token_hex(4)}")
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def blocks(self) -> list[Json]:
        blocks: list[Json] = self.given["blocks"]
        return blocks

    def inputs(self) -> Iterator[Json]:
        """The blocks that hold a field."""
        return (block for block in self.blocks if block["type"] == "input")


class Modals:
    """A stack of views a person. Raises Refused with Slack's codes."""

    def __init__(self, violations: list[str], tell: Callable[[], None]) -> None:
        self._violations = violations
        self._tell = tell
        self._triggers: dict[str, tuple[str, float]] = {}
        self._exchanged: set[str] = set()
        self._stacks: dict[str, list[View]] = {}

    def trigger(self, user_id: str) -> str:
        """What lets the app open a modal before this person, once and soon."""
        trigger_id = f"{randbelow(10**13)}.{randbelow(10**9)}.{token_hex(16)}"
        self._triggers[trigger_id] = (user_id, time.monotonic())
        return trigger_id

    def top(self, user_id: str) -> View | None:
        """The view that the person sees, if any."""
        stack = self._stacks.get(user_id)
        return stack[-1] if stack else None

    def open(self, args: Json) -> View:
        """views.open."""
        given = self._checked(args.get("view"))
        user_id = self._person(str(args.get("trigger_id")))
        return self._put(user_id, given, [])

    def push(self, args: Json) -> View:
        """views.push."""
        given = self._checked(args.get("view"))
        user_id = self._person(str(args.get("trigger_id")))
        stack = self._stacks.get(user_id, [])
        if len(stack) >= DEEPEST:
            raise Refused("push_limit_reached")
        return self._put(user_id, given, stack)

    def update(self, args: Json) -> View:
        """views.update."""
        given = self._checked(args.get("view"))
        for stack in self._stacks.values():
            for place, view in enumerate(stack):
                external = args.get("external_id")
                if view.id == args.get("view_id") or (
                    external and view.given.get("external_id") == external
                ):
                    if args.get("hash") not in (None, "", view.hash):
                        raise Refused("hash_conflict")
                    stack[place] = View(view.id, view.user_id, given, view.root_id)
                    self._tell()
                    return stack[place]
        raise Refused("not_found")

    def answer(self, view: View, response: Json) -> None:
        """What the ack of a submission does to the view."""
        stack = self._stacks[view.user_id]
        match response.get("response_action"):
            case None:
                stack.remove(view)
            case "clear":
                stack.clear()
            case "errors":
                view.errors = dict(response.get("errors", {}))
                fields = {block["block_id"] for block in view.inputs()}
                if not view.errors or not view.errors.keys() <= fields:
                    self._violations.append(f"errors {view.errors} not at the fields {fields}")
            case "update":
                given = self._checked(response.get("view"))
                stack[stack.index(view)] = View(view.id, view.user_id, given, view.root_id)
            case "push":
                self._put(view.user_id, self._checked(response.get("view")), stack)
            case other:
                self._violations.append(f"no such response_action: {other}")
        self._tell()

    def close(self, user_id: str) -> View:
        """Take away what the person sees."""
        view = self._stacks[user_id].pop()
        self._tell()
        return view

    def _person(self, trigger_id: str) -> str:
        if trigger_id in self._exchanged:
            raise Refused("exchanged_trigger_id")
        if trigger_id not in self._triggers:
            raise Refused("invalid_trigger_id")
        user_id, issued = self._triggers.pop(trigger_id)
        self._exchanged.add(trigger_id)
        if time.monotonic() - issued > TRIGGER:
            raise Refused("expired_trigger_id")
        return user_id

    def _put(self, user_id: str, given: Json, below: list[View]) -> View:
        view_id = f"V{token_hex(5).upper()}"
        view = View(view_id, user_id, given, below[0].id if below else view_id)
        self._stacks[user_id] = [*below, view]
        self._tell()
        return view

    def _checked(self, given: Any) -> Json:
        view: Json = json.loads(given) if isinstance(given, str) else given
        if not isinstance(view, dict):
            raise Refused("invalid_arguments")
        found = [str(problem) for problem in view_problems(view)]
        if any(b.get("type") == "input" for b in view.get("blocks", [])) and not view.get(
            "submit"
        ):
            found.append("[ERROR] must have submit [json-pointer:/submit]")
        if found:
            self._violations.append(f"view: {found}")
            raise Refused("invalid_arguments", response_metadata={"messages": found})
        numbered = [
            {"block_id": token_hex(3), **block} for block in json.loads(json.dumps(view["blocks"]))
        ]
        return {**view, "blocks": numbered}


def fields_of(view: View, values: dict[str, str]) -> tuple[Json, dict[str, str]]:
    """`state.values` once the person typed these, and what Slack itself has against them.

    `values` are named by action id or block id; what is not named keeps its initial value.
    """
    state: Json = {}
    errors: dict[str, str] = {}
    for block in view.inputs():
        element, block_id = block["element"], block["block_id"]
        typed = values.get(element["action_id"], values.get(block_id))
        filled = _filled(element, typed)
        state[block_id] = {element["action_id"]: {"type": element["type"], **filled}}
        text = next(iter(filled.values()))
        if not text and not block.get("optional"):
            errors[block_id] = "Please complete this required field."
        elif isinstance(text, str) and len(text) > element.get("max_length", 3000):
            errors[block_id] = f"Please shorten this to {element['max_length']} characters."
        elif isinstance(text, str) and text and len(text) < element.get("min_length", 0):
            errors[block_id] = f"Please enter at least {element['min_length']} characters."
    return state, errors


def _filled(element: Json, typed: str | None) -> Json:
    match element["type"]:
        case "plain_text_input":
            text = element.get("initial_value") if typed is None else typed
            return {"value": text or None}
        case "static_select" | "external_select" | "radio_buttons":
            chosen = element.get("initial_option")
            if typed is not None:
                options = element.get("options", [{"value": typed, "text": {"text": typed}}])
                chosen = next(option for option in options if option["value"] == typed)
            return {"selected_option": chosen}
        case other:
            raise NotImplementedError(other)
