"""PostgreSQL restarted every 5 to 15 seconds, three replicas, one hit every 20, 200 requests.

One after the other a replica is frozen, cut off from the database, or vanishes with its host.
For five minutes, then everything comes to its end: what was lost, and what doubled.
"""

import asyncio
import json
import os
import tempfile
from pathlib import Path

from bot.demo.clock import FastClock
from bot.demo.world import offline_world
from tests.bench.crowd import POLICY
from tests.monkey import Zoo, rampage
from tests.postgresql import running_postgresql
from tests.story import Story

SECONDS = float(os.environ.get("SECONDS_OF_LOAD", "300"))
REQUESTS = int(os.environ.get("REQUESTS", "200"))


async def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="backup-bot-bench-") as name,
        running_postgresql() as postgresql,
    ):
        directory, clock = Path(name), FastClock(1)
        config = directory / "backup-bot.toml"
        await asyncio.to_thread(config.write_text, POLICY, "utf-8")
        async with offline_world(clock) as world:
            environ = world.environ | {"BACKUP_BOT_CONFIG": str(config)}
            zoo = Zoo(world, Story(world, environ, clock), postgresql, directory, 3)
            found = await rampage(
                zoo,
                requests=REQUESTS,
                seconds=SECONDS,
                restart=(5, 15),
                plague=(20, 15),
                timeout_seconds=300,
            )
        print(json.dumps({"bench": "monkey", "replicas": 3} | found))  # noqa: T201, the output of a benchmark


asyncio.run(main())
