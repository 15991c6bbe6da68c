"""The last line of a request's thread: how it ended, why, and what to do next."""

from bot.domain.errors import GaveUp
from bot.domain.quantities import counted
from bot.domain.requests import BackupRequest, Choice, Kind
from bot.domain.states import RequestState
from bot.slack.messages.mrkdwn import code, date, mention, name, rough
from bot.slack.messages.reasons import reason, told
from bot.slack.messages.words import (
    action,
    again,
    approval,
    ask_again,
    nothing,
    outcome,
    reason_of,
    to_check,
)

_S = RequestState


def ended(request: BackupRequest, command: str) -> str:
    """Tell the requester how it ended. The request must be in a final state."""
    if request.state is _S.WITHDRAWN:
        who = mention(request.requester)
        return f"{who} withdrew the request to {action(request)}. {nothing(request)}"
    ending = {
        _S.COMPLETED: _completed,
        _S.DELETED: _deleted,
        _S.FAILED: _failed,
        _S.LOST: _lost,
        _S.REFUSED: _refused,
        _S.REJECTED: _rejected,
        _S.EXPIRED: _expired,
    }[request.state]
    line = f"{mention(request.requester)} {ending(request, command)}"
    if request.state in (_S.COMPLETED, _S.DELETED):
        return line
    if request.is_in_doubt:
        return f"{line} Only if {_undone(request)}, request it again: {again(request, command)}"
    return f"{line} {ask_again(request, command)}"


def _completed(request: BackupRequest, command: str) -> str:
    until = f"is kept until someone runs {code(f'{command} delete {request.name}')}"
    if request.deleted_after:
        until = (
            f"will be deleted automatically {date(request.deleted_after)}; "
            "I'll post a notice here the day before"
        )
    check = to_check(request, command)
    sentences = (
        f"Your backup is complete: {outcome(request)}.",
        check,
        f"{code(request.name)} {until}.",
        _by(request),
    )
    return " ".join(filter(None, sentences))


def _deleted(request: BackupRequest, _: str) -> str:
    backup = f"{code(request.name)} of {name(request.instance_name)}"
    return f"Deleted: RDS no longer lists {backup}. {_by(request)}"


def _by(request: BackupRequest) -> str:
    return f"Requested by {mention(request.requester)}, {approval(request)}."


def _failed(request: BackupRequest, _: str) -> str:
    after = f" after {rough(request.took)}" if request.took else ""
    quote = ""
    if request.rds_request_id:
        quote = f", and quote request {code(request.rds_request_id)} to support"
    return (
        f"The backup {code(request.name)} of {name(request.instance_name)} *failed*: RDS reported "
        f"`FAILED`{after}. No backup was kept. RDS doesn't say why: check the instance's "
        f"events{quote}."
    )


def _lost(request: BackupRequest, _: str) -> str:
    return (
        f"The backup {code(request.name)} of {name(request.instance_name)} has *disappeared*: RDS "
        f"accepted it as {code(request.backup_id or '?')} but no longer lists it. Don't rely on "
        "it. RDS doesn't say why: check the RDS console to see whether someone deleted it."
    )


def _refused(request: BackupRequest, _: str) -> str:
    error = request.refusal.error if request.refusal else None
    why = told(error, nothing(request)) if error else nothing(request)
    came_to = "was *refused*"
    if isinstance(error, GaveUp) and request.is_in_doubt:
        came_to, why = "is *not confirmed*", f"{reason(error).why} {nothing(request)}"
    elif isinstance(error, GaveUp):
        came_to = "was *not carried out*"
    return f"Your request to {action(request)} {came_to}. {why}"


def _undone(request: BackupRequest) -> str:
    """What the requester has to see in RDS before requesting the same again."""
    return "it's still there" if request.kind is Kind.DELETE else "it isn't there"


def _rejected(request: BackupRequest, _: str) -> str:
    vote = request.vote(Choice.REJECT)
    by = mention(vote.user_id) if vote and vote.user_id != request.requester else "you"
    return (
        f"Your request to {action(request)} was *rejected* by {by}"
        f"{reason_of(request, Choice.REJECT)}. {nothing(request)}"
    )


def _expired(request: BackupRequest, _: str) -> str:
    needed = request.terms.approvals if request.terms else 1
    given = len(request.approvers)
    until = request.expires_at or request.decided_at
    by = f" by {date(until)}" if until else " in time"
    why = f"it had only {given} of {counted(needed, 'approval')}{by}"
    if not given:
        why = f"nobody responded{by}"
    return f"Your request to {action(request)} *expired*: {why}. {nothing(request)}"
