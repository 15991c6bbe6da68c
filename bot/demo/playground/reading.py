"""What each person has read, and what is unread."""

import re
from collections.abc import Iterator
from itertools import takewhile

from bot.demo.slack.records import Channel, Message
from bot.demo.slack.state import State

_CALLED = re.compile(r"<(?:@|!subteam\^)(\w+)[|>]")


class Reading:
    """How far each person has read in each channel, as Slack remembers it."""

    def __init__(self, slack: State) -> None:
        self._slack = slack
        self._marks: dict[tuple[str, str], str] = {}

    def read(self, user_id: str, channel_id: str, ts: str) -> None:
        """Mark the channel as read up to this message; never moves back."""
        key = user_id, channel_id
        self._marks[key] = max(ts, self.mark(*key))

    def mark(self, user_id: str, channel_id: str) -> str:
        """Return the ts of the last message they have read there, or ""."""
        return self._marks.get((user_id, channel_id), "")

    def unread(self, user_id: str, channel: Channel) -> list[Message]:
        """Return unread messages in the channel, and unread mentions in its threads."""
        mark = self.mark(user_id, channel.id)
        newer = takewhile(
            lambda message: message.ts > mark, reversed(self._slack.history.messages)
        )
        return [
            message
            for message in newer
            if message.channel_id == channel.id
            and message.user_id != user_id
            and message.seen_by is None
            and (not message.is_reply or message.reply_broadcast or self.calls(user_id, message))
        ]

    def calls(self, user_id: str, message: Message) -> bool:
        """Return whether it mentions them or a group of theirs, or is a direct message."""
        channel = self._slack.channels[message.channel_id]
        return channel.is_im or user_id in self._called(message)

    def _called(self, message: Message) -> Iterator[str]:
        for called in _CALLED.findall(f"{message.text} {message.blocks}"):
            group = self._slack.usergroups.get(called)
            yield from group.users if group else (called,)
