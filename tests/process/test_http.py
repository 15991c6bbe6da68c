"""`backup-bot run --http`: the same bot behind signed requests."""

import socket
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.demo.slack.http_mode import signed_headers
from bot.demo.world import ANA, BEN, OPS, OfflineWorld
from bot.slack.messages.ids import APPROVE, BACK_UP_FROM_HERE, CHANNEL, INSTANCE, START
from bot.slack.transport.http import PATH
from tests.process.conftest import DEADLINE, Process, Runs, stopped

BODY = urlencode({"command": "/backup", "text": "help", "user_id": ANA, "channel_id": OPS})
QUICK = """
[rds]
calls_per_minute = 600
poll_seconds = 0.1
"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
async def serving(runs: Runs, world: OfflineWorld, tmp_path: Path) -> AsyncIterator[Process]:
    """The bot, to which Slack posts what people do."""
    port = _free_port()
    config = tmp_path / "backup-bot.toml"
    config.write_text(QUICK, "utf-8")
    environ = world.environ | {"BACKUP_BOT_CONFIG": str(config)}
    del environ["SLACK_APP_TOKEN"]
    async with runs(environ, "--http", "--port", str(port), cold=True) as process:
        world.workspace.request_url = f"http://127.0.0.1:{port}{PATH}"
        await process.until_logged("listening")
        yield process


async def _posted(world: OfflineWorld, headers: Mapping[str, str], path: str = PATH) -> int:
    """The status that a request gets."""
    url = str(world.workspace.request_url).removesuffix(PATH) + path
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=BODY, headers=headers) as answer,
    ):
        return answer.status


async def test_the_whole_story_over_http(serving: Process, world: OfflineWorld) -> None:
    """Asked, approved, completed: as over sockets, but no socket is opened."""
    workspace = world.workspace
    reply = await workspace.command(ANA, OPS, "/backup", "create dev-sandbox over-http")
    assert reply.error is None
    await workspace.until(lambda: workspace.messages(OPS), DEADLINE)
    (card,) = workspace.messages(OPS)
    await workspace.click(BEN, card.ts, APPROVE)
    await workspace.until(lambda: workspace.thread(OPS, card.ts)[1:], DEADLINE)
    world.region.end_backup(world.region.backups[-1])
    said = await workspace.until(
        lambda: [m for m in workspace.thread(OPS, card.ts) if "is complete" in workspace.read(m)],
        DEADLINE,
    )

    assert "@ana" in workspace.read(said[0])
    assert not any(call.method == "apps.connections.open" for call in workspace.calls)
    assert await stopped(serving) == 0


@pytest.mark.usefixtures("serving")
async def test_only_what_slack_has_signed_just_now_is_served(world: OfflineWorld) -> None:
    """A wrong signature, an old one and none at all are refused; other paths are not there."""
    secret = world.workspace.signing_secret
    signed = signed_headers(BODY, secret)
    old = signed_headers(BODY, secret, int(time.time()) - 301)

    assert await _posted(world, signed) == 200
    assert await _posted(world, signed_headers(BODY, "another secret")) == 401
    assert await _posted(world, old) == 401
    assert await _posted(world, {"Content-Type": signed["Content-Type"]}) == 401
    assert await _posted(world, signed, path="/") == 404
    assert await _posted(world, signed, path=f"{PATH}/more") == 404
    assert world.workspace.calls[1:] == []


async def test_forms_searches_and_the_home_tab_over_http(
    serving: Process, world: OfflineWorld
) -> None:
    """Every kind of request that Slack sends arrives on the one address."""
    workspace = world.workspace
    await workspace.open_home(ANA)
    await workspace.until(lambda: workspace.home(ANA), DEADLINE)
    assert (await workspace.press(ANA, START)).error is None
    await workspace.until(lambda: workspace.modal(ANA), DEADLINE)
    opened = workspace.modal(ANA)
    found = await workspace.suggest(ANA, INSTANCE, "dev")
    await workspace.fill(ANA, INSTANCE, found.options[0]["value"])
    await workspace.until(lambda: workspace.modal(ANA) is not opened, DEADLINE)
    reply = await workspace.submit(ANA, {CHANNEL: OPS})
    assert (reply.error, reply.errors) == (None, {})
    await workspace.until(lambda: workspace.messages(OPS), DEADLINE)
    await workspace.close_modal(ANA)
    message = workspace.say(BEN, OPS, "the release is at nine")
    assert (await workspace.message_shortcut(ANA, message.ts, BACK_UP_FROM_HERE)).error is None
    await workspace.until(lambda: workspace.modal(ANA), DEADLINE)

    assert workspace.violations == []
    assert await stopped(serving) == 0
