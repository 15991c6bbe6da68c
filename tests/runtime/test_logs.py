"""What a log line may hold."""

import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from bot.runtime import logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, before = root.handlers, root.level, structlog.get_config()
    yield
    root.handlers = handlers
    root.setLevel(level)
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
