"""What people see of the app besides messages, its modals and its home tab, and do there."""

from collections.abc import Mapping, Sequence

from bot.demo.slack.dispatch import Dispatch
from bot.demo.slack.events import event_payload, home_opened_payload
from bot.demo.slack.interactions import pressed
from bot.demo.slack.records import Json, Refused, Reply
from bot.demo.slack.suggestions import offers
from bot.demo.slack.view_payloads import (
    action_payload,
    chosen,
    closing_payload,
    submission_payload,
    suggestion_payload,
)
from bot.demo.slack.views import View

SHORTEST_QUERY = 3  # characters, unless the menu says otherwise


class NoSuchButton(LookupError):
    """The message or the view has no such button (now), so nobody can click it."""


class Screens(Dispatch):
    """People act on the top modal, or on the home tab if there is none.

    `view` is another one to act on, as on a screen that has not seen an update yet.
    """

    def modal(self, user_id: str) -> View | None:
        """The form in front of this person."""
        return self.modals.top(user_id)

    def home(self, user_id: str) -> View | None:
        """This person's home tab, once the app published it."""
        return self.homes.of(user_id)

    async def open_home(
        self, user_id: str, *, tab: str = "home", deliver_twice: bool = False
    ) -> Reply:
        """Look at the app's home or messages: the app hears of it, until it acks."""
        channel = self.direct_message(user_id)
        view = self.home(user_id)
        payload = home_opened_payload(self.identity, self.users[user_id], channel.id, view, tab)
        return await self.deliver_event(payload, twice=deliver_twice)

    async def uninstall(self) -> None:
        """Remove the app: its token is dead, and it hears of that once."""
        self.is_installed = False
        events: list[Json] = [
            {"type": "tokens_revoked", "tokens": {"bot": [self.identity.bot_user_id]}},
            {"type": "app_uninstalled"},
        ]
        for event in events:
            await self.deliver_event(event_payload(self.identity, event), twice=False)

    async def press(
        self,
        user_id: str,
        action_id: str,
        *,
        view: View | None = None,
        deliver_twice: bool = False,
    ) -> Reply:
        """Click a button there, and wait for the ack or Slack's error. Raises NoSuchButton."""
        view = view or self._screen_of(user_id)
        for block_id, button in view.buttons():
            if button.get("action_id") == action_id:
                return await self._act(view, pressed(block_id, button), twice=deliver_twice)
        buttons = [button.get("action_id") for _, button in view.buttons()]
        raise NoSuchButton(f"{action_id} is none of {buttons}")

    async def fill(
        self,
        user_id: str,
        field: str,
        value: str | Sequence[str],
        *,
        enter: bool = False,
        view: View | None = None,
        deliver_twice: bool = False,
    ) -> Reply:
        """Type or choose in one field, named by action id or block id, and perhaps press Enter.

        Options are named by their values; checkboxes take all that are ticked. An empty text
        clears. The reply holds an ack only if the field tells the app at once. Raises NoSuchField
        or NoSuchOption.
        """
        view = view or self._screen_of(user_id)
        entered = view.enter(field, value)
        self.tell()
        if not entered.dispatches(enter=enter):
            return Reply(None, None, None)
        action = chosen(entered, view.value(entered))
        return await self._act(view, action, twice=deliver_twice)

    async def suggest(
        self, user_id: str, field: str, text: str, *, view: View | None = None
    ) -> Reply:
        """Type into an external menu; `options` of the reply are what it offers then.

        Too short a text never reaches the app. Raises NoSuchField.
        """
        view = view or self._screen_of(user_id)
        menu = view.field_called(field)
        if len(text) < menu.element.get("min_query_length", SHORTEST_QUERY):
            return Reply(None, None, None)
        payload = suggestion_payload(self.identity, self.users[user_id], view, menu, text)
        delivery, error = await self.deliver("interactive", payload)
        if error:
            return Reply(delivery.acked_after, None, error)
        found, problems = offers(delivery.response)
        self.violations.extend(problems)
        view.offer(field, found)
        return Reply(delivery.acked_after, None, None, options=found)

    async def submit(
        self,
        user_id: str,
        values: Mapping[str, str | Sequence[str]],
        *,
        deliver_twice: bool = False,
    ) -> Reply:
        """Fill in the form and send it; what stands beside its fields, if it is not taken.

        `values` are named by action id or block id, and join what `fill` entered. What Slack
        itself does not let through (a required field, a length) never reaches the app.
        """
        view = self._modal_of(user_id)
        for field, value in values.items():
            view.enter(field, value)
        view.errors = view.problems()
        if view.errors:
            return Reply(None, None, None, view.errors)
        payload = submission_payload(self.identity, self.users[user_id], view)
        delivery, error = await self.deliver("interactive", payload, twice=deliver_twice)
        if error:
            return Reply(delivery.acked_after, None, error)
        try:
            errors = self.modals.answer(view, delivery.response)
        except Refused as refused:
            return Reply(delivery.acked_after, None, refused.error)
        return Reply(delivery.acked_after, None, None, errors)

    async def close_modal(self, user_id: str) -> None:
        """Press Cancel, or the cross."""
        view = self._modal_of(user_id)
        self.modals.close(user_id)
        if view.given.get("notify_on_close"):
            payload = closing_payload(self.identity, self.users[user_id], view)
            await self.deliver("interactive", payload)

    async def _act(self, view: View, action: Json, *, twice: bool) -> Reply:
        user = self.users[view.user_id]
        trigger_id = self.modals.trigger(user.id)
        payload = action_payload(self.identity, user, view, action, trigger_id)
        return await self.deliver_action(payload, twice=twice)

    def _screen_of(self, user_id: str) -> View:
        view = self.modal(user_id) or self.home(user_id)
        if view is None:
            raise NoSuchButton(f"{user_id} sees no modal and no home tab")
        return view

    def _modal_of(self, user_id: str) -> View:
        view = self.modal(user_id)
        if view is None:
            raise NoSuchButton(f"{user_id} sees no modal")
        return view
