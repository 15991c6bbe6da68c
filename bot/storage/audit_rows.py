"""Read the audit log in the database, without changing anything."""

import json
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Column, Select, String, cast, null, select

from bot.domain.audit import ChainedEntry, WrittenEntry
from bot.domain.printable import printable
from bot.storage.engine import only_reading
from bot.storage.tables import about, audit, unsealed

AT_ONCE = 500  # rows fetched in one go

NAMES = tuple(column.name for column in audit.c)
REPEATABLE = {"isolation_level": "REPEATABLE READ"}

AuditRow = dict[str, str | None]  # every column as text


def audit_rows(
    database_url: str,
    *,
    since: datetime | None = None,
    instance: str | None = None,
    numbers: tuple[int, int] | None = None,
) -> Generator[AuditRow]:
    """Return the audit log, oldest first; of one instance by its name or ID.

    Entries that aren't sealed yet come last, and have no `number`. With `numbers`, only the
    entries from the first to the last of the two. All rows are of one moment, however long
    reading takes; close the generator if you stop early.
    Raises SettingsError if there is no such database, or no audit log in it for this release.
    """
    with only_reading(database_url, "audit log") as connection:
        as_of_now = {} if connection.dialect.name == "sqlite" else REPEATABLE
        streaming = connection.execution_options(yield_per=AT_ONCE, **as_of_now)
        for place in (audit.c.number,) if numbers else (audit.c.number, unsealed.c.serial):
            query = _query(place, since, instance)
            query = query.where(place.between(*numbers)) if numbers else query
            with streaming.execute(query) as result:
                yield from (dict(zip(NAMES, row, strict=True)) for row in result)


def as_json(row: AuditRow) -> str:
    """Return an entry as one line of JSON, as it is exported; exactly what its hash covers.

    A row that the bot would have written differently is shown as it is.
    """
    try:
        entry = entry_of(row) if row["number"] else unsealed_entry_of(row)
    except ValueError:
        return _line(row)
    return json_of(entry, row)


def json_of(entry: WrittenEntry, row: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Return an entry as `as_json` writes it; `row` has what it lacks while it isn't sealed."""
    return _line({**row, **entry.model_dump(mode="json")})


def _line(shown: Mapping[str, Any]) -> str:
    line = json.dumps({name: shown[name] for name in NAMES}, ensure_ascii=False)
    return printable(line)  # the same JSON


def entry_of(row: AuditRow) -> ChainedEntry:
    """Return a row's entry. Raises ValueError if the bot would have written it differently."""
    return ChainedEntry.model_validate(_content(row))


def unsealed_entry_of(row: AuditRow) -> WrittenEntry:
    """The same for an entry that isn't sealed yet."""
    return WrittenEntry.model_validate(_content(row))


def _query(
    place: Column[int], since: datetime | None, instance: str | None
) -> Select[*tuple[Any, ...]]:
    # As text, so that a value that was tampered with can still be shown.
    table = place.table
    columns = (table.c.get(name, null()) for name in NAMES)
    query = select(*(cast(column, String) for column in columns)).order_by(place)
    if since is not None:
        query = query.where(table.c.at >= since)
    if instance is not None:
        query = query.where(about(instance, table))
    return query


def _content(row: AuditRow) -> dict[str, Any]:
    content: dict[str, Any] = {**row}
    content["detail"] = json.loads(row["detail"] or "")
    if json.dumps(content["detail"]) != row["detail"]:
        raise ValueError(f"the detail is written otherwise: {row['detail']}")
    content["at"] = at = datetime.fromisoformat(row["at"] or "").replace(tzinfo=UTC)
    written = at.isoformat(" ", "microseconds").removesuffix("+00:00")
    if row["at"] not in (written, written.rstrip("0").rstrip(".")):  # the latter on PostgreSQL
        raise ValueError(f"the time is written otherwise: {row['at']}")
    return content
