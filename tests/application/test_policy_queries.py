"""Looking up the policy and the audit trail."""

from dataclasses import replace

import pytest

import bot.application.policy_queries as policy_queries_module
from bot.application.policy_queries import LAST_ENTRIES
from bot.domain.audit import AuditAction
from bot.domain.commands import CreateBackup
from bot.domain.decisions import AskVerdict
from bot.domain.errors import (
    AmbiguousInstance,
    GroupsUnknown,
    MayNotAudit,
    RdsUnreachable,
    ReadReplica,
    StoreUnavailable,
    UnknownInstance,
)
from bot.domain.policy import Policy, Rule, Terms
from tests.fakes import ANA, BEN, BILLING, BY_APPROVAL, CAT, DBAS, ORDERS, TYPED, UseCases, typed

DBA = typed("trigger-ben", BEN)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack's silence is noticed at once."""
    monkeypatch.setattr(policy_queries_module, "FORM_TIMEOUT", 0.01)


async def test_the_policy_of_an_instance(cases: UseCases) -> None:
    """Its terms, what this person can do, and who can approve it for them."""
    view = await cases.policy_queries.policy_for("shop", TYPED)

    assert (view.instance, view.terms) == (ORDERS, cases.policy.defaults)
    assert view.decision.verdict is AskVerdict.NEEDS_APPROVAL
    assert view.able == frozenset({BEN, CAT})
    assert view.may_break_glass is False


async def test_the_first_rule_that_covers_it_decides(cases: UseCases) -> None:
    """What the rule leaves open is inherited."""
    rule = Rule(instances=("orders-*",), approvals=0, break_glass=(ANA,))
    cases.policy = Policy(defaults=Terms(approvers=(DBAS,)), rules=(rule,))
    cases.rewire()

    view = await cases.policy_queries.policy_for("orders-prod", TYPED)

    assert (view.terms.approvals, view.terms.approvers) == (0, (DBAS,))
    assert view.decision.verdict is AskVerdict.RUNS_AT_ONCE
    assert view.may_break_glass is True


async def test_an_approver_needs_another_one(cases: UseCases) -> None:
    """Nobody approves their own request."""
    view = await cases.policy_queries.policy_for("orders-prod", DBA)

    assert view.able == frozenset({CAT})


async def test_without_a_channel_it_is_told_of_one_that_is_allowed(cases: UseCases) -> None:
    """As from the home tab, where there is none."""
    cases.under(Terms(channels=("C0ELSE",)))
    from_home = await cases.policy_queries.policy_of(ORDERS, replace(TYPED, channel_id=""))
    from_ops = await cases.policy_queries.policy_of(ORDERS, TYPED)

    assert from_home.decision.verdict is AskVerdict.NEEDS_APPROVAL
    assert from_ops.decision.verdict is AskVerdict.OTHER_CHANNEL


@pytest.mark.usefixtures("hurried")
async def test_while_slack_is_silent_groups_are_unknown(cases: UseCases) -> None:
    """So nobody in a group is told that they can do anything."""
    cases.under(Terms(requesters=(DBAS,), approvers=(DBAS,)))
    cases.people.hangs = True

    view = await cases.policy_queries.policy_for("orders-prod", DBA)

    assert view.decision.verdict is AskVerdict.GROUPS_UNKNOWN
    assert view.able is None


@pytest.mark.parametrize(
    ("reference", "error"), [("nowhere", UnknownInstance), ("orders-replica", ReadReplica)]
)
async def test_the_policy_of_what_cannot_be_backed_up(
    cases: UseCases, reference: str, error: type[Exception]
) -> None:
    """The same error as for a backup of it."""
    with pytest.raises(error):
        await cases.policy_queries.policy_for(reference, TYPED)


async def test_the_policy_while_rds_is_unreachable(cases: UseCases) -> None:
    """A rule may go by the id, so nothing is guessed from the name."""
    cases.catalogue.trouble = RdsUnreachable("slow")
    with pytest.raises(RdsUnreachable):
        await cases.policy_queries.policy_for("orders-prod", TYPED)


