"""When to believe RDS that something isn't there: a single list may be empty, cut or stale."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_AGAIN = (5.0, 10.0)  # seconds before the second and the third look


async def unless_absent(
    look: Callable[[float], Awaitable[T | None]], after: float = 0.0
) -> T | None:
    """What `look` finds, or None once three looks in a row found nothing.

    `look` is given the seconds to wait before it asks, the first time `after`. What it raises
    is raised: an error is no answer.
    """
    for gap in (after, *LOOK_AGAIN):
        if (found := await look(gap)) is not None:
            return found
    return None
