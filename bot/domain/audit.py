"""What goes on the audit trail, and the chain of hashes that shows whether it was changed."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

OURSELVES = "backup-bot"  # the actor when nobody clicked
GENESIS = "0" * 64  # what the first entry carries for the hash of the one before


class AuditAction(StrEnum):
    """What happened. A request that ends is named as its state is."""

    ASKED = "asked"
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


class ChainedEntry(AuditEntry):
    """An entry in its place: `previous` is the hash of the one before, `hash` its own.

    `action` is whatever stands there: a trail that somebody wrote into is to be read, too.
    """

    number: int  # 1, 2, 3, … without a gap
    action: str  # type: ignore[assignment]  # read as it stands
    previous: str
    hash: str


def chained(
    entries: Iterable[AuditEntry], number: int = 0, previous: str = GENESIS
) -> list[ChainedEntry]:
    """The entries as they follow the entry `number`, whose hash is `previous`."""
    links: list[ChainedEntry] = []
    for entry in entries:
        number += 1
        content = {**entry.model_dump(), "number": number, "previous": previous}
        link = ChainedEntry(**content, hash="")
        link = link.model_copy(update={"hash": hash_of(link)})
        links.append(link)
        previous = link.hash
    return links


def hash_of(entry: ChainedEntry) -> str:
    """SHA-256 over all that is stored of the entry but this, as JSON in one certain form."""
    content: dict[str, Any] = entry.model_dump(exclude={"hash"})
    content["at"] = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def break_between(before: ChainedEntry | None, entry: ChainedEntry) -> str | None:
    """What is wrong with an entry after the one before it; None if nothing is."""
    number = before.number + 1 if before else 1
    if entry.number != number:
        return f"entry {number} is missing"
    if entry.previous != (before.hash if before else GENESIS):
        return "it does not follow the entry before it: one of the two was put in or replaced"
    if entry.hash != hash_of(entry):
        return "its content is not what was written"
    return None
