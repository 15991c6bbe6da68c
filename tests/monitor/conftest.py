"""The monitor with a real database, before a simulated region, in virtual time."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import RowMapping, select

from bot.demo.rds.records import RdsInstance
from bot.demo.rds.region import Region
from bot.domain.channels import Channel
from bot.domain.errors import RdsError
from bot.domain.incidents import Incident, IncidentKind
from bot.domain.instances import Backup, Instance, RestoreWindow
from bot.domain.observations import Observed
from bot.domain.watches import Watch
from bot.monitor import loop
from bot.monitor.digests import DigestMaker
from bot.monitor.loop import Monitor
from bot.monitor.reading import Reader
from bot.rds import models
from bot.storage.digests import Digests
from bot.storage.engine import open_engine
from bot.storage.incidents import Incidents
from bot.storage.store import Store
from bot.storage.tables import digests, incidents, outbox
from tests.stepped_clock import SteppedClock

START = datetime(2026, 10, 20, 12, 0, tzinfo=UTC)
WATCH = Watch(id="w1", channel_id="C0OPS", instances=("*",), created_by="U0ANA", created_at=START)


class RegionRds:
    """Reads the region without a network. Everything fails with `error` while that is set."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self.error: RdsError | None = None
        self.of: dict[str, RdsError] = {}  # by instance ID
        self.hidden: set[str] = set()  # backups that lists lack, by ID
        self.unlisted: set[str] = set()  # instances that RDS doesn't list, by ID
        self.calls = self.asked_for_copies = 0
        self.listed: list[Instance] = []
        self.projects: dict[str, str] = {}  # by instance ID

    def _call(self, instance_id: str = "") -> None:
        self.calls += 1
        if error := self.error or self.of.get(instance_id):
            raise error

    async def list_backups(
        self, instance_id: str, *, backup_type: str | None = None, idle: bool = False
    ) -> list[Backup]:
        assert idle
        self._call(instance_id)
        return [
            backup
            for backup in self.backups(instance_id)
            if backup.type == backup_type and backup.id not in self.hidden
        ]

    def backups(self, instance_id: str) -> list[Backup]:
        """All backups of an instance, as a list shows them."""
        listed = [b.as_listed() for b in self._region.backups_of(instance_id) if b.exists]
        return models.backups({"backups": listed}).items

    async def find_backup(self, instance_id: str, backup_id: str) -> Backup | None:
        self._call(instance_id)
        return next((b for b in self.backups(instance_id) if b.id == backup_id), None)

    async def restore_windows(self, instance_id: str) -> list[RestoreWindow]:
        self._call(instance_id)
        return [RestoreWindow(*window) for window in self._region.restore_windows(instance_id)]

    async def copies_to(self, instance_id: str) -> str:
        self._call(instance_id)
        self.asked_for_copies += 1
        return self._region.instance(instance_id).copies_to

    async def known(self, timeout_seconds: float) -> Sequence[Instance]:  # noqa: ARG002, the port's
        """The list, as it was before an outage."""
        if self.error is None:
            shown = [one for one in self._region.instances if one.id not in self.unlisted]
            listed = [instance.as_listed([]) for instance in shown]
            found = models.instances({"instances": listed}).items
            self.listed = [
                one.model_copy(update={"project": self.projects.get(one.id, "")}) for one in found
            ]
        return self.listed

    async def current(self, instance_id: str) -> Instance | None:
        self._call(instance_id)
        return next((one for one in await self.known(0) if one.id == instance_id), None)


class Own:
    """The bot makes these backups, and deletes those."""

    def __init__(self) -> None:
        self.made: set[str] = set()
        self.deleted: set[str] = set()

    async def own_backups(self, backups: Collection[Backup]) -> set[str]:
        return self.made & {backup.id for backup in backups}

    async def deletions_of(self, backup_ids: Collection[str]) -> set[str]:
        return self.deleted & set(backup_ids)


class Ground:
    """A region, what is watched in it, and the monitor."""

    def __init__(self, store: Store, clock: SteppedClock) -> None:
        self.store, self.clock = store, clock
        self.region = Region(clock)
        self.rds = RegionRds(self.region)
        self.own = Own()
        self.incidents = Incidents(store)
        self.channels: list[Channel] = []
        self.monitor = self.new_monitor()

    def new_monitor(self, projects: Sequence[str] = ("",)) -> Monitor:
        """Another process, or this one after a restart."""
        digests = DigestMaker(self.incidents, Digests(self.store), self.clock, self.channels)
        reader = Reader(self.rds, self.rds, self.own, self.clock)
        return Monitor(
            reader,
            self.incidents,
            self.own,
            digests,
            self.clock,
            channels=self.channels,
            projects=projects,
        )

    def restarts(self) -> None:
        self.monitor = self.new_monitor()

    async def watches(self, watch: Watch = WATCH) -> None:
        await self.incidents.add_watch(watch)
        self.monitor.wake()

    def instance(self, name: str = "orders-prod", **changes: Any) -> RdsInstance:
        """An instance with nightly backups at 19:00, the last of them good."""
        instance = self.region.add_instance(name, **changes)
        began = self.clock.now().replace(hour=19, minute=0) - timedelta(days=1)
        for night in range(10, -1, -1):
            self.region.add_backup(instance, f"auto-{night}", began=began - night * DAY)
        self.region.automate(instance)
        return instance

    async def passes(self, *others: Monitor, **span: float) -> None:
        """Let this much time pass for all monitors, in the steps that they ask for."""
        end = self.clock.now() + timedelta(**span)
        while (now := self.clock.now()) < end:
            waits = [await monitor.step() for monitor in (self.monitor, *others)]
            left = (end - now).total_seconds()
            self.clock.advance(seconds=min(left, max(0.05, min(waits))))

    async def all(self) -> list[Incident]:
        """All incidents there ever were, in order."""
        rows = await self.store.rows(select(incidents).order_by(incidents.c.opened_at))
        fields = Incident.model_fields
        return [Incident.model_validate({name: row[name] for name in fields}) for row in rows]

    async def of(self, kind: IncidentKind) -> Incident:
        """The only incident of a kind."""
        (incident,) = [incident for incident in await self.all() if incident.kind is kind]
        return incident

    async def only(self) -> Incident:
        """The only incident there ever was."""
        (incident,) = await self.all()
        return incident

    async def knows(self, instance: RdsInstance) -> Observed:
        known = await self.incidents.observed(instance.id)
        assert known
        return known

    async def digests(self) -> Sequence[RowMapping]:
        return await self.store.rows(select(digests).order_by(digests.c.due_at))

    async def lines(self) -> list[str]:
        """What is owed to Slack, in order."""
        rows = await self.store.rows(select(outbox.c.line).order_by(outbox.c.number))
        return [row["line"] for row in rows]


DAY = timedelta(days=1)


@pytest.fixture
async def ground(
    migrated_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Ground]:
    """An empty region, and nothing watched.

    The bot looks at the watches every half an hour instead of every five minutes: a day
    has fewer steps then, and only new watches and what is true of all instances wait for it.
    """
    monkeypatch.setattr(loop, "ROUND", 1800.0)
    engine = open_engine(migrated_database_url)
    clock = SteppedClock(START)
    yield Ground(Store(engine, clock=clock), clock)
    await engine.dispose()
