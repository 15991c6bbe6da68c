"""Decide who can request, approve, reject, withdraw and start without approval. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from bot.domain.policy import Members, RuleReference, Terms, is_group

V = TypeVar("V", bound=StrEnum)


class AskVerdict(StrEnum):
    """The verdict on a request."""

    NEEDS_APPROVAL = "needs_approval"
    RUNS_AT_ONCE = "runs_at_once"
    MAY_NOT_ASK = "may_not_ask"
    OTHER_CHANNEL = "other_channel"  # it can be requested only in other channels
    GROUPS_UNKNOWN = "groups_unknown"  # Slack could not say who is in the user group
    TOO_FEW_APPROVERS = "too_few_approvers"  # fewer people can approve than are required


class Verdict(StrEnum):
    """The verdict on a click."""

    DECIDED = "decided"  # it is approved, rejected or withdrawn
    COUNTED = "counted"  # an approval; more are needed
    IN_DOUBT = "in_doubt"  # nothing more is sent to RDS, which may already have the call
    ALREADY_VOTED = "already_voted"
    ALREADY_DECIDED = "already_decided"
    EXPIRED = "expired"
    SELF_APPROVAL = "self_approval"  # requesters can't approve their own
    NOT_AN_APPROVER = "not_an_approver"
    NOT_THE_REQUESTER = "not_the_requester"  # only the requester can withdraw
    MAY_NOT_BREAK_GLASS = "may_not_break_glass"
    NO_REASON = "no_reason"  # one is required
    GROUPS_UNKNOWN = "groups_unknown"  # Slack could not say who is in the user group
    OTHER_WORKSPACE = "other_workspace"
    UNKNOWN_REQUEST = "unknown_request"

    @property
    def counts(self) -> bool:
        """Whether the click changed something."""
        return self in (Verdict.DECIDED, Verdict.COUNTED, Verdict.IN_DOUBT)


@dataclass(frozen=True)
class Decision(Generic[V]):
    """A verdict and the rule that it is based on.

    `revoked` are earlier approvers who no longer count: they left Slack, or can't approve now.
    """

    verdict: V
    rule: RuleReference | None  # None if no rule applies
    revoked: frozenset[str] = frozenset()


def decide_request(
    terms: Terms, *, user: str, channel: str, members: Members
) -> Decision[AskVerdict]:
    """Decide whether `user` can request in `channel`, and whether others have to approve."""
    may = True if not terms.requesters else is_among(user, terms.requesters, members)
    able = able_to_approve(terms, user, members)
    if terms.channels and channel not in terms.channels:
        verdict = AskVerdict.OTHER_CHANNEL
    elif may is None:
        verdict = AskVerdict.GROUPS_UNKNOWN
    elif not may:
        verdict = AskVerdict.MAY_NOT_ASK
    elif terms.approvals == 0:
        verdict = AskVerdict.RUNS_AT_ONCE
    elif able is not None and len(able) < terms.approvals and not terms.break_glass:
        verdict = AskVerdict.TOO_FEW_APPROVERS
    else:
        verdict = AskVerdict.NEEDS_APPROVAL
    return Decision(verdict, terms.rule)


def decide_approval(
    terms: Terms, *, requester: str, approved_by: Collection[str], user: str, members: Members
) -> Decision[Verdict]:
    """Decide on `user`'s approval of a request that is waiting for one.

    Each person counts once; the requester counts only if the terms allow self-approval. An
    earlier approval counts unless Slack says for certain that it wouldn't be accepted now.
    """
    standing = {
        voter
        for voter in approved_by
        if _may_approve(terms, requester, voter, members) is not False
    }
    revoked = frozenset(approved_by) - standing
    may = _may_approve(terms, requester, user, members)
    if user == requester and not terms.self_approval:
        return Decision(Verdict.SELF_APPROVAL, terms.rule)
    if may is not True:
        return Decision(_refusal(may, Verdict.NOT_AN_APPROVER), terms.rule)
    if len(standing | {user}) >= terms.approvals:
        return Decision(Verdict.DECIDED, terms.rule, revoked)
    verdict = Verdict.ALREADY_VOTED if user in standing else Verdict.COUNTED
    return Decision(verdict, terms.rule, revoked)


def decide_rejection(terms: Terms, *, user: str, members: Members) -> Decision[Verdict]:
    """Decide on `user`'s rejection; one approver's is enough."""
    may = _is_approver(terms, user, members)
    verdict = Verdict.DECIDED if may else _refusal(may, Verdict.NOT_AN_APPROVER)
    return Decision(verdict, terms.rule)


def decide_withdrawal(
    rule: RuleReference | None, *, requester: str, user: str
) -> Decision[Verdict]:
    """Decide on `user`'s withdrawal; only the requester can withdraw."""
    verdict = Verdict.DECIDED if user == requester else Verdict.NOT_THE_REQUESTER
    return Decision(verdict, rule)


def decide_break_glass(terms: Terms, *, user: str, members: Members) -> Decision[Verdict]:
    """Decide whether `user` can start it without approval, even as the requester."""
    may = is_among(user, terms.break_glass, members)
    verdict = Verdict.DECIDED if may else _refusal(may, Verdict.MAY_NOT_BREAK_GLASS)
    return Decision(verdict, terms.rule)


def may_audit(terms: Terms, user: str, members: Members) -> bool | None:
    """Return whether the user can read the audit log; None if Slack couldn't say."""
    if terms.auditors:
        return is_among(user, terms.auditors, members)
    return _is_approver(terms, user, members)


def able_to_approve(
    terms: Terms, requester: str | None, members: Members
) -> frozenset[str] | None:
    """Return everyone who can approve; None if that is anyone, or Slack couldn't say."""
    groups = [members.get(slack_id) for slack_id in terms.approvers]
    if not groups or None in groups:
        return None
    able = frozenset[str]().union(*(group for group in groups if group is not None))
    return able if terms.self_approval or requester is None else able - {requester}


def is_among(user: str, allowed: Collection[str], members: Members) -> bool | None:
    """Return whether an ID is the user or a group with them; None if that is unknown.

    It is also unknown for a group's member if Slack couldn't say whether they are still active.
    """
    if members.get(user) == frozenset():
        return False  # left Slack, or a bot
    if user in allowed:
        return True
    groups = [members.get(slack_id) for slack_id in allowed if is_group(slack_id)]
    if any(user in group for group in groups if group is not None):
        return None if user in members and members[user] is None else True
    return None if None in groups else False


def _may_approve(terms: Terms, requester: str, user: str, members: Members) -> bool | None:
    if user == requester and not terms.self_approval:
        return False
    return _is_approver(terms, user, members)


def _is_approver(terms: Terms, user: str, members: Members) -> bool | None:
    if not terms.approvers:
        return members.get(user) != frozenset()
    return is_among(user, terms.approvers, members)


def _refusal(may: bool | None, otherwise: Verdict) -> Verdict:  # noqa: FBT001, what `is_among` says
    return Verdict.GROUPS_UNKNOWN if may is None else otherwise
