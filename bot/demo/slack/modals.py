"""The modals in front of people: what an app may open there, and for how long it may."""

import time
from collections.abc import Callable
from secrets import randbelow, token_hex

from bot.demo.slack.records import Json, Refused
from bot.demo.slack.views import View, checked

TRIGGER = 3.0  # real seconds for which a trigger_id opens a modal
DEEPEST = 3  # views on one stack


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
        given = self._checked(args)
        user_id = self._person(str(args.get("trigger_id")))
        return self._put(user_id, given, [])

    def push(self, args: Json) -> View:
        """views.push."""
        given = self._checked(args)
        user_id = self._person(str(args.get("trigger_id")))
        stack = self._stacks.get(user_id, [])
        if len(stack) >= DEEPEST:
            raise Refused("push_limit_reached")
        return self._put(user_id, given, stack)

    def update(self, args: Json) -> View:
        """views.update; fields of the same ids keep what was entered there."""
        given = self._checked(args)
        for stack in self._stacks.values():
            for place, view in enumerate(stack):
                external = args.get("external_id")
                if view.id == args.get("view_id") or (
                    external and view.given.get("external_id") == external
                ):
                    if args.get("hash") not in (None, "", view.hash):
                        raise Refused("hash_conflict")
                    stack[place] = view.replaced(given)
                    self._tell()
                    return stack[place]
        raise Refused("not_found")

    def answer(self, view: View, response: Json) -> dict[str, str]:
        """What the ack of a submission does to the view; the errors now beside its fields."""
        stack = self._stacks[view.user_id]
        places = [place for place, one in enumerate(stack) if one.id == view.id]
        if not places:  # it was closed meanwhile
            return {}
        errors: dict[str, str] = {}
        match response.get("response_action"):
            case None:
                del stack[places[0]]
            case "clear":
                stack.clear()
            case "errors":
                errors = self._errors(stack[places[0]], response)
            case "update":
                stack[places[0]] = stack[places[0]].replaced(self._checked(response))
            case "push":
                self._put(view.user_id, self._checked(response), stack)
            case other:
                self._violations.append(f"no such response_action: {other}")
        self._tell()
        return errors

    def _errors(self, view: View, response: Json) -> dict[str, str]:
        view.errors = dict(response.get("errors", {}))
        fields = {block["block_id"] for block in view.inputs()}
        if not view.errors or not view.errors.keys() <= fields:
            self._violations.append(f"errors {view.errors} not at the fields {fields}")
        return view.errors

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

    def _checked(self, args: Json) -> Json:
        return checked(args.get("view"), "modal", self._violations)
