"""Every command is acked whatever the outside does, and only what can be right is stored."""

import asyncio
import itertools
import os
import random
import re
import sqlite3
from pathlib import Path

from bot.demo.rds import faults as rds_faults
from bot.demo.slack.records import Reply
from bot.demo.world import OPS, OfflineWorld
from tests.many_people import somebody
from tests.process.conftest import Runs, stopped, until_connected

TEXTS = int(os.environ.get("TEXTS", "2000"))  # random ones; 200 at once
ACCEPTED = "Got it: back up"
LETTERS = "abcXYZ019-_ .,;:/\\|\"'`´“”„‘’«»–—…<>&=!@#*~?%\t\n\r\0\u00a0\u200b\u202e\ufeffäßжя数😀"  # noqa: RUF001 - looking alike is the point
WORDS = [  # what people, phones and Slack's own escaping make of commands
    *("create", "create", "create", "Create", "creat", "help", "delete", "restore", "--help"),
    *("dev-sandbox", "dev-sandbox", "orders-prod", "orders-replica", "frozen-legacy", "orderz"),
    *("before-42", "b42", "42-before", "-", "a" * 64, "a" * 65, "näme", "nightly-1"),
    *('"before the release"', "“quoted”", '"open', "'", "&amp;", "&lt;!channel&gt;", "<!here>"),
    *("<@U0BEN>", "<https://example.com|link>", "x=y", "drop table request;", "d" * 300, "\n"),
]


numbers = itertools.count()


async def _typed(world: OfflineWorld, text: str) -> Reply:
    who = somebody(world.workspace, next(numbers))
    return await world.workspace.command(who, OPS, "/backup", text)


async def test_a_hundred_at_once_are_acked_while_rds_says_nothing(
    runs: Runs, world: OfflineWorld
) -> None:
    """No answer comes, and the bot knows no instance yet: acked all the same."""
    world.region.faults.always(rds_faults.slow(600))
    async with runs(world.environ) as process:
        await until_connected(world)
        for again in ("cold", "later"):
            texts = [f"create dev-sandbox {again}-{number}" for number in range(100)]
            replies = await asyncio.gather(*(_typed(world, text) for text in texts))

            assert {reply.error for reply in replies} == {None}
            assert all(call.status is None for call in world.region.calls)
        assert await stopped(process) == 0


def _random_text(dice: random.Random) -> str:
    words = []
    for _ in range(dice.randrange(dice.random() < 0.95, 7)):
        if dice.random() < 0.7:
            words.append(dice.choice(WORDS))
        elif dice.random() < 0.5:
            words.append(f"name-{dice.randrange(10**9)}")
        else:
            words.append("".join(dice.choices(LETTERS, k=dice.choice((1, 5, 40, 400)))))
    if dice.random() < 0.1:
        words = ["create", "dev-sandbox", *words]
    return dice.choice((" ", " ", "  ", "\u00a0")).join(words)


async def test_random_texts_are_answered_and_only_right_ones_are_stored(
    runs: Runs, world: OfflineWorld, tmp_path: Path
) -> None:
    """Nothing crashes, everything is answered, and the rows are those that were accepted."""
    dice = random.Random(20261123)  # noqa: S311, the same texts each time
    replies: list[Reply] = []
    async with runs(world.environ) as process:
        await until_connected(world)
        for _ in range(TEXTS // 200):
            texts = [_random_text(dice) for _ in range(200)]
            replies += await asyncio.gather(*(_typed(world, text) for text in texts))
        assert await stopped(process) == 0

    said = [world.workspace.read(reply.message) for reply in replies if reply.message]
    with sqlite3.connect(tmp_path / "empty" / "backup-bot.db") as database:
        rows = database.execute("SELECT name, description FROM request").fetchall()
    database.close()
    assert {reply.error for reply in replies} == {None}
    opened = [reply for reply in replies if reply.message is None]
    assert len(said) + len(opened) == len(replies) == TEXTS
    assert 0 < len(opened) < TEXTS // 10  # an empty text, and a lone `create`, open a form
    assert "listener_fell_over" not in process.err
    assert 0 < len(rows) == sum(answer.startswith(ACCEPTED) for answer in said)
    assert all(re.fullmatch("[A-Za-z][A-Za-z0-9_-]{3,63}", name) for name, _ in rows)
    assert not any(set(text) & set(">!<\"&'=\r\n") or len(text) > 256 for _, text in rows)
