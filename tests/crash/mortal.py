"""A bot that dies and is started again, and people who go on as people do."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from signal import Signals

from bot.demo.slack.records import Message
from bot.demo.world import BEN
from bot.slack.messages.ids import APPROVE
from tests.story import Story
from tests.zygote import ForkedProcess, Zygote, cold_start, from_environment

PATIENCE = 20.0  # seconds of real time for anything to come about
SOON = 3.0  # seconds after which people try again
ROOT = Path(__file__).parents[2]


class MortalBot:
    """`backup-bot run` as a process; `point` is where it dies (see dying.py).

    With a zygote it is back in a moment.
    """

    def __init__(
        self,
        story: Story,
        directory: Path,
        zygote: Zygote | None = None,
        *,
        log: Path | None = None,
    ) -> None:
        self.story = story
        self.deaths = 0
        self._directory = directory
        self._log = log
        zygote = None if log else zygote or from_environment()
        self._start = zygote.start if zygote else cold_start
        self._process: asyncio.subprocess.Process | ForkedProcess | None = None

    async def start(self, point: str = "never") -> None:
        environ = {name: os.environ[name] for name in ("HOME", "PATH")} | self.story.environ
        with (self._log or Path(os.devnull)).open("a") as log:
            self._process = await self._start(
                *("tests.crash.dying", point),
                cwd=self._directory,
                env=environ | {"PYTHONPATH": str(ROOT)},
                stderr=log.fileno() if self._log else asyncio.subprocess.DEVNULL,
            )

    @property
    def is_dead(self) -> bool:
        return self._process is None or self._process.returncode is not None

    def signal(self, signal: Signals) -> None:
        """If it lives."""
        if self._process and not self.is_dead:
            self._process.send_signal(signal)

    async def kill(self) -> None:
        """SIGKILL: there is no time for anything."""
        if self._process and not self.is_dead:
            self._process.kill()
            await self._process.wait()

    async def until(self, what: Callable[[], object], timeout_seconds: float = PATIENCE) -> bool:
        """Wait until it is so, bringing the bot back whenever it died; False if it takes long."""
        workspace = self.story.workspace
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        while not what():
            if self.is_dead:
                self.deaths += 1
                await self.start()
            if asyncio.get_running_loop().time() > deadline:
                return False
            try:
                await workspace.until(what, 0.2)
            except AssertionError:
                continue
        return True

    @property
    def is_connected(self) -> bool:
        return not self.is_dead and bool(self.story.workspace.sockets.open)


async def asked(bot: MortalBot, instance: str, name: str) -> None:
    """Somebody asks until there is a card."""
    while not cards(bot.story, name):
        await bot.until(lambda: bot.is_connected)
        await bot.story.types(f"create {instance} {name}")
        await bot.until(lambda: cards(bot.story, name), SOON)


async def approved(bot: MortalBot, name: str) -> None:
    """Ben clicks, on whichever card there is, until a thread says that he did."""
    story = bot.story
    while not await bot.until(lambda: says(story, name, "Approved by"), 0.5):
        await bot.until(lambda: bot.is_connected)
        for card in cards(story, name):
            if APPROVE in card.buttons:
                await story.workspace.click(BEN, card.ts, APPROVE)
        await bot.until(lambda: says(story, name, "Approved by"), SOON)


def cards(story: Story, name: str) -> list[Message]:
    """The cards of a request; more than one if the bot died right after it had posted one."""
    return [m for m in story.cards if m.seen_by is None and name in story.workspace.read(m)]


def says(story: Story, name: str, words: str) -> bool:
    """Whether a thread of the request holds these words."""
    return any(words in line for card in cards(story, name) for line in story.thread(card))
