"""Three replicas on PostgreSQL, one killed every ten seconds, under five requests a second.

For two minutes, then everything comes to its end: what was lost, and what doubled. Slack's pace
is set aside, as it would make this an hour long.
"""

import asyncio
import itertools
import json
import os
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

from bot.cli.audit import verify
from bot.demo.clock import FastClock
from bot.demo.world import offline_world
from tests.bench.crowd import POLICY, RequestQueries, counted, fill, see_through
from tests.crash.mortal import MortalBot
from tests.databases import Databases
from tests.story import Story

SECONDS = int(os.environ.get("SECONDS_OF_LOAD", "120"))
A_SECOND = float(os.environ.get("REQUESTS_A_SECOND", "5"))
REQUESTS = int(SECONDS * A_SECOND)
REPLICAS = 3
BETWEEN_KILLS = 10.0  # seconds
DEADLINE = 1500.0


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="backup-bot-bench-") as directory:
        clock = FastClock(1)
        config = Path(directory) / "backup-bot.toml"
        await asyncio.to_thread(config.write_text, POLICY, "utf-8")
        databases = Databases(Path(directory))
        environ = {"BACKUP_BOT_CONFIG": str(config), "DATABASE_URL": databases.create()}
        os.environ["DATABASE_URL"] = environ["DATABASE_URL"]
        async with offline_world(clock) as world:
            story = Story(world, world.environ | environ, clock)
            fill(story, REQUESTS)
            request_queries = RequestQueries(story)
            replicas = [MortalBot(story, Path(directory)) for _ in range(REPLICAS)]
            for replica in replicas:
                await replica.start()
            while len(story.workspace.sockets.open) < 2 * REPLICAS:  # noqa: ASYNC110, those that close ring no bell
                await asyncio.sleep(0.1)
            began = time.monotonic()
            people = [
                asyncio.create_task(see_through(request_queries, number, number / A_SECOND))
                for number in range(REQUESTS)
            ]
            async with request_queries.watched(), asyncio.timeout(DEADLINE):
                kills = await _kill_in_turn(replicas)
                await asyncio.gather(*people)
                seconds = time.monotonic() - began
                await asyncio.sleep(3)
            for replica in replicas:
                await replica.kill()
            found = {"bench": "replicas", "replicas": REPLICAS, "kills": kills}
            found |= counted(request_queries, REQUESTS)
            found |= {"audit_chain_whole": _is_whole(), "seconds": round(seconds)}
            print(json.dumps(found))  # noqa: T201, the output of a benchmark
        databases.remove()


def _is_whole() -> bool:
    with redirect_stdout(sys.stderr):
        return verify() == 0


async def _kill_in_turn(replicas: list[MortalBot]) -> int:
    """Kill one, start it anew at once, and the next after a while; how many were killed."""
    turns = itertools.cycle(replicas)
    kills = int(SECONDS // BETWEEN_KILLS)
    for _ in range(kills):
        await asyncio.sleep(BETWEEN_KILLS)
        victim = next(turns)
        await victim.kill()
        await victim.start()
    return kills


asyncio.run(main())
