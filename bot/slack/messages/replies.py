"""The lines in a request's thread. Each reports a change after it has happened."""

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
from bot.slack.messages.policy_words import rule
from bot.slack.messages.reasons import told
from bot.slack.messages.words import (
    action,
    keep_span,
    missing_approvals,
    reason_of,
    usually,
    went_ahead,
)

_S = RequestState
MEANWHILE = (ThreadLine.RDS_AWAY, ThreadLine.KEYS_REFUSED)  # it can still be withdrawn


def thread_line(
    request: BackupRequest,
    line: ThreadLine,
    *,
    now: datetime,
    command: str = "/backup",
    subject: str = "",
    call: Sequence[str] = (),
) -> Message:
    """Return the line for the request's current state; ENDED needs a final state.

    `subject` is who approved (COUNTED); `call` are the people that REMINDER mentions.
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
    """The link to the card, for the thread in which the request was made."""
    asked = f"requested a backup of {name(request.instance_name)} as {code(request.name)}"
    if request.kind is Kind.DELETE:
        backup = f"{code(request.name)} of {name(request.instance_name)}"
        asked = f"requested the deletion of {backup}"
    return said(f"{mention(request.requester)} {asked}: see <{link}|the card>.")


def finished(request: BackupRequest, link: str) -> Message:
    """The direct message about the end, for a requester who wants one."""
    backup = f"{code(request.name)} of {name(request.instance_name)}"
    your_request = f"Your request to {action(request)}"
    how = {
        _S.COMPLETED: f"Your backup {backup} is complete",
        _S.DELETED: f"The backup {backup} was deleted, as you requested",
        _S.FAILED: f"Your backup {backup} failed",
        _S.LOST: f"Your backup {backup} has disappeared from RDS",
        _S.REFUSED: f"{your_request} was refused",
        _S.REJECTED: f"{your_request} was rejected",
        _S.EXPIRED: f"{your_request} expired without enough approvals",
    }[request.state]
    return said(f"{how}. See <{link}|the card>.")


def wanted(request: BackupRequest, link: str) -> Message:
    """The direct message to an approver who wants one."""
    until = f" by {date(request.expires_at)}" if request.expires_at else ""
    return said(
        f"{mention(request.requester)} needs your approval{until} to {action(request)}: "
        f"see <{link}|the card>."
    )


def is_broadcast(request: BackupRequest, line: ThreadLine, call: Sequence[str] = ()) -> bool:
    """Whether the line also goes to the channel, because people would miss it in the thread.

    That is a backup they rely on and don't have, and one that started without approval.
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
    """The notice a day before a backup is deleted, with a button to keep it."""
    when = date(request.deleted_after) if request.deleted_after else "tomorrow"
    since = f", {keep_span(request.keep)} after it was made" if request.keep else ""
    line = (
        f"{mention(request.requester)} The backup {code(request.name)} of "
        f"{name(request.instance_name)} will be deleted {when}{since}, and can't be restored "
        "after that. To keep it, press Keep backup."
    )
    button = ButtonElement(text="Keep backup", action_id=KEEP_BACKUP, value=request.id)
    section = SectionBlock(text=verbatim(line))
    return Message(spoken(line), (section, ActionsBlock(elements=[button])))


def _counted(request: BackupRequest, voter: str) -> str:
    needed = request.terms.approvals if request.terms else 1
    order = request.approvers
    place = order.index(voter) + 1 if voter in order else len(order)
    return f"{mention(voter)} approved ({place} of {counted(needed, 'approval')})."


def _reminder(request: BackupRequest, now: datetime, call: Sequence[str]) -> str:
    """Mentions only people who can still approve: a mention notifies."""
    called = f"{people(call, 'and', MOST_CALLED)} " if call else ""
    waits = now - (request.waits_since or request.asked_at)
    minutes = timedelta(minutes=round(waits / timedelta(minutes=1)))
    by = f" by {date(request.expires_at)}" if request.expires_at else ""
    needed = request.terms.approvals if request.terms else 1
    given = len(request.approvers)
    missing = max(1, missing_approvals(request))
    lacks = (
        f"{given} of {counted(needed, 'approval')} so far, {missing} more needed{by}"
        if given
        else f"{counted(needed, 'approval')} needed{by}"
    )
    subject = f"The backup of {name(request.instance_name)}"
    if request.kind is Kind.DELETE:
        subject = f"The deletion of {code(request.name)}"
    return f"{called}{subject} has been waiting for {duration(minutes)}: {lacks}."


