"""What a log line may hold."""

import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from bot import logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _fall_over(secret_key: str) -> None:
    raise RuntimeError(f"a key of {len(secret_key)} characters")


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
