"""The audit log's entries, and the chain of hashes that reveals changes."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Self

from pydantic import AwareDatetime, Field

from bot.domain.frozen import Frozen

OURSELVES = "backup-bot"  # the actor of what the bot did on its own
GENESIS = "0" * 64  # the previous hash of the first entry
SHORTEST_KEY = 16  # bytes: a shorter one could be guessed
KEYED = "hmac-sha256"  # begins a hash made with a key: hmac-sha256:key id:digest


class AuditAction(StrEnum):
    """What happened. The end of a request has the name of its final state."""

    SUBMITTED = "asked"
    ASK_REFUSED = "ask_refused"  # nothing was stored
    AUDIT_REFUSED = "audit_refused"  # someone isn't allowed to read the log
    LOOKED_UP = "looked_up"  # RDS knows the instance; people can decide
    APPROVED = "approved"
    REJECTED = "rejected"
    CLICK_REFUSED = "click_refused"  # a click that changed nothing; its verdict says why
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    STOPPED = "stopped"  # withdrawn when RDS may already have been doing it
    BREAK_GLASS = "break_glass"  # started without approval
    CREATE_SENT = "create_sent"  # about to be sent: from here on a backup may exist
    CREATE_ACCEPTED = "create_accepted"
    OUTCOME_UNKNOWN = "outcome_unknown"  # RDS didn't respond to the create
    ADOPTED = "adopted"  # found by its name after an unknown outcome
    REFUSED = "refused"
    DELETE_SENT = "delete_sent"  # about to be sent
    DELETED = "deleted"
    KEPT = "kept"  # someone canceled its automatic deletion
    STAYS = "stays"  # RDS wouldn't delete it
    COMPLETED = "completed"
    FAILED = "failed"
    LOST = "lost"
    INCIDENT_OPENED = "incident_opened"
    INCIDENT_ACKNOWLEDGED = "incident_acknowledged"
    INCIDENT_SNOOZED = "incident_snoozed"
    INCIDENT_EXPECTED = "incident_expected"  # someone declared it normal
    INCIDENT_ENDED = "incident_ended"
    WATCH_ADDED = "watch_added"
    WATCH_REMOVED = "watch_removed"
    ARCHIVED = "archived"  # older entries were moved to a file


class AuditEntry(Frozen):
    """One entry of the audit log, never changed once written.

    `actor` is a Slack user ID or `OURSELVES`. `request_id` is None when
    nothing was stored. `rule` is the `Terms.rule` that applied, if one did.
    """

    at: AwareDatetime
    request_id: str | None
    actor: str
    action: AuditAction
    detail: dict[str, str] = Field(default_factory=dict)
    rule: str | None = None
    instance: str | None = None  # its name, or what was typed
    instance_id: str | None = None


class WrittenEntry(AuditEntry):
    """An entry as it is in the database.

    `action` is any text, so that a log that a newer release or an intruder wrote to can still
    be read.
    """

    action: str  # type: ignore[assignment]  # any text


class ChainedEntry(WrittenEntry):
    """An entry in the chain: `previous` is the hash of the one before, `hash` its own."""

    number: int  # 1, 2, 3, … without a gap
    previous: str
    hash: str


class Archived(Frozen):
    """Entries that were moved to a file, as the log itself says it.

    It is what the rest of the chain hangs on: `hash` is the last moved entry's, and begins with
    the ID of the key that it was sealed with, if any.
    """

    first: int
    last: int
    hash: str
    file: str  # its name; the directory may change
    sha256: str  # of the whole file

    @classmethod
    def of(cls, entry: WrittenEntry) -> Self:
        """Return what an entry says. Raises ValueError if it says something else."""
        return cls.model_validate(entry.detail)

    def entry(self, at: datetime) -> AuditEntry:
        """Return the entry that says it."""
        detail = {name: str(value) for name, value in self.model_dump().items()}
        return AuditEntry(
            at=at, request_id=None, actor=OURSELVES, action=AuditAction.ARCHIVED, detail=detail
        )


@dataclass(frozen=True)
class AuditKey:
    """The secret that is needed to write a valid hash."""

    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the key in a text, without surrounding space. Raises ValueError if too short."""
        if len(secret := text.strip().encode("utf-8", "surrogateescape")) < SHORTEST_KEY:
            raise ValueError(f"an audit key needs at least {SHORTEST_KEY} characters")
        return cls(secret)

    @cached_property
    def id(self) -> str:
        """A short digest that tells keys apart without revealing them."""
        return hmac.digest(self.secret, b"backup-bot audit key", "sha256").hex()[:8]


Keys = Mapping[str, AuditKey]  # by ID
NO_KEYS: Keys = MappingProxyType({})


def chained(
    entries: Iterable[AuditEntry],
    number: int = 0,
    previous: str = GENESIS,
    key: AuditKey | None = None,
) -> list[ChainedEntry]:
    """Chain the entries after entry `number`, whose hash is `previous`."""
    links: list[ChainedEntry] = []
    for entry in entries:
        number += 1
        content = {**entry.model_dump(), "number": number, "previous": previous}
        link = ChainedEntry(**content, hash="")
        link = link.model_copy(update={"hash": hash_of(link, key)})
        links.append(link)
        previous = link.hash
    return links


def hash_of(entry: ChainedEntry, key: AuditKey | None = None) -> str:
    """Return the digest of everything stored in the entry except its hash, as canonical JSON.

    SHA-256, which anyone can compute; with a key, HMAC-SHA-256 prefixed with the key's ID.
    """
    text = _CANONICAL.encode(
        {
            "action": str(entry.action),
            "actor": entry.actor,
            "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "detail": entry.detail,
            "instance": entry.instance,
            "instance_id": entry.instance_id,
            "number": entry.number,
            "previous": entry.previous,
            "request_id": entry.request_id,
            "rule": entry.rule,
        }
    ).encode("utf-8", "surrogatepass")
    if key is None:
        return hashlib.sha256(text).hexdigest()
    return f"{KEYED}:{key.id}:{hmac.digest(key.secret, text, 'sha256').hex()}"


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def key_id_of(digest: str) -> str | None:
    """Return the ID of the key that a hash was made with, or None for a plain hash."""
    kind, _, rest = digest.partition(":")
    return rest.partition(":")[0] if kind == KEYED else None


def predecessor(entry: ChainedEntry) -> ChainedEntry | None:
    """Return the entry before this one as far as this one tells, or None before the first."""
    if entry.number <= 1:
        return None
    return entry.model_copy(update={"number": entry.number - 1, "hash": entry.previous})


def break_between(
    before: ChainedEntry | None, entry: ChainedEntry, keys: Keys = NO_KEYS
) -> str | None:
    """Return what is wrong with an entry after the one before it, or None.

    The content of an entry sealed with a key that isn't among `keys` can't be verified.
    """
    number = before.number + 1 if before else 1
    if entry.number != number:
        return f"entry {number} is missing"
    if entry.previous != (before.hash if before else GENESIS):
        return "it doesn't follow the entry before it: one of them was inserted or replaced"
    if (key_id := key_id_of(entry.hash)) is None:
        if before and key_id_of(before.hash):
            return "it was sealed without a key, but the entry before it with one"
    elif key_id not in keys:
        return None
    key = keys[key_id] if key_id else None
    return None if entry.hash == hash_of(entry, key) else "its content was changed"
