"""Slack's mrkdwn: what others wrote made harmless, and people, times, sizes and spans in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from slack_sdk.models.blocks import Block, MarkdownTextObject, SectionBlock

LONGEST_WORD = 100  # of an instance's or a backup's name; RDS allows 64
LONGEST_TEXT = 400  # of a description, or a command that holds one; RDS allows 256
LONGEST_ID = 40  # of what should be a Slack id, and is none
MOST_NAMED = 10  # people or ids in one list
MOST_CALLED = 40  # people in a list that is there to notify them

# Controls, blanks of all kinds, and the marks that turn a line's direction round.
_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")
_CUT_ENTITY = re.compile(r"&[a-z]*$")
_DATE = re.compile(r"<!date\^[^|<>]*\|([^<>]*)>")
# mrkdwn has no escape for these: look-alikes stand in, so that no mark of ours is paired.
_LOOKALIKES = str.maketrans({"`": "'", "*": "∗", "~": "∼"})  # noqa: RUF001, they shall look alike
_SECONDS = {"d": 86400, "h": 3600, "min": 60, "s": 1}


@dataclass(frozen=True)
class Message:
    """What one message says: `text` to notifications and screen readers, `blocks` to the eye."""

    text: str
    blocks: tuple[Block, ...]

    @property
    def has_plan(self) -> bool:
        """Whether it holds the block that not every workspace shows."""
        return any(block.type == "plan" for block in self.blocks)

    def as_slack(self) -> dict[str, Any]:
        """The arguments that `chat.postMessage`, `chat.update` and an ack take."""
        return {"text": self.text, "blocks": [block.to_dict() for block in self.blocks]}


def said(mrkdwn: str) -> Message:
    """A message of one section."""
    return Message(spoken(mrkdwn), (SectionBlock(text=verbatim(mrkdwn)),))


def verbatim(mrkdwn: str) -> MarkdownTextObject:
    """The text with nothing turned into links and mentions that is not one already."""
    return MarkdownTextObject(text=mrkdwn, verbatim=True)


def spoken(mrkdwn: str) -> str:
    """The text as it is read aloud: without marks, and times in UTC; mentions stay Slack's."""
    parts = _DATE.sub(r"\1", mrkdwn).replace("\n", " ").split("`")
    # Every second part stood in a code span, where `*` is a star.
    return "".join(
        part if place % 2 else part.replace("*", "") for place, part in enumerate(parts)
    )


def escape(text: str) -> str:
    """The three characters that Slack reads as its own, as it wants them written."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str, longest: int = LONGEST_TEXT) -> str:
    """Anybody's text as one line of plain words, at most `longest` characters once escaped."""
    return _clip(escape(_UNSEEN.sub(" ", text).strip().translate(_LOOKALIKES)), longest)


def name(text: str) -> str:
    """The name of something in RDS, in running text."""
    return plain(text, LONGEST_WORD)


def code(text: str, longest: int = LONGEST_WORD) -> str:
    """Anybody's text as a code span: something to copy, or as RDS spells it."""
    return f"`{_clip(escape(_UNSEEN.sub(' ', text).strip().replace('`', '')), longest)}`"


def _clip(escaped: str, longest: int) -> str:
    if len(escaped) <= longest:
        return escaped
    return _CUT_ENTITY.sub("", escaped[: longest - 1]) + "…"


def mention(slack_id: str) -> str:
    """A person or a user group. Slack notifies them, and shows the name in place of the id."""
    if re.fullmatch("[UW][A-Za-z0-9]{1,40}", slack_id):
        return f"<@{slack_id}>"
    if re.fullmatch("S[A-Za-z0-9]{1,40}", slack_id):
        return f"<!subteam^{slack_id}>"
    return code(slack_id, LONGEST_ID)


def channel(channel_id: str) -> str:
    """A channel. Slack shows its name in place of the id."""
    if re.fullmatch("[CDG][A-Za-z0-9]{1,40}", channel_id):
        return f"<#{channel_id}>"
    return code(channel_id, LONGEST_ID)


def people(slack_ids: Sequence[str], last: str = "and", most: int = MOST_NAMED) -> str:
    """`<@A>, <@B> and <@C>`; of a long list, the first `most`."""
    return listed([mention(slack_id) for slack_id in slack_ids], last, most)


def listed(words: Sequence[str], last: str = "and", most: int = MOST_NAMED) -> str:
    """`a, b and c`; of a long list, the first `most`."""
    if len(words) > most:
        words = [*words[:most], f"{len(words) - most} more"]
    if len(words) < 2:  # noqa: PLR2004, it takes two to need a word between them
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def date(at: datetime) -> str:
    """A moment in the reader's own time zone; in UTC where Slack cannot tell it."""
    utc = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|{utc}>"


def size(kilobytes: int) -> str:
    """`38.4 GB`; RDS counts in KB, taken as 1024 bytes."""
    amount = float(kilobytes)
    units = ["TB", "GB", "MB", "KB"]
    while amount >= 1023.95 and len(units) > 1:  # noqa: PLR2004, or it would round to 1024.0
        amount /= 1024
        units.pop()
    return f"{amount:.1f}".removesuffix(".0") + f" {units[-1]}"


def duration(span: timedelta) -> str:
    """`7 min 12 s`: whole seconds, in the two largest units that it fills."""
    left = max(0, round(span.total_seconds()))
    parts: list[tuple[int, str]] = []
    for unit, seconds in _SECONDS.items():
        amount, left = divmod(left, seconds)
        if amount or parts:
            parts.append((amount, unit))
    return " ".join(f"{amount} {unit}" for amount, unit in parts[:2] if amount) or "0 s"


def rough(span: timedelta) -> str:
    """`7 min`: as people say how long something takes, or is ago."""
    amount, unit = _rough(span)
    return f"{amount} {unit}"


def between(quick: timedelta, slow: timedelta) -> str:
    """`6–9 min`."""  # noqa: RUF002, a range
    (least, unit), (most, unit_of_most) = _rough(quick), _rough(slow)
    if unit != unit_of_most:
        return f"{least} {unit} to {most} {unit_of_most}"
    return f"{least} {unit}" if least == most else f"{least}–{most} {unit}"  # noqa: RUF001, a range


def _rough(span: timedelta) -> tuple[int, str]:
    seconds = max(0.0, span.total_seconds())
    limits = {"s": 60, "min": 7200, "h": 2 * 86400}
    unit = next((unit for unit, limit in limits.items() if seconds < limit), "d")
    return round(seconds / _SECONDS[unit]), unit
