"""5 000 requests in flight, and the bot is killed: how soon it is back, and how it answers."""

import asyncio
import itertools
import json
import os
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from bot.demo.clock import FastClock
from bot.demo.world import offline_world
from tests.bench.crowd import POLICY, fill
from tests.crash.mortal import MortalBot
from tests.many_people import somebody
from tests.story import Story

IN_FLIGHT = int(os.environ.get("IN_FLIGHT", "5000"))
KILLS = int(os.environ.get("KILLS", "3"))
AT_ONCE = 50  # people who type
WATCHED = float(
    os.environ.get("WATCHED", "20")
)  # seconds after each start in which somebody keeps asking for help


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="backup-bot-bench-") as directory:
        config = Path(directory) / "backup-bot.toml"
        await asyncio.to_thread(config.write_text, POLICY, "utf-8")
        database = Path(directory) / "bot.db"
        environ = {"BACKUP_BOT_CONFIG": str(config), "DATABASE_URL": f"sqlite:///{database}"}
        async with offline_world(FastClock(1)) as world:
            story = Story(world, world.environ | environ, FastClock(1))
            fill(story, IN_FLIGHT)
            bot = MortalBot(story, Path(directory))
            await bot.start()
            await bot.until(lambda: bot.is_connected)
            await _ask(story)
            while _in_flight(database) < IN_FLIGHT:  # noqa: ASYNC110, the database rings no bell
                await asyncio.sleep(1)
            ready, acks = [], []
            for _ in range(KILLS):
                await bot.kill()
                await story.workspace.until(lambda: not story.workspace.sockets.open, 10)
                began = time.monotonic()
                await bot.start()
                await bot.until(lambda: bot.is_connected, 60)
                ready.append(time.monotonic() - began)
                acks += await _acks(story)
            left = _in_flight(database)
            await bot.kill()
    found = {"bench": "thousands", "in_flight": IN_FLIGHT, "in_flight_after": left}
    found |= {"kills": KILLS, "seconds_to_ready": round(statistics.median(ready), 2)}
    found |= {"slowest_start": round(max(ready), 2)}
    found |= {"acks": len(acks), "ack_p50_ms": round(1000 * statistics.median(acks))}
    found |= {"ack_worst_ms": round(1000 * max(acks))}
    print(json.dumps(found))  # noqa: T201, the output of a benchmark


async def _ask(story: Story) -> None:
    numbers = iter(range(IN_FLIGHT))

    async def ask() -> None:
        for number in numbers:
            who = somebody(story.workspace, number)
            await story.types(f"create i{number:04} before-{number:04}", who=who)

    await asyncio.gather(*(ask() for _ in range(AT_ONCE)))


async def _acks(story: Story) -> list[float]:
    """How long each of many acks takes; one that never came counts as Slack's three seconds."""
    took, numbers = [], itertools.count()
    deadline = time.monotonic() + WATCHED
    while time.monotonic() < deadline:
        reply = await story.types("help", who=somebody(story.workspace, next(numbers)))
        took.append(reply.acked_after or 3.0)
        await asyncio.sleep(0.2)
    return took


def _in_flight(database: Path) -> int:
    """Requests that wait or run."""
    with sqlite3.connect(database) as connection:
        query = "SELECT count(*) FROM request WHERE state IN ('awaiting_approval', 'running')"
        (count,) = connection.execute(query).fetchone()
    connection.close()
    return int(count)


asyncio.run(main())
