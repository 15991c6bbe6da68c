"""Move old audit entries to files, which anyone can verify later."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bot.domain.audit import Archived, ChainedEntry, Keys, break_between, predecessor
from bot.domain.errors import SettingsError
from bot.storage.audit_rows import as_json, audit_rows, entry_of, json_of
from bot.storage.file import replaced

NAME = re.compile(r"audit-\d{12}-\d{12}\.jsonl")  # sorted by name, they are in order


class NotArchived(Exception):
    """The entries aren't what the bot wrote, so they have to stay where they are."""


class AuditArchive:
    """A directory of files with audit entries, as `audit export` writes them."""

    def __init__(self, directory: Path, database_url: str, keys: Keys) -> None:
        self._directory = directory
        self._database_url = database_url
        self._keys = keys

    def prepare(self) -> None:
        """Create the directory, and write to it. Raises SettingsError."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = self._directory / ".probe"
            with replaced(probe) as out:
                out.write("")
            probe.unlink()
        except OSError as error:
            why = f"{self._directory} can't be written to ({error.strerror})"
            raise SettingsError([f"[store] archive: {why}."]) from error

    def write(self, first: int, last: int) -> Archived:
        """Write these entries to a file, and return when all of it is on disk. Blocks.

        Raises NotArchived if one of them was changed or is missing, OSError if the file can't be
        written, and SettingsError if the database can't be read.
        """
        file = self._directory / f"audit-{first:012}-{last:012}.jsonl"
        digest, before = hashlib.sha256(), None
        rows = audit_rows(self._database_url, numbers=(first, last))
        with closing(rows), replaced(file) as out:
            for row in rows:
                try:
                    entry = entry_of(row)
                except ValueError as error:
                    raise NotArchived(
                        f"entry {row['number']} isn't in the bot's format"
                    ) from error
                if why := break_between(before or predecessor(entry), entry, self._keys):
                    raise NotArchived(f"entry {entry.number}: {why}")
                line = f"{as_json(row)}\n"
                out.write(line)
                digest.update(line.encode())
                before = entry
            if before is None or before.number != last:
                raise NotArchived(f"entry {last} is missing")
        return Archived(
            first=first, last=last, hash=before.hash, file=file.name, sha256=digest.hexdigest()
        )

    def holds(self, archived: Archived) -> bool:
        """Return whether the file is there, as it was written. Blocks."""
        if not NAME.fullmatch(archived.file):
            return False
        try:
            return sha256_of(self._directory / archived.file) == archived.sha256
        except OSError:
            return False


def archive_files(directory: Path) -> list[Path]:
    """Return the files of an archive, oldest entries first. Raises OSError."""
    return sorted(file for file in directory.iterdir() if NAME.fullmatch(file.name))


def archived_entries(file: Path) -> Iterator[ChainedEntry | None]:
    """Yield a file's entries; None for a line that the bot would have written differently.

    Raises OSError.
    """
    with file.open("rb") as lines:
        for line in lines:
            try:
                entry = ChainedEntry.model_validate_json(line)
            except ValueError:
                yield None
            else:
                yield entry if f"{json_of(entry)}\n".encode() == line else None


def sha256_of(file: Path) -> str:
    """Return the digest of a file. Raises OSError."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
