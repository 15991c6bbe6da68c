"""What is wrong with a policy before anybody asks."""

import pytest

from bot.domain.policy import Members, Policy, Rule, Terms
from bot.domain.policy_problems import NOBODY, problems

DBA: Members = {"S0DBA": frozenset({"UBEN", "UCARL"})}
DEFAULTS = Terms(approvers=("S0DBA",), rule="[approval]")


def found(
    *rules: Rule, defaults: Terms = DEFAULTS, members: Members = DBA
) -> list[tuple[int | None, str, str]]:
    policy = Policy(defaults=defaults, rules=rules)
    return [(p.rule, p.key, p.text) for p in problems(policy, members)]


def of(*instances: str, **terms: object) -> Rule:
    return Rule.model_validate({"instances": instances, **terms})


def test_a_policy_in_order_has_no_problems() -> None:
    """Nor has the built-in one."""
    assert found(of("orders-*", approvals=2), of("dev-*", approvals=0)) == []
    assert problems(Policy(), {}) == []


@pytest.mark.parametrize(
    ("earlier", "later", "never"),
    [
        ("*", "orders-*", True),
        ("orders-*", "orders-prod", True),
        ("orders-*", "orders-*-eu", True),
        ("orders-?", "orders-1", True),
        ("*-prod", "orders-*", False),
        ("orders-*", "*", False),
        ("orders-?", "orders-*", False),
        ("orders-[ab]", "orders-a", True),
        ("orders-[ab]", "orders-?", False),
        ("orders", "Orders", False),
    ],
)
def test_a_rule_behind_one_that_covers_it_never_matches(
    earlier: str, later: str, *, never: bool
) -> None:
    """Said only where it is sure."""
    assert bool(found(of(earlier), of(later))) is never


def test_the_same_instances_twice_are_named_as_that() -> None:
    """In whichever order they stand."""
    ((rule, key, text),) = found(of("a", "b"), of("b", "a"))

    assert (rule, key) == (2, "instances")
    assert text == "has the same instances as rule 1, and the first match applies"


def test_more_approvals_than_people() -> None:
    """Groups are counted by their living members, a person in two of them once."""
    members = {**DBA, "S0OPS": frozenset({"UBEN"})}
    both = ("S0DBA", "S0OPS")

    assert found(of("a", approvers=both, approvals=3), members=members) == [
        (1, "approvals", "requires 3 approvals, but only 2 people can approve")
    ]
    assert found(of("a", approvers=both, approvals=3), members={**DBA, "S0OPS": None}) == []


def test_a_rule_under_which_no_one_can_approve_is_fatal() -> None:
    """An empty group, people who left, or only the one who may ask."""
    empty: Members = {"S0DBA": frozenset()}
    left: Members = {"UBEN": frozenset()}
    only = of("a", approvers=("UANA",), requesters=("UANA",))

    assert (None, "approvers", NOBODY) in found(members=empty)
    assert (1, "approvers", NOBODY) in found(of("a", approvers=("UBEN",)), members={**DBA, **left})
    assert found(only) == [(1, "approvers", NOBODY)]
    assert [p.nobody_can_approve for p in problems(Policy(rules=(only,)), {})] == [True]


def test_ids_without_an_active_person() -> None:
    """Whatever they are named for."""
    members = {**DBA, "UEVE": frozenset[str](), "S0OLD": frozenset[str]()}
    rule = of("a", requesters=("S0OLD", "UANA"), break_glass=("UEVE",))

    assert found(rule, members=members) == [
        (1, "requesters", "S0OLD has no active members"),
        (1, "break_glass", "UEVE left Slack or is a bot"),
    ]


def test_who_is_called_must_be_able_to_approve() -> None:
    """A call to somebody who can do nothing is a mistake."""
    assert found(of("a", notify=("UEVE", "UBEN"))) == [
        (1, "notify", "UEVE is notified but can't approve")
    ]


def test_what_slack_did_not_say_is_no_problem() -> None:
    """Only what is certain is said."""
    assert found(of("a", approvals=3, notify=("UEVE",)), members={}) == []
