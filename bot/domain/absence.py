"""Decide that something is gone from RDS: a single list may be empty, truncated or stale."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_AGAIN = (3.0, 6.0)  # seconds before the second and third lookups


async def unless_absent(
    look: Callable[[float], Awaitable[T | None]], after: float = 0.0
) -> T | None:
    """Return what `look` finds, or None if three lookups in a row find nothing.

    `look` gets the seconds to wait before its lookup, at first `after`. Raises what `look`
    raises, because an error doesn't show that something is gone.
    """
    for gap in (after, *LOOK_AGAIN):
        if (found := await look(gap)) is not None:
            return found
    return None
