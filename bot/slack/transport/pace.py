"""Slack's rate limits: about a message a second per channel, 50 edits a minute."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum

from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.runtime.clock import Clock
from bot.runtime.loop_pacing import calm
from bot.runtime.rate_limit import Budget, CallLog

# https://docs.slack.dev/apis/web-api/rate-limits: one a second a channel, "short bursts" above
# it, several hundred a minute in the workspace; chat.update is Tier 3.
BURST, SECONDS = 5, 5.0
ALL, SPELL = 10, 2.0
EDITS, MINUTE = 50, 60.0


class Urgency(IntEnum):
    """What goes first when messages have to queue."""

    OUTCOME = 0
    PEOPLE = 1  # they have to decide, or just did: their buttons must go
    PROGRESS = 2


def urgency_of(request: BackupRequest) -> Urgency:
    """Return the urgency of a message about the request in its current state."""
    if request.state.is_final:
        return Urgency.OUTCOME
    if request.state is RequestState.RUNNING:
        return Urgency.PROGRESS
    return Urgency.PEOPLE


class Pace:
    """A queue for the posts to each channel, and one for all edits."""

    def __init__(self, clock: Clock, ledger: CallLog | None = None) -> None:
        self._clock = clock
        self._ledger = ledger
        self._posts: dict[str, Budget] = {}
        self._posting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._all = Budget("slack posts", ALL, SPELL, clock, ledger)
        self.edits = Budget(
            "slack edits", EDITS, MINUTE, clock, ledger, spared_from=Urgency.PROGRESS
        )

    def posts(self, channel: str) -> Budget:
        """The queue of a channel, or of a person's direct messages."""
        if channel not in self._posts:
            name = f"slack posts {channel}"
            self._posts[channel] = Budget(
                name, BURST, SECONDS, self._clock, self._ledger, spared_from=Urgency.PROGRESS
            )
        return self._posts[channel]

    @asynccontextmanager
    async def turn(self, channel: str, urgency: Urgency) -> AsyncIterator[Budget]:
        """Wait for a channel's next slot; the one after it comes when the block is left.

        So a process that dies leaves at most one message per channel that was posted and not
        saved.
        """
        budget = self.posts(channel)
        await budget.take(urgency)
        await self._all.take(urgency)
        async with self._posting[channel]:
            await calm()  # a busy moment lies long between a post and the note of it
            yield budget

    @property
    def queued(self) -> int:
        """How many messages and edits wait for their turn."""
        budgets = (self.edits, self._all, *self._posts.values())
        return sum(budget.queued for budget in budgets)
