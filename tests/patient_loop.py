"""A loop whose time does not pass while the machine is busy with somebody else.

Everything in one process that is measured in real seconds (Slack's three, the bot's patience
with RDS, a test's with the bot) is measured by `loop.time()`. On a machine that runs other
things, or at half its speed, a second of that says little about the program. So no turn of the
loop counts for more than a moment, however long it took: what waits for an event that never
comes still ends on time, and what was only starved does not.
"""

import asyncio
import selectors
import time
from collections.abc import Callable
from typing import Any

MOMENT = 0.05  # seconds


class _ShortSighted(selectors.DefaultSelector):
    """Never sleeps through more than a moment, so that each is counted; tells before and after."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._tell()
        ready = super().select(None if timeout is None else min(timeout, MOMENT))
        self._tell()
        return ready


class PatientLoop(asyncio.SelectorEventLoop):
    """One wait and one turn of work count for at most a moment each."""

    def __init__(self) -> None:
        self._counted = self._since = time.monotonic()
        super().__init__(_ShortSighted(self._turn))

    def time(self) -> float:
        return self._counted + min(time.monotonic() - self._since, MOMENT)

    def _turn(self) -> None:
        self._counted, self._since = self.time(), time.monotonic()


def patient_loops(*_: Any) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """For pytest: every test runs on one."""
    return {"patient": PatientLoop}
