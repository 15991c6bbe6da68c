"""A channel as one plain text: its messages, each with its thread, as one person sees them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from bot.demo.slack.records import Message
from bot.demo.slack.transcript import read


def as_text(title: str, messages: Sequence[Message], names: Mapping[str, str]) -> str:
    """All messages of one channel, with threads, also what only one person sees.

    Broadcast replies stand in their thread and, marked, in the channel.
    """
    tops = [message for message in messages if not message.is_reply or message.reply_broadcast]
    lines = [title]
    for message in tops:
        lines += _lines(message, names)
        if not message.is_reply:
            replies = [reply for reply in messages if reply.is_reply and _under(message, reply)]
            lines += [f"    {line}" for reply in replies for line in _lines(reply, names)]
    return "\n".join(lines)


def _under(message: Message, reply: Message) -> bool:
    return reply.thread_ts == message.ts and message.seen_by is None


def _lines(message: Message, names: Mapping[str, str]) -> Iterator[str]:
    at = datetime.fromtimestamp(float(message.ts), UTC)
    notes = [f"only {names[message.seen_by]} sees this"] if message.seen_by else []
    if message.is_reply and message.reply_broadcast:
        notes.append("reply, also sent to the channel")
    note = f" ({'; '.join(notes)})" if notes else ""
    author = names.get(message.user_id, message.user_id)
    yield f"[{at:%H:%M}] {author}{note}:"
    yield from (f"  {line}" for line in read(message.blocks, message.text, names))
