"""Plays one request from the command to its end in the offline world, and prints what is read."""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.console import Console

from bot.app import running
from bot.config import settings
from bot.demo.clock import FastClock
from bot.demo.rds import faults as rds_faults
from bot.demo.rds.records import Ending
from bot.demo.slack.records import Message
from bot.demo.world import ANA, BEN, OPS, OfflineWorld, offline_world
from bot.slack.messages.cards import APPROVE, REJECT
from bot.slack.messages.views import REASON

SPEED = 60  # a minute a second
LINE_TIMEOUT = 25.0  # seconds of real time until a line must be there
WHY_NOT = "not during the sale"
COMMAND = 'create orders before-migration-42 "before the 4.2 migration"'
CONFIG = """
[approval]
approvers = ["S0DBA"]
expires_after = "10m"

[aliases]
orders = "orders-prod"
"""


class Stage:
    """Ana, Ben, and what a reader of the channel sees of them."""

    def __init__(self, world: OfflineWorld, console: Console) -> None:
        self.region = world.region
        self._workspace = world.workspace
        self._console = console

    async def ana_asks(self) -> Message:
        """Type the command; the card, once it is up."""
        self._tell(f"@ana types /backup {COMMAND}")
        await self._workspace.command(ANA, OPS, "/backup", COMMAND)
        await self._workspace.until(lambda: any(m.buttons for m in self._cards), LINE_TIMEOUT)
        self._show()
        return self._cards[0]

    async def ben_approves(self, card: Message) -> None:
        """Click Approve."""
        self._tell("@ben clicks Approve; a minute goes by in a second")
        await self._workspace.click(BEN, card.ts, APPROVE)

    async def ben_rejects(self, card: Message) -> None:
        """Click Reject, and say why in the form that opens."""
        self._tell(f"@ben clicks Reject, and says why: {WHY_NOT}")
        await self._workspace.click(BEN, card.ts, REJECT)
        await self._workspace.until(lambda: self._workspace.modal(BEN), LINE_TIMEOUT)
        await self._workspace.submit(BEN, {REASON: WHY_NOT})

    async def until_said(self, card: Message, words: str) -> None:
        """Wait for the line in the card's thread that ends the story."""
        workspace = self._workspace
        await workspace.until(
            lambda: any(words in workspace.read(m) for m in workspace.thread(OPS, card.ts)),
            LINE_TIMEOUT,
        )
        self._tell("In the end")
        self._show()

    @property
    def _cards(self) -> list[Message]:
        return [m for m in self._workspace.messages(OPS) if not m.is_reply and not m.seen_by]

    def _tell(self, what: str) -> None:
        self._console.print(f"▶ {what}", "", sep="\n", style="bold", highlight=False, markup=False)

    def _show(self) -> None:
        self._console.print(
            self._workspace.render(OPS), "", sep="\n", highlight=False, markup=False
        )


async def play(scenario: str, console: Console, speed: float = SPEED) -> None:
    """Play one of SCENARIOS and print the channel and its thread as a reader sees them.

    Raises AssertionError, with the channel as it stood, if the story does not come to its end.
    """
    clock = FastClock(speed)
    with tempfile.TemporaryDirectory(prefix="backup-bot-demo-") as directory:
        files = _written(CONFIG, Path(directory))
        async with offline_world(clock) as world:
            loaded = settings.load(world.environ | files, http=False)
            async with running(loaded, clock=clock):
                await SCENARIOS[scenario](Stage(world, console))


def _written(config: str, directory: Path) -> dict[str, str]:
    """The environment of a bot whose files are all in one directory."""
    file = directory / "backup-bot.toml"
    file.write_text(config, "utf-8")
    return {
        "BACKUP_BOT_CONFIG": str(file),
        "DATABASE_URL": f"sqlite:///{directory}/backup-bot.db",
    }


async def _approve(stage: Stage, words: str) -> None:
    card = await stage.ana_asks()
    await stage.ben_approves(card)
    await stage.until_said(card, words)


async def _completed(stage: Stage) -> None:
    await _approve(stage, "is complete")


async def _rejected(stage: Stage) -> None:
    card = await stage.ana_asks()
    await stage.ben_rejects(card)
    await stage.until_said(card, "rejected")


async def _failed(stage: Stage) -> None:
    stage.region.next_backup(Ending.FAILED)
    await _approve(stage, "failed")


async def _refused(stage: Stage) -> None:
    stage.region.faults.next_create(rds_faults.refused(409, "DBS.200316"))
    await _approve(stage, "refused")


async def _unknown_outcome(stage: Stage) -> None:
    stage.region.faults.next_create(rds_faults.LOST_ANSWER)
    await _approve(stage, "is complete")


async def _expired(stage: Stage) -> None:
    card = await stage.ana_asks()
    await stage.until_said(card, "expired")


SCENARIOS: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "completed": _completed,
    "rejected": _rejected,
    "failed": _failed,
    "refused": _refused,
    "unknown-outcome": _unknown_outcome,
    "expired": _expired,
}
