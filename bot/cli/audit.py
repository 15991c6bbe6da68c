"""`backup-bot audit`: prove that the trail is as it was written, and hand it out."""

import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cyclopts import App

from bot.config.settings import database_url
from bot.domain.audit import (
    GENESIS,
    AuditKey,
    ChainedEntry,
    Keys,
    break_between,
    key_id_of,
)
from bot.domain.errors import SettingsError
from bot.domain.printable import printable
from bot.domain.quantities import counted, parse_duration
from bot.runtime.clock import Clock
from bot.storage.audit_rows import NAMES, AuditRow, audit_rows, entry_of, unsealed_entry_of

audit = App(name="audit", help="The audit trail: prove it whole, or write it out.")

WHOLE, BROKEN, UNPROVEN = 0, 1, 3  # exit codes
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet would run


@audit.command
def verify(
    *, head: str | None = None, key: str | None = None, key_file: Path | None = None
) -> int:
    """Prove that no entry was changed, removed or put in; exit code 1 names the first that was.

    Exit code 3 means that nothing is wrong as far as one can see, but that a key is missing.

    Args:
        head: The hash of an entry, noted earlier: proves that it is still there, so that
            nothing up to it was cut off.
        key: The key that the trail is sealed with. Other users of this machine can see it here:
            rather set AUDIT_KEY, or use --key-file.
        key_file: A file with the keys that the trail was sealed with, one a line.
    """
    keys = _keys(key, key_file)
    seen = _Seen(keys, head)
    with closing(audit_rows(database_url(os.environ))) as rows:
        for row in rows:
            if why := seen.what_is_wrong_with(row):
                at = printable(f"{row['at']}, {row['action']}")
                return _broken(f"at entry {printable(str(row['number']))} ({at}): {why}.")
    if not seen.head:
        return _broken(f"no entry has the hash {head}: the end was cut off, or all rewritten.")
    return _told(seen)


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


class _Seen:
    """What the entries read so far come to."""

    def __init__(self, keys: Keys, head: str | None) -> None:
        self.newest: ChainedEntry | None = None
        self.unsealed = 0
        self.unproven: Counter[str] = Counter()  # entries by the id of a key that was not given
        self.keys = keys
        self.head = head in (None, GENESIS)  # whether it was seen
        self._head = head

    def what_is_wrong_with(self, row: AuditRow) -> str | None:
        if row["number"] is None:
            self.unsealed += 1
            return None
        try:
            entry = entry_of(row)
        except ValueError:
            return "it is not as the bot writes entries"
        why = break_between(self.newest, entry, self.keys)
        self.newest = entry
        self.head = self.head or entry.hash == self._head
        if (key_id := key_id_of(entry.hash)) and key_id not in self.keys:
            self.unproven[key_id] += 1
        return why


def _told(seen: _Seen) -> int:
    """Say what was found where nothing is wrong."""
    if seen.unsealed:
        waiting = counted(seen.unsealed, "entry is", "entries are")
        print(f"{waiting} not sealed yet: nothing proves them so far.")
    if seen.newest is None:
        print("The trail is whole: it has no entry yet.")
        return WHOLE
    newest = seen.newest
    for key_id, count in seen.unproven.items():
        sealed = counted(count, "entry is", "entries are")
        print(f"{sealed} sealed with the key {printable(key_id)}, which was not given.")
    if seen.unproven:
        print(
            f"Their content is not proven. Keys that were given: {', '.join(seen.keys) or 'none'}."
        )
        return UNPROVEN
    if seen.keys and not key_id_of(newest.hash):
        print("The newest entry is not sealed with a key: whoever can write to the database")
        print("may have replaced the trail.")
        return UNPROVEN
    print(f"The trail is whole: {newest.number} entries, the newest of {newest.at}.")
    print(f"Its hash: {newest.hash}")
    return WHOLE


def _keys(key: str | None, key_file: Path | None) -> Keys:
    """The keys that were given, else AUDIT_KEY. Raises SettingsError."""
    name = "--key-file" if key_file else "--key" if key else "AUDIT_KEY"
    try:
        text = key_file.read_text("utf-8") if key_file else key or os.environ.get(name, "")
        found = [AuditKey.of(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SettingsError([f"{name}: {why}."]) from None
    return {key.id: key for key in found}


def _broken(why: str) -> int:
    print(printable(f"The trail is broken {why}"))
    return BROKEN


def _moment(text: str) -> datetime:
    try:
        age = parse_duration(text)
        moment = Clock().now() - age if age is not None else datetime.fromisoformat(text)
    except (OverflowError, ValueError):
        wish = "write a date like 2026-11-01, a time like 2026-11-01T12:00, or an age like 30d"
        raise SettingsError([f"--since: {wish}."]) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _write_csv(rows: Iterable[AuditRow]) -> None:
    out = csv.writer(sys.stdout)
    out.writerow(NAMES)
    for row in rows:
        out.writerow(_defused(row[name] or "") for name in NAMES)


def _defused(cell: str) -> str:
    shown = printable(cell)
    return f"'{shown}" if cell.startswith(FORMULA) else shown


def _write_jsonl(rows: Iterator[AuditRow]) -> None:
    for row in rows:
        try:
            entry = entry_of(row) if row["number"] else unsealed_entry_of(row)
            shown = {**row, **entry.model_dump(mode="json")}
        except ValueError:
            shown = dict(row)  # somebody wrote into it: as it stands
        line = json.dumps({name: shown[name] for name in NAMES}, ensure_ascii=False)
        print(printable(line))  # the same JSON
