"""Who may ask and decide, as tables. The requester is UANA."""

from typing import NamedTuple

import pytest

from bot.domain.decisions import (
    AskVerdict,
    Verdict,
    decide_approval,
    decide_break_glass,
    decide_rejection,
    decide_request,
    decide_withdrawal,
    may_audit,
)
from bot.domain.policy import Members, Terms

DBA: Members = {"S0DBA": frozenset({"UBEN", "WCARL"})}
UNKNOWN: Members = {"S0DBA": None}
LEFT: Members = {**DBA, "UDORA": frozenset(), "UEVE": frozenset()}
TWICE: Members = {**DBA, "S0OPS": frozenset({"UBEN", "UOLE"})}
HALF: Members = {"S0DBA": None, "S0OPS": frozenset({"UOLE"})}

ANYBODY = Terms()
DBAS = Terms(approvers=("S0DBA", "UDORA"), rule="[approval]")
MIXED = Terms(approvers=("S0DBA", "S0OPS"), rule="rule 1 (orders-*)")
NONE = Terms(approvals=0)


def of(terms: Terms, **changes: object) -> Terms:
    """The same terms, but for these."""
    return terms.model_copy(update=changes)


class Origin(NamedTuple):
    """A row: who asks where, and what it comes to."""

    terms: Terms
    members: Members
    user: str
    channel: str
    verdict: AskVerdict


A = AskVerdict
REQUESTS = [
    Origin(ANYBODY, {}, "UEVE", "C1", A.NEEDS_APPROVAL),
    Origin(NONE, {}, "UEVE", "C1", A.RUNS_AT_ONCE),
    Origin(of(ANYBODY, requesters=("UANA",)), {}, "UANA", "C1", A.NEEDS_APPROVAL),
    Origin(of(ANYBODY, requesters=("UANA",)), {}, "UEVE", "C1", A.MAY_NOT_ASK),
    Origin(of(ANYBODY, requesters=("S0DBA",)), DBA, "UBEN", "C1", A.NEEDS_APPROVAL),
    Origin(of(ANYBODY, requesters=("S0DBA",)), DBA, "UEVE", "C1", A.MAY_NOT_ASK),
    Origin(of(ANYBODY, requesters=("S0DBA",)), UNKNOWN, "UBEN", "C1", A.GROUPS_UNKNOWN),
    Origin(of(ANYBODY, requesters=("S0DBA",)), {}, "UBEN", "C1", A.GROUPS_UNKNOWN),
    Origin(of(ANYBODY, requesters=("S0DBA", "UBEN")), UNKNOWN, "UBEN", "C1", A.NEEDS_APPROVAL),
    Origin(of(ANYBODY, requesters=("UEVE",)), LEFT, "UEVE", "C1", A.MAY_NOT_ASK),
    Origin(of(NONE, requesters=("S0DBA",)), DBA, "UEVE", "C1", A.MAY_NOT_ASK),
    Origin(of(NONE, requesters=("S0DBA",)), DBA, "UBEN", "C1", A.RUNS_AT_ONCE),
    Origin(of(ANYBODY, channels=("C1",)), {}, "UANA", "C1", A.NEEDS_APPROVAL),
    Origin(of(ANYBODY, channels=("C1", "C2")), {}, "UANA", "C2", A.NEEDS_APPROVAL),
    Origin(of(ANYBODY, channels=("C1",)), {}, "UANA", "C2", A.OTHER_CHANNEL),
    Origin(of(NONE, channels=("C1",)), {}, "UANA", "C2", A.OTHER_CHANNEL),
    Origin(of(ANYBODY, channels=("C1",), requesters=("S0DBA",)), {}, "U", "C2", A.OTHER_CHANNEL),
    Origin(of(DBAS, approvals=3), DBA, "UANA", "C1", A.NEEDS_APPROVAL),
    Origin(of(DBAS, approvals=3), DBA, "UBEN", "C1", A.NEEDS_APPROVAL),
    Origin(of(MIXED, approvals=3), TWICE, "UANA", "C1", A.NEEDS_APPROVAL),
    Origin(of(MIXED, approvals=4), TWICE, "UANA", "C1", A.TOO_FEW_APPROVERS),
    Origin(of(MIXED, approvals=3), TWICE, "UOLE", "C1", A.TOO_FEW_APPROVERS),
    Origin(of(MIXED, approvals=3, self_approval=True), TWICE, "UOLE", "C1", A.NEEDS_APPROVAL),
    Origin(of(MIXED, approvals=4), HALF, "UANA", "C1", A.NEEDS_APPROVAL),
    Origin(of(MIXED, approvals=4, break_glass=("UEVE",)), TWICE, "U", "C1", A.NEEDS_APPROVAL),
]


