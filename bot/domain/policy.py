"""Who may ask, who may approve, how many, and for how long: pure and total."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict

# User-group id → the user ids in it; None (or no entry) where Slack could not say.
Members = Mapping[str, frozenset[str] | None]


def is_group(slack_id: str) -> bool:
    """True for a user-group id (`S…`); user ids begin with `U` or `W`."""
    return slack_id.startswith("S")


class Terms(BaseModel):
    """What the policy wants for one request.

    `approvers` are Slack user ids and user-group ids; empty means anybody who can click the
    card in its channel. `rule` says where the terms come from, in words a person can look up:
    "the default policy", "[approval]" or "rule 2 (orders-*)".
    """

    model_config = ConfigDict(frozen=True)

    approvals: int = 1
    approvers: tuple[str, ...] = ()
    requesters: tuple[str, ...] = ()
    self_approval: bool = False
    expires_after: timedelta = timedelta(hours=8)
    channel: str | None = None
    rule: str = "the default policy"

    @property
    def groups(self) -> tuple[str, ...]:
        """The user groups among the approvers."""
        return tuple(filter(is_group, self.approvers))

    @property
    def requester_groups(self) -> tuple[str, ...]:
        """The user groups among the requesters."""
        return tuple(filter(is_group, self.requesters))


class Rule(BaseModel):
    """One `[[rule]]` of the config; what is None is inherited from the defaults."""

    model_config = ConfigDict(frozen=True)

    instances: tuple[str, ...]  # names, ids or globs over names
    requesters: tuple[str, ...] | None = None
    approvers: tuple[str, ...] | None = None
    approvals: int | None = None
    self_approval: bool | None = None
    expires_after: timedelta | None = None
    channel: str | None = None

    def covers(self, instance_name: str, instance_id: str) -> bool:
        """Whether the rule is about this instance; upper and lower case differ, as in RDS."""
        return any(
            instance_id == pattern or fnmatchcase(instance_name, pattern)
            for pattern in self.instances
        )


class Policy(BaseModel):
    """The defaults, and the rules that override them."""

    model_config = ConfigDict(frozen=True)

    defaults: Terms = Terms()
    rules: tuple[Rule, ...] = ()

    def terms_for(self, instance_name: str, instance_id: str) -> Terms:
        """The terms for an instance: the first rule that covers it decides."""
        for number, rule in enumerate(self.rules, start=1):
            if rule.covers(instance_name, instance_id):
                own = rule.model_dump(exclude={"instances"}, exclude_none=True)
                name = f"rule {number} ({', '.join(rule.instances)})"
                return self.defaults.model_copy(update={**own, "rule": name})
        return self.defaults


class Verdict(StrEnum):
    """What a click on Approve or Reject came to."""

    DECIDED = "decided"  # it was the last approval needed, or the rejection
    COUNTED = "counted"  # an approval; more are needed
    ALREADY_VOTED = "already_voted"
    ALREADY_DECIDED = "already_decided"
    EXPIRED = "expired"
    SELF_APPROVAL = "self_approval"  # the requester may not approve their own
    NOT_AN_APPROVER = "not_an_approver"
    GROUPS_UNKNOWN = "groups_unknown"  # Slack could not say who is in the user group
    OTHER_WORKSPACE = "other_workspace"
    UNKNOWN_REQUEST = "unknown_request"


class Decision(BaseModel):
    """A verdict, and the rule that it rests on."""

    model_config = ConfigDict(frozen=True)

    verdict: Verdict
    rule: str


def may_ask(terms: Terms, user_id: str, groups: Members) -> bool:
    """Whether the person may ask; no where it hangs on a group that Slack could not tell."""
    return not terms.requesters or _is_among(user_id, terms.requesters, groups) is True


def decide_approval(
    terms: Terms, *, requester: str, approved_by: Collection[str], user: str, members: Members
) -> Decision:
    """What `user`'s approval comes to, on a request that still waits for one.

    Each person counts once; the requester counts only where the terms allow self-approval.
    """
    counted = {*approved_by, user}
    if not terms.self_approval:
        counted.discard(requester)
    if user not in counted:
        verdict = Verdict.SELF_APPROVAL
    elif user in approved_by:
        verdict = Verdict.ALREADY_VOTED
    elif not_allowed := _not_allowed(terms, user, members):
        verdict = not_allowed
    else:
        verdict = Verdict.DECIDED if len(counted) >= terms.approvals else Verdict.COUNTED
    return Decision(verdict=verdict, rule=terms.rule)


def decide_rejection(terms: Terms, *, requester: str, user: str, members: Members) -> Decision:
    """What `user`'s rejection comes to: an approver's ends it, and so does the requester's own."""
    refused = None if user == requester else _not_allowed(terms, user, members)
    return Decision(verdict=refused or Verdict.DECIDED, rule=terms.rule)


def _not_allowed(terms: Terms, user: str, members: Members) -> Verdict | None:
    among = not terms.approvers or _is_among(user, terms.approvers, members)
    if among is None:
        return Verdict.GROUPS_UNKNOWN
    return None if among else Verdict.NOT_AN_APPROVER


def _is_among(user: str, allowed: Collection[str], members: Members) -> bool | None:
    """None if only a group of which Slack could not say might hold the user."""
    if user in allowed:
        return True
    groups = [members.get(slack_id) for slack_id in allowed if is_group(slack_id)]
    if any(user in group for group in groups if group is not None):
        return True
    return None if None in groups else False
