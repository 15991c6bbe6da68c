"""What a log line may hold."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from bot.application.ports import Conflict
from bot.runtime import logs
from bot.storage.intake import Intake
from bot.storage.store import Store
from tests.requests import asked
from tests.storage.test_intake import entry


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root, psycopg = logging.getLogger(), logging.getLogger("psycopg")
    handlers, level, before = root.handlers, root.level, structlog.get_config()
    theirs = psycopg.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    psycopg.setLevel(theirs)
    structlog.configure(**before)


def _fall_over(secret_key: str) -> None:
    raise RuntimeError(f"a key of {len(secret_key)} characters")


def _fall_over_with(words: str) -> None:
    raise RuntimeError(words)


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_shows_no_values(
    log_format: Literal["console", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it fell over, and not with what."""
    secret_key = "hunter2" * 2
    logs.configure(log_format)
    try:
        _fall_over(secret_key)
    except RuntimeError:
        structlog.get_logger("bot.test").exception("fell_over")
    said = capsys.readouterr().err

    assert "_fall_over" in said
    assert "a key of 14 characters" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_nothing_in_a_line_moves_the_terminal(
    log_format: Literal["console", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    """Controls, escapes, and what turns the direction of a text: in all that is logged."""
    evil = "\x1b]0;owned\x07\x9b2J\u202e\u2066\u2028\rgone\ud800"
    logs.configure(log_format)
    structlog.get_logger("bot.test").warning("it_came", name=evil, names=[evil])
    logging.getLogger("a.library").error("it says %s", evil)
    try:
        _fall_over_with(evil)
    except RuntimeError:
        structlog.get_logger("bot.test").exception("fell_over")
    said = capsys.readouterr().err

    assert said.count("owned") >= 4
    assert all(character == "\n" or character.isprintable() for character in said)


async def test_a_name_that_is_taken_is_no_trouble_of_the_database(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two want it at once; psycopg warns of the statements that came after the refused one."""
    logs.configure("console")
    intake = Intake(store)
    requests = [asked(1), asked(2, name=asked(1).name), *map(asked, range(3, 60))]
    results = await asyncio.gather(
        *(intake.write(request, entry(request)) for request in requests), return_exceptions=True
    )

    assert sum(isinstance(result, Conflict) for result in results) == 1
    assert "warning" not in capsys.readouterr().err