class Clicked(NamedTuple):
    """A row: who approved before, who clicks, and what it comes to."""

    terms: Terms
    members: Members
    approved_by: tuple[str, ...]
    user: str
    verdict: Verdict
    revoked: frozenset[str] = frozenset()


V = Verdict
TWO, SELF = of(ANYBODY, approvals=2), of(ANYBODY, self_approval=True)
TWO_DBAS = of(DBAS, approvals=2)
DORA = frozenset({"UDORA"})
APPROVALS = [
    Clicked(ANYBODY, {}, (), "UBEN", V.DECIDED),
    Clicked(ANYBODY, {}, (), "UANA", V.SELF_APPROVAL),
    Clicked(ANYBODY, LEFT, (), "UEVE", V.NOT_AN_APPROVER),
    Clicked(SELF, {}, (), "UANA", V.DECIDED),
    Clicked(of(SELF, approvals=2), {}, (), "UANA", V.COUNTED),
    Clicked(of(SELF, approvals=2), {}, ("UANA",), "UANA", V.ALREADY_VOTED),
    Clicked(of(SELF, approvals=2), {}, ("UANA",), "UBEN", V.DECIDED),
    Clicked(DBAS, DBA, (), "UBEN", V.DECIDED),
    Clicked(DBAS, DBA, (), "WCARL", V.DECIDED),
    Clicked(DBAS, DBA, (), "UDORA", V.DECIDED),
    Clicked(DBAS, LEFT, (), "UDORA", V.NOT_AN_APPROVER),
    Clicked(DBAS, DBA, (), "UEVE", V.NOT_AN_APPROVER),
    Clicked(DBAS, DBA, (), "UANA", V.SELF_APPROVAL),
    Clicked(of(DBAS, self_approval=True), DBA, (), "UANA", V.NOT_AN_APPROVER),
    Clicked(of(DBAS, self_approval=True), UNKNOWN, (), "UANA", V.GROUPS_UNKNOWN),
    Clicked(DBAS, UNKNOWN, (), "UDORA", V.DECIDED),
    Clicked(DBAS, UNKNOWN, (), "UBEN", V.GROUPS_UNKNOWN),
    Clicked(DBAS, {}, (), "UBEN", V.GROUPS_UNKNOWN),
    Clicked(MIXED, HALF, (), "UOLE", V.DECIDED),
    Clicked(MIXED, HALF, (), "UEVE", V.GROUPS_UNKNOWN),
    Clicked(MIXED, TWICE, (), "UBEN", V.DECIDED),
    Clicked(of(MIXED, approvals=2), TWICE, (), "UBEN", V.COUNTED),
    Clicked(of(MIXED, approvals=2), TWICE, ("UBEN",), "UBEN", V.ALREADY_VOTED),
    Clicked(of(MIXED, approvals=2), TWICE, ("UBEN",), "UOLE", V.DECIDED),
    Clicked(TWO, {}, (), "UBEN", V.COUNTED),
    Clicked(TWO, {}, ("UBEN",), "UBEN", V.ALREADY_VOTED),
    Clicked(TWO, {}, ("UBEN",), "UCARL", V.DECIDED),
    Clicked(TWO, {}, ("UBEN",), "UANA", V.SELF_APPROVAL),
    Clicked(TWO, {}, ("UANA",), "UCARL", V.COUNTED, frozenset({"UANA"})),
    Clicked(of(ANYBODY, approvals=3), {}, ("UBEN",), "UCARL", V.COUNTED),
    Clicked(of(ANYBODY, approvals=3), {}, ("UBEN", "UCARL"), "UDORA", V.DECIDED),
    # The policy came to want fewer while it waited: one more click by the same person ends it.
    Clicked(ANYBODY, {}, ("UBEN",), "UBEN", V.DECIDED),
    # Someone who approved left Slack or is no longer an approver: their vote is revoked.
    Clicked(TWO_DBAS, LEFT, ("UDORA",), "UBEN", V.COUNTED, DORA),
    Clicked(TWO_DBAS, LEFT, ("UDORA", "UBEN"), "WCARL", V.DECIDED, DORA),
    Clicked(TWO_DBAS, LEFT, ("UDORA", "UBEN"), "UBEN", V.ALREADY_VOTED, DORA),
    Clicked(TWO_DBAS, DBA, ("UEVE",), "UBEN", V.COUNTED, frozenset({"UEVE"})),
    # Slack cannot say: what was taken stays taken, and nothing new is.
    Clicked(TWO_DBAS, UNKNOWN, ("UBEN",), "UDORA", V.DECIDED),
    Clicked(TWO_DBAS, UNKNOWN, ("UDORA",), "UBEN", V.GROUPS_UNKNOWN),
]


class Tried(NamedTuple):
    """A row: who clicks something else than Approve."""

    terms: Terms
    members: Members
    user: str
    verdict: Verdict


