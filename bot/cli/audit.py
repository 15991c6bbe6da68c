"""`backup-bot audit`: verify that the audit log is unchanged, and export it."""

import csv
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TextIO

from bot.config.settings import database_url
from bot.domain.audit import (
    GENESIS,
    Archived,
    AuditAction,
    AuditKey,
    ChainedEntry,
    Keys,
    break_between,
    key_id_of,
    predecessor,
)
from bot.domain.errors import SettingsError
from bot.domain.printable import printable
from bot.domain.quantities import counted, parse_duration
from bot.runtime.clock import Clock
from bot.storage.archive import archive_files, archived_entries, sha256_of
from bot.storage.audit_rows import NAMES, AuditRow, as_json, audit_rows, entry_of
from bot.storage.file import replaced

WHOLE, BROKEN, UNPROVEN = 0, 1, 3  # exit codes
_ARCHIVED = AuditAction.ARCHIVED
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # begin a cell that a spreadsheet would evaluate

Write = Callable[[Iterable[AuditRow], TextIO], None]


def verify(
    *,
    head: str | None = None,
    key: str | None = None,
    key_file: Path | None = None,
    archive: Path | None = None,
) -> int:
    """Verify that no entry was changed, removed or inserted.

    Args:
        head: The hash of an entry, noted earlier. Verifies that the entry is still there, so
            that nothing up to it was cut off.
        key: The key that the log is sealed with. Other users of this machine can see it here;
            prefer AUDIT_KEY or --key-file.
        key_file: A file with the keys that the log was sealed with, one per line.
        archive: The directory with the entries that were moved to files. Verifies these, too.
    """
    keys = _keys(key, key_file)
    seen = _Seen(keys, head, is_whole=archive is not None)
    for file in _files(archive) if archive else ():
        if why := _wrong_in_file(seen, file):
            return _broken(why)
    seen.begin()
    with closing(audit_rows(database_url(os.environ))) as rows:
        for row in rows:
            if why := _wrong_in_row(seen, row):
                return _broken(why)
    if why := seen.what_is_missing():
        return _broken(why)
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


def _files(archive: Path) -> list[Path]:
    try:
        return archive_files(archive)
    except OSError as error:
        raise SettingsError([f"--archive: {archive} can't be read ({error.strerror})."]) from None


def _wrong_in_file(seen: "_Seen", file: Path) -> str | None:
    """Return where and why a file of the archive isn't what the bot wrote, or None."""
    seen.begin(file)
    line = 0
    try:
        for line, entry in enumerate(archived_entries(file), start=1):
            if why := seen.what_is_wrong_with(entry):
                return f"in {file.name}, line {line}: {why}."
    except OSError as error:
        raise SettingsError([f"--archive: {file} can't be read ({error.strerror})."]) from None
    return None if line else f"in {file.name}: it is empty."


def _wrong_in_row(seen: "_Seen", row: AuditRow) -> str | None:
    """The same for a row of the database."""
    if row["number"] is None:
        seen.unsealed += 1
        return None
    entry: ChainedEntry | None = None
    with suppress(ValueError):
        entry = entry_of(row)
    if why := seen.what_is_wrong_with(entry):
        at = printable(f"{row['at']}, {row['action']}")
        return f"at entry {printable(str(row['number']))} ({at}): {why}."
    return None


class _Seen:
    """What was found in the entries read so far: those of each file, then the database's.

    Files may overlap with the next one or the database, if the bot died while it moved entries.
    """

    def __init__(self, keys: Keys, head: str | None, *, is_whole: bool) -> None:
        self.newest: ChainedEntry | None = None
        self.oldest: ChainedEntry | None = None
        self.unsealed = 0
        self.unproven: Counter[str] = Counter()  # entries by the ID of a key that wasn't given
        self.keys = keys
        self.files: dict[str, str] = {}  # name → SHA-256
        self._is_whole = is_whole  # whether it has to begin with the first entry of all
        self._before: ChainedEntry | None = None  # in the same file, or in the database
        self._archived: Archived | None = None  # what the log says, at last
        self._last_in_files = 0
        self._head = head
        self._has_head = head in (None, GENESIS)

    def begin(self, file: Path | None = None) -> None:
        """Go on with a file, or the database."""
        self._before = None
        if file:
            self.files[file.name] = sha256_of(file)
        elif self.newest:
            self._last_in_files = self.newest.number

    def what_is_wrong_with(self, entry: ChainedEntry | None) -> str | None:
        """Return what is wrong with the next entry, or None; it is None if it can't be read."""
        if entry is None:
            return "it isn't in the bot's format"
        before, joint = self._before, self.newest
        if before is None:
            if self.oldest or self._is_whole:
                next_number = joint.number + 1 if joint else 1
                if entry.number > next_number:
                    return f"entry {next_number} is missing"
            before = joint if joint and joint.number + 1 == entry.number else predecessor(entry)
        if joint and joint.number == entry.number and joint.hash != entry.hash:
            return "it isn't the entry of this number in the archive"
        why = break_between(before, entry, self.keys)
        self._note(entry)
        return why or (self._wrong_with_file(entry) if entry.action == _ARCHIVED else None)

    def _note(self, entry: ChainedEntry) -> None:
        self._before = entry
        self.oldest = self.oldest or entry
        if self.newest is None or entry.number >= self.newest.number:
            self.newest = entry
        self._has_head = self._has_head or entry.hash == self._head
        if (key_id := key_id_of(entry.hash)) and key_id not in self.keys:
            self.unproven[key_id] += 1

    def _wrong_with_file(self, entry: ChainedEntry) -> str | None:
        try:
            archived = Archived.of(entry)
        except ValueError:
            return "it doesn't say which entries were archived"
        self._archived = archived
        if self.files.get(archived.file, archived.sha256) != archived.sha256:
            return f"the archive's {archived.file} isn't the file that the bot wrote"
        return None

    def what_is_missing(self) -> str | None:
        """Return what isn't there though it should be, or None."""
        oldest, archived = self.oldest, self._archived
        if oldest and oldest.number > 1 and not self._is_whole:
            last = oldest.number - 1
            at = printable(f"{oldest.at}, {oldest.action}")
            if archived is None or archived.last < last:
                missing = archived.last + 1 if archived else 1
                return f"at entry {oldest.number} ({at}): entry {missing} is missing."
            if archived.last == last and archived.hash != oldest.previous:
                return f"at entry {oldest.number} ({at}): it doesn't follow the archived entries."
            self._has_head = self._has_head or oldest.previous == self._head
        if (self._before.number if self._before else 0) < self._last_in_files:
            return f"at the end: the database has nothing after entry {self._last_in_files}."
        if not self._has_head:
            return (
                f"no entry has the hash {self._head}: "
                "the end was cut off, or everything was rewritten."
            )
        return None


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
    if seen.oldest and seen.oldest.number > 1:
        print(
            f"Entries 1 to {seen.oldest.number - 1} are in the archive. --archive verifies them."
        )
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
