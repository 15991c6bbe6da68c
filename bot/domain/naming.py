"""Names for backups: the one a backup gets that nobody named, and the next that is free."""

import re
import unicodedata
from collections.abc import Collection
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count

from bot.domain.fields import LONGEST_NAME, mended_name

_WORDS, _LONGEST_TAIL = 3, 24  # how much of a description goes into a name
_LONGEST_HEAD = LONGEST_NAME - len("-20261123-1405-") - _LONGEST_TAIL
_MARK = 6  # hexadecimal digits that tell apart what ASCII cannot


def default_name(instance: str, at: datetime, description: str = "") -> str:
    """`orders-prod-20261123-1405-before-the-upgrade`: which, when (UTC), and the first words why.

    Always within RDS's rule. The instance's name may be cut; what tells two names apart is not.
    """
    head = _head(instance)
    parts = [head, f"{at.astimezone(UTC):%Y%m%d-%H%M}", _first_words(description)]
    return "-".join(filter(None, parts))


def _head(instance: str) -> str:
    """The instance's name, with a mark where letters that RDS allows only there are lost."""
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
    """The name, or the first of name-2, name-3, … that nobody has taken; never over 64 long."""
    if name not in taken:
        return name
    tails = (f"-{number}" for number in count(2))
    candidates = (name[: LONGEST_NAME - len(tail)] + tail for tail in tails)
    return next(candidate for candidate in candidates if candidate not in taken)
