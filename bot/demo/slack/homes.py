"""The app's home tab, one for each person: what the app published there."""

from collections.abc import Callable, Container
from secrets import token_hex

from bot.demo.slack.records import Json, Refused
from bot.demo.slack.views import View, checked


class Homes:
    """What stands in the home tabs; `is_enabled` as the app's manifest says."""

    def __init__(
        self, users: Container[str], violations: list[str], tell: Callable[[], None]
    ) -> None:
        self.is_enabled = True
        self._users = users
        self._violations = violations
        self._tell = tell
        self._homes: dict[str, View] = {}

    def of(self, user_id: str) -> View | None:
        """This person's home tab, once something is published."""
        return self._homes.get(user_id)

    def publish(self, args: Json) -> View:
        """views.publish; fields of the same ids keep what was entered there. Raises Refused."""
        if not self.is_enabled:
            raise Refused("not_enabled")
        given = checked(args.get("view"), "home", self._violations)
        user_id = str(args.get("user_id"))
        if user_id not in self._users:
            raise Refused("invalid_arguments")
        old = self._homes.get(user_id)
        if args.get("hash") not in (None, "", old and old.hash):
            raise Refused("hash_conflict")
        view_id = f"V{token_hex(5).upper()}"
        new = old.replaced(given) if old else View(view_id, user_id, given, view_id)
        self._homes[user_id] = new
        self._tell()
        return new
