"""The story that `backup-bot demo --script` plays in the terminal."""

import io

import pytest
from rich.console import Console

from bot.demo.script import SCENARIOS, WHY_NOT, play

SPEED = 300
ENDS = {
    "completed": "orders-prod is backed up",
    "rejected": WHY_NOT,
    "failed": "failed",
    "refused": "refused",
    "unknown-outcome": "RDS had started the backup",
    "expired": "nobody responded",
}


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
async def test_every_scenario_comes_to_its_end(scenario: str) -> None:
    """The last thing that is printed is the channel as it stands then."""
    console = Console(file=io.StringIO(), width=1000)

    await play(scenario, console, SPEED)

    assert isinstance(console.file, io.StringIO)
    assert ENDS[scenario] in console.file.getvalue().split("In the end")[1]
