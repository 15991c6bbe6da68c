"""Where a request comes from, and how to find it."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.application.ports import Store
from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.errors import RequestUnknown
from bot.domain.instances import Instance
from bot.domain.keeping import shown_keep
from bot.domain.requests import BackupRequest, Kind
from bot.domain.states import RequestState
from bot.domain.workspaces import Sender

CLOCK_SKEW = timedelta(seconds=5)  # between Slack's clock and this machine's


@dataclass(frozen=True)
class Origin:
    """Who sent a command, and where: Slack's own IDs, never what a text claims."""

    user_id: str
    team_id: str
    channel_id: str
    trigger_id: str  # Slack's ID of the command or form; makes a repeated delivery one request
    response_url: str | None
    thread_ts: str | None = None  # of the thread where they requested it
    sent_at: datetime | None = None  # when Slack signed it, by Slack's clock; HTTP only
    enterprise_id: str = ""  # the organization that they belong to

    @property
    def sender(self) -> Sender:
        return Sender(self.team_id, self.enterprise_id)


def requested(origin: Origin, now: datetime, **what: Any) -> BackupRequest:
    """Return a new request in its first state."""
    return BackupRequest(
        id=uuid.uuid4().hex,
        trigger_id=origin.trigger_id,
        team_id=origin.team_id,
        channel_id=origin.channel_id,
        card_channel_id=origin.channel_id,
        requester=origin.user_id,
        response_url=origin.response_url,
        thread_ts=origin.thread_ts,
        state=RequestState.SUBMITTED,
        asked_at=now,
        **what,
    )


def request_entry(
    request: BackupRequest, action: AuditAction, found: Instance | None, again: str | None = None
) -> AuditEntry:
    """Return the audit entry of a request; defaults are left out."""
    keep = shown_keep(request.keep) if request.keep else ""
    unusual = {"again": again or "", "keep": keep}
    if request.kind is not Kind.CREATE:
        unusual["kind"] = request.kind.value
    detail = {"name": request.name, "description": request.description}
    detail |= {key: value for key, value in unusual.items() if value}
    entry = request.on_trail(action, at=request.asked_at, actor=request.requester, detail=detail)
    known = {"instance": found.label, "instance_id": found.id} if found else {}
    return entry.model_copy(update=known)


async def request_about(
    store: Store, about: str, origin: Origin, teams: Collection[str]
) -> BackupRequest:
    """Return the request with this backup name or ID that was made in one of the workspaces.

    Raises RequestUnknown, also for any other workspace's. A name means a request that existed
    when Slack signed the command, so a replayed command can't affect a newer one.
    """
    request = await store.request_about(about, teams)
    if request is None:
        raise RequestUnknown(about)
    if origin.sent_at and request.asked_at > origin.sent_at + CLOCK_SKEW:
        raise RequestUnknown(about)
    return request
