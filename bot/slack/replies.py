"""The lines in a request's thread: each says a change of state after it is true."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.domain.requests import BackupRequest, Choice, Line, RequestState
from bot.slack.endings import ended
from bot.slack.mrkdwn import (
    MOST_CALLED,
    Message,
    code,
    date,
    duration,
    mention,
    name,
    people,
    rough,
    said,
)
from bot.slack.policy_words import count
from bot.slack.words import approval, missing_approvals, reason_of, usually, went_ahead

_S = RequestState


def thread_line(
    request: BackupRequest,
    line: Line,
    *,
    now: datetime,
    command: str = "/backup",
    subject: str = "",
    call: Sequence[str] = (),
) -> Message:
    """A line as the request stands; ENDED wants a final state.

    `subject` is who approved, for COUNTED; `call` are those whom REMINDER calls.
    """
    match line:
        case Line.COUNTED:
            return said(_counted(request, subject))
        case Line.REMINDER:
            return said(_reminder(request, now, call))
        case Line.OVERDUE:
            return said(_overdue(request, now))
        case Line.ENDED:
            return said(ended(request, command))
        case _:
            return said(LINES[line](request))


def is_broadcast(request: BackupRequest, line: Line, call: Sequence[str] = ()) -> bool:
    """Whether the line also goes to the channel: what nobody would hear of else in time.

    That is what people count on and do not have, and what started without them.
    """
    match line:
        case Line.BREAK_GLASS:
            return True
        case Line.REMINDER:
            return not call
        case Line.ENDED:
            if request.state is _S.REFUSED:
                return went_ahead(request)
            return request.state in (_S.FAILED, _S.LOST)
        case _:
            return False


def _counted(request: BackupRequest, voter: str) -> str:
    needed = request.terms.approvals if request.terms else 1
    order = request.approvers
    place = order.index(voter) + 1 if voter in order else len(order)
    return f"{mention(voter)} approved: {place} of {needed}."


def _reminder(request: BackupRequest, now: datetime, call: Sequence[str]) -> str:
    """Whoever approved is not mentioned: the card names them, and they have nothing to do."""
    called = f"{people(call, 'and', MOST_CALLED)} the" if call else "The"
    waits = now - (request.waits_since or request.asked_at)
    minutes = timedelta(minutes=round(waits / timedelta(minutes=1)))
    by = f" by {date(request.expires_at)}" if request.expires_at else ""
    needed = request.terms.approvals if request.terms else 1
    given = len(request.approvers)
    missing = max(1, missing_approvals(request))
    lacks = (
        f"{given} of {needed} approved, {missing} more needed{by}"
        if given
        else f"{count(needed, 'approval')} needed{by}"
    )
    backup = f"{called} backup of {name(request.instance_name)}"
    return f"{backup} still waits ({duration(minutes)}): {lacks}."


def _without_approval(request: BackupRequest) -> str:
    """Said to everybody who could have approved it, those who are not called else included."""
    vote = request.vote(Choice.BREAK_GLASS)
    who = mention(vote.user_id) if vote else "Somebody"
    approvers = request.terms.approvers if request.terms else ()
    called = f"{people(approvers, 'and', MOST_CALLED)}: " if approvers else ""
    needed = request.terms.approvals if request.terms else 1
    given = len(request.approvers)
    by = f"Only {given} of {needed} had" if given else "Nobody had"
    return (
        f"{called}{who} *started the backup of {name(request.instance_name)} without approval*"
        f"{reason_of(request, Choice.BREAK_GLASS)}. {by} approved it."
    )


def _overdue(request: BackupRequest, now: datetime) -> str:
    elapsed = rough(max(timedelta(0), now - (request.started_at or now)))
    if usual := usually(request.history):
        so_far = f"It takes longer than usual: {elapsed} so far, {usual}."
    else:
        so_far = f"It takes long: {elapsed} so far, and there is no earlier one to compare with."
    return f"{so_far} RDS still says it is running."


def _approved(request: BackupRequest) -> str:
    return f"{approval(request)}. Starting."


def _busy(request: BackupRequest) -> str:
    return (
        f"RDS does something else with {name(request.instance_name)}, and does one thing at a "
        "time. Nothing was started; I ask again until it is free."
    )


def _outcome_unknown(_: BackupRequest) -> str:
    return (
        "RDS did not answer when I asked it to start. "
        "I am looking whether it did, before I ask again."
    )


def _started(request: BackupRequest) -> str:
    backup = code(request.backup_id or "?")
    if request.adopted:
        return f"RDS did start it: backup {backup}. I don't ask again."
    return f"RDS accepted it: backup {backup}."


def _rds_away(request: BackupRequest) -> str:
    if request.state is _S.RUNNING:
        return "RDS does not answer. The backup goes on; I only cannot see how far it is."
    return "RDS does not answer. I keep asking; nothing starts twice."


def _keys_refused(request: BackupRequest) -> str:
    is_running = request.state is _S.RUNNING
    meanwhile = (
        "The backup goes on, but I cannot see how far it is"
        if is_running
        else "I can neither start the backup nor look for it"
    )
    return (
        f"RDS does not take my access key: it expired, or was taken away. {meanwhile}, until "
        "who operates me renews it. Then I go on by myself."
    )


def _rds_back(_: BackupRequest) -> str:
    return "RDS answers again."


LINES: dict[Line, Callable[[BackupRequest], str]] = {
    Line.BREAK_GLASS: _without_approval,
    Line.APPROVED: _approved,
    Line.BUSY: _busy,
    Line.OUTCOME_UNKNOWN: _outcome_unknown,
    Line.STARTED: _started,
    Line.RDS_AWAY: _rds_away,
    Line.KEYS_REFUSED: _keys_refused,
    Line.RDS_BACK: _rds_back,
}
