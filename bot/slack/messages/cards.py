"""A request's card: the one message that shows its state from request to result."""

from datetime import datetime

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConfirmObject,
    ContextBlock,
    PlainTextObject,
    SectionBlock,
)

from bot.domain.console import Console
from bot.domain.quantities import counted
from bot.domain.requests import BackupRequest, Choice, Kind
from bot.domain.states import SENDING, RequestState, Retention
from bot.slack.messages.card_footer import approving, small_print
from bot.slack.messages.ids import APPROVE, ASK_AGAIN, BREAK_GLASS, REJECT, WITHDRAW
from bot.slack.messages.mrkdwn import (
    Message,
    code,
    date,
    mention,
    name,
    people,
    rough,
    spoken,
    verbatim,
)
from bot.slack.messages.plan import context_block, plan_block, stands, steps
from bot.slack.messages.policy_words import rule
from bot.slack.messages.reasons import reason
from bot.slack.messages.words import (
    facts,
    kept,
    last_good_backup,
    nothing,
    outcome,
    quoted,
    reason_of,
    target,
    to_check,
)

_S = RequestState
LONGEST_SECTION = 3000  # characters that Slack takes
HEADERS = {
    _S.COMPLETED: "*{instance} is backed up* as {name}",
    _S.FAILED: "*Backup of {instance} failed*: {name}",
    _S.LOST: "*Backup of {instance} has disappeared*: {name}",
    _S.REFUSED: "*Backup of {instance} refused*: {name}",
    _S.REJECTED: "*Request to back up {instance} rejected*: {name}",
    _S.EXPIRED: "*Request to back up {instance} expired*: {name}",
    _S.WITHDRAWN: "*Request to back up {instance} withdrawn*: {name}",
}
# Of a completed backup whose time was up.
DELETED_HEADERS = {
    Retention.DELETING: "*Backup of {instance} is being deleted*: {name}",
    Retention.DELETED: "*Backup of {instance} was deleted*: {name}",
}
OPEN_HEADER = "*Back up {instance}* as {name}"
DELETION_HEADERS = {
    _S.REFUSED: "*Deletion of {name}* of {instance} *refused*",
    _S.REJECTED: "*Request to delete {name}* of {instance} *rejected*",
    _S.EXPIRED: "*Request to delete {name}* of {instance} *expired*",
    _S.WITHDRAWN: "*Request to delete {name}* of {instance} *withdrawn*",
    _S.DELETED: "*Backup {name}* of {instance} *was deleted*",
}
ENDED = {  # a rejection has a line of its own
    _S.COMPLETED: "completed",
    _S.FAILED: "failed",
    _S.LOST: "disappeared",
    _S.REFUSED: "refused",
    _S.EXPIRED: "expired",
    _S.WITHDRAWN: "withdrawn",
    _S.DELETED: "deleted",
}
NOWHERE = Console()
GONE = "RDS no longer lists it. It can't be restored."
OPEN_DELETION = "*Delete the backup {name}* of {instance}"


def request_card(
    request: BackupRequest,
    *,
    now: datetime,
    with_plan: bool = True,
    command: str = "/backup",
    console: Console = NOWHERE,
) -> Message:
    """Return the card for the request's current state.

    `with_plan=False` is for a workspace whose Slack answers `invalid_blocks` to a plan block. The
    instance's name is a link to the `console`, if there is one.
    """
    lines = _lines(request, now, command, console.link(request.instance))
    way = steps(request, now)
    blocks: list[Block] = [
        SectionBlock(text=verbatim("\n".join(lines))),
        plan_block(request, now) if with_plan else context_block(way),
    ]
    if buttons := _buttons(request, now):
        blocks.append(ActionsBlock(elements=[*buttons]))
    if request.state is _S.AWAITING_APPROVAL:
        small = [verbatim(line) for line in small_print(request, command)]
        blocks.append(ContextBlock(elements=[*small]))
    told = (*_lines(request, now, command, None), *_current_step(request, now))
    text = " ".join(f"{spoken(sentence).rstrip('.')}." for sentence in told)
    return Message(text, (*blocks,))


def plain_card(request: BackupRequest, *, now: datetime, command: str = "/backup") -> Message:
    """Return the card in plain words with its buttons, for blocks that Slack doesn't take."""
    text = request_card(request, now=now, with_plan=False, command=command).text
    blocks: list[Block] = [SectionBlock(text=PlainTextObject(text=text[:LONGEST_SECTION]))]
    if buttons := _buttons(request, now):
        blocks.append(ActionsBlock(elements=[*buttons]))
    return Message(text, (*blocks,))


def _current_step(request: BackupRequest, now: datetime) -> list[str]:
    """What the plan shows, for a notification; the header already says how a request ended."""
    if request.state.is_final:
        return []
    if request.state is _S.AWAITING_APPROVAL and request.expires_at:
        return [f"{stands(request, now)} (expires {date(request.expires_at)})"]
    return [stands(request, now)]


def _lines(request: BackupRequest, now: datetime, command: str, address: str | None) -> list[str]:
    """The text of the card. What people wrote always ends its line."""
    lines = [_header(request, address), _without_approval(request), _story(request)]
    if request.retention in DELETED_HEADERS:
        lines.append("It can't be restored.")
    elif request.state is _S.COMPLETED:
        lines += [to_check(request, command), _restoring(request)]
    lines += [_who(request), _rejection(request)]
    if request.kind is Kind.DELETE and not request.state.is_final and request.started_at:
        lines.append(target(request, now))
    elif request.state is _S.AWAITING_APPROVAL and request.instance:
        lines.append(facts(request.instance, request.waits_since))
        lines.append(last_good_backup(request.history, now))
    if request.state is _S.AWAITING_APPROVAL:
        lines.append(approving(request))
    return [line for line in lines if line]


