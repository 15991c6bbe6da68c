"""A click on a card: its content, its verdict, and its audit entry."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.decisions import (
    Decision,
    Verdict,
    decide_approval,
    decide_break_glass,
    decide_rejection,
    decide_withdrawal,
)
from bot.domain.policy import Members
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import SENDING, RequestState
from bot.domain.workspaces import Sender, Workspaces

LONGEST_ID = 64  # of a click's request ID
LONGEST_REASON = 500

ACTIONS = {
    Choice.APPROVE: AuditAction.APPROVED,
    Choice.REJECT: AuditAction.REJECTED,
    Choice.WITHDRAW: AuditAction.WITHDRAWN,
    Choice.BREAK_GLASS: AuditAction.BREAK_GLASS,
}
STATES = {
    Choice.APPROVE: RequestState.APPROVED,
    Choice.REJECT: RequestState.REJECTED,
    Choice.WITHDRAW: RequestState.WITHDRAWN,
    Choice.BREAK_GLASS: RequestState.APPROVED,
}


@dataclass(frozen=True)
class Click:
    """A person pressed a button on a card. `request_id` is what the button says."""

    request_id: str
    choice: Choice
    user_id: str
    team_id: str
    reason: str = ""  # for rejecting it or starting it without approval
    enterprise_id: str = ""

    def __post_init__(self) -> None:
        # Any database and reader can handle these.
        object.__setattr__(self, "request_id", _readable(self.request_id, LONGEST_ID))
        reason = " ".join(self.reason.split())
        object.__setattr__(self, "reason", _readable(reason, LONGEST_REASON))


def _readable(text: str, longest: int) -> str:
    return "".join(filter(str.isprintable, text))[:longest]


@dataclass(frozen=True)
class ClickResult:
    """The verdict on a click, and the request as it is now (None if it doesn't exist)."""

    verdict: Verdict
    request: BackupRequest | None


def judge(
    click: Click,
    request: BackupRequest,
    members: Members,
    now: datetime,
    workspaces: Workspaces,
) -> Decision[Verdict]:
    """Return the verdict on a click, by the request's current terms."""
    terms = request.terms
    rule = terms.rule if terms else None
    if not workspaces.lets_act(Sender(click.team_id, click.enterprise_id), request.team_id):
        return Decision(Verdict.OTHER_WORKSPACE, rule)
    if request.state is RequestState.EXPIRED:
        return Decision(Verdict.EXPIRED, rule)
    if not _is_open_to(click.choice, request, now):
        return Decision(Verdict.ALREADY_DECIDED, rule)
    waits = request.state is RequestState.AWAITING_APPROVAL
    if waits and request.expires_at and now >= request.expires_at:
        # Woken by this click, what waits for the decision ends it.
        return Decision(Verdict.EXPIRED, rule)
    decision = _by_choice(click, request, members)
    if decision.verdict.counts and click.choice.wants_reason and not click.reason:
        return Decision(Verdict.NO_REASON, rule)
    return decision


def _is_open_to(choice: Choice, request: BackupRequest, now: datetime) -> bool:
    """Return whether the choice is still possible; a withdrawal may be even after approval."""
    if choice is Choice.WITHDRAW:
        return request.can_be_withdrawn(now)
    return request.state is RequestState.AWAITING_APPROVAL and request.terms is not None


def _by_choice(click: Click, request: BackupRequest, members: Members) -> Decision[Verdict]:
    terms, user = request.terms, click.user_id
    if click.choice is Choice.WITHDRAW:
        rule = terms.rule if terms else None
        decision = decide_withdrawal(rule, requester=request.requester, user=user)
        if decision.verdict.counts and request.state in SENDING and request.is_in_doubt:
            return Decision(Verdict.IN_DOUBT, decision.rule)
        return decision
    assert terms is not None  # noqa: S101, judged before
    match click.choice:
        case Choice.APPROVE:
            return decide_approval(
                terms,
                requester=request.requester,
                approved_by=request.approvers,
                user=user,
                members=members,
            )
        case Choice.REJECT:
            return decide_rejection(terms, user=user, members=members)
        case Choice.BREAK_GLASS:
            return decide_break_glass(terms, user=user, members=members)


def entry(
    click: Click, decision: Decision[Verdict], request: BackupRequest | None, now: datetime
) -> AuditEntry:
    """Return the audit entry of a click."""
    detail = {"choice": click.choice.value, "verdict": decision.verdict.value}
    if click.reason:
        detail["reason"] = click.reason
    if decision.verdict.counts and decision.revoked:
        detail["no_longer_counted"] = " ".join(sorted(decision.revoked))
    action = ACTIONS[click.choice] if decision.verdict.counts else AuditAction.CLICK_REFUSED
    if decision.verdict is Verdict.IN_DOUBT:
        action = AuditAction.STOPPED
    if request is None:
        return AuditEntry(
            at=now, request_id=click.request_id, actor=click.user_id, action=action, detail=detail
        )
    return request.on_trail(action, at=now, actor=click.user_id, detail=detail)
