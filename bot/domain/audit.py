"""What goes on the audit trail: who did what to which request, when, and under which rule."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict


class AuditAction(StrEnum):
    """What happened. A request that ends is named as its state is."""

    ASKED = "asked"
    ASK_REFUSED = "ask_refused"  # nothing was stored
    LOOKED_UP = "looked_up"  # RDS knows the instance; people may decide
    APPROVED = "approved"
    REJECTED = "rejected"
    CLICK_REFUSED = "click_refused"  # a click that changed nothing; its verdict says why
    EXPIRED = "expired"
    CREATE_SENT = "create_sent"  # about to be: from here on a backup may exist
    CREATE_ACCEPTED = "create_accepted"
    ADOPTED = "adopted"  # found by its name after an unknown outcome
    REFUSED = "refused"
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
