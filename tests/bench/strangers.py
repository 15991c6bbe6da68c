"""Texts and payloads of every shape, signed: that each is answered, and how long the loop stops.

`TEXTS` (20 000) are typed behind the command, `PAYLOADS` (2 000) are real ones with parts gone or
changed. One JSON line each: how many were answered how, and the longest the loop did not turn.
"""

import asyncio
import gc
import json
import logging
import os
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aiohttp

from bot.app import running
from bot.config import settings
from bot.demo.slack.http_mode import form, signed_headers
from bot.demo.slack.records import Delivery
from bot.demo.slack.workspace import Workspace
from bot.demo.world import ANA, BEN, OPS, offline_world
from bot.runtime import logs
from bot.runtime.clock import Clock
from bot.slack.messages.ids import APPROVE, REJECT, START
from bot.slack.transport.http import PATH, Address
from tests.mutations import mutated, texts
from tests.story import CONFIG

TEXTS = int(os.environ.get("TEXTS", "20000"))
PAYLOADS = int(os.environ.get("PAYLOADS", "2000"))
TICK = 0.005  # seconds


class Lag:
    """The longest that the loop did not turn, in seconds of its own CPU time.

    The simulated Slack runs in it, too; what other processes take doesn't count.
    """

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        while True:
            since = time.thread_time()
            await asyncio.sleep(TICK)
            self.longest = max(self.longest, time.thread_time() - since)


async def main() -> None:
    logs.configure("console", level=logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="backup-bot-bench-") as directory:
        config = Path(directory) / "backup-bot.toml"
        await asyncio.to_thread(config.write_text, CONFIG, "utf-8")
        files = {
            "BACKUP_BOT_CONFIG": str(config),
            "DATABASE_URL": f"sqlite:///{directory}/bot.db",
        }
        async with offline_world(Clock()) as world:
            loaded = settings.load(world.environ | files, http=True)
            port = _free_port()
            world.workspace.request_url = f"http://127.0.0.1:{port}{PATH}"
            async with running(loaded, clock=Clock(), address=Address("127.0.0.1", port)):
                real = await real_payloads(world.workspace)
                (command,) = [one for one in real if one.type == "slash_commands"][:1]
                await _measure(
                    world.workspace,
                    "texts",
                    ({**command.payload, "text": text} for text in texts(TEXTS)),
                )
                payloads = [one.payload for one in real]
                await _measure(world.workspace, "payloads", mutated(payloads, PAYLOADS))


async def real_payloads(workspace: Workspace) -> list[Delivery]:
    """One of each kind that Slack sends, as it sent them."""
    await workspace.open_home(ANA)
    await workspace.until(lambda: workspace.home(ANA), 20)
    await workspace.press(ANA, START)
    await workspace.until(lambda: workspace.modal(ANA), 20)
    found = await workspace.suggest(ANA, "instance", "dev")
    await workspace.fill(ANA, "instance", found.options[0]["value"])
    await workspace.submit(ANA, {"channel": OPS})
    await workspace.command(ANA, OPS, "/backup", "create orders-prod before-42")
    await workspace.until(lambda: any(m.buttons for m in workspace.messages(OPS)), 20)
    card = workspace.messages(OPS)[-1]
    await workspace.click(BEN, card.ts, REJECT)
    await workspace.click(BEN, card.ts, APPROVE)
    await workspace.global_shortcut(ANA, "back_up_a_database")
    return list(workspace.deliveries)


async def _measure(workspace: Workspace, what: str, payloads: Iterable[dict[str, Any]]) -> None:
    gc.collect()
    gc.freeze()  # as `backup-bot run` does once; here, what the simulated Slack keeps as well
    lag = Lag()
    watching = asyncio.create_task(lag.watch())
    started = time.perf_counter()
    statuses = Counter[int]()
    async with aiohttp.ClientSession() as session:
        for payload in payloads:
            statuses[await post(workspace, session, payload)] += 1
    watching.cancel()
    took = time.perf_counter() - started
    line = {"what": what, "statuses": statuses, "seconds": round(took, 1)}
    print(json.dumps(line | {"longest_stop_ms": round(lag.longest * 1000)}))  # noqa: T201


async def post(
    workspace: Workspace, session: aiohttp.ClientSession, payload: dict[str, Any]
) -> int:
    """The status that a signed payload gets."""
    kind = "interactive"
    if "command" in payload:  # such a form holds only texts
        payload = {k: str(v).encode(errors="replace").decode() for k, v in payload.items()}
    if payload.get("type") == "event_callback":
        kind = "events_api"
    elif "command" in payload:
        kind = "slash_commands"
    body = form(Delivery(kind, payload, workspace.clock.now()))
    headers = signed_headers(body, workspace.signing_secret)
    if kind == "events_api":
        headers["Content-Type"] = "application/json"
    url = str(workspace.request_url)
    async with session.post(url, data=body.encode(), headers=headers) as answer:
        await answer.read()
        return answer.status


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


if __name__ == "__main__":
    asyncio.run(main())
