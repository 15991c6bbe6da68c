"""RDS, Slack and people as one run needs them: they err as told, and note what happens."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from slack_sdk.errors import SlackApiError

from bot.domain.errors import RdsOutcomeUnknown, RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.instances import Accepted, Backup, BackupStatus, Instance
from bot.workflow.ports import OnTurn
from tests.history.events import Ended, Event, Looked, Posted, Sent
from tests.listing import Listing
from tests.stepped_clock import SteppedClock

BEGIN = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
GROUP, BOT = "S0DBA", "U0BOT"


class JumpingClock(SteppedClock):
    """Its time of day can be set, as an operator or NTP does; what is measured goes on."""

    def __init__(self) -> None:
        super().__init__(BEGIN)
        self.jumped = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.jumped

    def true_time(self) -> datetime:
        """As everybody else has it."""
        return super().now()

    @property
    def next_due(self) -> float:
        """Seconds until somebody wakes, and a microsecond: the clock knows no smaller step."""
        waiting = [at for at, _, future in self._sleepers if not future.done()]
        return max(0.0, min(waiting, default=float("inf")) - self._elapsed) + 1e-6


@dataclass
class Faults:
    """How likely what goes wrong is; all zero once a run calms down."""

    rds_away: float = 0.0
    answer_lost: float = 0.0
    busy: float = 0.0
    slack_away: float = 0.0
    slack_answer_lost: float = 0.0
    groups_unknown: float = 0.0
    store_away: float = 0.0  # before it did anything, or after it did all and could not say so
    death: float = 0.0  # of the process, while a call is on its way there or back


@dataclass
class Connections:
    """What all parts of it share."""

    chance: random.Random
    clock: JumpingClock
    events: list[Event] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    is_doomed: bool = False  # the process dies now

    def happens(self, likely: float) -> bool:
        return self.chance.random() < likely

    async def on_the_way(self) -> None:
        """A call takes its time; the process may die meanwhile."""
        self.is_doomed = self.is_doomed or self.happens(self.faults.death)
        await self.clock.sleep(self.chance.uniform(0.0, 1.5))


class Region(Listing):
    """RDS, which unlike the real one makes two backups of a name: so that it shows."""

    def __init__(self, outside: Connections, names: Iterable[str]) -> None:
        self._outside = outside
        self._names = {f"{number:032x}in01": name for number, name in enumerate(names, start=1)}
        self._backups: dict[str, Backup] = {}
        self._ends: dict[str, tuple[datetime, str]] = {}  # backup id → when, as what

    def skew_of(self, instance_id: str) -> timedelta:
        assert instance_id in self._names
        return self._outside.clock.true_time() - self._outside.clock.now()

    @property
    def spare_calls(self) -> float:
        return 48.0

    async def list_instances(self) -> list[Instance]:
        await self._answers()
        return [
            Instance(id=i, name=name, status="BACKING UP" if self._running(i) else "ACTIVE")
            for i, name in self._names.items()
        ]

    async def list_backups(self, instance_id: str, **_: object) -> list[Backup]:
        await self._answers()
        self._outside.events.append(Looked(self._names[instance_id]))
        return [backup for backup in self._backups.values() if backup.instance_id == instance_id]

    async def find_backup(self, instance_id: str, backup_id: str) -> Backup | None:
        await self._answers()
        assert instance_id in self._names
        return self._backups.get(backup_id)

    async def delete_backup(self, _: str, backup_id: str, *, on_turn: OnTurn) -> None:
        raise AssertionError(backup_id, on_turn)

    async def create_backup(
        self, instance_id: str, name: str, description: str, *, on_turn: OnTurn
    ) -> Accepted:
        assert isinstance(description, str)
        outside = self._outside
        await on_turn()
        await self._answers()
        self._pass_time()
        is_lost = outside.happens(outside.faults.answer_lost)
        if self._running(instance_id) or outside.happens(outside.faults.busy):
            self._note(name, made=False, answered=not is_lost)
            await self._way_back(is_lost=is_lost)
            raise RdsRefused(RefusalReason.BACKUP_RUNNING, "DBS.201014")
        if is_lost and outside.happens(0.5):
            self._note(name, made=False, answered=False)
            await self._way_back(is_lost=True)
        backup = self._begun(instance_id, name)
        self._note(name, made=True, answered=not is_lost)
        await self._way_back(is_lost=is_lost)
        return Accepted(backup, None)

    def _note(self, name: str, *, made: bool, answered: bool) -> None:
        self._outside.events.append(Sent(name, made=made, answered=answered))

    async def _way_back(self, *, is_lost: bool) -> None:
        await self._outside.on_the_way()
        if is_lost:
            raise RdsOutcomeUnknown

    def _begun(self, instance_id: str, name: str) -> Backup:
        chance, now = self._outside.chance, self._outside.clock.true_time()
        backup = Backup(
            id=f"backup{len(self._ends)}",
            instance_id=instance_id,
            name=name,
            status=BackupStatus.BUILDING,
            begin_time=now,
        )
        self._backups[backup.id] = backup
        ends = chance.choices([BackupStatus.COMPLETED, BackupStatus.FAILED, "GONE"], [8, 2, 1])
        self._ends[backup.id] = (now + timedelta(minutes=chance.uniform(0.2, 20)), ends[0])
        return backup

    async def _answers(self) -> None:
        await self._outside.on_the_way()
        if self._outside.happens(self._outside.faults.rds_away):
            raise RdsUnreachable("away")
        self._pass_time()

    def _pass_time(self) -> None:
        now = self._outside.clock.true_time()
        for backup in list(self._backups.values()):
            at, status = self._ends[backup.id]
            if backup.status != BackupStatus.BUILDING or now < at:
                continue
            self._outside.events.append(Ended(backup.name, status))
            if status == "GONE":
                del self._backups[backup.id]
            else:
                changes = {"status": status, "end_time": at, "size_kb": 1_000_000}
                self._backups[backup.id] = backup.model_copy(update=changes)

    def _running(self, instance_id: str) -> bool:
        return any(
            (backup.instance_id, backup.status) == (instance_id, BackupStatus.BUILDING)
            for backup in self._backups.values()
        )


class Slack:
    """The calls that the bot makes of it. It keeps what it took, and may let the bot read it."""

    def __init__(self, outside: Connections, *, is_readable: bool) -> None:
        self._outside = outside
        self._is_readable = is_readable
        self._messages: list[dict[str, Any]] = []

    async def auth_test(self) -> dict[str, str]:
        await self._takes()
        return {"user_id": BOT}

    async def chat_postMessage(self, **message: Any) -> dict[str, str]:  # noqa: N802, Slack's name
        outside = self._outside
        await self._takes()
        channel = message["channel"].replace("U", "D")  # a direct message has its own
        now = int(outside.clock.true_time().timestamp())
        ts = f"{now}.{len(self._messages):06d}"
        self._messages.append({**message, "channel": channel, "ts": ts, "user": BOT})
        is_lost = outside.happens(outside.faults.slack_answer_lost)
        id_ = message["metadata"]["event_payload"]["id"]
        outside.events.append(Posted(ts, channel, id_, message["text"], answered=not is_lost))
        await outside.on_the_way()
        if is_lost:
            raise TimeoutError
        return {"channel": channel, "ts": ts}

    async def chat_update(self, **message: Any) -> dict[str, str]:
        await self._takes()
        return {"channel": message["channel"], "ts": message["ts"]}

    async def conversations_history(self, **asked: Any) -> dict[str, Any]:
        return await self._read(None, **asked)

    async def conversations_replies(self, *, ts: str, **asked: Any) -> dict[str, Any]:
        return await self._read(ts, **asked)

    async def _read(self, thread: str | None, **asked: Any) -> dict[str, Any]:
        await self._takes()
        if not self._is_readable:
            response: Any = SimpleNamespace(status_code=200, data={"error": "missing_scope"})
            raise SlackApiError("missing_scope", response)
        found = [
            message
            for message in self._messages
            if message["channel"] == asked["channel"]
            and message.get("thread_ts") == thread
            and message["ts"] >= asked["oldest"]
        ]
        return {"messages": found}

    async def _takes(self) -> None:
        await self._outside.on_the_way()
        if self._outside.happens(self._outside.faults.slack_away):
            raise TimeoutError


class People:
    """Who is in the one user group, and who left."""

    def __init__(self, outside: Connections, group: Iterable[str]) -> None:
        self._outside = outside
        self._group = frozenset(group)
        self.left: set[str] = set()

    async def members(
        self, ids: Iterable[str], *, max_age: float | None = None
    ) -> Mapping[str, frozenset[str] | None]:
        del max_age  # it is always asked now
        await self._outside.on_the_way()
        is_unknown = self._outside.happens(self._outside.faults.groups_unknown)
        behind = {i: self._group if i == GROUP else frozenset({i}) for i in ids}
        return {
            i: None if is_unknown and i == GROUP else people - self.left
            for i, people in behind.items()
        }

    async def everybody(self, ids: Iterable[str]) -> Mapping[str, frozenset[str] | None]:
        return await self.members(ids)


def calm(faults: Faults) -> Faults:
    """Nothing goes wrong any more."""
    return replace(faults, **dict.fromkeys(vars(faults), 0.0))
