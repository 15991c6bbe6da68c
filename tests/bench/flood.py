"""A stranger at the port of `backup-bot run --http`: memory, log and commands meanwhile.

`REPEATS` bodies of 300 MB with a length and in chunks, 1 000 unsigned requests of every shape,
1 100 idle connections, and half requests, against a process that may open `FILES`. A JSON line
each.
"""

import asyncio
import json
import os
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psutil

from bot.demo.slack.http_mode import signed_headers
from bot.demo.world import ANA, OPS, OfflineWorld, offline_world
from bot.runtime.clock import Clock
from bot.slack.transport.http import PATH
from tests.slack.test_http_front import BODIES, BODY, SECRET, unsigned

REPEATS = int(os.environ.get("REPEATS", "3"))
UNSIGNED = int(os.environ.get("UNSIGNED", "1000"))
FILES = int(os.environ.get("FILES", "1024"))  # that the process may open
IDLE = int(os.environ.get("IDLE", "1100"))
MEGABYTES = int(os.environ.get("MEGABYTES", "300"))
MEGABYTE = b"x" * 1024**2


class Flooded:
    """The process, and what it costs."""

    def __init__(
        self, world: OfflineWorld, process: asyncio.subprocess.Process, port: int
    ) -> None:
        self.world = world
        self.port = port
        self.url = f"http://127.0.0.1:{port}{PATH}"
        self._process = psutil.Process(process.pid)

    @property
    def megabytes(self) -> float:
        return float(self._process.memory_info().rss) / 1024**2

    async def command(self) -> float | str:
        """Seconds until a command is acked, or Slack's error."""
        reply = await self.world.workspace.command(ANA, OPS, "/backup", "help")
        return round(reply.acked_after or 0, 3) if reply.error is None else reply.error


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="backup-bot-bench-") as directory:
        async with offline_world(Clock()) as world:
            world.workspace.signing_secret = SECRET
            port = _free_port()
            world.workspace.request_url = f"http://127.0.0.1:{port}{PATH}"
            log = Path(directory) / "log"
            process = await _start(world, directory, log, port)
            flooded = Flooded(world, process, port)
            while await flooded.command() == "dispatch_failed":  # noqa: ASYNC110, nobody tells
                await asyncio.sleep(0.2)
            for what in (_bodies, _unsigned_requests, _idle, _half):
                await _measured(what.__name__.strip("_"), flooded, log, what)
            process.terminate()
            await process.wait()


async def _start(
    world: OfflineWorld, directory: str, log: Path, port: int
) -> asyncio.subprocess.Process:
    environ = world.environ | {"SLACK_SIGNING_SECRET": SECRET, "PATH": os.environ["PATH"]}
    environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    with log.open("wb") as out:
        return await asyncio.create_subprocess_exec(
            *("sh", "-c", f'ulimit -n {FILES}; exec "$0" "$@"', sys.executable),
            *("-m", "bot", "run", "--http", "--port", str(port)),
            cwd=directory,
            env=environ,
            stdout=out,
            stderr=out,
        )


async def _measured(name: str, flooded: Flooded, log: Path, what: object) -> None:
    before, logged = flooded.megabytes, _size(log)
    most = [before]

    async def watch() -> None:
        while True:
            most.append(flooded.megabytes)
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    since = time.perf_counter()
    came_of_it = await what(flooded)  # type: ignore[operator]
    watching.cancel()
    line = {
        "what": name,
        **came_of_it,
        "seconds": round(time.perf_counter() - since, 1),
        "mb_before": round(before),
        "mb_most": round(max(most)),
        "log_kb": round((_size(log) - logged) / 1024),
        "command_then": await flooded.command(),
    }
    print(json.dumps(line))  # noqa: T201


async def _body() -> AsyncIterator[bytes]:
    for _ in range(MEGABYTES):
        yield MEGABYTE


async def _bodies(flooded: Flooded) -> dict[str, object]:
    statuses = Counter[str]()
    async with aiohttp.ClientSession() as session:
        for _ in range(REPEATS):
            for length in ({}, {"Content-Length": str(MEGABYTES * 1024**2)}):
                for signed in (signed_headers(BODY, SECRET), {}):
                    try:
                        async with session.post(
                            flooded.url, data=_body(), headers=signed | length
                        ) as answer:
                            statuses[str(answer.status)] += 1
                    except aiohttp.ClientError as error:
                        statuses[type(error).__name__] += 1
    return {"statuses": statuses}


async def _unsigned_requests(flooded: Flooded) -> dict[str, object]:
    statuses = Counter[int]()
    shapes = len(unsigned())
    calls = len(flooded.world.workspace.calls)
    async with aiohttp.ClientSession() as session:
        for number in range(UNSIGNED):
            headers = unsigned()[number % shapes]  # those of the future would come true
            path = (PATH, "/", "/any/path")[number % 3]
            method = ("POST", "POST", "GET", "PUT", "DELETE")[number % 5]
            url = flooded.url.removesuffix(PATH) + path
            data = BODIES[number % len(BODIES)] if number % 2 else BODY
            async with session.request(method, url, data=data, headers=headers) as answer:
                statuses[answer.status] += 1
    return {"statuses": statuses, "calls": len(flooded.world.workspace.calls) - calls}


async def _idle(flooded: Flooded) -> dict[str, object]:
    held, took = [], []
    for number in range(IDLE):
        held.append(await asyncio.open_connection("127.0.0.1", flooded.port))
        if number % 100 == 0:
            took.append(await flooded.command())
    took.append(await flooded.command())
    for _, writer in held:
        writer.close()
    return {"commands": took}


async def _half(flooded: Flooded) -> dict[str, object]:
    held, took = [], []
    for number in range(IDLE):
        reader, writer = await asyncio.open_connection("127.0.0.1", flooded.port)
        writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9")
        held.append((reader, writer))
        if number % 100 == 0:
            took.append(await flooded.command())
    since = time.perf_counter()
    await asyncio.gather(*[reader.read() for reader, _ in held[-50:]], return_exceptions=True)
    for _, writer in held:
        writer.close()
    return {"commands": took, "last_cut_off_after": round(time.perf_counter() - since, 1)}


def _size(log: Path) -> int:
    return log.stat().st_size


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


if __name__ == "__main__":
    asyncio.run(main())
