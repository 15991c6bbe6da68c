"""How quickly `/backup create` is acked: this bot, with its write to disk, beside bare Bolt.

Both run as processes of their own, in turn, against the same simulated Slack over Socket Mode;
every start has a database of its own. Each repeat and the medians over all are JSON lines.
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

from bot.clock import Clock
from bot.demo.world import ANA, OPS, World, offline_world

BOT, BARE = "backup-bot", "bare bolt"
APPS = {
    BARE: [sys.executable, str(Path(__file__).with_name("bare.py"))],
    BOT: [sys.executable, "-m", "bot", "run"],
}
ALONE = 200  # commands, one after another
AT_ONCE = (50, 500)
REPEATS = 3
SETTLE = 3.0  # seconds for an app to become idle
Figures = dict[str, float]
numbers = itertools.count()


def say(**line: object) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201, the output of a benchmark


@asynccontextmanager
async def started(app: str, world: World, directory: Path) -> AsyncIterator[Figures]:
    """The app as a process; what its start took, and what it weighs when idle.

    Its bytecode is kept in `directory`, so that only the very first start compiles anything.
    """
    environ = os.environ | world.environ
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    environ |= {
        "PYTHONPYCACHEPREFIX": str(directory / "bytecode"),
        "DATABASE_URL": f"sqlite:///{directory}/{next(numbers)}.db",
    }
    sockets = world.workspace.sockets
    with (directory / "log").open("ab") as log:
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *APPS[app], env=environ, stdout=log, stderr=log
        )
        try:
            await world.workspace.until(lambda: sockets.open, 30)
            connected = time.perf_counter() - began
            await asyncio.sleep(SETTLE)
            memory = psutil.Process(process.pid).memory_info().rss / 2**20
            yield {"seconds_to_connected": connected, "idle_mb": memory}
        finally:
            process.terminate()
            await process.wait()
            await world.workspace.until(lambda: not sockets.open, 30)


async def acked(world: World) -> float:
    """Milliseconds from the command to its ack."""
    text = f"create dev-sandbox bench-{next(numbers)}"
    reply = await world.workspace.command(ANA, OPS, "/backup", text)
    if reply.acked_after is None or reply.message is None:
        raise RuntimeError(f"no ack: {reply}")
    return reply.acked_after * 1000


def spread(times: list[float]) -> Figures:
    return {"p50": median(times), "p99": quantiles(times, n=100)[98], "worst": max(times)}


async def measured(app: str, world: World, directory: Path) -> dict[str, Figures]:
    """One start of an app and all its acks."""
    async with started(app, world, directory) as start:
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


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="backup-bot-bench-") as name:
        async with offline_world(Clock()) as world:
            runs: dict[str, list[dict[str, Figures]]] = {app: [] for app in APPS}
            for app in APPS:
                async with started(app, world, Path(name)) as first:
                    say(app=app, compiling_too=first)
            for _, app in itertools.product(range(REPEATS), APPS):
                runs[app].append(await measured(app, world, Path(name)))
                say(app=app, run=runs[app][-1])
    result = {app: medians(done) for app, done in runs.items()}
    for app, figures in result.items():
        start = figures.pop("start")
        say(app=app, median_of=REPEATS, **start, ack_milliseconds=figures)
    ratio = {level: f["p50"] / result[BARE][level]["p50"] for level, f in result[BOT].items()}
    say(ratio_of_p50={level: round(value, 2) for level, value in ratio.items()})


if __name__ == "__main__":
    asyncio.run(main())
