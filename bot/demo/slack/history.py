"""Every message of the workspace: how it gets there, how it changes, and what Slack takes."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from bot.demo.slack.block_rules import TEXT, broadcasts, message_problems
from bot.demo.slack.block_schema import Problem
from bot.demo.slack.records import Content, Json, Message, Refused
from bot.runtime.clock import Clock


class History:
    """All messages in the order in which they came, ephemeral ones as well.

    `violations` collects everything Slack had to refuse for its form, `broadcast_mentions` each
    text that notified a whole channel. Types of blocks in `unsupported` are refused, as by a
    workspace that doesn't have them yet.
    """

    def __init__(self, clock: Clock, tell: Callable[[], None]) -> None:
        self.messages: list[Message] = []
        self.violations: list[str] = []
        self.broadcast_mentions: list[str] = []
        self.unsupported: set[str] = set()
        self._clock = clock
        self._tell = tell
        self._last = 0
        self._block_ids = (f"b{number:04}" for number in count())

    def content(self, text: str, blocks: Any, before: Message | None = None) -> Content:
        """What the message will say. Raises Refused, and notes the violation, if it may not."""
        blocks = blocks or []
        found = message_problems(text, blocks, before.blocks if before else ())
        if found:
            self.violations.extend(map(str, found))
            self._tell()
            raise _refusal(text, blocks, [str(problem) for problem in found])
        if here := sorted(self.unsupported.intersection(block["type"] for block in blocks)):
            problem = Problem("/blocks", f"unsupported type: {', '.join(here)}")
            raise _refusal(text, blocks, [str(problem)])
        self.broadcast_mentions.extend(broadcasts(text, blocks))
        return Content(text, [self._with_id(block) for block in blocks])

    def post(
        self,
        channel_id: str,
        user_id: str,
        content: Content,
        *,
        thread_ts: str | None = None,
        reply_broadcast: bool = False,
        seen_by: str | None = None,
        metadata: Json | None = None,
    ) -> Message:
        """Add a message."""
        message = Message(
            self._next_ts(),
            channel_id,
            user_id,
            content,
            thread_ts,
            reply_broadcast,
            seen_by,
            metadata=metadata,
        )
        self.messages.append(message)
        self._tell()
        return message

    def edit(self, message: Message, content: Content) -> None:
        """Let the message say something else; what it said is kept in `edits`."""
        message.edits.append(message.content)
        message.content = content
        self._tell()

    def delete(self, message: Message) -> None:
        """Take the message away."""
        self.messages.remove(message)
        self._tell()

    def find(self, channel_id: str, ts: str) -> Message:
        """Return what everybody in the channel can see. Raises Refused (message_not_found)."""
        for message in self.visible(channel_id):
            if message.ts == ts:
                return message
        raise Refused("message_not_found")

    def visible(self, channel_id: str) -> Iterator[Message]:
        """The channel's messages and replies that everybody in it can see."""
        for message in self.messages:
            if message.channel_id == channel_id and message.seen_by is None:
                yield message

    def check_thread(self, channel_id: str, thread_ts: str | None) -> None:
        """Raise Refused unless this is a message that can have replies, or None."""
        if thread_ts is None:
            return
        try:
            parent = self.find(channel_id, thread_ts)
        except Refused as refused:
            raise Refused("thread_not_found") from refused
        if parent.is_reply:
            raise Refused("cannot_reply_to_message")

    def _next_ts(self) -> str:
        """The time in microseconds, and never the same twice."""
        now = int(self._clock.now().timestamp() * 1_000_000)
        self._last = max(now, self._last + 1)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06}"

    def _with_id(self, block: Json) -> Json:
        return block if block.get("block_id") else {**block, "block_id": next(self._block_ids)}


def _refusal(text: str, blocks: Any, problems: list[str]) -> Refused:
    if not text.strip() and not blocks:
        return Refused("no_text")
    if len(text) >= TEXT:
        return Refused("msg_too_long")
    return Refused("invalid_blocks", response_metadata={"messages": problems})
