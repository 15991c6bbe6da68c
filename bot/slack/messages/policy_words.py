"""What the policy wants, in a reader's words: who, how many, where and by which rule."""

from bot.domain.policy import Policy, Terms, is_group
from bot.slack.messages.mrkdwn import channel, code, listed, name, people

FEW = 5  # people or patterns in one line of many


def rule(terms_rule: str) -> str:
    """Where terms come from: `rule 2 (orders-*)` has its patterns as code."""
    head, bracket, patterns = terms_rule.partition(" (")
    if not bracket:
        return name(head)
    return f"{name(head)}, {code(patterns.removesuffix(')'))}"


def patterns_of(policy: Policy, number: int) -> str:
    """What a rule covers; rules are counted from 1."""
    return listed([code(pattern) for pattern in policy.rules[number - 1].instances], "and", FEW)


def who_asks(terms: Terms) -> str:
    """`anybody`, or `<@U0ANA> or <@U0BEN>, in <#C0OPS>`."""
    who = people(terms.requesters, "or", FEW) or "anybody"
    where = listed([channel(channel_id) for channel_id in terms.channels], "or", FEW)
    return f"{who}, in {where}" if where else who


def who_approves(terms: Terms) -> str:
    """`2 of <!subteam^S0DBA>, not the requester`, or `anybody`."""
    if not terms.approvals:
        return "nobody has to"
    if not terms.approvers:
        who = "anybody" if terms.approvals == 1 else f"any {terms.approvals} people"
        return who if terms.self_approval else f"{who} but the requester"
    if terms.approvals == 1 and len(terms.approvers) == 1 and not is_group(terms.approvers[0]):
        who = people(terms.approvers)
    else:
        who = f"{terms.approvals} of {people(terms.approvers, 'and', FEW)}"
    return who if terms.self_approval else f"{who}, not the requester"
