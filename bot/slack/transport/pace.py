"""Slack's rate limits: about a message a second per channel, 50 edits a minute."""

from bot.domain.outbox import OutboxMessage, Urgency
from bot.runtime.clock import Clock
from bot.runtime.rate_limit import CallLog, LocalCallLog

# https://docs.slack.dev/apis/web-api/rate-limits: one a second a channel, "short bursts" above
# it, several hundred a minute in the workspace; chat.update is Tier 3.
BURST, SECONDS = 5, 5.0
ALL, SPELL = 10, 2.0
EDITS, MINUTE = 50, 60.0
EDIT = "slack edits"


class Pace:
    """Counts posts by destination and edits together; after a 429, Slack's Retry-After counts.

    Progress leaves a fifth of the room to what is more urgent.
    """

    def __init__(self, clock: Clock, call_log: CallLog | None = None) -> None:
        self._clock = clock
        self._call_log = call_log or LocalCallLog(clock)
        self._full_until: dict[tuple[str, int], float] = {}  # by name and limit
        self._counted: set[str] = set()  # destinations whose turn waits for the workspace's

    async def take(self, message: OutboxMessage) -> float:
        """Count the message and return 0 if it may be sent now; else the seconds to wait."""
        spares = message.urgency >= Urgency.PROGRESS
        if message.is_edit:
            return await self._take(EDIT, EDITS, MINUTE, spares=spares)
        name = _posts(message)
        if name not in self._counted:
            wait = await self._take(name, BURST, SECONDS, spares=spares)
            if wait > 0:
                return wait
            self._counted.add(name)
        wait = await self._take("slack posts", ALL, SPELL, spares=False)
        if wait <= 0:
            self._counted.discard(name)
        return wait

    async def _take(self, name: str, limit: int, window: float, *, spares: bool) -> float:
        limit = max(1, limit * 4 // 5) if spares else limit
        now = self._clock.monotonic()
        full_until = self._full_until.get((name, limit), now)
        if full_until > now:
            return full_until - now
        wait = await self._call_log.take(name, limit, window)
        if wait > 0:
            self._full_until[name, limit] = now + wait
        else:
            self._full_until.pop((name, limit), None)
        return wait

    async def cool_down(self, message: OutboxMessage, seconds: float) -> None:
        """Send nothing like it for so many seconds, after Slack returned 429."""
        await self._call_log.cool_down(EDIT if message.is_edit else _posts(message), seconds)


def _posts(message: OutboxMessage) -> str:
    return f"slack posts {message.destination}"
