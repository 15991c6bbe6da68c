"""RDS's JSON, read tolerantly, as the domain's instances and backups."""

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, model_validator

from bot.domain.instances import Backup, Instance


def _time(value: Any) -> datetime | None:
    """RDS writes times in three forms; one without a zone is taken as UTC, "" as none."""
    if not value:
        return None
    at = _DATETIME.validate_python(value)
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:  # pydantic takes only a ValueError for a bad value
        raise ValueError("no such time in UTC") from error


def _size(value: Any) -> int | None:
    """A running backup has no size: RDS says null, "", 0 or nothing."""
    return (int(value) or None) if value else None


UNSAID = sys.maxsize  # a list without a count goes on until a page is short
_DATETIME = TypeAdapter(datetime)
Time = Annotated[datetime | None, BeforeValidator(_time)]


class Wire(BaseModel):
    """What RDS sends: keys we do not know are ignored, and null is as good as absent."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None}


class BackupItem(Wire):
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


class Datastore(Wire):
    type: str = ""
    version: str = ""
    complete_version: str | None = None


class Related(Wire):
    id: str
    type: str


class InstanceItem(Wire):
    """An instance in the answer of list."""

    id: str
    name: str
    status: str
    type: str = "Single"
    datastore: Datastore = Datastore()
    related_instance: list[Related] = Field(default_factory=list)

    def instance(self) -> Instance:
        primaries = [r.id for r in self.related_instance if r.type == "replica_of"]
        return Instance(
            id=self.id,
            name=self.name,
            status=self.status,
            type=self.type,
            engine=self.datastore.type,
            version=self.datastore.complete_version or self.datastore.version,
            primary_id=primaries[0] if primaries else None,
        )


class Created(Wire):
    backup: BackupItem


class BackupPage(Wire):
    backups: list[BackupItem]  # an answer without the list is no empty list
    total_count: int = UNSAID


class InstancePage(Wire):
    instances: list[InstanceItem]
    total_count: int = UNSAID
