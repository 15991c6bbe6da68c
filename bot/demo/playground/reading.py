"""What each person has read, and what is still new to them."""

import re
from collections.abc import Iterator
from itertools import takewhile

from bot.demo.slack.records import Channel, Message
from bot.demo.slack.state import State

_CALLED = re.compile(r"<(?:@|!subteam\^)(\w+)[|>]")


class Reading:
    """Marks, as Slack keeps them: how far somebody has read in a channel."""

    def __init__(self, slack: State) -> None:
        self._slack = slack
        self._marks: dict[tuple[str, str], str] = {}

    def read(self, user_id: str, channel_id: str, ts: str) -> None:
        """This person has seen the channel up to this message; never less than before."""
        key = user_id, channel_id
        self._marks[key] = max(ts, self.mark(*key))

    def mark(self, user_id: str, channel_id: str) -> str:
        """The ts of the last message that they have seen there, or nothing."""
        return self._marks.get((user_id, channel_id), "")

    def unread(self, user_id: str, channel: Channel) -> list[Message]:
        """What stands in the channel, or calls them in one of its threads, and is new to them."""
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
        """Whether it mentions them, or a group that they are in, or is a direct message."""
        channel = self._slack.channels[message.channel_id]
        return channel.is_im or user_id in self._called(message)

    def _called(self, message: Message) -> Iterator[str]:
        for called in _CALLED.findall(f"{message.text} {message.blocks}"):
            group = self._slack.usergroups.get(called)
            yield from group.users if group else (called,)
