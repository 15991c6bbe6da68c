"""200 requests in flight, and the bot is killed 30 times: what is lost, and what doubled.

The bot is a process of its own that gets SIGKILL at random moments; people keep asking and
clicking meanwhile. Slack's pace is set aside, as it would make this an hour long. With `HISTORY=1`
the bot may read the channel.
"""

import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

from bot.cli.audit import verify
from bot.demo.clock import FastClock
from bot.demo.world import offline_world
from tests.bench.crowd import POLICY, RequestQueries, counted, fill, let_read, see_through
from tests.crash.mortal import MortalBot
from tests.story import Story

REQUESTS = int(os.environ.get("REQUESTS", "200"))
KILLS = int(os.environ.get("KILLS", "30"))
HISTORY = os.environ.get("HISTORY", "") == "1"
ALIVE = (1.5, 4.0)  # seconds from a start to the next kill
DEADLINE = 1500.0


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="backup-bot-bench-") as directory:
        clock = FastClock(1)
        config = Path(directory) / "backup-bot.toml"
        await asyncio.to_thread(config.write_text, POLICY, "utf-8")
        os.environ["DATABASE_URL"] = f"sqlite:///{directory}/bot.db"
        environ = {
            "BACKUP_BOT_CONFIG": str(config),
            "DATABASE_URL": os.environ["DATABASE_URL"],
        }
        async with offline_world(clock) as world:
            story = Story(world, world.environ | environ, clock)
            fill(story, REQUESTS)
            if HISTORY:
                let_read(story)
            request_queries = RequestQueries(story)
            bot = MortalBot(story, Path(directory))
            began = time.monotonic()
            people = [
                asyncio.create_task(see_through(request_queries, number, number * 0.2))
                for number in range(REQUESTS)
            ]
            async with request_queries.watched(), asyncio.timeout(DEADLINE):
                ready = await _kill_often(bot)
                await asyncio.gather(*people)
                await asyncio.sleep(3)
            await bot.kill()
            found = {
                "bench": "crash",
                "kills": KILLS,
                "history": HISTORY,
                **counted(request_queries, REQUESTS),
            } | {
                "seconds_to_ready_after_a_kill": round(statistics.median(ready), 2),
                "audit_chain_whole": _is_whole(),
                "seconds": round(time.monotonic() - began),
            }
            print(json.dumps(found))  # noqa: T201, the output of a benchmark


def _is_whole() -> bool:
    with redirect_stdout(sys.stderr):
        return verify() == 0


async def _kill_often(bot: MortalBot) -> list[float]:
    """How many seconds each start took until Slack could reach the bot."""
    ready = []
    for _ in range(KILLS):
        began = time.monotonic()
        await bot.start()
        if not await bot.until(lambda: bot.is_connected):
            raise RuntimeError("the bot does not start")
        ready.append(time.monotonic() - began)
        await asyncio.sleep(random.uniform(*ALIVE))  # noqa: S311, no secret
        await bot.kill()
    await bot.start()
    return ready


asyncio.run(main())
