"""What the policy command answers, word by word."""

from datetime import timedelta

import pytest

from bot.domain.decisions import AskVerdict, Decision
from bot.domain.instances import Instance
from bot.domain.policy import Policy, Rule, Terms
from bot.slack.messages import answers
from tests.slack.block_kit import check, mrkdwn, seen

INSTANCE = Instance(id="i", name="orders-prod", status="ACTIVE")
STRICT = Terms(
    requesters=("U0ANA",),
    channels=("C0OPS",),
    approvals=2,
    approvers=("S0DBA",),
    notify=("U0BEN",),
    break_glass=("U0CYD",),
    auditors=("U0CYD",),
    channel="C0OPS",
    rule="rule 2 (orders-*)",
)


def told(
    terms: Terms,
    verdict: AskVerdict = AskVerdict.NEEDS_APPROVAL,
    able: frozenset[str] | None = None,
    *,
    break_glass: bool | None = False,
) -> list[str]:
    message = answers.policy_answer(
        INSTANCE,
        terms,
        Decision(verdict, terms.rule),
        user="U0ANA",
        able=able,
        break_glass=break_glass,
        command="/backup",
    )
    check(message)
    return seen(message).split("\n")


def test_everything_the_policy_says_of_an_instance() -> None:
    """Whether one may ask comes first, then each right and who has it."""
    assert told(STRICT, able=frozenset({"U0BEN", "U0CYD"}), break_glass=True) == [
        "*Policy of orders-prod*: rule 2, `orders-*`",
        "You can request a backup: `/backup create orders-prod &lt;name&gt;`",
        "• Can request: <@U0ANA>, in <#C0OPS>",
        (
            "• Approvers: 2 of <!subteam^S0DBA>, not the requester; "
            "for your requests: <@U0BEN> or <@U0CYD>"
        ),
        "• Notified: <@U0BEN>",
        "• Card goes to: <#C0OPS>",
        "• Expires after: 8 h; first reminder after 1 h",
        "• Start without approval: <@U0CYD>, with a reason (including you)",
        "• Read the audit log: <@U0CYD>",
    ]


def test_without_a_limit_it_is_anybody() -> None:
    """Empty tuples are told as what they mean."""
    assert told(Terms(remind_after=timedelta(0)))[1:] == [
        "You can request a backup: `/backup create orders-prod &lt;name&gt;`",
        "• Can request: anyone",
        "• Approvers: anyone except the requester",
        "• Card goes to: the channel of the request",
        "• Expires after: 8 h, without reminders",
        "• Start without approval: no one",
        "• Read the audit log: anyone",
    ]


def test_what_starts_at_once_has_nothing_to_wait_for() -> None:
    """No card to approve, no reminders."""
    assert told(Terms(approvals=0), AskVerdict.RUNS_AT_ONCE)[1:] == [
        (
            "You can request a backup, and it starts immediately: "
            "`/backup create orders-prod &lt;name&gt;`"
        ),
        "• Can request: anyone",
        "• Approvers: no approval needed",
        "• Read the audit log: anyone",
    ]


@pytest.mark.parametrize(
    ("verdict", "shown"),
    [
        (AskVerdict.MAY_NOT_ASK, "You can't request a backup: only <@U0ANA> can."),
        (
            AskVerdict.OTHER_CHANNEL,
            "You can't request a backup in this channel. Request it in <#C0OPS>.",
        ),
        (
            AskVerdict.GROUPS_UNKNOWN,
            (
                "I can't tell whether you can request a backup: I couldn't get the members of the "
                "user group from Slack. Try again in a minute."
            ),
        ),
        (
            AskVerdict.TOO_FEW_APPROVERS,
            (
                "You can't request a backup: it requires 2 approvals, and only <@U0BEN> can "
                "approve it. The bot's operator needs to add approvers."
            ),
        ),
    ],
)
def test_who_may_not_ask_hears_why(verdict: AskVerdict, shown: str) -> None:
    """And what to do about it."""
    assert told(STRICT, verdict, frozenset({"U0BEN"}))[1] == shown


@pytest.mark.parametrize(
    ("terms", "shown"),
    [
        (Terms(approvers=("U0BEN",)), "<@U0BEN>, not the requester"),
        (Terms(approvers=("U0BEN",), self_approval=True), "<@U0BEN>"),
        (Terms(approvers=("U0BEN", "U0CYD")), "1 of <@U0BEN> and <@U0CYD>, not the requester"),
        (Terms(approvals=2), "any 2 people except the requester"),
        (Terms(approvals=2, self_approval=True), "any 2 people"),
    ],
)
def test_how_many_of_whom(terms: Terms, shown: str) -> None:
    """One person, one of many, or a number of them."""
    assert f"• Approvers: {shown}" in told(terms)


def test_an_own_approval_may_count() -> None:
    """Where the terms allow it, the asker is among those who can."""
    terms = STRICT.model_copy(update={"self_approval": True})
    (line,) = [line for line in told(terms, able=frozenset({"U0ANA"})) if "Approve" in line]

    assert line.endswith("; for your requests: <@U0ANA> (your own approval counts)")


def test_all_rules_in_their_order() -> None:
    """A line each, with what they inherit; the defaults are the rest."""
    rules = (
        Rule(instances=("orders-*", "pay"), approvals=2, break_glass=("U0ANA",)),
        Rule(instances=("dev-*",), approvals=0),
        Rule(instances=("x",), requesters=("U0ANA",), channels=("C0OPS",), approvers=()),
    )
    policy = Policy(defaults=Terms(approvers=("S0DBA",), rule="[approval]"), rules=rules)

    assert seen(answers.policy_overview(policy, "/backup")).split("\n") == [
        (
            "*Policy*: the first rule that matches an instance applies. "
            "`/backup policy &lt;instance&gt;` shows one instance in full."
        ),
        (
            "1. `orders-*` and `pay`: approved by 2 of <!subteam^S0DBA>, not the requester, "
            "within 8 h · started without approval by <@U0ANA>"
        ),
        "2. `dev-*`: no approval needed",
        (
            "3. `x`: approved by anyone except the requester, within 8 h · "
            "requested by <@U0ANA>, in <#C0OPS>"
        ),
        (
            "Everything else ([approval]): approved by 1 of <!subteam^S0DBA>, not the requester, "
            "within 8 h"
        ),
    ]


def test_without_rules_there_is_one_policy() -> None:
    """The defaults are for every instance."""
    lines = seen(answers.policy_overview(Policy(), "/backup")).split("\n")

    assert lines[1].startswith("Everything (the default policy): ")


@pytest.mark.parametrize("crowd", [1, 20])
def test_fifty_rules_fit_into_a_message(crowd: int) -> None:
    """What does not fit is counted, and the defaults stay."""
    ids = ("S0DBA",) * crowd
    rule = Rule(instances=("orders-*",) * crowd, requesters=ids, approvers=ids, break_glass=ids)
    message = answers.policy_overview(Policy(rules=(rule,) * 50), "/backup")

    check(message)
    text = "\n".join(mrkdwn(message.as_slack()["blocks"]))
    assert "Everything else (the default policy)" in text
    assert ("more rules; see the bot's config file." in text) == (crowd == 20)