async def _history(cases: UseCases, count: int) -> None:
    for number in range(count):
        origin = typed(f"trigger-{number}")
        await cases.backups.ask(CreateBackup("orders-prod", f"before-{number}"), origin)
    await cases.backups.ask(CreateBackup("billing-prod", "elsewhere"), typed("other"))


async def test_the_trail_ends_with_the_newest(cases: UseCases) -> None:
    """Of this instance only, oldest first."""
    await _history(cases, LAST_ENTRIES + 2)

    trail = await cases.policy_queries.trail("shop", DBA)

    names = [entry.detail["name"] for entry in trail.entries]
    assert trail.instance_name == "orders-prod"
    assert names == [f"before-{number}" for number in range(2, LAST_ENTRIES + 2)]


@pytest.mark.parametrize("trouble", [RdsUnreachable("slow"), None])
async def test_the_trail_of_an_instance_that_rds_does_not_show(
    cases: UseCases, trouble: RdsUnreachable | None
) -> None:
    """It is found by what was typed: the trail outlives the instance."""
    await _history(cases, 1)
    cases.catalogue.instances = [BILLING]
    cases.catalogue.trouble = trouble

    trail = await cases.policy_queries.trail("orders-prod", DBA)

    assert [entry.action for entry in trail.entries] == [AuditAction.SUBMITTED]


async def test_auditors_are_those_that_the_policy_names(cases: UseCases) -> None:
    """Then approvers are not let in."""
    cases.under(Terms(approvers=(DBAS,), auditors=(ANA,), rule=BY_APPROVAL))
    assert list((await cases.policy_queries.trail("orders-prod", TYPED)).entries) == []
    with pytest.raises(MayNotAudit) as refused:
        await cases.policy_queries.trail("orders-prod", DBA)

    assert (refused.value.rule, refused.value.auditors) == (BY_APPROVAL, (ANA,))


async def test_a_rule_of_one_project_guards_an_instance_that_rds_does_not_show(
    cases: UseCases,
) -> None:
    """It may be that project's, so who can read the log elsewhere can't read it here."""
    rule = Rule(instances=("prod-eu/*",), auditors=(ANA,))
    cases.policy_queries.policy = Policy(defaults=Terms(approvers=(DBAS,)), rules=(rule,))
    cases.catalogue.instances = [BILLING]

    for reference in ("orders-prod", "prod-eu/orders-prod"):
        with pytest.raises(MayNotAudit):
            await cases.policy_queries.trail(reference, DBA)


async def test_who_is_refused_is_on_the_trail(cases: UseCases) -> None:
    """Of the instance that they wanted to read about."""
    with pytest.raises(MayNotAudit):
        await cases.policy_queries.trail("shop", TYPED)

    (entry,) = await cases.store.audit_trail()
    assert (entry.action, entry.actor) == (AuditAction.AUDIT_REFUSED, ANA)
    assert (entry.instance, entry.rule) == ("orders-prod", "[approval]")


@pytest.mark.usefixtures("hurried")
async def test_while_slack_is_silent_no_one_reads_the_audit_log(cases: UseCases) -> None:
    """The error is another one: the same person may be let in a minute later."""
    cases.people.hangs = True
    with pytest.raises(GroupsUnknown) as refused:
        await cases.policy_queries.trail("orders-prod", DBA)

    assert refused.value.allowed == (DBAS,)
    assert await cases.trail() == ["audit_refused"]


async def test_the_trail_of_a_name_of_two_instances(cases: UseCases) -> None:
    """An id has to say which."""
    cases.catalogue.instances.append(BILLING.model_copy(update={"name": "orders-prod"}))
    with pytest.raises(AmbiguousInstance):
        await cases.policy_queries.trail("orders-prod", DBA)


async def test_the_trail_without_a_database(cases: UseCases) -> None:
    """Also for those who would be refused: no refusal goes unnoted."""
    cases.lose_database()
    for origin in (TYPED, DBA):
        with pytest.raises(StoreUnavailable):
            await cases.policy_queries.trail("orders-prod", origin)
