"""Instances and backups, as RDS describes them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator

from bot.domain.folding import quoted, search_key
from bot.domain.frozen import Frozen

PAGE = 100  # items in a page of a list, the most that RDS returns at once
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class BackupStatus(StrEnum):
    """The backup statuses that RDS documents; others stay plain strings."""

    BUILDING = "BUILDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    DELETING = "DELETING"


def _text(value: object) -> object:
    return "" if value is None else value  # rows of older releases have neither


class Named(Frozen):
    """What an instance is called, here and in RDS."""

    name: str
    # Its project's name; "" in rows of older releases, which knew only the default project.
    project: Annotated[str, BeforeValidator(_text)] = ""
    # Whether an instance of another project has this name, too.
    is_namesake: Annotated[bool, BeforeValidator(bool)] = False

    @property
    def full_name(self) -> str:
        """Its name behind its project's, which is always clear."""
        return f"{self.project}/{self.name}"

    @property
    def label(self) -> str:
        """What people read: its name, behind its project's if the name alone isn't clear."""
        return self.full_name if self.is_namesake else self.name


class Instance(Named):
    """A database instance as list-instances shows it."""

    id: str
    status: str  # as RDS spells it: ACTIVE, BACKING UP, FROZEN, …; an open set
    type: str = "Single"  # Single, Ha or Replica
    engine: str = ""  # MySQL, PostgreSQL, SQLServer, MariaDB
    version: str = ""
    primary_id: str | None = None  # of a read replica: the instance it replicates
    keep_days: int | None = None  # of automated backups; 0: they are off; None: unknown
    backup_window: str | None = None  # in UTC, such as "19:00-20:00"
    disk_gb: int | None = None  # what a new instance needs at least to restore a backup

    @property
    def is_replica(self) -> bool:
        return self.type == "Replica"

    @property
    def typed(self) -> str:
        """How to name it in a command: by its label, in quotes if needed, or by its ID."""
        return quoted(self.label) or self.id


class AutomatedPolicy(Frozen):
    """When RDS takes an instance's automated backups, and for how long it keeps them."""

    keep_days: int  # 0: automated backups are off
    start_time: str = ""  # the window in UTC, such as "19:00-20:00"; "" if unknown
    days: tuple[int, ...] = ()  # Monday is 1, Sunday is 7; empty if unknown


class RestoreWindow(NamedTuple):
    """A span of time to any moment of which RDS can restore an instance."""

    start: datetime  # aware, UTC
    end: datetime


class InstancePage(NamedTuple):
    """A page of list-instances, counted from 0, and when RDS was asked for it (Unix seconds)."""

    number: int
    instances: Sequence[Instance]
    read_at: float


class Backup(Frozen):
    """A backup as create-backup and list-backups show it."""

    id: str
    instance_id: str
    name: str
    status: str  # as RDS spells it; an open set
    type: str = "manual"
    begin_time: datetime | None = None  # aware, UTC
    end_time: datetime | None = None
    size_kb: int | None = None  # None while unknown

    @property
    def duration(self) -> timedelta | None:
        """How long it took, or None if RDS doesn't say."""
        if self.begin_time is None or self.end_time is None or self.end_time < self.begin_time:
            return None
        return self.end_time - self.begin_time


class LastBackup(NamedTuple):
    """The newest good backup of an instance, or None, when RDS listed its backups."""

    instance_id: str
    backup: Backup | None
    seen_at: datetime


class Accepted(NamedTuple):
    """A create that RDS accepted; `request_id` is RDS's ID of the call, if given."""

    backup: Backup
    request_id: str | None


def begun(backup: Backup) -> datetime:
    """Return when it began, for sorting; long ago if RDS doesn't say."""
    return backup.begin_time or LONG_AGO


def matching(
    instances: Sequence[Instance], text: str, aliases: Mapping[str, str] | None = None
) -> list[Instance]:
    """Return the instances, except read replicas, whose name, ID or alias contains the text.

    A text with a slash is also looked for in `project/name`.
    """
    wanted = search_key(text)
    has_project = "/" in wanted
    targets = {target for alias, target in (aliases or {}).items() if wanted in search_key(alias)}
    return [
        instance
        for instance in instances
        if not instance.is_replica
        and (
            wanted in search_key(instance.name)
            or wanted in instance.id
            or (has_project and wanted in search_key(instance.full_name))
            or (targets and not targets.isdisjoint(_targets(instance)))
        )
    ]


def _targets(instance: Instance) -> tuple[str, ...]:
    """Return what an alias can call it."""
    return instance.name, instance.id, instance.full_name
