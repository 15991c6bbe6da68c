"""`backup-bot audit`: verify that the audit log is unchanged, and export it."""

import csv
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TextIO

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
from bot.storage.audit_rows import NAMES, AuditRow, as_json, audit_rows, entry_of
from bot.storage.file import replaced

WHOLE, BROKEN, UNPROVEN = 0, 1, 3  # exit codes
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # begin a cell that a spreadsheet would evaluate

Write = Callable[[Iterable[AuditRow], TextIO], None]


def verify(
    *, head: str | None = None, key: str | None = None, key_file: Path | None = None
) -> int:
    """Verify that no entry was changed, removed or inserted.

    Args:
        head: The hash of an entry, noted earlier. Verifies that the entry is still there, so
            that nothing up to it was cut off.
        key: The key that the log is sealed with. Other users of this machine can see it here;
            prefer AUDIT_KEY or --key-file.
        key_file: A file with the keys that the log was sealed with, one per line.
    """
    keys = _keys(key, key_file)
    seen = _Seen(keys, head)
    with closing(audit_rows(database_url(os.environ))) as rows:
        for row in rows:
            if why := seen.what_is_wrong_with(row):
                at = printable(f"{row['at']}, {row['action']}")
                return _broken(f"at entry {printable(str(row['number']))} ({at}): {why}.")
    if not seen.head:
        return _broken(
            f"no entry has the hash {head}: the end was cut off, or everything was rewritten."
        )
    return _told(seen)


def export(
    *,
    format: Literal["csv", "jsonl"] = "jsonl",  # noqa: A002, the option's name
    since: str | None = None,
    instance: str | None = None,
    output: Path | None = None,
) -> int:
    """Write the entries to standard output or a file, oldest first.

    Args:
        format: jsonl is exact; csv is for spreadsheets, with formulas made harmless.
        since: A date (2026-11-01), a time in UTC (2026-11-01T12:00) or an age (30d, 12h).
        instance: Only entries about this instance, by name or ID.
        output: A file that only you can read; an older one of that name is replaced once all
            of the new one is on disk. Prints the number of entries and the newest one's hash.
    """
    start = _moment(since) if since else None
    write = _write_csv if format == "csv" else _write_jsonl
    with closing(audit_rows(database_url(os.environ), since=start, instance=instance)) as rows:
        if output:
            return _write_file(output, write, rows)
        try:
            write(rows, sys.stdout)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return WHOLE


class _Seen:
    """What was found in the entries read so far."""

    def __init__(self, keys: Keys, head: str | None) -> None:
        self.newest: ChainedEntry | None = None
        self.unsealed = 0
        self.unproven: Counter[str] = Counter()  # entries by the ID of a key that wasn't given
        self.keys = keys
        self.head = head in (None, GENESIS)  # whether it was found
        self._head = head

    def what_is_wrong_with(self, row: AuditRow) -> str | None:
        if row["number"] is None:
            self.unsealed += 1
            return None
        try:
            entry = entry_of(row)
        except ValueError:
            return "it isn't in the bot's format"
        why = break_between(self.newest, entry, self.keys)
        self.newest = entry
        self.head = self.head or entry.hash == self._head
        if (key_id := key_id_of(entry.hash)) and key_id not in self.keys:
            self.unproven[key_id] += 1
        return why


def _told(seen: _Seen) -> int:
    """Print the result if nothing wrong was found, and return the exit code."""
    if seen.unsealed:
        waiting = counted(seen.unsealed, "entry is", "entries are")
        print(f"{waiting} not sealed yet, so not verified.")
    if seen.newest is None:
        print("The audit log is intact: it has no entries yet.")
        return WHOLE
    newest = seen.newest
    for key_id, count in seen.unproven.items():
        sealed = counted(count, "entry is", "entries are")
        print(f"{sealed} sealed with the key {printable(key_id)}, which wasn't given.")
    if seen.unproven:
        print(
            "Their content can't be verified. "
            f"Keys that were given: {', '.join(seen.keys) or 'none'}."
        )
        return UNPROVEN
    if seen.keys and not key_id_of(newest.hash):
        print("The newest entry isn't sealed with a key, so anyone who can write to the database")
        print("could have replaced the log.")
        return UNPROVEN
    entries = counted(newest.number, "entry", "entries")
    print(f"The audit log is intact: {entries}, the newest from {newest.at}.")
    print(f"Hash of the newest entry: {newest.hash}")
    return WHOLE


def _keys(key: str | None, key_file: Path | None) -> Keys:
    """Return the given keys, or AUDIT_KEY. Raises SettingsError."""
    name = "--key-file" if key_file else "--key" if key else "AUDIT_KEY"
    try:
        text = key_file.read_text("utf-8") if key_file else key or os.environ.get(name, "")
        found = [AuditKey.of(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SettingsError([f"{name}: {why}."]) from None
    return {key.id: key for key in found}


def _broken(why: str) -> int:
    print(printable(f"The audit log is broken {why}"))
    return BROKEN


def _moment(text: str) -> datetime:
    try:
        age = parse_duration(text)
        moment = Clock().now() - age if age is not None else datetime.fromisoformat(text)
    except (OverflowError, ValueError):
        hint = "write a date like 2026-11-01, a time like 2026-11-01T12:00, or an age like 30d"
        raise SettingsError([f"--since: {hint}."]) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _write_file(output: Path, write: Write, rows: Iterable[AuditRow]) -> int:
    """Write the rows to a file; print how many they are, and the hash to note."""
    counts: Counter[bool] = Counter()  # by whether they are sealed
    newest: AuditRow | None = None

    def seen() -> Iterator[AuditRow]:
        nonlocal newest
        for row in rows:
            is_sealed = row["number"] is not None
            counts[is_sealed] += 1
            newest = row if is_sealed else newest
            yield row

    try:
        with replaced(output.absolute()) as out:
            write(seen(), out)
    except OSError as error:
        raise SettingsError([f"--output: {output} can't be written ({error.strerror})."]) from None
    print(printable(f"Wrote {counted(counts.total(), 'entry', 'entries')} to {output}."))
    if counts[False]:
        print(f"Not sealed yet: {counts[False]}.")
    if newest:
        print(printable(f"Hash of the newest entry: {newest['hash']}"))
    return WHOLE


def _write_csv(rows: Iterable[AuditRow], out: TextIO) -> None:
    table = csv.writer(out)
    table.writerow(NAMES)
    for row in rows:
        table.writerow(_defused(row[name] or "") for name in NAMES)


def _defused(cell: str) -> str:
    shown = printable(cell)
    return f"'{shown}" if cell.startswith(FORMULA) else shown


def _write_jsonl(rows: Iterable[AuditRow], out: TextIO) -> None:
    out.writelines(f"{as_json(row)}\n" for row in rows)
