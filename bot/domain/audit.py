"""What goes on the audit trail, and the chain of hashes that shows whether it was changed."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict

OURSELVES = "backup-bot"  # the actor when nobody clicked
GENESIS = "0" * 64  # what the first entry carries for the hash of the one before
SHORTEST_KEY = 16  # bytes: a shorter one could be guessed
KEYED = "hmac-sha256"  # how a hash begins that was made with a key: hmac-sha256:key id:digest


class AuditAction(StrEnum):
    """What happened. A request that ends is named as its state is."""

    SUBMITTED = "asked"
    ASK_REFUSED = "ask_refused"  # nothing was stored
    AUDIT_REFUSED = "audit_refused"  # somebody may not read the trail
    LOOKED_UP = "looked_up"  # RDS knows the instance; people may decide
    APPROVED = "approved"
    REJECTED = "rejected"
    CLICK_REFUSED = "click_refused"  # a click that changed nothing; its verdict says why
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    STOPPED = "stopped"  # its requester withdrew it when RDS may have been doing it already
    BREAK_GLASS = "break_glass"  # started without approval
    CREATE_SENT = "create_sent"  # about to be: from here on a backup may exist
    CREATE_ACCEPTED = "create_accepted"
    OUTCOME_UNKNOWN = "outcome_unknown"  # RDS did not answer the create
    ADOPTED = "adopted"  # found by its name after an unknown outcome
    REFUSED = "refused"
    DELETE_SENT = "delete_sent"  # about to be
    DELETED = "deleted"
    KEPT = "kept"  # somebody said that it is not to be deleted by itself
    STAYS = "stays"  # it was to be deleted, and RDS does not do it
    COMPLETED = "completed"
    FAILED = "failed"
    LOST = "lost"


class AuditEntry(BaseModel):
    """One line of the trail. It is never changed once written.

    `actor` is a Slack user id, or the bot's own word for itself. `request_id` is None when
    nothing was stored. `rule` is the `Terms.rule` that applied, if one did.
    """

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    request_id: str | None
    actor: str
    action: AuditAction
    detail: dict[str, str] = {}
    rule: str | None = None
    instance: str | None = None  # its name, or what was typed
    instance_id: str | None = None


class WrittenEntry(AuditEntry):
    """An entry as it is in the database.

    `action` is whatever is there: a trail that a newer release or an intruder wrote to must
    still be readable.
    """

    action: str  # type: ignore[assignment]  # read as it stands


class ChainedEntry(WrittenEntry):
    """An entry in its place: `previous` is the hash of the one before, `hash` its own."""

    number: int  # 1, 2, 3, … without a gap
    previous: str
    hash: str


@dataclass(frozen=True)
class AuditKey:
    """The secret without which nobody can write a hash that fits."""

    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, text: str) -> Self:
        """The key that a text is, without the blanks around it. Raises ValueError if too short."""
        if len(secret := text.strip().encode("utf-8", "surrogateescape")) < SHORTEST_KEY:
            raise ValueError(f"an audit key has at least {SHORTEST_KEY} characters")
        return cls(secret)

    @cached_property
    def id(self) -> str:
        """Tells keys apart, and reveals nothing of a long one."""
        return hmac.digest(self.secret, b"backup-bot audit key", "sha256").hex()[:8]


Keys = Mapping[str, AuditKey]  # by their ids
NO_KEYS: Keys = MappingProxyType({})


def chained(
    entries: Iterable[AuditEntry],
    number: int = 0,
    previous: str = GENESIS,
    key: AuditKey | None = None,
) -> list[ChainedEntry]:
    """The entries as they follow the entry `number`, whose hash is `previous`."""
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
    """The digest of all that is stored of the entry but this, as JSON in one certain form.

    SHA-256, which anybody can compute; with a key HMAC-SHA-256, after the name of the key.
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
    """The id of the key that a hash was made with; None if anybody could have made it."""
    kind, _, rest = digest.partition(":")
    return rest.partition(":")[0] if kind == KEYED else None


def break_between(
    before: ChainedEntry | None, entry: ChainedEntry, keys: Keys = NO_KEYS
) -> str | None:
    """What is wrong with an entry after the one before it; None if nothing is.

    The content of an entry that was sealed with a key not among `keys` cannot be judged.
    """
    number = before.number + 1 if before else 1
    if entry.number != number:
        return f"entry {number} is missing"
    if entry.previous != (before.hash if before else GENESIS):
        return "it does not follow the entry before it: one of the two was put in or replaced"
    if (key_id := key_id_of(entry.hash)) is None:
        if before and key_id_of(before.hash):
            return "it was sealed without a key, and the entry before it with one"
    elif key_id not in keys:
        return None
    key = keys[key_id] if key_id else None
    return None if entry.hash == hash_of(entry, key) else "its content is not what was written"