def _without_approval(request: BackupRequest) -> str:
    """Mentions everyone who could have approved it, also those who are not notified otherwise."""
    vote = request.vote(Choice.BREAK_GLASS)
    who = mention(vote.user_id) if vote else "Someone"
    approvers = request.terms.approvers if request.terms else ()
    called = f"{people(approvers, 'and', MOST_CALLED)}: " if approvers else ""
    needed = request.terms.approvals if request.terms else 1
    given = len(request.approvers)
    missed = "Nobody had approved it."
    if given:
        missed = f"It had only {given} of {counted(needed, 'approval')}."
    return (
        f"{called}{who} *started the backup of {name(request.instance_name)} without approval*"
        f"{reason_of(request, Choice.BREAK_GLASS)}. {missed}"
    )


def _overdue(request: BackupRequest, now: datetime) -> str:
    elapsed = rough(max(timedelta(0), now - (request.started_at or now)))
    if usual := usually(request.history):
        longer = "expected" if request.history.is_learning else "usual"
        so_far = f"This is taking longer than {longer}: {elapsed} so far, {usual}."
    else:
        so_far = f"Still running after {elapsed}. There's no earlier backup to compare with."
    return f"{so_far} RDS still reports it as running."


def _approved(request: BackupRequest) -> str:
    begins = "Deleting it now." if request.kind is Kind.DELETE else "Starting the backup now."
    if request.approvers:
        return f"Approved by {people(request.approvers)}. {begins}"
    under = f" ({rule(request.terms.rule)})" if request.terms else ""
    return f"No approval needed{under}. {begins}"


def _deletes(request: BackupRequest) -> bool:
    """Whether a backup is being deleted: on request, or because its time is up."""
    return request.kind is Kind.DELETE or request.state is _S.COMPLETED


def _busy(request: BackupRequest) -> str:
    done = "deleted" if _deletes(request) else "started"
    return (
        f"RDS is busy with {name(request.instance_name)} and runs one operation at a time. "
        f"Nothing was {done}; I'll retry until it's free."
    )


def _outcome_unknown(_: BackupRequest) -> str:
    return (
        "RDS didn't respond when I asked it to start the backup. "
        "I'm checking whether it started before I try again."
    )


def _started(request: BackupRequest) -> str:
    backup = code(request.backup_id or "?")
    late = ""
    if request.vote(Choice.WITHDRAW):
        late = f" It was too late to withdraw it, {mention(request.requester)}."
    started = "The backup has started."
    if request.adopted:
        started = "RDS had started the backup, so I won't send the request again."
    return f"{started} RDS backup ID: {backup}.{late}"


def _rds_away(request: BackupRequest) -> str:
    if request.state is _S.RUNNING:
        return "RDS isn't responding. The backup is still running, but I can't see its progress."
    attempt = request.attempt
    if attempt is None:
        return "RDS isn't responding. I'll keep trying."
    tries = f" ({attempt.tries} tries so far)" if attempt.tries > 1 else ""
    twice = "" if _deletes(request) else " The backup won't be started twice."
    until = date(attempt.give_up_at)
    return f"RDS isn't responding{tries}. I'll keep trying until {until}.{twice}"


def _keys_refused(request: BackupRequest) -> str:
    meanwhile = "I can't start the backup or look for it"
    if _deletes(request):
        meanwhile = "I can't delete the backup"
    elif request.state is _S.RUNNING:
        meanwhile = "The backup is still running, but I can't see its progress"
    return (
        f"RDS rejected the bot's access key. It may have expired or been revoked. {meanwhile} "
        "until the bot's operator renews it. Then I'll continue automatically."
    )


def _kept(request: BackupRequest) -> str:
    who = mention(request.kept_by) if request.kept_by else "Someone"
    return f"{who} is keeping {code(request.name)}: it will no longer be deleted automatically."


def _backup_deleted(request: BackupRequest) -> str:
    after = f" after {keep_span(request.keep)}" if request.keep else ""
    return f"Deleted {code(request.name)}{after}, as {mention(request.requester)} requested."


def _stays(request: BackupRequest) -> str:
    why = f" {told(request.refusal.error, nothing='')}" if request.refusal else ""
    if request.refusal and isinstance(request.refusal.error, GaveUp):
        return (
            f"{mention(request.requester)} I couldn't delete {code(request.name)}. "
            f"{told(request.refusal.error, nothing='')} If it's still there, it's still billed."
        )
    return (
        f"{mention(request.requester)} RDS wouldn't delete {code(request.name)}. It's still "
        f"there, and still billed.{why}"
    )


def _rds_back(_: BackupRequest) -> str:
    return "RDS is responding again."


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
