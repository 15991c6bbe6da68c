"""How quickly `/backup create` is acked: this bot, with its write to disk, beside bare Bolt.

Both run as processes of their own, against the same simulated Slack over Socket Mode, in turn.
Prints JSON lines; times in milliseconds unless the name says otherwise.
"""

import asyncio
import itertools
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from bot.demo.world import World

APPS = {
    "bare bolt": [sys.executable, str(Path(__file__).with_name("bare.py"))],
    "backup-bot": [sys.executable, "-m", "bot", "run"],
}
AT_ONCE = (1, 50, 500)
ALONE = 100  # commands, one after another
REPEATS = 5
SETTLE = 3.0  # seconds for an app to become idle
names = (f"bench-{number}" for number in itertools.count())


@asynccontextmanager
async def running(app: str, world: World) -> AsyncIterator[dict[str, float]]:
    """The app as a process; what its start took, and what it weighs when idle."""
    with tempfile.TemporaryDirectory() as directory:
        environ = os.environ | world.environ | {"DATABASE_URL": f"sqlite:///{directory}/bench.db"}
        began = time.perf_counter()
        log = await asyncio.to_thread(open, f"{directory}/log", "wb")
        process = await asyncio.create_subprocess_exec(
            *APPS[app], env=environ, stdout=log, stderr=log
        )
        try:
            await world.workspace.until(lambda: len(world.workspace.sockets.open) > 0, timeout=30)
            started = time.perf_counter() - began
            await asyncio.sleep(SETTLE)
            memory = psutil.Process(process.pid).memory_info().rss / 2**20
            yield {"seconds_to_connected": started, "idle_mb": memory}
        finally:
            process.terminate()
            await process.wait()
            log.close()
