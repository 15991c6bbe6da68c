"""A click on Approve or Reject: what it claims, what it comes to, what the trail says of it."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.policy import Members, Verdict, decide_approval, decide_rejection
from bot.domain.requests import BackupRequest, Choice, RequestState

LONGEST_ID = 64  # of what a click may claim to be a request's id


@dataclass(frozen=True)
class Click:
    """Somebody pressed Approve or Reject. `request_id` is what the button claims."""

    request_id: str
    choice: Choice
    user_id: str
    team_id: str

    def __post_init__(self) -> None:
        # As any database and any reader can take it.
        readable = "".join(filter(str.isprintable, self.request_id[:LONGEST_ID]))
        object.__setattr__(self, "request_id", readable)


@dataclass(frozen=True)
class ClickResult:
    """What a click came to, and the request as it stands now (None if there is no such)."""

    verdict: Verdict
    request: BackupRequest | None


def judge(click: Click, request: BackupRequest, members: Members, now: datetime) -> Verdict:
    """What a click comes to, by the request's terms as they are now."""
    if click.team_id not in ("", request.team_id):  # an org-wide install names no team
        return Verdict.OTHER_WORKSPACE
    if request.state is RequestState.EXPIRED:
        return Verdict.EXPIRED
    if request.state is not RequestState.AWAITING_APPROVAL or request.terms is None:
        return Verdict.ALREADY_DECIDED
    if request.expires_at and now >= request.expires_at:
        return Verdict.EXPIRED  # the lifecycle, woken by this click, ends it
    if click.choice is Choice.REJECT:
        return decide_rejection(
            request.terms, requester=request.requester, user=click.user_id, members=members
        ).verdict
    return decide_approval(
        request.terms,
        requester=request.requester,
        approved_by=request.approvers,
        user=click.user_id,
        members=members,
    ).verdict


def entry(
    click: Click, verdict: Verdict, request: BackupRequest | None, now: datetime
) -> AuditEntry:
    """What the audit trail says of it."""
    action = AuditAction.CLICK_REFUSED
    if verdict in (Verdict.DECIDED, Verdict.COUNTED):
        approved = click.choice is Choice.APPROVE
        action = AuditAction.APPROVED if approved else AuditAction.REJECTED
    return AuditEntry(
        at=now,
        request_id=click.request_id,
        actor=click.user_id,
        action=action,
        detail={"choice": click.choice, "verdict": verdict},
        rule=request.terms.rule if request and request.terms else None,
    )
