"""A simulated Slack workspace and the people in it, who type commands and click buttons."""

from bot.demo.slack.interactions import (
    click_payload,
    command_payload,
    global_shortcut_payload,
    message_shortcut_payload,
)
from bot.demo.slack.records import Content, Json, Message, Refused, Reply
from bot.demo.slack.screens import NoSuchButton, Screens
from bot.demo.slack.typed import as_sent


class Workspace(Screens):
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
        """Type a slash command, and wait for what the ack says or Slack's error.

        With `should_escape`, `@ben`, `#ops`, links and `&<>` arrive as Slack's markup; mentions
        and links that are markup already stay as they are.
        """
        self.scopes_used.add("commands")
        if self.should_escape:
            text = as_sent(text, self)
        scene = self.scene(user_id, channel_id)
        payload = command_payload(scene, command, text)
        delivery, error = await self.deliver("slash_commands", payload, twice=deliver_twice)
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
        scene = self.scene(user_id, message.channel_id, message)
        payload = click_payload(scene, message, content, block_id, button)
        return await self.deliver_action(payload, twice=deliver_twice)

    async def global_shortcut(
        self, user_id: str, callback_id: str, *, deliver_twice: bool = False
    ) -> Reply:
        """Choose a shortcut that belongs to no message and no channel."""
        self.scopes_used.add("commands")
        trigger_id = self.modals.trigger(user_id)
        user = self.users[user_id]
        payload = global_shortcut_payload(self.identity, user, callback_id, trigger_id)
        return await self.deliver_action(payload, twice=deliver_twice)

    async def message_shortcut(
        self, user_id: str, message_ts: str, callback_id: str, *, deliver_twice: bool = False
    ) -> Reply:
        """Choose a shortcut from the menu of a message; ephemeral ones have none."""
        self.scopes_used.add("commands")
        message = self._message_before(user_id, message_ts)
        if message.seen_by:
            raise NoSuchButton("an ephemeral message has no shortcuts")
        scene = self.scene(user_id, message.channel_id)
        author = self.users[message.user_id]
        payload = message_shortcut_payload(scene, message, author, callback_id)
        return await self.deliver_action(payload, twice=deliver_twice)

    def _message_before(self, user_id: str, ts: str) -> Message:
        """The message, if this person can see it."""
        for message in self.history.messages:
            if message.ts == ts and message.seen_by in (None, user_id):
                return message
        raise NoSuchButton(f"{user_id} sees no message {ts}")


def _button(message: Message, action_id: str, *, stale: bool) -> tuple[Content, str, Json]:
    for content in (message.content, *reversed(message.edits))[: None if stale else 1]:
        for block_id, button in content.buttons():
            if button.get("action_id") == action_id:
                return content, block_id, button
    raise NoSuchButton(f"{action_id} is not one of {message.buttons} on {message.text!r}")
