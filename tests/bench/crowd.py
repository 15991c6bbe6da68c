"""People who keep asking and approving while the bot dies under their hands; what they find."""

import asyncio
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from bot.demo.slack.records import Content, Message
from bot.demo.world import BEN, OPS
from bot.slack.messages.ids import APPROVE
from tests.many_people import somebody
from tests.story import CONFIG, Story

LOOK = 0.5  # seconds between two looks at the channel
NAMED = re.compile("before-[0-9]{4}")
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


def let_read(story: Story) -> None:
    """Grant the optional scopes, and invite the bot to the channel."""
    workspace = story.workspace
    workspace.scopes |= {"channels:history", "groups:history", "im:history"}
    workspace.channels[OPS].members.add(workspace.identity.bot_user_id)


class RequestQueries:
    """What stands in the channel, read once for everybody: hundreds look at it."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.cards: dict[str, list[Message]] = {}  # by the backup's name
        self.threads: dict[str, list[str]] = {}  # by the card's ts
        self._read: dict[str, tuple[Content, str]] = {}

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """It is read anew ever and again for as long as the block lasts."""
        watching = asyncio.create_task(self._watch())
        yield
        watching.cancel()
        self.look()

    async def _watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(LOOK)

    def look(self) -> None:
        """Read what is new or was changed."""
        cards, threads = defaultdict(list), defaultdict(list)
        for message in self.story.workspace.history.visible(OPS):
            text = self._text(message)
            if message.thread_ts and message.is_reply:
                threads[message.thread_ts].append(text)
            elif (found := NAMED.search(text)) and message.seen_by is None:
                cards[found[0]].append(message)
        self.cards, self.threads = dict(cards), dict(threads)

    def _text(self, message: Message) -> str:
        content, text = self._read.get(message.ts, (None, ""))
        if content is not message.content:
            text = self.story.workspace.read(message)
            self._read[message.ts] = message.content, text
        return text

    def of(self, name: str) -> list[Message]:
        """The cards of a request; more than one if the bot died right after it posted one."""
        return self.cards.get(name, [])

    def lines(self, name: str) -> list[str]:
        """What stands under them."""
        return [line for card in self.of(name) for line in self.threads.get(card.ts, [])]

    def says(self, name: str, words: str) -> bool:
        return any(words in line for line in self.lines(name))


async def see_through(request_queries: RequestQueries, number: int, after: float) -> None:
    """Somebody asks until there is a card; Ben approves until a thread says so; until it ended."""
    await asyncio.sleep(after)
    name, workspace = named(number), request_queries.story.workspace
    while not request_queries.of(name):
        who = somebody(workspace, number)
        await workspace.command(who, OPS, "/backup", f"create i{number:04} {name}")
        await _until(request_queries, name, "Approved by")
    while not request_queries.says(name, "is complete"):
        for card in request_queries.of(name):
            if APPROVE in card.buttons:
                await workspace.click(BEN, card.ts, APPROVE)
        await _until(request_queries, name, "is complete")


def named(number: int) -> str:
    return f"before-{number:04}"


async def _until(request_queries: RequestQueries, name: str, words: str) -> None:
    """Wait for a card, or for words in its thread; not for ever."""
    deadline = time.monotonic() + TRY_AGAIN
    had = bool(request_queries.of(name))
    while time.monotonic() < deadline and not request_queries.says(name, words):
        if not had and request_queries.of(name):
            return
        await asyncio.sleep(LOOK)


def counted(request_queries: RequestQueries, requests: int) -> dict[str, object]:
    """What was lost and what doubled, from what stands in Slack and in RDS."""
    names = [named(number) for number in range(requests)]
    lines: Counter[str] = Counter()
    for name in names:
        said = (line for line in request_queries.lines(name) if "didn't respond" not in line)
        lines.update(f"{name} {line[:16]}" for line in said)
    posted = sum(len(request_queries.of(name)) for name in names)
    doubled = sum(times - 1 for times in lines.values()) + posted - requests
    sent = sum(lines.values()) + posted
    made = [request_queries.story.made(name) for name in names]
    kept = [
        card
        for name in names
        for card in request_queries.of(name)
        if card.ts in request_queries.threads
    ]
    return {
        "requests": requests,
        "lost": made.count(0),
        "doubled_backups": sum(count > 1 for count in made),
        "messages": sent,
        "doubled_messages": doubled,
        "doubled_percent": round(100 * doubled / sent, 2),
        "slack_calls_per_request": round(len(request_queries.story.workspace.calls) / requests, 1),
        "dead_buttons": sum(APPROVE in card.buttons for card in kept),
    }
