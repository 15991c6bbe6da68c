"""Words for what the policy requires: who, how many, where and by which rule."""

from bot.domain.policy import Policy, RuleReference, Terms, is_group
from bot.slack.messages.mrkdwn import channel, code, listed, name, people

FEW = 5  # people or patterns in one line of many


def rule(reference: RuleReference) -> str:
    """Return the rule behind some terms, with its patterns as code."""
    if not reference.instances:
        return name(reference.name)
    return f"{name(reference.name)}, {code(', '.join(reference.instances))}"


def patterns_of(policy: Policy, number: int) -> str:
    """Return the patterns of a rule; rules are numbered from 1."""
    return listed([code(pattern) for pattern in policy.rules[number - 1].instances], "and", FEW)


def who_asks(terms: Terms) -> str:
    """Return who can request: `anyone`, or `<@U0ANA> or <@U0BEN>, in <#C0OPS>`."""
    who = people(terms.requesters, "or", FEW) or "anyone"
    where = listed([channel(channel_id) for channel_id in terms.channels], "or", FEW)
    return f"{who}, in {where}" if where else who


def who_approves(terms: Terms) -> str:
    """Return who can approve: `2 of <!subteam^S0DBA>, not the requester`, or `anyone`."""
    if not terms.approvals:
        return "no approval needed"
    if not terms.approvers:
        who = "anyone" if terms.approvals == 1 else f"any {terms.approvals} people"
        return who if terms.self_approval else f"{who} except the requester"
    if terms.approvals == 1 and len(terms.approvers) == 1 and not is_group(terms.approvers[0]):
        who = people(terms.approvers)
    else:
        who = f"{terms.approvals} of {people(terms.approvers, 'and', FEW)}"
    return who if terms.self_approval else f"{who}, not the requester"
