"""Log a line for each audit entry once it is committed."""

import re
from collections.abc import Iterable

import structlog

from bot.domain.audit import AuditEntry

log = structlog.get_logger(__name__)

# Of an entry's details, those that no person wrote: descriptions and reasons are in no log.
TOLD = ("verdict", "status", "code", "seconds", "size_kb", "backup_id", "rds_request_id")
REFERENCE = re.compile(r"[\w.-]{1,64}")  # an instance's name, id or alias; all else was typed


def log_story(entries: Iterable[AuditEntry]) -> None:
    """Log who did what, to which request and instance."""
    for entry in entries:
        told = {
            "request": entry.request_id,
            "instance": entry.instance if REFERENCE.fullmatch(entry.instance or "") else None,
            "actor": entry.actor,
            "rule": entry.rule,
            **{name: entry.detail.get(name) for name in TOLD},
        }
        log.info(entry.action.value, **{name: value for name, value in told.items() if value})
