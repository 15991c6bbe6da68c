"""The playground: both simulators, the real bot, and what people and switches do."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from bot.demo.clock import FastClock
from bot.demo.playground import scenery
from bot.demo.playground.acts import PersonsAct, told
from bot.demo.playground.bot_process import BotProcess
from bot.demo.playground.cloud import Answers, Cloud, InConsole, NextCreate, calls
from bot.demo.playground.reading import Reading
from bot.demo.playground.screen import Part, screen
from bot.demo.slack.records import Json
from bot.demo.world import OfflineWorld, offline_world
from bot.domain.frozen import Frozen

SPEEDS = (1, 20, 60, 300)  # times faster than real time
SOON = 0.03  # seconds for which changes are batched
AT_LEAST = 0.5  # seconds until an update anyway, because time passes without an event
START_TIMEOUT = 30.0  # seconds for the bot to connect


class Switch(Frozen):
    """A switch on the cloud pane; None values change nothing."""

    model_config = ConfigDict(extra="forbid")

    act: Literal["switch"]
    speed: Annotated[float, Field(ge=1, le=600)] | None = None
    answers: Answers | None = None
    next_create: NextCreate | None = None
    bot: Literal["kill", "start", "restart"] | None = None


class Change(Frozen):
    """Something that someone does to an instance in the RDS console."""

    model_config = ConfigDict(extra="forbid")

    act: Literal["change"]
    instance: str  # its ID
    what: InConsole


class Delete(Frozen):
    """The deletion of a manual backup in the RDS console."""

    model_config = ConfigDict(extra="forbid")

    act: Literal["delete"]
    backup: str  # its ID


_Act: TypeAdapter[PersonsAct | Switch | Change | Delete] = TypeAdapter(
    Annotated[PersonsAct | Switch | Change | Delete, Field(discriminator="act")]
)


@dataclass
class Playground:
    """Everything that the page can show and do."""

    world: OfflineWorld
    clock: FastClock
    bot: BotProcess

    def __post_init__(self) -> None:
        self.reading = Reading(self.world.workspace)
        self.cloud = Cloud(self.world.region)

    def seen_by(self, user_id: str) -> dict[str, Json | None]:
        """Return what the page shows to this person now, by part."""
        return dict(self._parts(user_id))

    async def news(self) -> None:
        """Wait until something may have changed; batches changes."""
        waiting = [
            asyncio.ensure_future(self.world.workspace.changed()),
            asyncio.ensure_future(self.world.region.changed()),
        ]
        try:
            await asyncio.wait(waiting, timeout=AT_LEAST, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(SOON)
        finally:
            for one in waiting:
                one.cancel()

    async def act(self, user_id: str, wish: bytes) -> Json:
        """Do what the page requests as this person.

        Raises pydantic's ValidationError for anything but an act, and LookupError where there is
        (no longer) such a thing to act on.
        """
        act = _Act.validate_json(wish)
        if isinstance(act, Switch):
            await self._switch(act)
            return told(None)
        if isinstance(act, Change):
            self.cloud.change(act.instance, act.what)
            return told(None)
        if isinstance(act, Delete):
            self.cloud.delete(act.backup)
            return told(None)
        reply = await act.done(self.world.workspace, self.reading, user_id)
        self.world.workspace.tell()
        return told(reply)

    def _parts(self, user_id: str) -> Iterator[Part]:
        workspace, region = self.world.workspace, self.world.region
        yield from screen(workspace, self.reading, user_id)
        yield from self.cloud.parts()
        yield from calls(region, workspace)
        speed = self.clock.tempo.speed
        yield "clock", {"speed": speed, "speeds": sorted({*SPEEDS, speed})}
        is_connected = bool(self.bot.pid and workspace.sockets.open)
        yield (
            "bot",
            {
                "pid": self.bot.pid,
                "is_connected": is_connected,
                "last_end": self.bot.last_end,
            },
        )

    async def _switch(self, switch: Switch) -> None:
        if switch.speed:
            self.bot.follow(self.clock.change(switch.speed))
        if switch.answers:
            self.cloud.answer(switch.answers)
        if switch.next_create:
            self.cloud.prepare(switch.next_create)
        if switch.bot == "kill":
            await self.bot.kill()
        if switch.bot == "restart":
            await self.bot.stop()
        if switch.bot in ("start", "restart"):
            await self.bot.start()
        self.world.region.tell()


@asynccontextmanager
async def playing(speed: float, config: str = scenery.CONFIG) -> AsyncIterator[Playground]:
    """Run a furnished playground with the bot in it while the block lasts."""
    clock = FastClock(speed)
    with tempfile.TemporaryDirectory(prefix="backup-bot-playground-") as directory:
        async with offline_world(clock, scenery.furnish) as world:
            file = Path(directory) / "backup-bot.toml"
            file.write_text(config, "utf-8")
            environ = world.environ | {
                "BACKUP_BOT_CONFIG": str(file),
                "DATABASE_URL": f"sqlite:///{directory}/backup-bot.db",
            }
            bot = BotProcess(environ, clock, Path(directory), world.workspace.tell)
            await bot.start()
            try:
                await world.workspace.until(
                    lambda: world.workspace.sockets.open or not bot.pid, START_TIMEOUT
                )
                await scenery.opening(world.workspace)
                yield Playground(world, clock, bot)
            finally:
                await bot.stop()
