"""1 000 outcomes behind Slack's limits, in one channel and in 100; and after Slack was away.

One JSON line each: seconds until the last outcome was told, beside the least that Slack's limits
allow, which is one message a second in each channel and, in all, five. `MESSAGES` (1 000) and
`SPEED` (20), how much faster than real time it runs, can be set.
"""

import asyncio
import json
import logging
import math
import os
import tempfile
from pathlib import Path

import aiohttp

from bot.demo.clock import FastClock
from bot.demo.slack import faults
from bot.demo.slack.api import SlackServer
from bot.demo.slack.limits import PostLimit
from bot.demo.slack.workspace import Workspace
from bot.domain.outbox import reply
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from bot.runtime import logs
from bot.slack.transport.pace import ALL, BURST, SPELL
from bot.slack.transport.web_client import SlackClient
from bot.storage.engine import migrate, open_engine
from bot.storage.store import Store
from tests.outbox.conftest import ANA, WAITING, Ground

MESSAGES = int(os.environ.get("MESSAGES", "1000"))
SPEED = float(os.environ.get("SPEED", "20"))
AWAY = float(os.environ.get("AWAY", "600"))  # seconds for which Slack takes nothing


async def main() -> None:
    logs.configure("console", level=logging.ERROR)
    for channels, away in ((1, 0.0), (100, 0.0), (100, AWAY)):
        with tempfile.TemporaryDirectory(prefix="backup-bot-bench-") as directory:
            url = f"sqlite:///{Path(directory) / 'bot.db'}"
            migrate(url)
            print(json.dumps(await _measured(url, channels, away)))  # noqa: T201, the output


async def _measured(url: str, channels: int, away: float) -> dict[str, object]:
    clock = FastClock(SPEED)
    workspace = Workspace(clock, "xoxb-1", "xapp-1", "secret", team_id=WAITING.team_id)
    workspace.add_user(ANA, "ana")
    workspace.post_limit = PostLimit(clock)
    names = [f"C0CH{number:04}" for number in range(channels)]
    for name in names:
        workspace.add_channel(name, name.lower(), [ANA, workspace.identity.bot_user_id])
    engine = open_engine(url)
    async with SlackServer(workspace) as server, aiohttp.ClientSession() as session:
        client = SlackClient("xoxb-1", server.api_url, session=session)
        ground = Ground(workspace, client, Store(engine, clock=clock), clock)
        await _fill(ground, names)
        if away:
            workspace.faults.always(faults.ERROR, "chat.postMessage")
        ground.starts()
        await clock.sleep(away)
        workspace.faults.clear()
        began = clock.monotonic()
        while await ground.store.owed(limit=1):
            await clock.sleep(1)
        took = clock.monotonic() - began
        await ground.dies()
    await engine.dispose()
    told = [m for m in workspace.history.messages if m.thread_ts]
    return {
        "bench": "speak",
        "channels": channels,
        "away": away,
        "messages": MESSAGES,
        "told": len({m.thread_ts for m in told}),
        "doubled": len(told) - len({m.thread_ts for m in told}),
        "seconds_to_the_last": round(took),
        "least": round(_least(channels)),
        "throttled": sum(call.status == 429 for call in workspace.calls),
        "calls_while_away": sum(call.error == "http_500" for call in workspace.calls),
    }


async def _fill(ground: Ground, channels: list[str]) -> None:
    """Requests that have just ended, with their cards in Slack as they ended."""
    for number in range(MESSAGES):
        channel = channels[number % len(channels)]
        request = await ground.stored(
            RequestState.COMPLETED, number, card_channel_id=channel, channel_id=channel
        )
        await ground.has_card(request)
        await ground.owes(*reply(request, ThreadLine.ENDED)[1:])


def _least(channels: int) -> float:
    """Seconds that Slack's limits make the last message wait."""
    in_one = math.ceil(MESSAGES / channels)
    return max(in_one - BURST, (MESSAGES - ALL) * SPELL / ALL, 0.0)


if __name__ == "__main__":
    asyncio.run(main())
