"""Which terms an instance has."""

from datetime import timedelta

import pytest

from bot.domain.policy import (
    KINDS,
    PEOPLE_KEYS,
    Policy,
    Rule,
    RuleReference,
    RuleSource,
    Terms,
)

POLICY = Policy(
    defaults=Terms(approvers=("S0DBA",), notify=("UBEN",), channel="C0OPS", rule="[approval]"),
    rules=(
        Rule(instances=("orders-audit", "abcin01"), approvals=3),
        Rule(instances=("orders-*",), approvals=2, approvers=(), requesters=("S0DEV",)),
        Rule(instances=("dev-?", "orders-*"), approvals=0, expires_after=timedelta(hours=1)),
    ),
)


@pytest.mark.parametrize(
    ("name", "rule", "approvals"),
    [
        ("orders-prod", "rule 2 (orders-*)", 2),
        ("orders-audit", "rule 1 (orders-audit, abcin01)", 3),
        ("Orders-prod", "[approval]", 1),
        ("orders", "[approval]", 1),
        ("dev-1", "rule 3 (dev-?, orders-*)", 0),
        ("dev-12", "[approval]", 1),
        ("payments", "[approval]", 1),
    ],
)
def test_the_first_rule_that_covers_an_instance_decides(
    name: str, rule: str, approvals: int
) -> None:
    """Globs are over names, as they are spelt; without a rule the defaults stand."""
    terms = POLICY.terms_for(name, "defin01")

    assert (str(terms.rule), terms.approvals) == (rule, approvals)


def test_a_rule_may_name_an_instance_by_its_id() -> None:
    """An id decides whatever the instance is called."""
    assert POLICY.terms_for("payments", "abcin01").approvals == 3


def test_a_rule_inherits_what_it_does_not_say() -> None:
    """An empty list says something (anybody); a missing one nothing."""
    orders = POLICY.terms_for("orders-prod", "x")
    dev = POLICY.terms_for("dev-1", "x")

    assert (orders.approvers, orders.requesters, orders.channel) == ((), ("S0DEV",), "C0OPS")
    assert (dev.approvers, dev.expires_after) == (("S0DBA",), timedelta(hours=1))


def test_a_rule_with_other_approvers_does_not_inherit_who_is_called() -> None:
    """Those whom the defaults call could do nothing there."""
    assert POLICY.terms_for("orders-audit", "x").mentioned == ("UBEN",)
    assert POLICY.terms_for("orders-prod", "x").mentioned == ()


def test_without_a_config_the_default_policy_applies() -> None:
    """Anybody asks, one other person approves, within eight hours."""
    assert Policy().terms_for("orders", "x") == Terms(
        approvals=1, expires_after=timedelta(hours=8), rule="the default policy"
    )


def test_all_people_of_a_policy_are_known_once_each() -> None:
    """They are what Slack is asked about at the start."""
    assert POLICY.people == ("S0DBA", "UBEN", "S0DEV")


@pytest.mark.parametrize(
    "reference",
    [
        RuleReference(),
        RuleReference(source=RuleSource.APPROVAL),
        RuleReference(source=RuleSource.RULE, number=2, instances=("orders-*", "dev (1)")),
    ],
)
def test_a_reference_to_a_rule_is_read_out_of_its_text(reference: RuleReference) -> None:
    """So the release before stored it, and so it stands on the audit trail."""
    assert RuleReference.parse(str(reference)) == reference
    assert Terms.model_validate({"rule": str(reference)}).rule == reference
    assert RuleReference.model_validate_json(reference.model_dump_json()) == reference


def test_a_text_that_refers_to_no_rule_is_none() -> None:
    """An intruder may have written it."""
    with pytest.raises(ValueError, match="refers to no rule"):
        RuleReference.parse("rule of thumb")


def test_a_rule_has_no_keys_but_the_policy_s() -> None:
    """A misspelled one would be silently without effect."""
    with pytest.raises(ValueError, match="no keys of the policy: approver"):
        Rule.model_validate({"instances": ["orders"], "approver": ["U0BEN"]})


def test_every_key_that_names_people_is_known_as_one() -> None:
    """Their ids are checked, and looked up in Slack."""
    assert PEOPLE_KEYS == ("requesters", "approvers", "notify", "break_glass", "auditors")
    assert set(KINDS) == set(Terms.model_fields) - {"rule"}
