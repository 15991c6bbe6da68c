"""The small print of a card that waits: what approving does, who may, and until when."""

from bot.domain.policy import Terms
from bot.domain.requests import BackupRequest, Kind
from bot.slack.messages.mrkdwn import MOST_CALLED, code, date, people
from bot.slack.messages.policy_words import rule
from bot.slack.messages.words import missing_approvals, typed_instance, usually


def approving(request: BackupRequest) -> str:
    """What the click that decides lets happen."""
    needed = request.terms.approvals if request.terms else 1
    is_last = missing_approvals(request) <= 1
    which = "Approving" if is_last else f"The last of {needed} approvals"
    if request.kind is Kind.DELETE:
        return f"{which} deletes it for good: it cannot be brought back."
    usual = usually(request.history)
    return f"{which} lets RDS start it at once{usual and f': {usual}'}; it cannot be stopped then."


def small_print(request: BackupRequest, command: str) -> list[str]:
    """Who is called to decide, and who may start it alone.

    Nobody else is mentioned, since a mention notifies: a command tells who they are.
    """
    terms = request.terms
    if terms is None:
        return ["Nobody can decide yet"]
    tells_who = f": {code(f'{command} policy {typed_instance(request)}')} tells who"
    decides = _who_may(request, terms, tells_who)
    lines = [f"{decides} ({rule(terms.rule)})"]
    if terms.break_glass:
        who = "Some"
        if {*terms.break_glass} <= {*terms.mentioned, request.requester}:
            who, tells_who = people(terms.break_glass, "or"), ""
        elif tells_who in decides:
            tells_who = ""
        lines.append(f"{who} may start it at once with a reason{tells_who}")
    return lines


def _who_may(request: BackupRequest, terms: Terms, tells_who: str) -> str:
    by = f" by {date(request.expires_at)}" if request.expires_at else ""
    until = by.replace(" by", ", until", 1)
    called = people(terms.mentioned, "and", MOST_CALLED)
    but = "" if terms.self_approval else " but the requester"
    if terms.approvers and {*terms.approvers} <= {*terms.mentioned}:
        return f"Only {people(terms.approvers, 'or', MOST_CALLED)} may decide{until}"
    if called:
        others = f"others may too{tells_who}" if terms.approvers else f"anybody here{but} may too"
        return f"{called}, please decide{by}; {others}"
    if terms.approvers:
        return f"The approvers may decide{until}{tells_who}"
    return f"Anybody here{but} may approve{until}"
