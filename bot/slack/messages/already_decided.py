"""The answer to a click that came too late: who decided, when, and the state now."""

from bot.domain.clicks import Click
from bot.domain.requests import BackupRequest, Choice, Kind
from bot.domain.states import SENDING, RequestState
from bot.slack.messages.mrkdwn import date, mention, people
from bot.slack.messages.reasons import reason
from bot.slack.messages.words import nothing, outcome, reason_of, went_ahead

_S = RequestState
NOWS = {
    _S.SUBMITTED: "I'm checking it with RDS.",
    _S.AWAITING_APPROVAL: "It's waiting for approval.",
    _S.APPROVED: "It's starting now.",
    _S.CREATING: "It's starting now.",
    _S.RUNNING: "The backup is running.",
    _S.FAILED: "The backup failed, and nothing was kept.",
    _S.LOST: "The backup has disappeared: RDS no longer lists it.",
    _S.DELETING: "It's being deleted now.",
    _S.DELETED: "It has been deleted: RDS no longer lists it.",
}
UNDER_WAY = {_S.APPROVED, _S.CREATING, _S.RUNNING, _S.DELETING}
BEING_ASKED = {_S.APPROVED, *SENDING}
DID = {  # in this order: earlier approvals don't count once one of the others came
    Choice.WITHDRAW: "already withdrew this",
    Choice.BREAK_GLASS: "already started this without approval",
    Choice.REJECT: "already rejected this",
    Choice.APPROVE: "already approved this",
}


def already_decided(request: BackupRequest, click: Click) -> str:
    """Return who decided, when, and what came of it."""
    stands = [_first(request, click), _now(request)]
    if request.state in UNDER_WAY and click.choice in (Choice.REJECT, Choice.WITHDRAW):
        stands.append(_stopping(request))
    return " ".join(stands)


def _stopping(request: BackupRequest) -> str:
    if request.state not in BEING_ASKED:
        return "It can no longer be stopped."
    asker = mention(request.requester)
    return f"If RDS doesn't accept it within a minute, {asker} can still withdraw it."


def _first(request: BackupRequest, click: Click) -> str:
    did = [choice for choice in DID if request.vote(choice)]
    if request.state is not _S.WITHDRAWN and Choice.WITHDRAW in did:
        did.remove(Choice.WITHDRAW)  # it came too late
    choice = next(iter(did), None)
    if choice is None and request.state in (*UNDER_WAY, _S.COMPLETED):
        return "No approval was needed."
    if choice is None or (choice is Choice.APPROVE and not went_ahead(request)):
        if request.state.is_final:
            return "This is no longer waiting for a decision."
        return "There's nothing to decide right now."
    deciders = [vote.user_id for vote in request.votes if vote.choice is choice]
    who = "You" if deciders == [click.user_id] else people(deciders)
    at = f" ({date(request.decided_at)})" if request.decided_at else ""
    why = reason_of(request, choice)
    return f"{who} {DID[choice]}{at}{why}."


def _now(request: BackupRequest) -> str:
    if request.state is _S.COMPLETED:
        return f"The backup is complete: {outcome(request)}."
    if request.state is _S.REFUSED:
        why = f" {reason(request.refusal.error).why}" if request.refusal else ""
        return f"It was refused.{why} {nothing(request)}"
    if request.state is _S.EXPIRED:
        return f"It expired. {nothing(request)}"
    if request.state is _S.APPROVED and request.kind is Kind.DELETE:
        return NOWS[_S.DELETING]
    return NOWS.get(request.state) or nothing(request)
