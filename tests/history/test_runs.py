"""Random runs keep every promise; `poe bench history -- --runs 1000` makes many more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.runtime import loop_pacing
from tests.history.checker import check
from tests.history.events import Event, Killed, Posted
from tests.history.runs import play, template

SEEDS, AT_ONCE = 20, 5
BUSY = 600.0  # seconds


@pytest.fixture
def migrated(tmp_path: Path) -> Iterator[Path]:
    """A database file to begin with; the loop takes its breaths again afterwards."""
    tick = loop_pacing.TICK
    yield template(tmp_path)
    loop_pacing.TICK = tick


@pytest.mark.parametrize("is_readable", [False, True])
@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
async def test_random_runs_keep_every_promise(
    tmp_path: Path, migrated: Path, first: int, *, is_readable: bool
) -> None:
    """Whatever dies, is lost, comes twice or late, and however the clock jumps.

    Where the bot can read its channel, nothing is there twice.
    """
    events: list[Event] = []
    for seed in range(first, first + AT_ONCE):
        history = await play(seed, tmp_path, migrated, busy=BUSY, is_readable=is_readable)
        assert check(history) == [], f"seed {seed}"
        events += history.events

    assert {Killed, Posted} <= {type(event) for event in events}
