"""Limit each person's commands, so that no one can block the bot for the others."""

from collections import deque

from bot.domain.errors import TooManyCommands
from bot.runtime.clock import Clock

LIMIT = 600  # commands and forms per person: faster than anyone types
WINDOW = 60.0  # seconds
MOST_PEOPLE = 10_000  # remembered; the least recent is forgotten first


class RateLimit:
    """Counts in the memory of this process, so a refusal is cheap."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: dict[str, deque[float]] = {}

    def check(self, user_id: str) -> None:
        """Count a command. Raises TooManyCommands; a refused command isn't counted."""
        now = self._clock.monotonic()
        sent = self._sent.pop(user_id, deque[float]())
        self._sent[user_id] = sent
        while len(self._sent) > MOST_PEOPLE:
            del self._sent[next(iter(self._sent))]
        while sent and sent[0] <= now - WINDOW:
            sent.popleft()
        if len(sent) >= LIMIT:
            raise TooManyCommands(len(sent), sent[0] + WINDOW - now)
        sent.append(now)
