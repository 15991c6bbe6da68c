"""`backup-bot audit`: prove that the trail is as it was written, and hand it out."""

import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Literal

from cyclopts import App

from bot.clock import Clock
from bot.config_file import duration
from bot.domain.audit import GENESIS, ChainedEntry, break_between
from bot.domain.errors import SettingsError
from bot.domain.printable import printable
from bot.settings import database_url
from bot.storage.audit_rows import AuditRow, audit_rows, entry_of
from bot.storage.tables import audit as audit_table

audit = App(name="audit", help="The audit trail: prove it whole, or write it out.")

WHOLE, BROKEN = 0, 1  # exit codes
COLUMNS = [column.name for column in audit_table.c]
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet would run


@audit.command
def verify(*, head: str | None = None) -> int:
    """Prove that no entry was changed, removed or put in; exit code 1 names the first that was.

    Args:
        head: The hash of an entry, noted earlier: proves that it is still there, so that
            nothing up to it was cut off.
    """
    newest, noted = None, head in (None, GENESIS)
    with closing(audit_rows(database_url(os.environ))) as rows:
        for row in rows:
            why, entry = _looked_at(row, newest)
            if why or entry is None:
                return _broken(f"at entry {row['number']} ({row['at']}, {row['action']}): {why}.")
            newest, noted = entry, noted or entry.hash == head
    if not noted:
        return _broken(f"no entry has the hash {head}: the end was cut off, or all rewritten.")
    if newest is None:
        print("The trail is whole: it has no entry yet.")
    else:
        print(f"The trail is whole: {newest.number} entries, the newest of {newest.at}.")
        print(f"Its hash: {newest.hash}")
    return WHOLE


@audit.command
def export(
    *,
    format: Literal["csv", "jsonl"] = "jsonl",  # noqa: A002, the option's name
    since: str | None = None,
    instance: str | None = None,
) -> int:
    """Write the entries to standard output, oldest first.

    Args:
        format: jsonl is exact; csv is for spreadsheets, and defuses what they would run.
        since: A date (2026-11-01), a time in UTC (2026-11-01T12:00) or an age (30d, 12h).
        instance: Only what is about this instance, by its name or id.
    """
    start = _moment(since) if since else None
    write = _write_csv if format == "csv" else _write_jsonl
    try:
        with closing(audit_rows(database_url(os.environ), since=start, instance=instance)) as rows:
            write(rows)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return WHOLE


def _looked_at(
    row: AuditRow, before: ChainedEntry | None
) -> tuple[str | None, ChainedEntry | None]:
    try:
        entry = entry_of(row)
    except ValueError:
        return "it is not as the bot writes entries", None
    return break_between(before, entry), entry


def _broken(why: str) -> int:
    print(printable(f"The trail is broken {why}"))
    return BROKEN


def _moment(text: str) -> datetime:
    try:
        age = duration(text)
        if isinstance(age, timedelta):
            return Clock().now() - age
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        wish = "write a date like 2026-11-01, a time like 2026-11-01T12:00, or an age like 30d"
        raise SettingsError([f"--since: {wish}."]) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _write_csv(rows: Iterable[AuditRow]) -> None:
    out = csv.writer(sys.stdout)
    out.writerow(COLUMNS)
    for row in rows:
        out.writerow(_defused(row[name] or "") for name in COLUMNS)


def _defused(cell: str) -> str:
    shown = printable(cell)
    return f"'{shown}" if cell.startswith(FORMULA) else shown


def _write_jsonl(rows: Iterator[AuditRow]) -> None:
    for row in rows:
        try:
            shown = entry_of(row).model_dump(mode="json")
        except ValueError:
            shown = dict(row)  # somebody wrote into it: as it stands
        line = json.dumps({name: shown[name] for name in COLUMNS}, ensure_ascii=False)
        print(printable(line))  # the same JSON
