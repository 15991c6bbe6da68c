"""Slack's mrkdwn: escape untrusted text, and format people, times, sizes and durations."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from slack_sdk.models.blocks import Block, MarkdownTextObject, SectionBlock

LONGEST_WORD = 100  # of an instance's or a backup's name; RDS allows 64
LONGEST_TEXT = 400  # of a description, or a command that holds one; RDS allows 256
LONGEST_ID = 40  # of a supposed Slack ID that isn't one
MOST_NAMED = 10  # people or ids in one list
MOST_CALLED = 40  # people in a list of mentions

# Control characters, all kinds of spaces, and marks that change the text direction.
_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")
_CUT_ENTITY = re.compile(r"&[a-z]*$")
_DATE = re.compile(r"<!date\^[^|<>]*\|([^<>]*)>")
# mrkdwn can't escape these, so look-alikes replace them and don't pair with our own marks.
_LOOKALIKES = str.maketrans({"`": "'", "*": "∗", "~": "∼"})  # noqa: RUF001, look-alikes
_SECONDS = {"d": 86400, "h": 3600, "min": 60, "s": 1}


@dataclass(frozen=True)
class Message:
    """A message: `blocks` to show, and `text` for notifications and screen readers."""

    text: str
    blocks: tuple[Block, ...]

    @property
    def has_plan(self) -> bool:
        """Whether it contains a plan block, which not every workspace supports."""
        return any(block.type == "plan" for block in self.blocks)

    def as_slack(self) -> dict[str, Any]:
        """Return the arguments for `chat.postMessage`, `chat.update` or an ack."""
        return {"text": self.text, "blocks": [block.to_dict() for block in self.blocks]}


class _Verbatim(MarkdownTextObject):
    def to_dict(self, *_: Any) -> dict[str, Any]:
        """The same as the SDK's, without its search for validators: an ack waits for this."""
        return {"type": self.type, "text": self.text, "verbatim": True}


class _TextSection(SectionBlock):
    def __init__(self, text: _Verbatim) -> None:
        super().__init__(text=text)
        self._only = text

    def to_dict(self, *_: Any) -> dict[str, Any]:
        """The same as the SDK's, as above: there is nothing in it but the text."""
        return {"type": self.type, "text": self._only.to_dict()}


def said(mrkdwn: str) -> Message:
    """Return a message with one section."""
    return Message(spoken(mrkdwn), (_TextSection(verbatim(mrkdwn)),))


def verbatim(mrkdwn: str) -> _Verbatim:
    """Return the text so that Slack adds no links or mentions to it."""
    return _Verbatim(text=mrkdwn, verbatim=True)


def spoken(mrkdwn: str) -> str:
    """Return the text without formatting, and with times in UTC; mentions stay."""
    parts = _DATE.sub(r"\1", mrkdwn).replace("\n", " ").split("`")
    # Every second part was a code span, where `*` is literal.
    return "".join(
        part if place % 2 else part.replace("*", "") for place, part in enumerate(parts)
    )


def escape(text: str) -> str:
    """Escape the three characters that Slack requires to be escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return any text as one plain line, at most `longest` characters once escaped."""
    return _clip(escape(_UNSEEN.sub(" ", text).strip().translate(_LOOKALIKES)), longest)


def name(text: str) -> str:
    """Return the name of something in RDS, for use in a sentence."""
    return plain(text, LONGEST_WORD)


def code(text: str, longest: int = LONGEST_WORD) -> str:
    """Return any text as a code span: something to copy, or RDS's own term."""
    return f"`{_clip(escape(_UNSEEN.sub(' ', text).strip().replace('`', '')), longest)}`"


def _clip(escaped: str, longest: int) -> str:
    if len(escaped) <= longest:
        return escaped
    return _CUT_ENTITY.sub("", escaped[: longest - 1]) + "…"


def mention(slack_id: str) -> str:
    """Mention a person or a user group. Slack notifies them and shows their name."""
    if re.fullmatch("[UW][A-Za-z0-9]{1,40}", slack_id):
        return f"<@{slack_id}>"
    if re.fullmatch("S[A-Za-z0-9]{1,40}", slack_id):
        return f"<!subteam^{slack_id}>"
    return code(slack_id, LONGEST_ID)


def channel(channel_id: str) -> str:
    """Link a channel. Slack shows its name."""
    if re.fullmatch("[CDG][A-Za-z0-9]{1,40}", channel_id):
        return f"<#{channel_id}>"
    return code(channel_id, LONGEST_ID)


def people(slack_ids: Sequence[str], last: str = "and", most: int = MOST_NAMED) -> str:
    """Return `<@A>, <@B> and <@C>`; of a long list, the first `most`."""
    return listed([mention(slack_id) for slack_id in slack_ids], last, most)


def listed(words: Sequence[str], last: str = "and", most: int = MOST_NAMED) -> str:
    """Return `a, b and c`; of a long list, the first `most`."""
    if len(words) > most:
        words = [*words[:most], f"{len(words) - most} more"]
    if len(words) < 2:  # noqa: PLR2004, a conjunction needs two
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def date(at: datetime) -> str:
    """Return a time that Slack shows in the reader's time zone, with UTC as the fallback."""
    utc = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|{utc}>"


def size(kilobytes: int) -> str:
    """Return a size such as `38.4 GB`, counting 1024 bytes per KB."""
    amount = float(kilobytes)
    units = ["TB", "GB", "MB", "KB"]
    while amount >= 1023.95 and len(units) > 1:  # noqa: PLR2004, or it would round to 1024.0
        amount /= 1024
        units.pop()
    return f"{amount:.1f}".removesuffix(".0") + f" {units[-1]}"


def duration(span: timedelta) -> str:
    """Return a duration such as `7 min 12 s`, in its two largest units."""
    left = max(0, round(span.total_seconds()))
    parts: list[tuple[int, str]] = []
    for unit, seconds in _SECONDS.items():
        amount, left = divmod(left, seconds)
        if amount or parts:
            parts.append((amount, unit))
    return " ".join(f"{amount} {unit}" for amount, unit in parts[:2] if amount) or "0 s"


def rough(span: timedelta) -> str:
    """Return a rounded duration such as `7 min`."""
    amount, unit = _rough(span)
    return f"{amount} {unit}"


def between(quick: timedelta, slow: timedelta) -> str:
    """Return a range of rounded durations such as `6–9 min`."""  # noqa: RUF002, a range
    (least, unit), (most, unit_of_most) = _rough(quick), _rough(slow)
    if unit != unit_of_most:
        return f"{least} {unit} to {most} {unit_of_most}"
    return f"{least} {unit}" if least == most else f"{least}–{most} {unit}"  # noqa: RUF001, a range


def _rough(span: timedelta) -> tuple[int, str]:
    seconds = max(0.0, span.total_seconds())
    limits = {"s": 60, "min": 7200, "h": 2 * 86400}
    unit = next((unit for unit, limit in limits.items() if seconds < limit), "d")
    return round(seconds / _SECONDS[unit]), unit
