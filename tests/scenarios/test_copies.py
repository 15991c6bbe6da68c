"""The bot's own database is copied and put back, word by word as docs/operate.md says."""

import asyncio
import os
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.cli.audit import verify
from tests.story import Opens, Story

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def commands(begin: str) -> str:
    """The commands of the document that begin so."""
    text = (ROOT / "docs" / "operate.md").read_text("utf-8")
    found = [found[2] for found in BLOCK.finditer(text) if found[2].strip().startswith(begin)]
    assert len(found) == 1
    return found[0]


async def follow(script: str, directory: Path) -> None:
    """Type the commands in the bot's directory."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-e", "-c", script), cwd=directory, env={"PATH": path}
    )
    assert await shell.wait() == 0


async def people_ask(story: Story, stop: asyncio.Event) -> int:
    """Keep the bot writing; how many were answered."""
    number = 0
    while not stop.is_set():
        number += 1
        reply = await story.types(f"create dev-sandbox copied-{number}")
        assert reply.error is None
        await asyncio.sleep(0.05)
    return number


async def test_a_copy_of_a_bot_that_writes_can_be_put_back(
    opens: Opens, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is whole; what ended since then is told, and nothing is made twice."""
    async with opens() as story:
        async with story.bot():
            card = await story.asks()
            stop = asyncio.Event()
            asking = asyncio.create_task(people_ask(story, stop))
            await asyncio.sleep(0.3)
            await follow(commands("umask"), tmp_path)
            stop.set()
            assert await asking > 1
            await story.approves(card)
            await story.until_said(card, "is complete")
        copy = tmp_path / "backup-bot-copy.db"
        assert copy.stat().st_mode & 0o777 == 0o600
        with closing(sqlite3.connect(copy)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            query = "SELECT state FROM request WHERE name = 'before-42'"
            assert database.execute(query).fetchone() == ("awaiting_approval",)
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{copy}")
        assert verify() == 0

        await follow(commands("mkdir before-restore"), tmp_path)
        monkeypatch.setenv("DATABASE_URL", database_url)
        assert verify() == 0
        async with story.bot():
            await story.approves(card, stale=True)
            refused = await story.until_said(card, "was refused")
            await story.asks("create orders-prod before-44")

    assert "Another backup in RDS already has this name" in refused
    assert story.made("before-42") == 1
