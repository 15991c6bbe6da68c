"""The footer of a card that waits: what approving does, who can approve, and until when."""

from bot.domain.policy import Terms
from bot.domain.requests import BackupRequest, Kind
from bot.slack.messages.mrkdwn import MOST_CALLED, code, date, people
from bot.slack.messages.policy_words import rule
from bot.slack.messages.words import missing_approvals, typed_instance, usually

ORDINALS = {2: "second", 3: "third", 4: "fourth", 5: "fifth"}


def approving(request: BackupRequest) -> str:
    """What the deciding approval starts, and that it can't be undone."""
    needed = request.terms.approvals if request.terms else 1
    is_last = missing_approvals(request) <= 1
    last = f"The {ORDINALS.get(needed, 'last')} approval"
    if request.kind is Kind.DELETE:
        deletes = "If you approve, it is deleted" if is_last else f"{last} deletes it"
        return f"{deletes} permanently. This can't be undone."
    usual = usually(request.history)
    takes = f" ({usual})" if usual else ""
    if is_last:
        return (
            f"If you approve, the backup starts immediately{takes} and can't be stopped from here."
        )
    return f"{last} starts the backup immediately{takes}; it can't be stopped from here."


def small_print(request: BackupRequest, command: str) -> list[str]:
    """Who is asked to decide, and who can skip approval.

    Nobody else is mentioned, because a mention notifies: a command shows who they are.
    """
    terms = request.terms
    if terms is None:
        return ["Nobody can decide yet"]
    see = f": see {code(f'{command} policy {typed_instance(request)}')}"
    deciders = _deciders(terms, see)
    expires = f" · expires {date(request.expires_at)}" if request.expires_at else ""
    lines = [f"{deciders}{expires} ({rule(terms.rule)})"]
    if terms.break_glass:
        who = "Some people"
        if {*terms.break_glass} <= {*terms.mentioned, request.requester}:
            who, see = people(terms.break_glass, "or"), ""
        elif see in deciders:
            see = ""
        lines.append(f"{who} can skip approval with a reason{see}")
    return lines


def _deciders(terms: Terms, see: str) -> str:
    called = people(terms.mentioned, "and", MOST_CALLED)
    anyone = "anyone here" if terms.self_approval else "anyone here except the requester"
    if terms.approvers and {*terms.approvers} <= {*terms.mentioned}:
        return f"Only {people(terms.approvers, 'or', MOST_CALLED)} can approve or reject"
    if called:
        others = f"others can, too{see}" if terms.approvers else f"{anyone} can, too"
        return f"{called}, please approve or reject; {others}"
    if terms.approvers:
        return f"Only the approvers can approve or reject{see}"
    if terms.self_approval:
        return "Anyone here can approve"
    return "Anyone here except the requester can approve"
