"""How many messages Slack takes: about one a second in each channel, after a short burst."""

import math

from bot.demo.slack.records import Refused
from bot.runtime.clock import Clock


class PostLimit:
    """A bucket of tokens for each channel; time is the clock's."""

    def __init__(self, clock: Clock, *, per_second: float = 1.0, burst: int = 4) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = burst
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, channel_id: str) -> None:
        """Raise Refused (429, with Retry-After) if one more message is too many there."""
        now = self._clock.monotonic()
        tokens, since = self._buckets.get(channel_id, (float(self._burst), now))
        tokens = min(float(self._burst), tokens + (now - since) * self._per_second)
        if tokens < 1:
            wait = math.ceil((1 - tokens) / self._per_second)
            raise Refused("ratelimited", status=429, retry_after=wait)
        self._buckets[channel_id] = (tokens - 1, now)
