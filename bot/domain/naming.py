"""Names for backups: the default name, and the next free one."""

import re
import unicodedata
from collections.abc import Collection
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count

from bot.domain.fields import LONGEST_NAME, mended_name

_WORDS, _LONGEST_TAIL = 3, 24  # how much of a description goes into a name
_LONGEST_HEAD = LONGEST_NAME - len("-20261123-1405-") - _LONGEST_TAIL
_MARK = 6  # hex digits that distinguish names that ASCII can't


def default_name(instance: str, at: datetime, description: str = "") -> str:
    """Return `orders-prod-20261123-1405-before-the-upgrade`: instance, UTC time, description.

    Always a valid name. A long instance name is cut.
    """
    head = _head(instance)
    parts = [head, f"{at.astimezone(UTC):%Y%m%d-%H%M}", _first_words(description)]
    return "-".join(filter(None, parts))


def _head(instance: str) -> str:
    """Return the instance's name in ASCII, with a hash if that loses letters."""
    plain = mended_name(instance) or "backup"
    if instance.isascii():
        return plain[:_LONGEST_HEAD].rstrip("-_")
    mark = sha256(unicodedata.normalize("NFC", instance).encode("utf-8", "replace")).hexdigest()
    return f"{plain[: _LONGEST_HEAD - _MARK - 1].rstrip('-_')}-{mark[:_MARK]}"


def _first_words(description: str) -> str:
    words = re.findall("[a-z0-9]+", description.replace("'", "").lower())[:_WORDS]
    while len("-".join(words)) > _LONGEST_TAIL:
        words.pop()
    return "-".join(words)


def free_name(name: str, taken: Collection[str]) -> str:
    """Return the name, or the first free one of name-2, name-3, …, at most 64 characters."""
    if name not in taken:
        return name
    tails = (f"-{number}" for number in count(2))
    candidates = (name[: LONGEST_NAME - len(tail)] + tail for tail in tails)
    return next(candidate for candidate in candidates if candidate not in taken)
