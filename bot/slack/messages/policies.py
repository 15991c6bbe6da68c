"""Answer `policy`: the terms of one instance, or every rule in short."""

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
    """Show one instance's policy to `user`, starting with whether they can request a backup.

    `able` are the people who can approve a request by `user`; `break_glass` is whether `user`
    can start one without approval. Both are None where that is unknown.
    """
    shown = name(instance.label)
    facts = {
        "Can request": who_asks(terms),
        "Approvers": f"{who_approves(terms)}{_able(terms, able, user)}",
        "Notified": _called(terms),
        "Card goes to": channel(terms.channel) if terms.channel else "the channel of the request",
        "Expires after": _waits(terms),
        "Start without approval": _glass(terms, may=break_glass),
        "Read the audit log": people(terms.auditors or terms.approvers, "or") or "anyone",
    }
    if not terms.approvals:
        facts = {
            title: facts[title] for title in ("Can request", "Approvers", "Read the audit log")
        }
    lines = [f"• {title}: {fact}" for title, fact in facts.items() if fact]
    head = f"*Policy of {shown}*: {rule(terms.rule)}"
    verdict = verdict_words(
        decision.verdict, terms, able, f"{command} create {instance.typed} <name>"
    )
    return said("\n".join((head, verdict, *lines)))


def policy_overview(policy: Policy, command: str) -> Message:
    """List every rule in order, then the defaults. Rules that don't fit are counted."""
    rules = [
        f"{number}. {patterns_of(policy, number)}: {_in_short(policy.terms_of(number))}"
        for number in range(1, len(policy.rules) + 1)
    ]
    first = "the first rule that matches an instance applies" if rules else "one for all instances"
    head = f"*Policy*: {first}. {code(f'{command} policy <instance>')} shows one instance in full."
    rest = (
        f"Everything else ({rule(policy.defaults.rule)})"
        if rules
        else (f"Everything ({rule(policy.defaults.rule)})")
    )
    last = f"{rest}: {_in_short(policy.defaults)}"
    shown = fitting(rules, MESSAGE_ROOM - len(head) - len(last))
    cut = len(rules) - len(shown)
    more = [f"… and {counted(cut, 'more rule')}; see the bot's config file."] if cut else []
    return listing([head, *shown, *more, last])


def verdict_words(
    verdict: AskVerdict, terms: Terms, able: frozenset[str] | None, example: str
) -> str:
    """Say whether the person can request a backup, and if not, what to do."""
    match verdict:
        case AskVerdict.NEEDS_APPROVAL:
            return f"You can request a backup: {code(example)}"
        case AskVerdict.RUNS_AT_ONCE:
            return f"You can request a backup, and it starts immediately: {code(example)}"
        case AskVerdict.MAY_NOT_ASK:
            return f"You can't request a backup: only {people(terms.requesters, 'or')} can."
        case AskVerdict.OTHER_CHANNEL:
            where = listed([channel(channel_id) for channel_id in terms.channels], "or")
            return f"You can't request a backup in this channel. Request it in {where}."
        case AskVerdict.GROUPS_UNKNOWN:
            groups = people([*filter(is_group, terms.requesters)], "or") or "the user group"
            return (
                "I can't tell whether you can request a backup: I couldn't get the members of "
                f"{groups} from Slack. Try again in a minute."
            )
        case AskVerdict.TOO_FEW_APPROVERS:
            who = f"only {people(sorted(able))}" if able else "no one"
            return (
                f"You can't request a backup: it requires {counted(terms.approvals, 'approval')}, "
                f"and {who} can approve it. The bot's operator needs to add approvers."
            )


def _able(terms: Terms, able: frozenset[str] | None, user: str) -> str:
    """Name the people behind the groups who can approve this user's request."""
    if not able or not any(map(is_group, terms.approvers)):
        return ""
    you = " (your own approval counts)" if user in able else ""
    return f"; for your requests: {people(sorted(able), 'or', FEW)}{you}"


def _called(terms: Terms) -> str:
    """Say who is notified, unless that is simply the approvers."""
    if terms.notify is None:
        return ""
    return people(terms.notify) or "no one"


def _waits(terms: Terms) -> str:
    if not terms.remind_after:
        return f"{duration(terms.expires_after)}, without reminders"
    first = duration(terms.remind_after)
    return f"{duration(terms.expires_after)}; first reminder after {first}"


def _glass(terms: Terms, *, may: bool | None) -> str:
    if not terms.break_glass:
        return "no one"
    you = " (including you)" if may else ""
    return f"{people(terms.break_glass, 'or')}, with a reason{you}"


def _in_short(terms: Terms) -> str:
    """Return the terms in one line, without what is unlimited."""
    limited = bool(terms.requesters or terms.channels)
    approved = f"approved by {who_approves(terms)}, within {duration(terms.expires_after)}"
    glass = f"started without approval by {people(terms.break_glass, 'or', FEW)}"
    parts = (
        approved if terms.approvals else "no approval needed",
        f"requested by {who_asks(terms)}" if limited else "",
        glass if terms.approvals and terms.break_glass else "",
    )
    return " · ".join(filter(None, parts))
