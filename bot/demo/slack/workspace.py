"""A simulated Slack workspace and the people in it, who type commands and click buttons."""

import asyncio

from bot.demo.slack import http_mode
from bot.demo.slack.interactions import (
    Scene,
    click_payload,
    closing_payload,
    command_payload,
    submission_payload,
)
from bot.demo.slack.modals import View, fields_of
from bot.demo.slack.records import Content, Delivery, Json, Message, Refused, Reply
from bot.demo.slack.state import State


class NoSuchButton(LookupError):
    """The message has no such button (now), so nobody can click it."""


class Workspace(State):
    """What people do in it. `SlackServer` serves it to the app."""

    def say(
        self, user_id: str, channel_id: str, text: str, thread_ts: str | None = None
    ) -> Message:
        """Write a message."""
        return self.history.post(channel_id, user_id, Content(text, []), thread_ts=thread_ts)

    def delete(self, message: Message) -> None:
        """Delete a message, as its author or an administrator may."""
        self.history.delete(message)

    async def command(
        self,
        user_id: str,
        channel_id: str,
        command: str,
        text: str = "",
        *,
        deliver_twice: bool = False,
    ) -> Reply:
        """Type a slash command, and wait for what the ack says or Slack's error."""
        self.scopes_used.add("commands")
        scene = self._scene(user_id, channel_id)
        payload = command_payload(scene, command, text)
        delivery, error = await self._deliver("slash_commands", payload, twice=deliver_twice)
        if error or not delivery.response:
            return Reply(delivery.acked_after, None, error)
        said = delivery.response
        if said.get("response_type") == "in_channel":
            self.say(user_id, channel_id, f"{command} {text}".strip())
            if said.keys() == {"response_type"}:
                return Reply(delivery.acked_after, None, None)
        try:
            message = self.response_urls.say(user_id, channel_id, said)
        except Refused:
            return Reply(delivery.acked_after, None, "invalid_command_response")
        return Reply(delivery.acked_after, message, None)

    async def click(
        self,
        user_id: str,
        message_ts: str,
        action_id: str,
        *,
        stale: bool = False,
        deliver_twice: bool = False,
    ) -> Reply:
        """Click a button, and wait for the ack or Slack's error.

        Raises NoSuchButton if the message has no such button now; with `stale` a button that it
        had before an edit is clicked, as on a screen that has not seen the edit yet.
        """
        message = self._message_before(user_id, message_ts)
        content, block_id, button = _button(message, action_id, stale=stale)
        scene = self._scene(user_id, message.channel_id, message)
        payload = click_payload(scene, message, content, block_id, button)
        delivery, error = await self._deliver("interactive", payload, twice=deliver_twice)
        if delivery.response:
            self.violations.append(f"the ack of a click must be empty, not {delivery.response}")
        return Reply(delivery.acked_after, None, error)

    def modal(self, user_id: str) -> View | None:
        """The form in front of this person."""
        return self.modals.top(user_id)

    async def submit(
        self, user_id: str, values: dict[str, str], *, deliver_twice: bool = False
    ) -> Reply:
        """Fill in the form and send it; what stands beside its fields, if it is not taken.

        `values` are named by action id or block id. What Slack itself does not let through
        (a required field, a length) never reaches the app.
        """
        view = self._modal_of(user_id)
        state, view.errors = fields_of(view, values)
        if view.errors:
            return Reply(None, None, None, view.errors)
        user = self.users[user_id]
        payload = submission_payload(self.identity, user, view, state)
        delivery, error = await self._deliver("interactive", payload, twice=deliver_twice)
        if error:
            return Reply(delivery.acked_after, None, error)
        self.modals.answer(view, delivery.response)
        return Reply(delivery.acked_after, None, None, view.errors)

    async def close_modal(self, user_id: str) -> None:
        """Press Cancel, or the cross."""
        view = self._modal_of(user_id)
        self.modals.close(user_id)
        if view.given.get("notify_on_close"):
            payload = closing_payload(self.identity, self.users[user_id], view)
            await self._deliver("interactive", payload, twice=False)

    def _modal_of(self, user_id: str) -> View:
        view = self.modal(user_id)
        if view is None:
            raise NoSuchButton(f"{user_id} sees no modal")
        return view

    def _scene(self, user_id: str, channel_id: str, message: Message | None = None) -> Scene:
        path = self.response_urls.issue(user_id, channel_id, message)
        return Scene(
            self.identity,
            self.users[user_id],
            self.channels[channel_id],
            response_url=f"{self.base_url}{path}",
            trigger_id=self.modals.trigger(user_id),
        )

    def _message_before(self, user_id: str, ts: str) -> Message:
        """The message, if this person can see it."""
        for message in self.history.messages:
            if message.ts == ts and message.seen_by in (None, user_id):
                return message
        raise NoSuchButton(f"{user_id} sees no message {ts}")

    async def _deliver(
        self, kind: str, payload: Json, *, twice: bool
    ) -> tuple[Delivery, str | None]:
        """Send it, perhaps in two copies at once; what came of the first one."""
        copies = [Delivery(kind, payload, self.clock.now()) for _ in range(1 + twice)]
        self.deliveries.extend(copies)
        self.tell()
        errors = await asyncio.gather(*map(self._send, copies))
        return copies[0], errors[0]

    async def _send(self, delivery: Delivery) -> str | None:
        if self.request_url is None:
            return await self.sockets.deliver(delivery, self.ack_within)
        return await http_mode.deliver(
            delivery, self.request_url, self.signing_secret, self.ack_within
        )


def _button(message: Message, action_id: str, *, stale: bool) -> tuple[Content, str, Json]:
    for content in (message.content, *reversed(message.edits))[: None if stale else 1]:
        for block_id, button in content.buttons():
            if button.get("action_id") == action_id:
                return content, block_id, button
    raise NoSuchButton(f"{action_id} is not one of {message.buttons} on {message.text!r}")
