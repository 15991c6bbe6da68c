"""What an ack waits for: the write, and nothing else."""

import asyncio
from collections.abc import Iterator

from bot.application.backups import Backups
from bot.application.origin import Origin
from bot.application.ports import Store
from bot.domain.audit import AuditEntry
from bot.domain.commands import CreateBackup
from bot.domain.instances import Instance
from bot.domain.requests import BackupRequest
from bot.rds.catalogue import InstanceCatalogue
from tests.listing import Listing
from tests.stepped_clock import SteppedClock

ORDERS = Instance(id="a" * 32 + "in01", name="orders-prod", status="ACTIVE")
ASKED = Origin("U0ANA", "T0DEMO", "C0OPS", "trigger-1", response_url=None)


class Rds(Listing):
    async def list_instances(self) -> list[Instance]:
        return [ORDERS]


class Disk:
    """Takes its time: what is written is there when a test says so."""

    def __init__(self) -> None:
        self.wrote: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def write(self, request: BackupRequest, entry: AuditEntry) -> None:
        assert request.id == entry.request_id
        await self.wrote


class Engine:
    def __init__(self) -> None:
        self.begun: list[str] = []

    def start(self, request_id: str) -> None:
        self.begun.append(request_id)

    def wake(self, request_id: str) -> None:
        raise AssertionError(request_id)


class NoStore:
    """Whoever asks it anything fails."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(name)


async def test_a_command_waits_for_its_write_alone() -> None:
    """From the command to the ack there is one await that gives way, and it is the write's."""
    clock, disk, engine = SteppedClock(), Disk(), Engine()
    catalogue = InstanceCatalogue(Rds(), clock, {})
    await catalogue.warm()
    store: Store = NoStore()  # type: ignore[assignment]  # nobody is to ask it
    backups = Backups(store=store, intake=disk, catalogue=catalogue, engine=engine, clock=clock)
    steps = _steps(backups, CreateBackup(instance="orders-prod", name="before-42", description=""))

    assert next(steps) is disk.wrote
    assert engine.begun == []
    disk.wrote.set_result(None)
    assert list(steps) == []
    assert len(engine.begun) == 1


def _steps(backups: Backups, create: CreateBackup) -> Iterator[object]:
    """What asking gives way for, one after the other."""
    asking = backups.ask(create, ASKED).__await__()
    yield from asking
