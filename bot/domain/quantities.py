"""Quantities as people type and read them: `1d 12h`, `2 weeks`, `1 approval`, `3 people`."""

import re
from datetime import timedelta

LONGEST_DURATION = 64  # characters
_UNITS = {
    "seconds": "s sec secs second seconds",
    "minutes": "m min mins minute minutes",
    "hours": "h hr hrs hour hours",
    "days": "d day days",
    "weeks": "w week weeks",
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words.split()}
_PART = re.compile(r"\s*(\d+)\s*([a-z]+)", re.ASCII | re.IGNORECASE)


def parse_duration(text: str) -> timedelta | None:
    """Return what `8h`, `1d 12h` or `2 weeks` means; None for anything else.

    Raises OverflowError if it is longer than a timedelta can be.
    """
    if not text.strip() or len(text) > LONGEST_DURATION or _PART.sub("", text).strip():
        return None
    total = timedelta()
    for number, word in _PART.findall(text):
        unit = _UNIT_OF.get(word.lower())
        if unit is None:
            return None
        total += timedelta(**{unit: int(number)})
    return total


def counted(number: int, one: str, many: str = "") -> str:
    """Return `1 approval` or `2 approvals`; `many` is the plural where it isn't `one` and an s."""
    return f"{number} {one}" if number == 1 else f"{number} {many or f'{one}s'}"
