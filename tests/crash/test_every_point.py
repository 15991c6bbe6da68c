"""Killed at each point where one thing leads to the next: nobody can tell afterwards."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.cli.audit import verify
from bot.demo.clock import FastClock
from bot.demo.slack.records import Message
from bot.demo.world import ANA
from bot.slack.messages.ids import NAME as NAME_FIELD
from tests.bench.crowd import let_read
from tests.crash.mortal import SOON, MortalBot, approved, asked, cards, says
from tests.story import CONFIG, Opens, Story
from tests.zygote import Zygote

OFTEN = "[rds]\npoll_seconds = 0.2\ncalls_per_minute = 6000\n"
NAME = "before-42"
LOOKED_FOR = 60.0  # seconds, on a machine that is busy
BEGINNINGS = [
    "Approved by @ben. Starting the backup now.",
    "The backup has started",
    "@ana Your backup is complete",
]
ADOPTED = [BEGINNINGS[0], "RDS had started it as backup", BEGINNINGS[2]]

# Each with what may stand there twice: a post whose ts was not written down before the end.
POINTS = [
    ("after ack 1", 0),
    ("before Lifecycle.start 1", 0),
    ("before Transaction.move 1", 0),
    ("after Transaction.move 1", 0),
    ("before slack chat.postMessage 1", 0),
    ("before Outbox.begin 1", 0),
    ("after Outbox.begin 1", 0),
    ("before Outbox.sent 1", 1),
    ("after Outbox.sent 1", 0),
    ("before Lifecycle.wake 1", 0),
    ("before Lifecycle.carry_on 1", 0),
    ("after Lifecycle.carry_on 1", 0),
    ("after ack 2", 0),
    ("before Outbox.begin edit 1", 0),
    ("after Outbox.begin edit 1", 0),
    ("before Outbox.sent edit 1", 0),
    ("before Outbox.sent 2", 1),
    ("before rds POST 1", 0),
    ("after rds POST 1", 0),
    ("after Transaction.move 4", 0),
    ("before Outbox.sent 3", 1),
    ("before Watcher.follow 1", 0),
    ("after Watcher.follow 1", 0),
    ("after Transaction.move 5", 0),
    ("before Outbox.begin 4", 0),
    ("after Outbox.begin 4", 0),
    ("before Outbox.sent 4", 1),
    ("after Outbox.sent 4", 0),
]
# Here the workflow dies while a line may be on its way to Slack, since no step waits for it. That
# it isn't doubled is promised where the bot can look for it.
BESIDE = {
    "before rds POST 1",
    "after rds POST 1",
    "after Transaction.move 4",
    "before Watcher.follow 1",
    "after Watcher.follow 1",
    "after Transaction.move 5",
}


@pytest.fixture
async def story(opens: Opens) -> AsyncIterator[Story]:
    """A region in which a backup takes a second, as those before did."""
    async with opens(CONFIG + OFTEN, FastClock(1)) as story:
        story.region.gateway.calls_per_minute = None
        took = timedelta(seconds=1)
        instance = story.region.add_instance("mortal", backup_takes=took)
        for night in range(1, 11):
            began = story.clock.now() - timedelta(days=night)
            story.region.add_backup(instance, f"nightly-{night}", began=began, takes=took)
        yield story


@pytest.fixture
def mortal(story: Story, tmp_path: Path, zygote: Zygote) -> MortalBot:
    """A bot that dies, in an empty directory."""
    directory = tmp_path / "empty"
    directory.mkdir()
    return MortalBot(story, directory, zygote)


@pytest.mark.parametrize(("point", "twice"), POINTS)
async def test_killed(
    mortal: MortalBot, monkeypatch: pytest.MonkeyPatch, point: str, twice: int
) -> None:
    """One backup, one story, no button left, a trail without a gap."""
    bot, story = mortal, mortal.story
    if point in BESIDE:
        let_read(story)
    await bot.start(point)
    await asked(bot, "mortal", NAME)
    await approved(bot, NAME)
    assert await bot.until(lambda: says(story, NAME, "is complete"), LOOKED_FOR)
    assert await bot.until(lambda: bot.deaths and bot.is_connected)
    assert await bot.until(
        lambda: all("is backed up" in read(story, card) for card in kept(story))
    )
    await asyncio.sleep(1)  # for what would be said twice
    await bot.kill()

    assert bot.deaths == 1
    assert story.made(NAME) == 1
    assert doubled(story) <= twice
    monkeypatch.setenv("DATABASE_URL", story.environ["DATABASE_URL"])
    assert verify() == 0


@pytest.mark.parametrize("point", [point for point, twice in POINTS if twice])
async def test_killed_where_the_bot_can_look_for_its_messages(
    mortal: MortalBot, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """With the optional scope, and in the channel, no message stands there twice."""
    let_read(mortal.story)
    await test_killed(mortal, monkeypatch, point, twice=0)

    assert "channels:history" in mortal.story.workspace.scopes_used


@pytest.mark.parametrize(
    "point",
    [
        "after Transaction.move 2",
        "before rds DELETE 1",
        "after rds DELETE 1",
        "after Transaction.move 3",
    ],
)
async def test_killed_while_it_deletes(
    mortal: MortalBot, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """The backup is gone, and it is said once that it is."""
    bot, story = mortal, mortal.story
    (sandbox,) = [found for found in story.region.instances if found.name == "dev-sandbox"]
    began = story.clock.now() - timedelta(days=30)
    backup = story.region.add_backup(sandbox, NAME, type="manual", began=began)
    await bot.start(point)
    while not cards(story, NAME):
        await bot.until(lambda: bot.is_connected)
        await story.types(f"delete {NAME} dev-sandbox")
        if await bot.until(lambda: story.workspace.modal(ANA), SOON):
            await story.workspace.submit(ANA, {NAME_FIELD: NAME})
            await story.workspace.close_modal(ANA)
        await bot.until(lambda: cards(story, NAME), SOON)
    assert await bot.until(lambda: says(story, NAME, "@ana Deleted"), LOOKED_FOR)
    assert await bot.until(lambda: bot.deaths and bot.is_connected)
    await asyncio.sleep(1)  # for what would be said twice
    await bot.kill()

    ends = [line for card in cards(story, NAME) for line in story.thread(card)]
    assert (bot.deaths, backup.exists) == (1, False)
    assert sum("@ana Deleted" in line for line in ends) == 1
    monkeypatch.setenv("DATABASE_URL", story.environ["DATABASE_URL"])
    assert verify() == 0


def read(story: Story, card: Message) -> str:
    return story.workspace.read(card)


def kept(story: Story) -> list[Message]:
    """The cards that somebody looks after: of two the one with the thread."""
    return [card for card in cards(story, NAME) if story.thread(card)]


def doubled(story: Story) -> int:
    """How many messages stand there more than once; all that must be said is said."""
    found = cards(story, NAME)
    lines = [line.split(": ")[0] for card in found for line in story.thread(card)]
    counted = Counter(line[:16] for line in lines)
    expected = ADOPTED if any("had started" in line for line in lines) else BEGINNINGS
    unknown = Counter(line[:16] for line in lines if "didn't respond" in line)
    assert set(counted - unknown) == {line[:16] for line in expected}
    return len(found) - 1 + sum(times - 1 for times in counted.values())
