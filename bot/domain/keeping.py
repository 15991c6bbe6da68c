"""How long a backup is kept before it is deleted automatically."""

import re
from datetime import timedelta

from bot.domain.fields import Problem, shown

SHORTEST, LONGEST = timedelta(days=1), timedelta(days=3650)
SUGGESTED_KEEP = "14d"
NOT_SAID = "?"  # the value of a --keep that nothing follows
NOTICE = timedelta(days=1)  # between the notice and the deletion
UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_SPAN = re.compile(
    r"(\d{1,5}) ?(h|d|w)(?:ours?|rs?|ays?|eeks?)?", re.IGNORECASE | re.ASCII
)  # 14d, 2 weeks


def keep_of(text: str) -> timedelta | None:
    """Parse the value of `--keep`; None if it is empty or invalid."""
    found = _SPAN.fullmatch(text.strip())
    if not found:
        return None
    span = int(found[1]) * UNITS[found[2].lower()]
    return span if SHORTEST <= span <= LONGEST else None


def keep_problem(text: str) -> Problem | None:
    """Return what is wrong with a value of `--keep`; an empty one means forever."""
    if not text or keep_of(text):
        return None
    if text == NOT_SAID:
        return Problem("keep", "--keep needs a duration, e.g. 14d.")
    found = _SPAN.fullmatch(text.strip())
    why = "is out of range: 1 day to 10 years." if found else "isn't a duration."
    return Problem("keep", why, shown(text), SUGGESTED_KEEP)


def shown_keep(span: timedelta) -> str:
    """Return the duration as it is typed: `14d`."""
    hours = round(span / UNITS["h"])
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"
