"""For how long a backup is kept that is to be deleted by itself."""

from datetime import timedelta

from bot.domain.fields import Problem, shown
from bot.domain.quantities import parse_duration

SHORTEST, LONGEST = timedelta(days=1), timedelta(days=3650)
NOT_SAID = "?"  # stands for what should follow the flag, and does not
NOTICE = timedelta(days=1)  # between the announcement and the deletion
HOUR = timedelta(hours=1)


def keep_of(text: str) -> timedelta | None:
    """What `--keep` means; None for nothing, and for what cannot be."""
    span = _whole_hours(text)
    return span if span and SHORTEST <= span <= LONGEST else None


def _whole_hours(text: str) -> timedelta | None:
    try:
        span = parse_duration(text)
    except OverflowError:
        return timedelta.max
    return span if span is not None and span % HOUR == timedelta(0) else None


def keep_problem(text: str) -> Problem | None:
    """What keeps the text from being such a time; an empty one means for ever."""
    if not text or keep_of(text):
        return None
    if text == NOT_SAID:
        return Problem("keep", "--keep wants to know how long: say it as 14d, 2w or 36h.")
    why = (
        "it must be from 1 day to 10 years"
        if _whole_hours(text) is not None
        else "say it as 14d, 2w or 36h"
    )
    return Problem("keep", f"can't be how long to keep it: {why}.", shown(text), "14d")


def shown_keep(span: timedelta) -> str:
    """`14d`, as one types it."""
    hours = round(span / HOUR)
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"
