"""Who may ask and decide, as tables."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.policy import (
    Policy,
    Rule,
    Terms,
    Verdict,
    decide_approval,
    decide_rejection,
    may_ask,
)

DBA = {"S0DBA": frozenset({"UBEN", "WCARL"})}
UNKNOWN: Mapping[str, frozenset[str] | None] = {"S0DBA": None}
ANYBODY = Terms()
DBAS = Terms(approvers=("S0DBA", "UDORA"), rule="[approval]")
TWO = Terms(approvals=2)
SELF = Terms(self_approval=True)
MIXED = Terms(approvers=("S0DBA", "S0OPS"))

# The requester is UANA. Terms, members, who approved before, who clicks, and what it comes to.
APPROVALS: list[
    tuple[Terms, Mapping[str, frozenset[str] | None], tuple[str, ...], str, Verdict]
] = [
    (ANYBODY, {}, (), "UBEN", Verdict.DECIDED),
    (ANYBODY, {}, (), "UANA", Verdict.SELF_APPROVAL),
    (SELF, {}, (), "UANA", Verdict.DECIDED),
    (SELF.model_copy(update={"approvals": 2}), {}, (), "UANA", Verdict.COUNTED),
    (DBAS, DBA, (), "UBEN", Verdict.DECIDED),
    (DBAS, DBA, (), "WCARL", Verdict.DECIDED),
    (DBAS, DBA, (), "UDORA", Verdict.DECIDED),
    (DBAS, DBA, (), "UEVE", Verdict.NOT_AN_APPROVER),
    (DBAS, DBA, (), "UANA", Verdict.SELF_APPROVAL),
    (DBAS.model_copy(update={"self_approval": True}), DBA, (), "UANA", Verdict.NOT_AN_APPROVER),
    (DBAS, UNKNOWN, (), "UDORA", Verdict.DECIDED),
    (DBAS, UNKNOWN, (), "UBEN", Verdict.GROUPS_UNKNOWN),
    (DBAS, {}, (), "UBEN", Verdict.GROUPS_UNKNOWN),
    (MIXED, {**UNKNOWN, "S0OPS": frozenset({"UOLE"})}, (), "UOLE", Verdict.DECIDED),
    (MIXED, {**UNKNOWN, "S0OPS": frozenset({"UOLE"})}, (), "UEVE", Verdict.GROUPS_UNKNOWN),
    (TWO, {}, (), "UBEN", Verdict.COUNTED),
    (TWO, {}, ("UBEN",), "UBEN", Verdict.ALREADY_VOTED),
    (TWO, {}, ("UBEN",), "UCARL", Verdict.DECIDED),
    (TWO, {}, ("UANA",), "UCARL", Verdict.COUNTED),
    (Terms(approvals=3), {}, ("UBEN",), "UCARL", Verdict.COUNTED),
]
# The same for a rejection, which nobody has to have voted before.
REJECTIONS: list[tuple[Terms, Mapping[str, frozenset[str] | None], str, Verdict]] = [
    (ANYBODY, {}, "UEVE", Verdict.DECIDED),
    (DBAS, DBA, "UANA", Verdict.DECIDED),
    (DBAS, UNKNOWN, "UANA", Verdict.DECIDED),
    (DBAS, DBA, "UBEN", Verdict.DECIDED),
    (DBAS, DBA, "UEVE", Verdict.NOT_AN_APPROVER),
    (DBAS, UNKNOWN, "UEVE", Verdict.GROUPS_UNKNOWN),
]
POLICY = Policy(
    defaults=Terms(approvers=("S0DBA",), channel="C0OPS", rule="[approval]"),
    rules=(
        Rule(instances=("orders-audit", "abcin01"), approvals=3),
        Rule(instances=("orders-*",), approvals=2, approvers=(), requesters=("S0DEV",)),
        Rule(instances=("dev-?", "orders-*"), approvals=0, expires_after=timedelta(hours=1)),
    ),
)
people = st.sampled_from(["UANA", "UBEN", "UCARL", "UDORA", "S0DBA"])


@pytest.mark.parametrize(("terms", "members", "approved_by", "user", "verdict"), APPROVALS)
def test_an_approval_comes_to(
    terms: Terms,
    members: Mapping[str, frozenset[str] | None],
    approved_by: tuple[str, ...],
    user: str,
    verdict: Verdict,
) -> None:
    """Each row: what an approval comes to, and that it names its rule."""
    decision = decide_approval(
        terms, requester="UANA", approved_by=approved_by, user=user, members=members
    )

    assert decision.verdict is verdict
    assert decision.rule == terms.rule


@pytest.mark.parametrize(("terms", "members", "user", "verdict"), REJECTIONS)
def test_a_rejection_comes_to(
    terms: Terms, members: Mapping[str, frozenset[str] | None], user: str, verdict: Verdict
) -> None:
    """Approvers may reject, and everybody their own request."""
    decision = decide_rejection(terms, requester="UANA", user=user, members=members)

    assert decision.verdict is verdict


@pytest.mark.parametrize(
    ("name", "rule", "approvals"),
    [
        ("orders-prod", "rule 2 (orders-*)", 2),
        ("orders-audit", "rule 1 (orders-audit, abcin01)", 3),
        ("Orders-prod", "[approval]", 1),
        ("dev-1", "rule 3 (dev-?, orders-*)", 0),
        ("payments", "[approval]", 1),
    ],
)
def test_the_first_rule_that_covers_an_instance_decides(
    name: str, rule: str, approvals: int
) -> None:
    """Globs are over names, as they are spelt; without a rule the defaults stand."""
    terms = POLICY.terms_for(name, "defin01")

    assert (terms.rule, terms.approvals) == (rule, approvals)


def test_a_rule_may_name_an_instance_by_its_id() -> None:
    """An id decides whatever the instance is called."""
    assert POLICY.terms_for("payments", "abcin01").approvals == 3


def test_a_rule_inherits_what_it_does_not_say() -> None:
    """An empty list says something (anybody); a missing one nothing."""
    orders = POLICY.terms_for("orders-prod", "x")
    dev = POLICY.terms_for("dev-1", "x")

    assert (orders.approvers, orders.requesters, orders.channel) == ((), ("S0DEV",), "C0OPS")
    assert (dev.approvers, dev.expires_after) == (("S0DBA",), timedelta(hours=1))


def test_without_a_config_the_default_policy_stands() -> None:
    """Anybody asks, one other person approves, within eight hours."""
    assert Policy().terms_for("orders", "x") == Terms(
        approvals=1, expires_after=timedelta(hours=8), rule="the default policy"
    )


@pytest.mark.parametrize(
    ("requesters", "user", "groups", "may"),
    [
        ((), "UEVE", {}, True),
        (("UANA",), "UANA", {}, True),
        (("UANA",), "UEVE", {}, False),
        (("S0DBA",), "UBEN", DBA, True),
        (("S0DBA",), "UEVE", DBA, False),
        (("S0DBA",), "UBEN", UNKNOWN, False),
        (("S0DBA", "UBEN"), "UBEN", UNKNOWN, True),
    ],
)
def test_who_may_ask(
    requesters: tuple[str, ...],
    user: str,
    groups: Mapping[str, frozenset[str] | None],
    may: bool,  # noqa: FBT001, a column of the table
) -> None:
    """Named people and members of named groups; nobody on a group that cannot be read."""
    assert may_ask(Terms(requesters=requesters), user, groups) is may


def test_groups_are_told_from_people() -> None:
    """Only user groups are worth a question to Slack."""
    terms = Terms(approvers=("S0DBA", "UBEN", "WCARL"), requesters=("UANA", "S0DEV"))

    assert (terms.groups, terms.requester_groups) == (("S0DBA",), ("S0DEV",))


@given(
    terms=st.builds(
        Terms,
        approvals=st.integers(0, 4),
        approvers=st.lists(people, max_size=3).map(tuple),
        self_approval=st.booleans(),
    ),
    clicks=st.lists(people, max_size=12),
    members=st.dictionaries(st.just("S0DBA"), st.none() | st.frozensets(people)),
)
@settings(deadline=None)
def test_no_order_of_clicks_gets_round_the_policy(
    terms: Terms, clicks: list[str], members: dict[str, frozenset[str] | None]
) -> None:
    """Decided means enough different people, none of them the requester unless that is allowed."""
    approved: list[str] = []
    for user in clicks:
        verdict = decide_approval(
            terms, requester="UANA", approved_by=approved, user=user, members=members
        ).verdict
        if verdict in (Verdict.COUNTED, Verdict.DECIDED):
            assert user not in approved
            assert user != "UANA" or terms.self_approval
            approved.append(user)
            assert (verdict is Verdict.DECIDED) == (len(approved) >= terms.approvals)
