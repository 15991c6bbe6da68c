"""The simulated region's instances and backups, and how RDS writes them as JSON."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any
from uuid import uuid4

from bot.runtime.clock import Clock

# The last two characters of every id. MariaDB's are not documented, so there is none here.
ENGINE_DIGITS = {"MySQL": "01", "PostgreSQL": "03", "SQLServer": "04"}
LIST_ZONE = timezone(timedelta(hours=8))  # lists show local time, create shows UTC
DELETION_TAKES = timedelta(seconds=5)
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)  # Monday is 1
WINDOW = "19:00-20:00"  # UTC
OF_NEXT_BACKUP = {"backup_takes", "size_kb", "condition"}  # of an instance


class Ending(StrEnum):
    """What becomes of a backup when its time is over."""

    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    VANISHED = "VANISHED"  # no longer listed, and nobody deleted it


def new_id(kind: str, engine: str) -> str:
    """A fresh id in RDS's form; `kind` is `in` for an instance, `br` for a backup."""
    return f"{uuid4().hex}{kind}{ENGINE_DIGITS[engine]}"


def listed_time(at: datetime) -> str:
    """A time as RDS's lists show it: `2018-08-06T12:41:14+0800`."""
    return at.astimezone(LIST_ZONE).strftime("%Y-%m-%dT%H:%M:%S%z")


def milliseconds(at: datetime) -> int:
    """A time as Cloud Eye and restore-time show it: since 1970."""
    return round(at.timestamp() * 1000)


@dataclass(frozen=True)
class Policy:
    """When automated backups are taken, and for how many days they are kept; 0: they are off."""

    keep_days: int = 7
    start: str = WINDOW
    days: tuple[int, ...] = EVERY_DAY

    def as_listed(self) -> dict[str, Any]:
        """The `backup_strategy` of list-instances."""
        return {"start_time": self.start, "keep_days": self.keep_days}

    def as_shown(self) -> dict[str, Any]:
        """The `backup_policy` of backups/policy."""
        return self.as_listed() | {"period": ",".join(map(str, self.days))}


@dataclass
class RdsInstance:
    """A database instance; `backup_takes` and `size_kb` are those of its next backup.

    They may be set at any time, which changes no backup that began before. `catch_up` works out
    what RDS has done on its own until now: reading `backups` calls it.
    """

    id: str
    name: str
    engine: str
    version: str
    type: str  # Single, Ha or Replica
    condition: str  # its status apart from backups
    replica_of: str | None  # a replica's primary, by id
    backup_takes: timedelta
    size_kb: int
    created: datetime
    policy: Policy = Policy()
    copies_to: str = ""  # the region that full backups are copied to
    made: list["RdsBackup"] = field(default_factory=list, repr=False)  # as last worked out
    catch_up: Callable[[], None] = field(default=lambda: None, repr=False)

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute, once the backups that began before have the old value."""
        if name in OF_NEXT_BACKUP and "catch_up" in vars(self):
            self.catch_up()
        super().__setattr__(name, value)

    @property
    def backups(self) -> list["RdsBackup"]:
        """Its backups, in the order in which they were made; some may no longer exist."""
        self.catch_up()
        return self.made

    @property
    def status(self) -> str:
        """As RDS shows it now: a healthy instance with a running backup is BACKING UP."""
        if self.condition == "ACTIVE" and any(b.status == "BUILDING" for b in self.backups):
            return "BACKING UP"
        return self.condition

    def as_listed(self, replicas: list[str]) -> dict[str, Any]:
        """An item of list-instances."""
        related = [{"id": replica, "type": "replica"} for replica in replicas]
        if self.replica_of:
            related.append({"id": self.replica_of, "type": "replica_of"})
        return {
            "id": self.id,
            "name": self.name,
            "alias": "",
            "status": self.status,
            "type": self.type,
            "datastore": {
                "type": self.engine,
                "version": self.version,
                "complete_version": f"{self.version}.1",
            },
            "volume": {"type": "CLOUDSSD", "size": 100},
            "backup_strategy": self.policy.as_listed(),
            "related_instance": related,
            "enterprise_project_id": "0",
            "tags": [],
            "created": listed_time(self.created),
            "updated": listed_time(self.created),
        }


@dataclass
class RdsBackup:
    """A backup that runs by the clock: `takes` after `began` it meets its `ending`."""

    clock: Clock = field(repr=False)
    id: str
    instance: RdsInstance = field(repr=False)
    name: str
    description: str | None
    type: str  # manual, auto, fragment or incremental
    began: datetime
    takes: timedelta
    ending: Ending
    size_kb: int  # when completed
    deleted: datetime | None = None

    @property
    def exists(self) -> bool:
        """False once it has vanished or been deleted."""
        now = self.clock.now()
        if self.deleted and now >= self.deleted + DELETION_TAKES:
            return False
        return self.ending is not Ending.VANISHED or now < self.ended

    def remove(self, at: datetime) -> None:
        """Let it be gone from then on, without being DELETING first."""
        self.deleted = at - DELETION_TAKES

    @property
    def ended(self) -> datetime:
        """When it ends, or ended."""
        return self.began + self.takes

    @property
    def status(self) -> str:
        """As RDS shows it now; "VANISHED" of one that is listed no longer."""
        if self.deleted:
            return "DELETING"
        return "BUILDING" if self.clock.now() < self.ended else self.ending.value

    def as_created(self) -> dict[str, Any]:
        """The `backup` of create-backup's answer: no size, no end, no job."""
        body = {
            "id": self.id,
            "instance_id": self.instance.id,
            "name": self.name,
            "begin_time": self.began.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "status": "BUILDING",
            "type": self.type,
        }
        return body if self.description is None else body | {"description": self.description}

    def as_listed(self) -> dict[str, Any]:
        """An item of list-backups; its size is in KB."""
        status = self.status
        return {
            "id": self.id,
            "instance_id": self.instance.id,
            "name": self.name,
            "type": self.type,
            "size": self.size_kb if status in {"COMPLETED", "DELETING"} else 0,
            "status": status,
            "begin_time": listed_time(self.began),
            "end_time": None if status == "BUILDING" else listed_time(self.ended),
            "datastore": {"type": self.instance.engine, "version": self.instance.version},
            "associated_with_ddm": False,
        }
