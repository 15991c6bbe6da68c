"""The lines in a request's thread: each says a change of state after it is true."""

from datetime import datetime, timedelta

from bot.domain.requests import BackupRequest, Line, RequestState
from bot.slack.mrkdwn import Message, code, date, mention, name, people, rough, said
from bot.slack.reasons import told
from bot.slack.words import ask_again, outcome, rule, usually, was_approved

_S = RequestState


def thread_line(
    request: BackupRequest, line: Line, *, now: datetime, command: str = "/backup"
) -> Message:
    """A line as the request stands; ENDED wants a final state."""
    match line:
        case Line.APPROVED:
            return said(f"{_approval(request)}. Starting.")
        case Line.BUSY:
            return said(
                f"RDS does something else with {name(request.instance_name)}, and does one thing "
                "at a time. Nothing was started; I ask again until it is free."
            )
        case Line.OUTCOME_UNKNOWN:
            return said(
                "RDS did not answer when I asked it to start. "
                "I am looking whether it did, before I ask again."
            )
        case Line.STARTED:
            backup = code(request.backup_id or "?")
            return said(
                f"RDS did start it: backup {backup}. I don't ask again."
                if request.adopted
                else f"RDS accepted it: backup {backup}."
            )
        case Line.OVERDUE:
            return said(_overdue(request, now))
        case Line.ENDED:
            return said(_ended(request, command))


def is_broadcast(request: BackupRequest, line: Line) -> bool:
    """Whether the line also goes to the channel: what people count on and do not have."""
    if line is not Line.ENDED:
        return False
    if request.state in (_S.FAILED, _S.LOST):
        return True
    return request.state is _S.REFUSED and was_approved(request)


def _approval(request: BackupRequest) -> str:
    if request.approvers:
        return f"{people(request.approvers)} approved"
    return f"No approval needed ({rule(request.terms)})" if request.terms else "No approval needed"


def _overdue(request: BackupRequest, now: datetime) -> str:
    elapsed = rough(max(timedelta(0), now - (request.started_at or now)))
    if usual := usually(request.history):
        so_far = f"It takes longer than usual: {elapsed} so far, {usual}."
    else:
        so_far = f"It takes long: {elapsed} so far, and there is no earlier one to compare with."
    return f"{so_far} RDS still says it is running."


def _ended(request: BackupRequest, command: str) -> str:
    ending = {
        _S.COMPLETED: _completed,
        _S.FAILED: _failed,
        _S.LOST: _lost,
        _S.REFUSED: _refused,
        _S.REJECTED: _rejected,
        _S.EXPIRED: _expired,
    }[request.state]
    line = f"{mention(request.requester)} {ending(request)}"
    return line if request.state is _S.COMPLETED else f"{line} {ask_again(request, command)}"


def _completed(request: BackupRequest) -> str:
    approval = _approval(request)
    return (
        f"completed: {outcome(request)}. "
        f"{code(request.name)} stays until somebody deletes it in the RDS console. "
        f"Asked by {mention(request.requester)}; {approval[0].lower()}{approval[1:]}."
    )


def _failed(request: BackupRequest) -> str:
    after = f" after {rough(request.took)}" if request.took else ""
    quote = ""
    if request.rds_request_id:
        quote = f", and quote request {code(request.rds_request_id)} to support"
    return (
        f"the backup of {name(request.instance_name)} *failed*: RDS says `FAILED`{after}. "
        f"Nothing was kept. RDS does not say why: look at the instance's events{quote}."
    )


def _lost(request: BackupRequest) -> str:
    return (
        f"the backup of {name(request.instance_name)} is *lost*: RDS accepted it as "
        f"{code(request.backup_id or '?')}, and lists it no more. Don't count on it. RDS does not "
        "say why: look in the RDS console whether somebody deleted it."
    )


def _refused(request: BackupRequest) -> str:
    why = told(request.refusal.error) if request.refusal else "Nothing was started."
    return f"the backup of {name(request.instance_name)} was *refused*. {why}"


def _rejected(request: BackupRequest) -> str:
    who = request.rejecter
    by = "you" if who is None or who == request.requester else mention(who)
    return (
        f"the backup of {name(request.instance_name)} was *rejected* by {by}. Nothing was started."
    )


def _expired(request: BackupRequest) -> str:
    needed = request.terms.approvals if request.terms else 1
    given = len(request.approvers)
    until = request.expires_at or request.decided_at
    by = f" by {date(until)}" if until else " in time"
    why = f"only {given} of {needed} approved it{by}" if given else f"nobody decided{by}"
    return (
        f"the request to back up {name(request.instance_name)} *expired*: {why}. "
        "Nothing was started."
    )
