"""Long answers: as many lines as Slack shows in one message."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from slack_sdk.models.blocks import SectionBlock

from bot.slack.messages.mrkdwn import Message, spoken, verbatim

SECTION_ROOM = 3000  # characters; Slack's limit for one section
TEXT_ROOM = 3900  # for `text`; from 4000 on Slack may refuse it
MESSAGE_ROOM = 12_000  # for all sections: Slack refuses what is longer, and does not say when


def fitting(lines: Iterable[str], room: int) -> list[str]:
    """The first lines that fit into so many characters, line breaks counted."""
    lines = list(lines)
    lengths = accumulate(len(line) + 1 for line in lines)
    return lines[: sum(length <= room for length in lengths)]


def listing(lines: Sequence[str]) -> Message:
    """A message of as many sections as hold the lines."""
    return Message(spoken("\n".join(fitting(lines, TEXT_ROOM))), sections(lines))


def sections(lines: Sequence[str]) -> tuple[SectionBlock, ...]:
    """The lines, in as few sections as hold them; no line may be longer than a section."""
    blocks, left = [], list(lines)
    while left:
        held = fitting(left, SECTION_ROOM)
        blocks.append(SectionBlock(text=verbatim("\n".join(held))))
        left = left[len(held) :]
    return (*blocks,)
