"""Build long answers, with as many lines as Slack shows in one message."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from slack_sdk.models.blocks import SectionBlock

from bot.slack.messages.mrkdwn import Message, spoken, verbatim

SECTION_ROOM = 3000  # characters; Slack's limit for one section
TEXT_ROOM = 3900  # for `text`; from 4000 on Slack may refuse it
MESSAGE_ROOM = 12_000  # for all sections: Slack rejects longer ones; the limit is undocumented


def fitting(lines: Iterable[str], room: int) -> list[str]:
    """Return the first lines that fit into `room` characters, including line breaks."""
    lines = list(lines)
    lengths = accumulate(len(line) + 1 for line in lines)
    return lines[: sum(length <= room for length in lengths)]


def listing(lines: Sequence[str]) -> Message:
    """Return a message with the lines in as few sections as hold them."""
    return Message(spoken("\n".join(fitting(lines, TEXT_ROOM))), sections(lines))


def sections(lines: Sequence[str]) -> tuple[SectionBlock, ...]:
    """Return as few sections as hold the lines; no line may be longer than a section."""
    blocks, left = [], list(lines)
    while left:
        held = fitting(left, SECTION_ROOM)
        blocks.append(SectionBlock(text=verbatim("\n".join(held))))
        left = left[len(held) :]
    return (*blocks,)
