"""The audit trail as it stands in the database, read from outside the bot and changing nothing."""

import json
import sqlite3
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, String, cast, create_engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from bot.domain.audit import ChainedEntry
from bot.domain.errors import SettingsError
from bot.storage.engine import is_sqlite
from bot.storage.tables import about, audit

AT_ONCE = 500  # rows fetched in one go

AuditRow = dict[str, str | None]  # every column as the text that stands there


def audit_rows(
    database_url: str, *, since: datetime | None = None, instance: str | None = None
) -> Generator[AuditRow]:
    """The trail, oldest first; of one instance by its name or id.

    All of it is of one moment, however long the reading takes; close it if you stop early.
    Raises SettingsError if there is no such database, or no trail in it for this release.
    """
    # As text, so that a value that somebody broke can still be shown.
    query = select(*(cast(column, String).label(column.name) for column in audit.c))
    query = query.select_from(audit).order_by(audit.c.number)
    if since is not None:
        query = query.where(audit.c.at >= since)
    if instance is not None:
        query = query.where(about(instance))
    engine = _open_read_only(database_url)
    try:
        with engine.connect() as connection:
            streaming = connection.execution_options(yield_per=AT_ONCE, read_only=True)
            with streaming.execute(query) as result:
                yield from (dict(row) for row in result.mappings())
    except (DBAPIError, OSError) as error:
        why = str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0]
        raise SettingsError([f"DATABASE_URL: its audit trail cannot be read ({why})."]) from error
    finally:
        engine.dispose()


def entry_of(row: AuditRow) -> ChainedEntry:
    """The entry that a row holds. Raises ValueError if the bot would not have written it so."""
    content: dict[str, Any] = {**row}
    content["detail"] = json.loads(row["detail"] or "")
    if json.dumps(content["detail"]) != row["detail"]:
        raise ValueError(f"the detail is written otherwise: {row['detail']}")
    content["at"] = at = datetime.fromisoformat(row["at"] or "").replace(tzinfo=UTC)
    written = f"{at:%Y-%m-%d %H:%M:%S.%f}"
    if row["at"] not in (written, written.rstrip("0").rstrip(".")):  # the latter on PostgreSQL
        raise ValueError(f"the time is written otherwise: {row['at']}")
    return ChainedEntry.model_validate(content)


def _open_read_only(database_url: str) -> Engine:
    url = make_url(database_url)
    if not is_sqlite(url):
        return create_engine(url)
    file = Path(url.database or "").resolve()
    if not file.is_file():
        raise SettingsError([f"DATABASE_URL: there is no file {file}."])
    address = f"{file.as_uri()}?mode=ro"
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True))
