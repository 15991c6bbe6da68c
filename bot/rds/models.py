"""RDS's JSON, read tolerantly, as the domain's instances and backups."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter

from bot.domain.instances import Backup, Instance


def _time(value: Any) -> datetime | None:
    """RDS writes times in three forms; one without a zone is taken as UTC, "" as none."""
    if not value:
        return None
    at = _DATETIME.validate_python(value)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _size(value: Any) -> int | None:
    """A running backup has no size: RDS says null, "", 0 or nothing."""
    return int(value) if value else None


_DATETIME = TypeAdapter(datetime)
Time = Annotated[datetime | None, BeforeValidator(_time)]


class BackupItem(BaseModel):
    """A backup in the answer of create (without end and size) or list."""

    id: str
    instance_id: str
    name: str
    status: str
    type: str = "manual"
    begin_time: Time = None
    end_time: Time = None
    size: Annotated[int | None, BeforeValidator(_size)] = None

    def backup(self) -> Backup:
        return Backup(size_kb=self.size, **self.model_dump(exclude={"size"}))


class Datastore(BaseModel):
    type: str = ""
    version: str = ""
    complete_version: str | None = None


class Related(BaseModel):
    id: str
    type: str


class InstanceItem(BaseModel):
    """An instance in the answer of list."""

    id: str
    name: str
    status: str
    type: str = "Single"
    datastore: Datastore = Datastore()
    related_instance: list[Related] | None = None

    def instance(self) -> Instance:
        primaries = [r.id for r in self.related_instance or () if r.type == "replica_of"]
        return Instance(
            id=self.id,
            name=self.name,
            status=self.status,
            type=self.type,
            engine=self.datastore.type,
            version=self.datastore.complete_version or self.datastore.version,
            primary_id=primaries[0] if primaries else None,
        )


class Created(BaseModel):
    backup: BackupItem


class BackupPage(BaseModel):
    backups: list[BackupItem] = Field(default_factory=list)
    total_count: int = 0


class InstancePage(BaseModel):
    instances: list[InstanceItem] = Field(default_factory=list)
    total_count: int = 0