REJECTIONS = [
    Tried(ANYBODY, {}, "UEVE", V.DECIDED),
    Tried(ANYBODY, LEFT, "UEVE", V.NOT_AN_APPROVER),
    Tried(DBAS, DBA, "UBEN", V.DECIDED),
    Tried(DBAS, DBA, "UEVE", V.NOT_AN_APPROVER),
    Tried(DBAS, DBA, "UANA", V.NOT_AN_APPROVER),
    Tried(of(DBAS, approvals=3), DBA, "UBEN", V.DECIDED),
    Tried(DBAS, UNKNOWN, "UDORA", V.DECIDED),
    Tried(DBAS, UNKNOWN, "UEVE", V.GROUPS_UNKNOWN),
    Tried(DBAS, LEFT, "UDORA", V.NOT_AN_APPROVER),
]
GLASS = of(DBAS, break_glass=("UEVE", "S0DBA"))
BROKEN = [
    Tried(DBAS, DBA, "UBEN", V.MAY_NOT_BREAK_GLASS),
    Tried(ANYBODY, {}, "UBEN", V.MAY_NOT_BREAK_GLASS),
    Tried(GLASS, DBA, "UEVE", V.DECIDED),
    Tried(GLASS, DBA, "UBEN", V.DECIDED),
    Tried(GLASS, DBA, "UANA", V.MAY_NOT_BREAK_GLASS),
    Tried(of(GLASS, break_glass=("UANA",)), DBA, "UANA", V.DECIDED),
    Tried(GLASS, UNKNOWN, "UEVE", V.DECIDED),
    Tried(GLASS, UNKNOWN, "UBEN", V.GROUPS_UNKNOWN),
    Tried(GLASS, LEFT, "UEVE", V.MAY_NOT_BREAK_GLASS),
]
AUDITS: list[tuple[Terms, Members, str, bool | None]] = [
    (ANYBODY, {}, "UEVE", True),
    (DBAS, DBA, "UBEN", True),
    (DBAS, DBA, "UANA", False),
    (DBAS, UNKNOWN, "UEVE", None),
    (of(DBAS, auditors=("UEVE",)), DBA, "UEVE", True),
    (of(DBAS, auditors=("UEVE",)), DBA, "UBEN", False),
    (of(DBAS, auditors=("UEVE",)), LEFT, "UEVE", False),
    (of(DBAS, auditors=("S0SEC",)), DBA, "UEVE", None),
]


@pytest.mark.parametrize("row", REQUESTS)
def test_a_request_comes_to(row: Origin) -> None:
    """Where it was asked, by whom, and whether anybody could approve it."""
    decision = decide_request(row.terms, user=row.user, channel=row.channel, members=row.members)

    assert (decision.verdict, decision.rule) == (row.verdict, row.terms.rule)


@pytest.mark.parametrize("row", APPROVALS)
def test_an_approval_comes_to(row: Clicked) -> None:
    """What it comes to, by which rule, and whose earlier approvals do not count any more."""
    decision = decide_approval(
        row.terms,
        requester="UANA",
        approved_by=row.approved_by,
        user=row.user,
        members=row.members,
    )

    assert (decision.verdict, decision.rule) == (row.verdict, row.terms.rule)
    assert decision.revoked == row.revoked


@pytest.mark.parametrize("row", REJECTIONS)
def test_a_rejection_comes_to(row: Tried) -> None:
    """One approver's is enough, however many approvals it takes."""
    decision = decide_rejection(row.terms, user=row.user, members=row.members)

    assert (decision.verdict, decision.rule) == (row.verdict, row.terms.rule)


@pytest.mark.parametrize("row", BROKEN)
def test_breaking_the_glass_comes_to(row: Tried) -> None:
    """Only those whom the rule names, be it their own request."""
    decision = decide_break_glass(row.terms, user=row.user, members=row.members)

    assert (decision.verdict, decision.rule) == (row.verdict, row.terms.rule)


@pytest.mark.parametrize(("user", "verdict"), [("UANA", V.DECIDED), ("UBEN", V.NOT_THE_REQUESTER)])
def test_a_withdrawal_comes_to(user: str, verdict: Verdict) -> None:
    """Approvers reject; only who asked takes it back."""
    decision = decide_withdrawal(DBAS.rule, requester="UANA", user=user)

    assert (decision.verdict, decision.rule) == (verdict, DBAS.rule)


@pytest.mark.parametrize(("terms", "members", "user", "may"), AUDITS)
def test_who_may_read_the_trail(
    terms: Terms,
    members: Members,
    user: str,
    may: bool | None,  # noqa: FBT001, a column of the table
) -> None:
    """Those whom the rule names; where it names nobody, those who may approve."""
    assert may_audit(terms, user, members) is may
