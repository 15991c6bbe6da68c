"""How long a backup is kept before it is deleted automatically."""

from datetime import timedelta

from bot.domain.fields import Problem, shown
from bot.domain.quantities import parse_duration

SHORTEST, LONGEST = timedelta(days=1), timedelta(days=3650)
SUGGESTED_KEEP = "14d"
NOT_SAID = "?"  # the value of a --keep that nothing follows
NOTICE = timedelta(days=1)  # between the notice and the deletion
HOUR = timedelta(hours=1)


def keep_of(text: str) -> timedelta | None:
    """Parse the value of `--keep`; None if it is empty or invalid."""
    span = _whole_hours(text)
    return span if span and SHORTEST <= span <= LONGEST else None


def _whole_hours(text: str) -> timedelta | None:
    try:
        span = parse_duration(text)
    except OverflowError:
        return timedelta.max
    return span if span is not None and span % HOUR == timedelta(0) else None


def keep_problem(text: str) -> Problem | None:
    """Return what is wrong with a value of `--keep`; an empty one means forever."""
    if not text or keep_of(text):
        return None
    if text == NOT_SAID:
        return Problem("keep", "--keep needs a duration, e.g. 14d.")
    is_span = _whole_hours(text) is not None
    why = "is out of range: 1 day to 10 years." if is_span else "isn't a number of hours or days."
    return Problem("keep", why, shown(text), SUGGESTED_KEEP)


def shown_keep(span: timedelta) -> str:
    """Return the duration as it is typed: `14d`."""
    hours = round(span / HOUR)
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"
