"""Cloud Eye's events make the bot look at a failed backup before its next look would be due."""

import asyncio
from datetime import timedelta

import pytest

from bot.demo.rds import faults as rds_faults
from bot.demo.rds.records import Ending
from bot.demo.rds.region import Region
from bot.demo.rds.wire import Operation
from bot.demo.slack.records import Message
from tests.stepped_clock import SteppedClock
from tests.story import CONFIG, Opens, Story

SELDOM = "[rds]\npoll_seconds = 300\n"
ON = f"{SELDOM}cloud_eye = true\n"
FAILED, COMPLETED = "failed", "@ana Your backup is complete"
EVENTS = (Operation.LIST_EVENTS, Operation.SHOW_EVENT)


async def running(story: Story, takes: timedelta, ending: Ending = Ending.FAILED) -> Message:
    """A backup that RDS has accepted, and that will end so."""
    card = await story.asks()
    story.region.next_backup(ending, takes)
    await story.approves(card)
    await story.until_said(card, "The backup has started")
    return card


async def seconds_until(
    story: Story, card: Message, words: str, clock: SteppedClock, region: Region | None = None
) -> float:
    """Let time pass until this is said; for how long the region's backup was over by then."""
    region = region or story.region
    backup = region.backups[-1]
    async with asyncio.timeout(20):
        while not any(words in line for line in story.thread(card)):
            await clock.let_pass(seconds=10)
            await story.workspace.until(lambda: all(c.status for c in region.calls))
    return (clock.now() - backup.ended).total_seconds()


@pytest.mark.parametrize("config", [SELDOM, ON], ids=["off", "on"])
async def test_a_failed_backup_is_told_within_about_a_minute(opens: Opens, config: str) -> None:
    """Looks are five minutes apart here; with Cloud Eye nobody waits for the next one."""
    clock = SteppedClock()
    async with opens(config + CONFIG, clock=clock) as story, story.bot():
        card = await running(story, timedelta(minutes=6))
        late = await seconds_until(story, card, FAILED, clock)
        looks = [call for call in story.region.calls if "backup_id" in call.query]

        if config == ON:
            assert late <= 120
            assert len(looks) <= 3
        else:
            assert late >= 180
            assert not any(call.operation in EVENTS for call in story.region.calls)


async def test_without_cloud_eye_backups_are_watched_as_ever(opens: Opens) -> None:
    """It refuses the key: the thread says nothing of it, and the end is told when RDS shows it."""
    clock = SteppedClock()
    async with opens(ON + CONFIG, clock=clock) as story:
        story.region.faults.always(rds_faults.refused(403, "ces.0015"), *EVENTS)
        async with story.bot():
            card = await running(story, timedelta(minutes=6))
            late = await seconds_until(story, card, FAILED, clock)

            assert late <= 330
            assert len(story.thread(card)) == 3


async def test_what_failed_elsewhere_changes_nothing_here(opens: Opens) -> None:
    """The automated backup of another instance fails; this one runs on to its end."""
    clock = SteppedClock()
    async with opens(ON + CONFIG, clock=clock) as story, story.bot():
        card = await running(story, timedelta(minutes=9), Ending.COMPLETED)
        billing = next(i for i in story.region.instances if i.name == "billing-prod")
        ours = story.region.backups[-1]
        story.region.add_backup(
            billing,
            "nightly",
            began=clock.now(),
            takes=timedelta(minutes=1),
            ending=Ending.FAILED,
        )
        await seconds_until(story, card, COMPLETED, clock)

        assert clock.now() >= ours.ended
        assert len(story.thread(card)) == 3
