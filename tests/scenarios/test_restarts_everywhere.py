"""Stopped in the middle of any step and started again: what stands in Slack is the same."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from bot.demo.slack.records import Message
from bot.demo.world import CAT
from tests.stepped_clock import SteppedClock
from tests.story import CONFIG, Opens, Story

TWO = CONFIG.replace('["S0DBA"]', '["S0DBA", "U0CAT"]\napprovals = 2')
ASK = 'create orders before-42 "before the 4.2 migration"'
STEPS = 8
SEEN = re.compile(r"completed \w+ \d+, \d+ at \d\d:\d\d")


class Teller:
    """Tells one story step by step; after the step numbered `stops_after` the bot starts anew."""

    def __init__(self, story: Story, clock: SteppedClock, stops_after: int | None) -> None:
        self._story = story
        self._clock = clock
        self._stops_after = stops_after
        self._stack = AsyncExitStack()

    async def tell(self) -> list[str]:
        """All that stands in the channel at the end, but for RDS's ids and when we saw the end."""
        story = self._story
        await self._stack.enter_async_context(story.bot())
        await self._step(0, story.types(ASK))
        await story.workspace.until(lambda: story.cards and story.cards[-1].buttons, 10)
        (card,) = story.cards
        await self._step(1, asyncio.sleep(0))
        await self._after(2, card, "has been waiting", hours=1)
        await self._step(3, story.approves(card))
        await story.until_said(card, "1 of 2")
        await self._after(4, card, "has been waiting for 3 h", hours=2)
        await self._step(5, story.approves(card, who=CAT))
        await story.until_said(card, "The backup has started")
        await self._step(6, asyncio.sleep(0))
        await self._ends(card)
        await self._step(7, asyncio.sleep(0))
        await self._stack.aclose()
        (backup,) = [backup for backup in story.region.backups if backup.name == "before-42"]
        lines = [story.workspace.read(card), *story.thread(card)]
        return [SEEN.sub("completed", line.replace(backup.id, "cb21")) for line in lines]

    async def _step(self, number: int, doing: Awaitable[object]) -> None:
        await doing
        if number == self._stops_after:
            await self._stack.aclose()
            await self._stack.enter_async_context(self._story.bot())

    async def _after(self, number: int, card: Message, words: str, **span: float) -> None:
        """Let time pass; with the bot away, if it stops after this step."""
        away = number == self._stops_after
        if away:
            await self._stack.aclose()
        self._clock.advance(**span)
        if away:
            await self._stack.enter_async_context(self._story.bot())
        await self._story.until_said(card, words)

    async def _ends(self, card: Message) -> None:
        """Minute by minute, until it has been said."""
        while not any("is complete" in line for line in self._story.thread(card)):
            self._clock.advance(minutes=1)
            await asyncio.sleep(0.05)  # for the bot to look, in real time


async def test_stopped_in_the_middle_of_every_step(
    opens: Opens, fresh: Callable[[], None]
) -> None:
    """Two approvals, two reminders, one backup; and the same words, wherever it stopped."""
    told = []
    for stops_after in (None, *range(STEPS)):
        clock = SteppedClock()
        fresh()
        async with opens(TWO, clock) as story:
            told.append(await Teller(story, clock, stops_after).tell())
    undisturbed, *others = told

    assert len(undisturbed) == 7
    for number, other in enumerate(others):
        assert other == undisturbed, f"stopped after step {number}"
