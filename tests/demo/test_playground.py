"""The playground without a browser: what its page may ask for, and what it is told."""

import asyncio
import json
import os
import re
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
from bot.demo.playground.cloud import InConsole
from bot.demo.playground.playground import Playground, playing
from bot.demo.playground.scenery import PAYMENTS, furnish
from bot.demo.playground.server import PlaygroundServer
from bot.demo.rds.records import RdsInstance
from bot.demo.rds.wire import Operation
from bot.demo.slack.records import Content
from bot.demo.world import ANA, BEN, OPS, offline_world
from bot.domain.errors import SettingsError

SPEED = 120
DEADLINE = 20
HOUR_A_SECOND = 3600
NIGHT = 40  # seconds until tonight's automated backups are over, and what the bot says of them
INCIDENT = ":red_circle:"
WATCHED = {"orders-prod", "orders-staging", "billing-prod", "customers-prod", "inventory-prod"}


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
    """It prints the address and four things to try, and opens it; Ctrl-C ends both processes."""
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
        said = [(await process.stdout.readline()).decode() for _ in range(6)]
        url = said[0].split(" at ")[1].split()[0]
        async with aiohttp.ClientSession(url) as browser:
            bot = (await _seen(browser, ANA))["bot"]
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()

    assert [line[:2] for line in said[2:]] == ["1.", "2.", "3.", "4."]
    assert opened.read_text("utf-8").strip() == url
    assert bot["is_connected"]
    assert process.returncode == 0
    assert errors == b""
    with pytest.raises(ProcessLookupError):
        os.kill(bot["pid"], 0)


@pytest.fixture
async def fast() -> AsyncIterator[Playground]:
    """A playground with its bot, an hour a second, once every watched instance was read."""
    async with playing(HOUR_A_SECOND) as playground:
        region, names = playground.world.region, set[str]()
        async with asyncio.timeout(DEADLINE):
            while not names >= WATCHED:
                await region.changed()
                names = {i.name for i in region.instances if _was_read(playground, i.id)}
        yield playground
        assert playground.world.workspace.violations == []


def _was_read(playground: Playground, instance_id: str) -> bool:
    """Whether the bot has asked for the end of its recovery window, which it does last."""
    return any(
        call.operation is Operation.LIST_RESTORE_TIMES and instance_id in call.path
        for call in playground.world.region.calls
    )


def _instance(playground: Playground, name: str) -> RdsInstance:
    return next(i for i in playground.world.region.instances if i.name == name)


async def _changes(playground: Playground, name: str, what: InConsole) -> None:
    instance = _instance(playground, name)
    wish = {"act": "change", "instance": instance.id, "what": what}
    assert (await playground.act(ANA, json.dumps(wish).encode()))["error"] is None


def _told(playground: Playground, words: str) -> list[str]:
    """What the bot has written into #ops with these words in it."""
    slack = playground.world.workspace
    texts = [slack.read(message) for message in slack.messages(OPS) if not message.is_reply]
    return [text for text in texts if words in text]


async def _hears(playground: Playground, words: str) -> None:
    slack = playground.world.workspace
    await slack.until(lambda: _told(playground, words), NIGHT)


async def test_automated_backups_are_switched_off_and_on(fast: Playground) -> None:
    """Nothing is wrong at first; then #ops is told, and told when it is over."""
    assert _told(fast, INCIDENT) == []
    await _changes(fast, "dev-sandbox", InConsole.AUTOMATED_OFF)
    await _hears(fast, "Automated backups of dev-sandbox are off")
    shown = fast.seen_by(ANA)[f"instance:{_instance(fast, 'dev-sandbox').id}"]
    assert shown
    assert shown["automated"] == {"is_on": False, "fails_tonight": False, "takes_logs": True}

    await _changes(fast, "dev-sandbox", InConsole.AUTOMATED_ON)
    await _hears(fast, "automated backups of dev-sandbox are on again")

    assert _told(fast, "Automated backups of dev-sandbox are off") == []


async def test_a_night_fails(fast: Playground) -> None:
    """Of one instance: that of the others goes well, and nobody hears of it."""
    await _changes(fast, "orders-prod", InConsole.FAIL_TONIGHT)
    await _hears(fast, "No successful backup of orders-prod since")

    (told,) = _told(fast, INCIDENT)
    assert "backups in a row failed" in told


async def test_logs_stop_and_a_backup_is_deleted_outside_the_bot(fast: Playground) -> None:
    """Each is an incident of its own; a backup can't be deleted twice, nor an automated one."""
    await _changes(fast, "billing-prod", InConsole.STOP_LOGS)
    backups = fast.world.region.backups
    manual = next(backup for backup in backups if backup.name == "before-4-1")
    automated = next(backup for backup in backups if backup.type == "auto")
    wish = json.dumps({"act": "delete", "backup": manual.id}).encode()
    assert (await fast.act(ANA, wish))["error"] is None
    with pytest.raises(LookupError):
        await fast.act(ANA, json.dumps({"act": "delete", "backup": automated.id}).encode())

    await _hears(fast, "Someone deleted a manual backup of orders-prod outside this bot")
    await _hears(fast, "billing-prod can be restored only up to")
    with pytest.raises(LookupError):
        await fast.act(ANA, wish)


async def test_what_has_no_automated_backups(playground: Playground) -> None:
    """A read replica has none to switch off, and neither has what doesn't exist."""
    replica = _instance(playground, "orders-replica").id
    for instance in (replica, "gone"):
        wish = {"act": "change", "instance": instance, "what": "automated_off"}
        with pytest.raises(LookupError):
            await playground.act(ANA, json.dumps(wish).encode())
    shown = playground.seen_by(ANA)[f"instance:{replica}"]
    assert shown
    assert shown["automated"] is None


def test_the_page_draws_every_emoji_that_the_bot_writes() -> None:
    root = Path(__file__).parents[2]
    written = re.findall(r":([a-z_]+):(?=\s)", (root / "docs" / "messages.md").read_text("utf-8"))
    page = (root / "bot/demo/playground/page/mrkdwn.js").read_text("utf-8")

    assert {"red_circle", "white_check_mark"} <= set(written)
    assert [name for name in set(written) if f"{name}: " not in page] == []


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
