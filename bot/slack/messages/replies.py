"""The lines in a request's thread: each says a change of state after it is true."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from slack_sdk.models.blocks import ActionsBlock, ButtonElement, SectionBlock

from bot.domain.errors import GaveUp
from bot.domain.quantities import counted
from bot.domain.requests import BackupRequest, Choice, Kind
from bot.domain.states import SENDING, RequestState
from bot.domain.thread_lines import ThreadLine
from bot.slack.messages.endings import ended
from bot.slack.messages.ids import KEEP_BACKUP
from bot.slack.messages.mrkdwn import (
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
    spoken,
    verbatim,
)
from bot.slack.messages.reasons import told
from bot.slack.messages.words import (
    approval,
    missing_approvals,
    reason_of,
    usually,
    went_ahead,
    what,
    wish,
)

_S = RequestState
MEANWHILE = (ThreadLine.RDS_AWAY, ThreadLine.KEYS_REFUSED)  # it can be withdrawn while this lasts


def thread_line(
    request: BackupRequest,
    line: ThreadLine,
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
        case ThreadLine.COUNTED:
            return said(_counted(request, subject))
        case ThreadLine.REMINDER:
            return said(_reminder(request, now, call))
        case ThreadLine.OVERDUE:
            return said(_overdue(request, now))
        case ThreadLine.EXPIRING:
            return _expiring(request)
        case ThreadLine.ENDED:
            return said(ended(request, command))
        case _:
            cancel = _to_cancel(request, command) if line in MEANWHILE else ""
            return said(f"{LINES[line](request)}{cancel}")


def _to_cancel(request: BackupRequest, command: str) -> str:
    if request.state not in SENDING:
        return ""
    return f" To cancel: {code(f'{command} withdraw {request.name}')}"


def pointer(request: BackupRequest, link: str) -> Message:
    """In the thread from which it was asked: where it is decided and followed."""
    return said(f"{mention(request.requester)} asks to {wish(request)}: <{link}|its card>.")


def is_broadcast(request: BackupRequest, line: ThreadLine, call: Sequence[str] = ()) -> bool:
    """Whether the line also goes to the channel: what nobody would hear of else in time.

    That is what people count on and do not have, and what started without them.
    """
    match line:
        case ThreadLine.BREAK_GLASS:
            return True
        case ThreadLine.REMINDER:
            return not call
        case ThreadLine.ENDED:
            if request.state is _S.REFUSED:
                return went_ahead(request)
            return request.state in (_S.FAILED, _S.LOST)
        case _:
            return False


def _expiring(request: BackupRequest) -> Message:
    """The one line with a button: the last chance to keep the backup."""
    when = f" on {date(request.deleted_after)}" if request.deleted_after else " tomorrow"
    since = f", {duration(request.keep)} after it was made" if request.keep else ""
    line = (
        f"{mention(request.requester)} {code(request.name)} of {name(request.instance_name)} will "
        f"be deleted{when}{since}. It cannot be brought back then."
    )
    button = ButtonElement(text="Keep it", action_id=KEEP_BACKUP, value=request.id)
    section = SectionBlock(text=verbatim(f"{line} To prevent that, press Keep it."))
    return Message(spoken(line), (section, ActionsBlock(elements=[button])))


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
        else f"{counted(needed, 'approval')} needed{by}"
    )
    waiting = f"{called} {what(request).removeprefix('the ')} still waits"
    return f"{waiting} ({duration(minutes)}): {lacks}."


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
    begins = "Deleting" if request.kind is Kind.DELETE else "Starting"
    return f"{approval(request)}. {begins}."


def _deletes(request: BackupRequest) -> bool:
    """Whether a deletion is under way: one that was asked for, or that of a backup with an end."""
    return request.kind is Kind.DELETE or request.state is _S.COMPLETED


def _busy(request: BackupRequest) -> str:
    done = "deleted" if _deletes(request) else "started"
    return (
        f"RDS does something else with {name(request.instance_name)}, and does one thing at a "
        f"time. Nothing was {done}; I ask again until it is free."
    )


def _outcome_unknown(_: BackupRequest) -> str:
    return (
        "RDS did not answer when I asked it to start. "
        "I am looking whether it did, before I ask again."
    )


def _started(request: BackupRequest) -> str:
    backup = code(request.backup_id or "?")
    late = ""
    if request.vote(Choice.WITHDRAW):
        late = f" It was too late to withdraw it, {mention(request.requester)}."
    if request.adopted:
        return f"RDS did start it: backup {backup}. I don't ask again.{late}"
    return f"RDS accepted it: backup {backup}.{late}"


def _rds_away(request: BackupRequest) -> str:
    if request.state is _S.RUNNING:
        return "RDS does not answer. The backup goes on; I only cannot see how far it is."
    attempt = request.attempt
    if attempt is None:
        return "RDS does not answer. I'll keep trying."
    tries = f": {attempt.tries} tries so far" if attempt.tries > 1 else ""
    twice = "" if _deletes(request) else " It won't be started twice."
    until = date(attempt.give_up_at)
    return f"RDS does not answer{tries}. I'll keep trying until {until}.{twice}"


def _keys_refused(request: BackupRequest) -> str:
    is_running = request.state is _S.RUNNING
    meanwhile = "I can neither start the backup nor look for it"
    if _deletes(request):
        meanwhile = "I cannot delete the backup"
    elif is_running:
        meanwhile = "The backup goes on, but I cannot see how far it is"
    return (
        f"RDS does not take my access key: it expired, or was taken away. {meanwhile}, until "
        "whoever runs the bot renews it. Then I go on by myself."
    )


def _kept(request: BackupRequest) -> str:
    who = mention(request.kept_by) if request.kept_by else "Somebody"
    return f"{who} keeps {code(request.name)}: it is not deleted by itself any more."


def _backup_deleted(request: BackupRequest) -> str:
    asked = f" after {duration(request.keep)}" if request.keep else ""
    return f"{code(request.name)} is deleted{asked}, as {mention(request.requester)} asked."


def _stays(request: BackupRequest) -> str:
    why = f" {told(request.refusal.error, nothing='')}" if request.refusal else ""
    if request.refusal and isinstance(request.refusal.error, GaveUp):
        return (
            f"{mention(request.requester)} I couldn't delete {code(request.name)}. "
            f"{told(request.refusal.error, nothing='')} If it's still there, it's still billed."
        )
    return (
        f"{mention(request.requester)} {code(request.name)} was to be deleted, and RDS does not "
        f"delete it: it stays, and costs.{why}"
    )


def _rds_back(_: BackupRequest) -> str:
    return "RDS answers again."


LINES: dict[ThreadLine, Callable[[BackupRequest], str]] = {
    ThreadLine.BREAK_GLASS: _without_approval,
    ThreadLine.APPROVED: _approved,
    ThreadLine.BUSY: _busy,
    ThreadLine.OUTCOME_UNKNOWN: _outcome_unknown,
    ThreadLine.STARTED: _started,
    ThreadLine.RDS_AWAY: _rds_away,
    ThreadLine.KEYS_REFUSED: _keys_refused,
    ThreadLine.RDS_BACK: _rds_back,
    ThreadLine.KEPT: _kept,
    ThreadLine.BACKUP_DELETED: _backup_deleted,
    ThreadLine.STAYS: _stays,
}
