"""People who keep asking and approving while the bot dies under their hands; what they find."""

import asyncio
import random
import time
from collections import Counter
from datetime import timedelta

from bot.demo.world import ANA, BEN, OPS
from bot.slack.cards import APPROVE
from tests.crash.mortal import cards, says
from tests.story import CONFIG, Story

TRY_AGAIN = 5.0  # seconds after which people do
POLICY = f"{CONFIG}[rds]\npoll_seconds = 1\ncalls_per_minute = 8000\n"


def fill(story: Story, requests: int) -> None:
    """An instance for each request, whose backups take up to twenty seconds, as the one before."""
    story.region.gateway.calls_per_minute = None
    yesterday = story.clock.now() - timedelta(days=1)
    for number in range(requests):
        takes = timedelta(seconds=random.uniform(1, 20))  # noqa: S311, no secret
        instance = story.region.add_instance(f"i{number:04}", backup_takes=takes)
        story.region.add_backup(instance, "nightly", began=yesterday, takes=takes)


async def see_through(story: Story, number: int, after: float) -> None:
    """Ana asks until there is a card; Ben approves until a thread says so; until it ended."""
    await asyncio.sleep(after)
    name = named(number)
    while not cards(story, name):
        await story.workspace.command(ANA, OPS, "/backup", f"create i{number:04} {name}")
        await _until(story, name, "approved")
    while not says(story, name, "completed"):
        for card in cards(story, name):
            if APPROVE in card.buttons:
                await story.workspace.click(BEN, card.ts, APPROVE)
        await _until(story, name, "completed")


def named(number: int) -> str:
    return f"before-{number:04}"


async def _until(story: Story, name: str, words: str) -> None:
    """Wait for a card, or for words in its thread; not for ever."""
    deadline = time.monotonic() + TRY_AGAIN
    had = bool(cards(story, name))
    while time.monotonic() < deadline and not says(story, name, words):
        if not had and cards(story, name):
            return
        await asyncio.sleep(0.5)  # each change of the channel would wake hundreds


def counted(story: Story, requests: int) -> dict[str, object]:
    """What was lost and what doubled, from what stands in Slack and in RDS."""
    names = [named(number) for number in range(requests)]
    lines: Counter[str] = Counter()
    for name in names:
        said = [line for card in cards(story, name) for line in story.thread(card)]
        lines.update(f"{name} {line[:16]}" for line in said if "did not answer" not in line)
    posted = sum(len(cards(story, name)) for name in names)
    doubled = sum(times - 1 for times in lines.values()) + posted - requests
    sent = sum(lines.values()) + posted
    made = [story.made(name) for name in names]
    kept = [card for name in names for card in cards(story, name) if story.thread(card)]
    return {
        "requests": requests,
        "lost": made.count(0),
        "doubled_backups": sum(count > 1 for count in made),
        "messages": sent,
        "doubled_messages": doubled,
        "doubled_percent": round(100 * doubled / sent, 2),
        "dead_buttons": sum(APPROVE in card.buttons for card in kept),
    }