def _header(request: BackupRequest, address: str | None) -> str:
    if request.kind is Kind.DELETE:
        header = DELETION_HEADERS.get(request.state, OPEN_DELETION)
    else:
        header = HEADERS.get(request.state, OPEN_HEADER)
        if request.retention:
            header = DELETED_HEADERS.get(request.retention, header)
    instance = name(request.instance_name)
    if address:
        instance = f"<{address}|{instance}>"
    return header.format(instance=instance, name=code(request.name))


def _restoring(request: BackupRequest) -> str:
    """How to use the backup.

    Source: RDS user guide, "Restoring a DB Instance from Backups": the storage of a new instance
    is at least that of the original.
    """
    disk = request.instance.disk_gb if request.instance else None
    needs = f" A new instance needs a disk of at least {disk} GB." if disk else ""
    return f"To restore it, open *Backups* in the RDS console and choose *Restore*.{needs}"


def _story(request: BackupRequest) -> str:
    match request.state:
        case _S.COMPLETED:
            return outcome(request)
        case _S.FAILED:
            after = f" after {rough(request.took)}" if request.took else ""
            return f"RDS reported `FAILED`{after}. No backup was kept."
        case _S.LOST:
            return f"RDS accepted it as {code(request.backup_id or '?')} but no longer lists it."
        case _S.REFUSED if request.refusal:
            return f"{reason(request.refusal.error).why} {nothing(request)}"
        case _S.REFUSED | _S.REJECTED | _S.EXPIRED | _S.WITHDRAWN:
            return nothing(request)
        case _:
            return GONE if request.state is _S.DELETED else ""


def _who(request: BackupRequest) -> str:
    """Who requested and approved it, when it ended, and the description."""
    parts = [f"Requested by {mention(request.requester)}"]
    if request.approvers:
        parts.append(_approved(request))
    if request.terms and not request.terms.approvals:
        parts.append(f"no approval needed ({rule(request.terms.rule)})")
    ended = ENDED.get(request.state)
    if ended and (at := request.finished_at or request.decided_at):
        parts.append(f"{ended} {date(at)}")
    return " · ".join(filter(None, (*parts, kept(request), quoted(request.description))))


def _approved(request: BackupRequest) -> str:
    needed = request.terms.approvals if request.terms else 1
    if request.state is _S.AWAITING_APPROVAL or len(request.approvers) < needed:
        given = f"{len(request.approvers)} of {counted(needed, 'approval')}"
        return f"{given} so far: {people(request.approvers)}"
    at = f" {date(request.decided_at)}" if request.decided_at else ""
    return f"approved by {people(request.approvers)}{at}"


def _rejection(request: BackupRequest) -> str:
    vote = request.vote(Choice.REJECT)
    if vote is None:
        return ""
    return f"Rejected by {mention(vote.user_id)} {date(vote.at)}{reason_of(request, vote.choice)}"


def _without_approval(request: BackupRequest) -> str:
    vote = request.vote(Choice.BREAK_GLASS)
    if vote is None:
        return ""
    by = f"{mention(vote.user_id)} {date(vote.at)}{reason_of(request, vote.choice)}"
    return f":rotating_light: *Started without approval* by {by}"


def deciding_buttons(request: BackupRequest) -> list[ButtonElement]:
    """The buttons of an approver."""
    return [
        ButtonElement(text="Approve", action_id=APPROVE, value=request.id, style="primary"),
        ButtonElement(text="Reject…", action_id=REJECT, value=request.id, style="danger"),
    ]


def _buttons(request: BackupRequest, now: datetime) -> list[ButtonElement]:
    """The buttons that would have an effect in this state."""
    if request.state is _S.AWAITING_APPROVAL:
        buttons = [*deciding_buttons(request), _withdraw(request)]
        if request.terms and request.terms.break_glass:
            text = "Start without approval…"
            buttons.append(ButtonElement(text=text, action_id=BREAK_GLASS, value=request.id))
        return buttons
    if request.state in SENDING and request.can_be_withdrawn(now):
        return [_withdraw(request)]
    if request.kind is Kind.DELETE:  # its name has to be typed again
        return []
    if request.state.is_final and request.state is not _S.COMPLETED:
        return [ButtonElement(text="Request again", action_id=ASK_AGAIN, value=request.id)]
    return []


def _withdraw(request: BackupRequest) -> ButtonElement:
    confirm = ConfirmObject(
        title=PlainTextObject(text="Withdraw this request?"),
        text=PlainTextObject(text=_withdrawing(request)),
        confirm=PlainTextObject(text="Withdraw"),
        deny=PlainTextObject(text="Cancel"),
    )
    return ButtonElement(text="Withdraw", action_id=WITHDRAW, value=request.id, confirm=confirm)


def _withdrawing(request: BackupRequest) -> str:
    """What withdrawing leads to, in plain text."""
    deletes = request.kind is Kind.DELETE
    if request.state in SENDING:
        done = "deleted" if deletes else "started"
        return f"I'll stop trying, unless RDS has already {done} it."
    nothing_happens = "Nothing will be deleted." if deletes else "No backup will be made."
    return f"{nothing_happens} You can request it again any time."
