"""The playground without a browser: what its page may ask for, and what it is told."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.demo.clock import FastClock
from bot.demo.playground.bot_process import BotProcess
from bot.demo.playground.playground import Playground
from bot.demo.playground.scenery import PAYMENTS, furnish
from bot.demo.playground.server import PlaygroundServer
from bot.demo.slack.records import Content
from bot.demo.world import ANA, BEN, OPS, offline_world
from bot.domain.errors import SettingsError

SPEED = 120
DEADLINE = 20


@pytest.fixture
async def playground(tmp_path: Path) -> AsyncIterator[Playground]:
    """A playground whose bot does not run: nobody here waits for it."""
    clock = FastClock(SPEED)
    async with offline_world(clock, furnish) as world:
        yield Playground(world, clock, BotProcess({}, clock, tmp_path, world.workspace.tell))


@pytest.fixture
async def server(playground: Playground) -> AsyncIterator[PlaygroundServer]:
    """It serves."""
    async with PlaygroundServer(playground) as server:
        yield server


@pytest.fixture
async def browser(server: PlaygroundServer) -> AsyncIterator[aiohttp.ClientSession]:
    """Something that speaks HTTP to it."""
    async with aiohttp.ClientSession(server.url) as session:
        yield session


async def _acts(browser: aiohttp.ClientSession, who: str, **wish: object) -> dict[str, Any]:
    async with browser.post("/act", params={"as": who}, json=wish) as answer:
        assert answer.status == HTTPStatus.OK
        told: dict[str, Any] = await answer.json()
        return told


async def _seen(browser: aiohttp.ClientSession, who: str) -> dict[str, Any]:
    async with browser.get("/events", params={"as": who}) as stream:
        line = await stream.content.readline()
        drawn: dict[str, Any] = json.loads(line.removeprefix(b"data: "))["drawn"]
        return drawn


async def test_each_sees_what_is_theirs(
    browser: aiohttp.ClientSession, playground: Playground
) -> None:
    """What is said to ana alone, and a private channel, are not in what ben is told."""
    history = playground.world.workspace.history
    own = history.post(OPS, BEN, Content("only you", []), seen_by=ANA)
    history.post(PAYMENTS, ANA, Content("between us", []))

    ana, ben = await _seen(browser, ANA), await _seen(browser, BEN)

    assert ana[f"message:{own.ts}"]["only_you"]
    assert f"message:{own.ts}" not in ben
    assert f"channel:{PAYMENTS}" in ana
    assert not [part for part in ben.values() if part and part.get("channel") == PAYMENTS]


async def test_the_stream_tells_what_changed(
    browser: aiohttp.ClientSession, playground: Playground
) -> None:
    """After the first line only the parts that look different, and those that are gone."""
    async with asyncio.timeout(DEADLINE), browser.get("/events", params={"as": ANA}) as stream:
        await stream.content.readline()
        message = playground.world.workspace.say(BEN, OPS, "a word")
        changes: dict[str, Any] = {"drawn": {}}
        while f"message:{message.ts}" not in changes["drawn"]:
            changes = json.loads(
                (await stream.content.readline()).partition(b": ")[2] or "{}"
            ) or {"drawn": {}}
        assert "app" not in changes["drawn"]

        playground.world.workspace.delete(message)
        while not changes.get("gone"):
            changes = json.loads((await stream.content.readline()).partition(b": ")[2] or "{}")
        assert changes["gone"] == [f"message:{message.ts}"]


async def test_only_its_own_page_may_act(
    browser: aiohttp.ClientSession, server: PlaygroundServer
) -> None:
    """Neither a site that is open in the same browser, nor a name that leads to loopback."""
    wish = {"act": "say", "channel": OPS, "text": "/backup create dev-sandbox from-afar"}
    there = {"as": ANA}
    origin = {"Origin": "https://elsewhere.example"}
    async with browser.post("/act", params=there, json=wish, headers=origin) as answer:
        assert answer.status == HTTPStatus.FORBIDDEN
    async with browser.get("/", headers={"Host": "rebound.example"}) as answer:
        assert answer.status == HTTPStatus.FORBIDDEN
    async with browser.post("/act", params=there, data=json.dumps(wish)) as answer:
        assert answer.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    async with browser.get("/") as answer:
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]

    messages = server.playground.world.workspace.history.messages
    assert not [message for message in messages if "from-afar" in message.text]


async def test_what_is_no_act(browser: aiohttp.ClientSession) -> None:
    """It is refused with the reason."""
    headers = {"Content-Type": "application/json"}
    for wish in (
        b"{}",
        b"not json",
        b'{"act": "fly"}',
        b'{"act": "say", "channel": "C0OPS", "text": ""}',
        b'{"act": "say", "channel": "C0OPS", "text": " \\n"}',
        b'{"act": "say", "channel": "C0OPS", "text": "hi", "as": "U0BEN"}',
        b'{"act": "switch", "sped": 20}',
        b'{"act": "switch", "speed": 0}',
        b'{"act": "switch", "answers": "rudely"}',
    ):
        async with browser.post("/act", params={"as": ANA}, data=wish, headers=headers) as answer:
            assert answer.status == HTTPStatus.BAD_REQUEST
            assert "validation error" in await answer.text()


async def test_nobody_acts_as_the_bot(browser: aiohttp.ClientSession) -> None:
    """Only as one of the four people."""
    wish = {"act": "say", "channel": OPS, "text": "done"}
    for who in ("U0BOT", "U0EVE", "", "U0NOBODY"):
        async with browser.post("/act", params={"as": who}, json=wish) as answer:
            assert answer.status == HTTPStatus.BAD_REQUEST
        async with browser.get("/", params={"as": who}) as answer:
            assert not answer.url.query  # the page of whom it shows first


async def test_acting_on_what_is_gone(browser: aiohttp.ClientSession) -> None:
    """A click on a message that is not there, and a field of a form that nobody has open."""
    assert (await _acts(browser, ANA, act="click", ts="1.0", action_id="x"))["error"] == "gone"
    assert (await _acts(browser, ANA, act="submit"))["error"] == "gone"
    for text in ("hi", "/backup help"):  # ben is not in #payments
        told = await _acts(browser, BEN, act="say", channel="G0PAYMENTS", text=text)
        assert told["error"] == "gone"
    assert (await _acts(browser, ANA, act="close_modal"))["error"] is None
    told = await _acts(browser, ANA, act="say", channel=OPS, text="hi", thread="1.0")
    assert told["error"] == "thread_not_found"
    told = await _acts(browser, ANA, act="say", channel="C0NOWHERE", text="/backup help")
    assert told["error"] == "gone"


async def test_it_says_where_it_is_and_ends_in_order(tmp_path: Path) -> None:
    """It prints the address and three things to try, and opens it; Ctrl-C ends both processes."""
    opened = tmp_path / "opened"
    browser_program = tmp_path / "browser"
    browser_program.write_text(f"#!/bin/sh\necho $1 > {opened}\n", "utf-8")
    browser_program.chmod(0o700)
    root = str(Path(__file__).parents[2])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root, "BROWSER": str(browser_program)},
    )
    assert process.stdout
    async with asyncio.timeout(DEADLINE):
        said = [(await process.stdout.readline()).decode() for _ in range(5)]
        url = said[0].split(" at ")[1].split()[0]
        async with aiohttp.ClientSession(url) as browser:
            bot = (await _seen(browser, ANA))["bot"]
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()

    assert [line[:2] for line in said[2:]] == ["1.", "2.", "3."]
    assert opened.read_text("utf-8").strip() == url
    assert bot["is_connected"]
    assert process.returncode == 0
    assert errors == b""
    with pytest.raises(ProcessLookupError):
        os.kill(bot["pid"], 0)


async def test_a_port_that_is_taken(server: PlaygroundServer) -> None:
    """It says so, and what to do."""
    port = int(server.url.rstrip("/").rpartition(":")[2])
    with pytest.raises(SettingsError) as raised:
        async with PlaygroundServer(server.playground, port):
            pass

    assert "`--port 0` takes a free one" in str(raised.value.problems)


async def test_there_is_never_more_than_one_bot(playground: Playground, tmp_path: Path) -> None:
    """Whoever clicks twice, or in two tabs; and it says how it ended, whatever was turned then."""
    bot = BotProcess(
        playground.world.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/bot.db"},
        playground.clock,
        tmp_path,
        playground.world.workspace.tell,
    )
    await asyncio.gather(*(bot.start() for _ in range(3)))
    await playground.world.workspace.until(
        lambda: len(playground.world.workspace.sockets.open) == 2, DEADLINE
    )
    pid = bot.pid

    stopping = asyncio.create_task(bot.stop())
    await asyncio.sleep(0)
    bot.follow(playground.clock.change(60))
    await bot.start()
    await stopping

    assert pid is not None
    assert (bot.pid, bot.last_end) == (None, "stopped")
