"""What the bot weighs and works with thousands of requests that wait or run.

One JSON line for each number of requests: resident megabytes, KiB for each request beyond what
the bot weighs without any, and the share of a core that it takes while nothing happens; all of it
after a restart, with 60 calls of RDS a minute. `WAITING`
(0,1000,10000), `RUNNING` (1000,10000), and `SECONDS` (30) of looking can be set.
"""

import asyncio
import json
import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psutil

from bot.demo.clock import FastClock
from bot.demo.world import offline_world
from bot.storage.engine import migrate
from tests.many_people import somebody
from tests.story import Story
from tests.zygote import cold_start, from_environment

WAITING = [int(n) for n in os.environ.get("WAITING", "0,1000,10000").split(",")]
RUNNING = [int(n) for n in os.environ.get("RUNNING", "1000,10000").split(",")]
SECONDS = float(os.environ.get("SECONDS", "30"))
SETTLE = float(os.environ.get("SETTLE", "30"))  # seconds after the restart
AT_ONCE = 50  # people who type
POLICY = """
[approval]
approvers = ["S0DBA"]
expires_after = "7d"
remind_after = "0s"
[[rule]]
instances = ["run-*"]
approvals = 0
[rds]
calls_per_minute = {calls}
"""


async def main() -> None:
    empty = 0.0
    for state, counts in (("waiting", WAITING), ("running", RUNNING)):
        for count in counts:
            found = await _weighed(state, count)
            empty = found["mb"] if not count else empty
            line = {"bench": "memory", "state": state, "requests": count, **found}
            if count and empty:
                line["kib_each"] = round((found["mb"] - empty) * 1024 / count, 1)
            print(json.dumps(line), flush=True)  # noqa: T201, the output of a benchmark


async def _weighed(state: str, count: int) -> dict[str, float]:
    """Ask for so many backups, and return what the bot weighs and works when all is still."""
    with tempfile.TemporaryDirectory(prefix="backup-bot-bench-") as name:
        directory = Path(name)
        config, database = directory / "backup-bot.toml", directory / "bot.db"
        await asyncio.to_thread(config.write_text, POLICY.format(calls=8000), "utf-8")
        environ = {"BACKUP_BOT_CONFIG": str(config), "DATABASE_URL": f"sqlite:///{database}"}
        async with offline_world(FastClock(1)) as world:
            story = Story(world, world.environ | environ, FastClock(1))
            story.region.gateway.calls_per_minute = None
            names = [f"{state[:3]}-{number:05}" for number in range(count)]
            for instance in names:
                story.region.add_instance(instance, backup_takes=timedelta(hours=9))
            migrate(environ["DATABASE_URL"])  # as of the second start on
            async with _bot(story, directory):
                await _ask(story, names)
                while _in_flight(database, state) < count:  # noqa: ASYNC110, it rings no bell
                    await asyncio.sleep(1)
            _post_all(database)
            await asyncio.to_thread(config.write_text, POLICY.format(calls=60), "utf-8")
            async with _bot(story, directory) as bot:
                await asyncio.sleep(SETTLE)
                return await _looked_at(bot)


@asynccontextmanager
async def _bot(story: Story, directory: Path) -> AsyncIterator[psutil.Process]:
    environ = {name: os.environ[name] for name in ("HOME", "PATH")} | story.environ
    zygote = from_environment()  # to show that it runs; what it weighs means nothing then
    process = await (zygote.start if zygote else cold_start)(
        *("bot", "run"),
        cwd=directory,
        env=environ | {"PYTHONPATH": str(Path.cwd())},
        stderr=asyncio.subprocess.DEVNULL,
    )
    await story.workspace.until(lambda: story.workspace.sockets.open, 30)
    yield psutil.Process(process.pid)
    process.kill()
    await process.wait()
    await story.workspace.until(lambda: not story.workspace.sockets.open, 30)


async def _looked_at(bot: psutil.Process) -> dict[str, float]:
    before = bot.cpu_times()
    await asyncio.sleep(SECONDS)
    after = bot.cpu_times()
    used = after.user + after.system - before.user - before.system
    megabytes = bot.memory_info().rss / 2**20
    return {"mb": round(megabytes, 1), "percent_of_a_core": round(100 * used / SECONDS, 1)}


async def _ask(story: Story, names: Sequence[str]) -> None:
    numbers = iter(range(len(names)))

    async def ask() -> None:
        for number in numbers:
            who = somebody(story.workspace, number)
            await story.types(f"create {names[number]} before-{number:05}", who=who)

    await asyncio.gather(*(ask() for _ in range(AT_ONCE)))


def _in_flight(database: Path, state: str) -> int:
    states = {"waiting": "awaiting_approval", "running": "running"}
    with sqlite3.connect(database) as connection:
        query = "SELECT count(*) FROM request WHERE state = ?"
        (count,) = connection.execute(query, [states[state]]).fetchone()
    connection.close()
    return int(count)


def _post_all(database: Path) -> None:
    """Count what is owed as posted, which at Slack's pace would take hours."""
    with sqlite3.connect(database) as connection:
        connection.execute(
            "UPDATE outbox SET state = 'sent', channel_id = destination, ts = number || '.000100'"
            " WHERE state = 'pending'"
        )
    connection.close()


asyncio.run(main())
