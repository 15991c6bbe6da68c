"""How a request ended, as its thread tells it: what is so, what is not, what to do."""

from bot.domain.errors import GaveUp
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import RequestState
from bot.slack.messages.mrkdwn import code, date, mention, name, rough
from bot.slack.messages.reasons import told
from bot.slack.messages.words import (
    approval,
    ask_again,
    lower,
    nothing,
    outcome,
    reason_of,
    what,
    wish,
)

_S = RequestState


def ended(request: BackupRequest, command: str) -> str:
    """The last line, to the requester; wants a final state."""
    if request.state is _S.WITHDRAWN:
        who = mention(request.requester)
        return f"{who} withdrew the request to {wish(request)}. {nothing(request)}"
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
    return (
        line
        if request.state in (_S.COMPLETED, _S.DELETED)
        else f"{line} {ask_again(request, command)}"
    )


def _completed(request: BackupRequest, command: str) -> str:
    stays = f"stays until somebody deletes it: {code(f'{command} delete {request.name}')}"
    if request.deleted_after:
        stays = f"is deleted by itself on {date(request.deleted_after)}, a day after I say so here"
    return (
        f"completed: {outcome(request)}. {code(request.name)} {stays}. "
        f"Asked by {mention(request.requester)}; {lower(approval(request))}."
    )


def _deleted(request: BackupRequest, _: str) -> str:
    return (
        f"deleted: RDS lists {code(request.name)} of {name(request.instance_name)} no more. "
        f"Asked by {mention(request.requester)}; {lower(approval(request))}."
    )


def _failed(request: BackupRequest, _: str) -> str:
    after = f" after {rough(request.took)}" if request.took else ""
    quote = ""
    if request.rds_request_id:
        quote = f", and quote request {code(request.rds_request_id)} to support"
    return (
        f"the backup of {name(request.instance_name)} *failed*: RDS says `FAILED`{after}. "
        f"Nothing was kept. RDS does not say why: look at the instance's events{quote}."
    )


def _lost(request: BackupRequest, _: str) -> str:
    return (
        f"the backup of {name(request.instance_name)} is *lost*: RDS accepted it as "
        f"{code(request.backup_id or '?')}, and lists it no more. Don't count on it. RDS does not "
        "say why: look in the RDS console whether somebody deleted it."
    )


def _refused(request: BackupRequest, _: str) -> str:
    error = request.refusal.error if request.refusal else None
    why = told(error, nothing(request)) if error else nothing(request)
    ended = "was *refused*"
    if isinstance(error, GaveUp):
        ended = "is *not confirmed*" if request.is_in_doubt else "was *not carried out*"
    return f"{what(request)} {ended}. {why}"


def _rejected(request: BackupRequest, _: str) -> str:
    vote = request.vote(Choice.REJECT)
    by = mention(vote.user_id) if vote and vote.user_id != request.requester else "you"
    return (
        f"{what(request)} was *rejected* by {by}"
        f"{reason_of(request, Choice.REJECT)}. {nothing(request)}"
    )


def _expired(request: BackupRequest, _: str) -> str:
    needed = request.terms.approvals if request.terms else 1
    given = len(request.approvers)
    until = request.expires_at or request.decided_at
    by = f" by {date(until)}" if until else " in time"
    why = f"only {given} of {needed} approved it{by}" if given else f"nobody decided{by}"
    return f"the request to {wish(request)} *expired*: {why}. {nothing(request)}"
