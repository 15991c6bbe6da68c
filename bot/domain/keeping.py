"""For how long a backup is kept that is to be deleted by itself."""

import re
from datetime import timedelta

from bot.domain.fields import Problem, shown

SHORTEST, LONGEST = timedelta(days=1), timedelta(days=3650)
NOT_SAID = "?"  # stands for what should follow the flag, and does not
NOTICE = timedelta(days=1)  # between the announcement and the deletion
UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_SPAN = re.compile(
    r"(\d{1,5}) ?(h|d|w)(?:ours?|rs?|ays?|eeks?)?", re.IGNORECASE | re.ASCII
)  # 14d, 2 weeks


def keep_of(text: str) -> timedelta | None:
    """What `--keep` means; None for nothing, and for what cannot be."""
    found = _SPAN.fullmatch(text.strip())
    if not found:
        return None
    span = int(found[1]) * UNITS[found[2].lower()]
    return span if SHORTEST <= span <= LONGEST else None


def keep_problem(text: str) -> Problem | None:
    """What keeps the text from being such a time; an empty one means for ever."""
    if not text or keep_of(text):
        return None
    if text == NOT_SAID:
        return Problem("keep", "--keep wants to know how long: say it as 14d, 2w or 36h.")
    found = _SPAN.fullmatch(text.strip())
    why = "it must be from 1 day to 10 years" if found else "say it as 14d, 2w or 36h"
    return Problem("keep", f"can't be how long to keep it: {why}.", shown(text), "14d")


def shown_keep(span: timedelta) -> str:
    """`14d`, as one types it."""
    hours = round(span / UNITS["h"])
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"
