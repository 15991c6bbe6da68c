"""Plays one request from the command to its end in the offline world, and prints what is read."""

import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from rich.console import Console

from bot import settings
from bot.app import running
from bot.demo import rds_faults
from bot.demo.clock import FastClock
from bot.demo.rds_records import Ending
from bot.demo.slack_records import Message
from bot.demo.world import ANA, BEN, OPS, World, offline_world
from bot.slack.cards import APPROVE, REJECT

SPEED = 60  # a minute a second
PATIENCE = 25.0  # seconds of real time until a line must be there
COMMAND = 'create orders before-migration-42 "before the 4.2 migration"'
CONFIG = """
[approval]
approvers = ["S0DBA"]
expires_after = "10m"

[aliases]
orders = "orders-prod"
"""


async def play(scenario: str, console: Console) -> None:
    """Play one of SCENARIOS and print the channel and its thread as a reader sees them.

    Raises AssertionError, with the channel as it stood, if the story does not come to its end.
    """
    clock = FastClock(SPEED)
    with tempfile.TemporaryDirectory(prefix="backup-bot-demo-") as directory:
        environ = _written(CONFIG, Path(directory))
        async with offline_world(clock) as world:
            console.print(f"@ana types: [bold]/backup {COMMAND}[/bold]\n", highlight=False)
            loaded = settings.load(world.environ | environ, http=False)
            async with running(loaded, clock=clock):
                await SCENARIOS[scenario](world)
            console.print(world.workspace.render(OPS), highlight=False, markup=False)


def _written(config: str, directory: Path) -> dict[str, str]:
    """The environment of a bot whose files are all in one directory."""
    file = directory / "backup-bot.toml"
    file.write_text(config, "utf-8")
    return {
        "BACKUP_BOT_CONFIG": str(file),
        "DATABASE_URL": f"sqlite:///{directory}/backup-bot.db",
    }


async def _ask(world: World) -> Message:
    """Ana asks; the card, once it is up."""
    await world.workspace.command(ANA, OPS, "/backup", COMMAND)
    cards = partial(_with_button, world)
    return (await world.workspace.until(cards, PATIENCE))[0]


def _with_button(world: World) -> list[Message]:
    return [m for m in world.workspace.messages(OPS) if "[Approve]" in world.workspace.read(m)]


async def _until_said(world: World, card: Message, words: str) -> None:
    """Wait for a line in the card's thread."""
    workspace = world.workspace
    await workspace.until(
        lambda: any(words in workspace.read(line) for line in workspace.thread(OPS, card.ts)),
        PATIENCE,
    )


async def _approve(world: World, words: str) -> None:
    """Ben approves, and the story ends with these words in the thread."""
    card = await _ask(world)
    await world.workspace.click(BEN, card.ts, APPROVE)
    await _until_said(world, card, words)


async def _completed(world: World) -> None:
    await _approve(world, "completed")


async def _rejected(world: World) -> None:
    card = await _ask(world)
    await world.workspace.click(BEN, card.ts, REJECT)
    await _until_said(world, card, "rejected")


async def _failed(world: World) -> None:
    world.region.next_backup(Ending.FAILED)
    await _approve(world, "failed")


async def _refused(world: World) -> None:
    world.region.faults.next_create(rds_faults.refused(409, "DBS.200316"))
    await _approve(world, "refused")


async def _unknown_outcome(world: World) -> None:
    world.region.faults.next_create(rds_faults.LOST_ANSWER)
    await _approve(world, "completed")


async def _expired(world: World) -> None:
    card = await _ask(world)
    await _until_said(world, card, "expired")


SCENARIOS: dict[str, Callable[[World], Awaitable[None]]] = {
    "completed": _completed,
    "rejected": _rejected,
    "failed": _failed,
    "refused": _refused,
    "unknown-outcome": _unknown_outcome,
    "expired": _expired,
}
