"""`backup-bot run` as its operator starts it: an empty directory, and nothing but variables."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

import pytest

from bot.demo.world import OfflineWorld, offline_world
from bot.runtime.clock import Clock
from tests.zygote import ForkedProcess, Zygote, cold_start

# Seconds of real time, all of which pass only where something hangs. How quick the bot is says
# the benchmark, which runs alone.
DEADLINE = 60.0
SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-secret-of-the-bot",
    "SLACK_APP_TOKEN": "xapp-secret-of-the-app",
    "SLACK_SIGNING_SECRET": "secret-that-signs-for-slack",
    "HUAWEICLOUD_SDK_SK": "SecretThatSignsForHuaweiCloud00000000000",
}


class Process:
    """A running `backup-bot run`, and all that it has printed."""

    def __init__(self, process: asyncio.subprocess.Process | ForkedProcess) -> None:
        self._process = process
        self._reading = [
            asyncio.create_task(self._read(process.stdout, "out")),
            asyncio.create_task(self._read(process.stderr, "err")),
        ]
        self.printed = {"out": "", "err": ""}
        self._news = asyncio.Event()

    async def _read(self, stream: asyncio.StreamReader | None, name: str) -> None:
        assert stream
        while line := await stream.readline():
            self.printed[name] += line.decode()
            self._news.set()

    @property
    def out(self) -> str:
        return self.printed["out"]

    @property
    def err(self) -> str:
        return self.printed["err"]

    async def until_logged(self, words: str, *, times: int = 1) -> None:
        """Wait until these words stand on stderr."""
        async with asyncio.timeout(DEADLINE):
            while self.err.count(words) < times:
                self._news.clear()
                await self._news.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def signal(self, signal: Signals) -> None:
        self._process.send_signal(signal)

    async def exits(self, within: float = DEADLINE) -> int:
        """Its exit code."""
        async with asyncio.timeout(within):
            await asyncio.gather(*self._reading)
            return await self._process.wait()

    async def end(self) -> None:
        """Whatever a test left running."""
        if self._process.returncode is None:
            self.signal(SIGKILL)
        await self._process.wait()
        await asyncio.gather(*self._reading)


Runs = Callable[..., AbstractAsyncContextManager[Process]]


@pytest.fixture
def runs(tmp_path: Path, zygote: Zygote) -> Runs:
    """Starts `backup-bot run` with these variables and options; `cold` as a Python of its own."""
    directory = tmp_path / "empty"
    directory.mkdir()
    own = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }

    warm = zygote.start

    @asynccontextmanager
    async def running(
        environ: dict[str, str], *options: str, cold: bool = False
    ) -> AsyncIterator[Process]:
        begin = cold_start if cold else warm
        process = Process(
            await begin(
                *("bot", "run", *options),
                cwd=directory,
                env=own | environ,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        )
        try:
            yield process
        finally:
            await process.end()

    return running


@pytest.fixture
async def world() -> AsyncIterator[OfflineWorld]:
    """A simulated Slack and RDS whose secrets are easily recognised."""
    async with offline_world(Clock()) as world:
        world.workspace.bot_token = SECRETS["SLACK_BOT_TOKEN"]
        world.workspace.app_token = SECRETS["SLACK_APP_TOKEN"]
        world.workspace.signing_secret = SECRETS["SLACK_SIGNING_SECRET"]
        world.region.gateway.secret_key = SECRETS["HUAWEICLOUD_SDK_SK"]
        world.environ.update(SECRETS)
        world.workspace.ack_within = DEADLINE
        yield world
        assert world.workspace.violations == []


async def until_connected(world: OfflineWorld) -> None:
    """Both sockets stand."""
    await world.workspace.until(lambda: len(world.workspace.sockets.open) >= 2, DEADLINE)


async def stopped(process: Process, signal: Signals = SIGTERM) -> int:
    """Tell it to stop; its exit code."""
    process.signal(signal)
    return await process.exits()
