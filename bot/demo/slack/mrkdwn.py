"""Slack's mrkdwn as a reader in UTC sees it: names for ids, dates for tokens, no marks."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

_TOKEN = re.compile(r"<([^<>\n]+)>")
_CODE = re.compile(r"(`[^`\n]+`)")
_MARKED = re.compile(r"(?<!\w)([*_~])(?=\S)(.+?)(?<=\S)\1(?!\w)")
_DATE_PART = re.compile(r"{(\w+)}")
_DATE_PARTS = {
    "date_num": "%Y-%m-%d",
    "date": "%B %-d, %Y",
    "date_short": "%b %-d, %Y",
    "date_long": "%A, %B %-d, %Y",
    "date_pretty": "%B %-d, %Y",
    "date_short_pretty": "%b %-d, %Y",
    "date_long_pretty": "%A, %B %-d, %Y",
    "time": "%H:%M",
    "time_secs": "%H:%M:%S",
}


def as_read(mrkdwn: str, names: Mapping[str, str]) -> str:
    """The text without marks, except backticks: they show what to copy.

    `names` maps the ids of users, channels and groups to their names.
    """
    parts = _CODE.split(mrkdwn)
    parts[::2] = [_MARKED.sub(r"\2", part) for part in parts[::2]]
    text = _TOKEN.sub(lambda token: _resolved(token[1], names), "".join(parts))
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def when(timestamp: float, pattern: str, fallback: str) -> str:
    """A date as Slack's pattern wants it; the fallback if it wants something unknown."""
    if not all(part in _DATE_PARTS for part in _DATE_PART.findall(pattern)):
        return fallback
    at = datetime.fromtimestamp(timestamp, UTC)
    return _DATE_PART.sub(lambda part: at.strftime(_DATE_PARTS[part[1]]), pattern)


def _resolved(token: str, names: Mapping[str, str]) -> str:
    target, _, label = token.partition("|")
    if target.startswith("!date^"):
        _, timestamp, pattern, *_link = target.split("^")
        return when(float(timestamp), pattern, label)
    if target.startswith("!subteam^"):
        target = target.removeprefix("!subteam^")
        return f"@{names.get(target, label.lstrip('@') or target)}"
    if target[0] in "@#":
        return target[0] + names.get(target[1:], label or target[1:])
    if target.startswith("!"):
        return f"@{target[1:]}"
    return label or target
