"""How quickly `/backup create` is acked: this bot, with its write to disk, beside bare Bolt.

Both run as processes of their own, in turn, each against a simulated Slack of its own over
Socket Mode. Each run and the medians of all are JSON lines; an ack's times are milliseconds.
"""

import asyncio
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median, quantiles

import psutil

from bot.demo.world import OPS, OfflineWorld, offline_world
from bot.runtime.clock import Clock
from tests.many_people import somebody

HERE = Path(__file__).parent
BOT, BARE = "backup-bot", "bare bolt"
APPS = {
    BARE: [sys.executable, str(HERE / "bare.py")],
    BOT: [sys.executable, "-m", "bot", "run"],
}
ALONE = int(os.environ.get("ALONE", "200"))  # commands, one after another
AT_ONCE = tuple(int(count) for count in os.environ.get("AT_ONCE", "50,500").split(","))
REPEATS = int(os.environ.get("REPEATS", "5"))
COMPILES = os.environ.get("COMPILES", "1") == "1"  # whether a first start is measured, too
SETTLE = float(os.environ.get("SETTLE", "2"))  # seconds for an app to become idle
DEADLINE = 120.0  # seconds for an app to come up
Figures = dict[str, float]
numbers = itertools.count()


def say(**line: object) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201, the output of a benchmark


def variables(directory: Path) -> dict[str, str]:
    """A new database, and one place for all bytecode: only the first start compiles any."""
    given = {name: value for name, value in os.environ.items() if "BYTECODE" not in name}
    if COMPILES:
        given["PYTHONPYCACHEPREFIX"] = str(directory / "bytecode")
    return given | {"DATABASE_URL": f"sqlite:///{directory}/{next(numbers)}.db"}


@asynccontextmanager
async def started(app: str, world: OfflineWorld, directory: Path) -> AsyncIterator[Figures]:
    """The app as a process; what its start took, and what it weighs when idle."""
    environ = variables(directory) | world.environ
    with (directory / "log").open("ab") as log:
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *APPS[app], env=environ, stdout=log, stderr=log
        )
        try:
            await world.workspace.until(lambda: world.workspace.sockets.open, DEADLINE)
            connected = time.perf_counter() - began
            await asyncio.sleep(SETTLE)
            memory = psutil.Process(process.pid).memory_info().rss / 2**20
            yield {"seconds_to_connected": connected, "idle_mb": memory}
        finally:
            process.terminate()
            await process.wait()


async def acked(world: OfflineWorld) -> float:
    """Milliseconds from the command to its ack."""
    number = next(numbers)
    who, text = somebody(world.workspace, number), f"create dev-sandbox bench-{number}"
    reply = await world.workspace.command(who, OPS, "/backup", text)
    if reply.acked_after is None or reply.message is None:
        raise RuntimeError(f"no ack: {reply}")
    return reply.acked_after * 1000


def spread(times: list[float]) -> Figures:
    return {"p50": median(times), "p99": quantiles(times, n=100)[98], "worst": max(times)}


async def measured(app: str, directory: Path) -> dict[str, Figures]:
    """One start of an app and all its acks."""
    async with offline_world(Clock()) as world, started(app, world, directory) as start:
        await acked(world)  # the instances are known from here on
        levels = {"start": start, "1": spread([await acked(world) for _ in range(ALONE)])}
        for count in AT_ONCE:
            times = await asyncio.gather(*(acked(world) for _ in range(count)))
            levels[str(count)] = spread(times)
    return levels


def medians(runs: list[dict[str, Figures]]) -> dict[str, Figures]:
    return {
        level: {name: round(median(run[level][name] for run in runs), 3) for name in figures}
        for level, figures in runs[0].items()
    }


async def parts_of_the_start(directory: Path) -> dict[str, float]:
    environ = variables(directory)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.start", environ["DATABASE_URL"]),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    return dict(json.loads(printed))


async def main() -> None:
    runs: dict[str, list[dict[str, Figures]]] = {app: [] for app in APPS}
    with tempfile.TemporaryDirectory(prefix="backup-bot-bench-") as name:
        directory = Path(name)
        for app in APPS if COMPILES else ():
            async with offline_world(Clock()) as world, started(app, world, directory) as first:
                say(app=app, first_start_compiles_too=first)
        for _, app in itertools.product(range(REPEATS), APPS):
            runs[app].append(await measured(app, directory))
            say(app=app, run=runs[app][-1])
        say(seconds_of_the_start=await parts_of_the_start(directory))
    result = {app: medians(done) for app, done in runs.items()}
    for app, figures in result.items():
        say(app=app, median_of=REPEATS, **figures.pop("start"), ack_milliseconds=figures)
    bot, bare = result[BOT], result[BARE]
    ratios = {level: round(bot[level]["p50"] / bare[level]["p50"], 2) for level in bot}
    say(p50_bot_to_bare=ratios)


if __name__ == "__main__":
    asyncio.run(main())
