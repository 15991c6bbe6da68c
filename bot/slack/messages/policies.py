"""What the policy says, for whoever asks: of one instance, or of all."""

from bot.domain.decisions import AskVerdict, Decision
from bot.domain.instances import Instance
from bot.domain.policy import Policy, Terms, is_group
from bot.domain.quantities import counted
from bot.slack.messages.listing import MESSAGE_ROOM, fitting, listing
from bot.slack.messages.mrkdwn import Message, channel, code, duration, listed, name, people, said
from bot.slack.messages.policy_words import FEW, patterns_of, rule, who_approves, who_asks


def policy_answer(
    instance: Instance,
    terms: Terms,
    decision: Decision[AskVerdict],
    *,
    user: str,
    able: frozenset[str] | None,
    break_glass: bool | None,
    command: str,
) -> Message:
    """What it says of one instance to one person; whether they may ask comes first.

    `able` are those who can approve what `user` asks for, `break_glass` whether `user` may
    start it alone; None where that is not known.
    """
    shown = name(instance.name)
    facts = {
        "Ask": who_asks(terms),
        "Approve": f"{who_approves(terms)}{_able(terms, able, user)}",
        "Called": _called(terms),
        "Card": f"in {channel(terms.channel)}" if terms.channel else "where it was asked",
        "Waits": _waits(terms),
        "Start without approval": _glass(terms, may=break_glass),
        "Read the audit trail": people(terms.auditors or terms.approvers, "or") or "anybody",
    }
    if not terms.approvals:
        facts = {title: facts[title] for title in ("Ask", "Approve", "Read the audit trail")}
    lines = [f"• {title}: {fact}" for title, fact in facts.items() if fact]
    head = f"*Policy of {shown}*: {rule(decision.rule)}"
    verdict = verdict_words(
        decision.verdict, terms, able, f"{command} create {instance.typed} <name>"
    )
    return said("\n".join((head, verdict, *lines)))


def policy_overview(policy: Policy, command: str) -> Message:
    """Every rule in its order, the defaults last; of very many rules, the first."""
    rules = [
        f"{number}. {patterns_of(policy, number)}: {_in_short(policy.terms_of(number))}"
        for number in range(1, len(policy.rules) + 1)
    ]
    first = "the first rule that covers an instance decides" if rules else "one for every instance"
    head = f"*Policy*: {first}. {code(f'{command} policy <instance>')} says it all of one."
    rest = (
        f"Everything else ({rule(policy.defaults.rule)})"
        if rules
        else (f"Everything ({rule(policy.defaults.rule)})")
    )
    last = f"{rest}: {_in_short(policy.defaults)}"
    shown = fitting(rules, MESSAGE_ROOM - len(head) - len(last))
    cut = len(rules) - len(shown)
    more = [f"… and {counted(cut, 'more rule')}, which the config has."] if cut else []
    return listing([head, *shown, *more, last])


def verdict_words(
    verdict: AskVerdict, terms: Terms, able: frozenset[str] | None, example: str
) -> str:
    """Whether the person may ask, and if not, what to do."""
    match verdict:
        case AskVerdict.NEEDS_APPROVAL:
            return f"You may ask: {code(example)}"
        case AskVerdict.RUNS_AT_ONCE:
            return f"You may ask, and it starts at once: {code(example)}"
        case AskVerdict.MAY_NOT_ASK:
            return f"You may not ask: let {people(terms.requesters, 'or')} ask."
        case AskVerdict.OTHER_CHANNEL:
            where = listed([channel(channel_id) for channel_id in terms.channels], "or")
            return f"You may not ask in this channel: ask in {where}."
        case AskVerdict.GROUPS_UNKNOWN:
            groups = people([*filter(is_group, terms.requesters)], "or") or "the group that may"
            return (
                f"I can't tell whether you may ask: Slack does not say who is in {groups}. "
                "Try again in a minute."
            )
        case AskVerdict.TOO_FEW_APPROVERS:
            who = f"only {people(sorted(able))}" if able else "nobody"
            return (
                f"You may ask, but it could not start: {who} can approve it. "
                "Whoever runs the bot has to name more."
            )


def _able(terms: Terms, able: frozenset[str] | None, user: str) -> str:
    """Who is behind the groups; the names of the asker's own approvers."""
    if not able or not any(map(is_group, terms.approvers)):
        return ""
    you = " (your own approval counts)" if user in able else ""
    return f"; if you ask: {people(sorted(able), 'or', FEW)}{you}"


def _called(terms: Terms) -> str:
    """Only where it is not simply the approvers."""
    if terms.notify is None:
        return ""
    return people(terms.notify) or "nobody"


def _waits(terms: Terms) -> str:
    if not terms.remind_after:
        return f"{duration(terms.expires_after)}, without reminders"
    first = duration(terms.remind_after)
    return f"{duration(terms.expires_after)}; first reminder after {first}"


def _glass(terms: Terms, *, may: bool | None) -> str:
    if not terms.break_glass:
        return "nobody"
    you = "; you may" if may else ""
    return f"{people(terms.break_glass, 'or')}, with a reason{you}"


def _in_short(terms: Terms) -> str:
    """Terms in a line; what is not limited is left out."""
    limited = bool(terms.requesters or terms.channels)
    approved = f"approved by {who_approves(terms)}, within {duration(terms.expires_after)}"
    glass = f"started without approval by {people(terms.break_glass, 'or', FEW)}"
    parts = (
        approved if terms.approvals else "no approval needed",
        f"asked for by {who_asks(terms)}" if limited else "",
        glass if terms.approvals and terms.break_glass else "",
    )
    return " · ".join(filter(None, parts))
