"""The request's card: one message for the whole request, drawn from the request alone."""

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

from bot.domain.requests import BackupRequest, Choice, Kind
from bot.domain.states import SENDING, RequestState
from bot.slack.messages.card_footer import approving, small_print
from bot.slack.messages.ids import APPROVE, ASK_AGAIN, BREAK_GLASS, REJECT, WITHDRAW
from bot.slack.messages.mrkdwn import Message, code, mention, name, people, rough, spoken, verbatim
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
)

_S = RequestState
HEADERS = {
    _S.COMPLETED: "*{instance} is backed up* as {name}",
    _S.FAILED: "*Backup of {instance} failed*: {name}",
    _S.LOST: "*Backup of {instance} is lost*: {name}",
    _S.REFUSED: "*Backup of {instance} refused*: {name}",
    _S.REJECTED: "*Request to back up {instance} rejected*: {name}",
    _S.EXPIRED: "*Request to back up {instance} expired*: {name}",
    _S.WITHDRAWN: "*Request to back up {instance} withdrawn*: {name}",
}
OPEN_HEADER = "*Back up {instance}* as {name}"
DELETION_HEADERS = {
    _S.REFUSED: "*Deletion of {name} refused*: {instance}",
    _S.REJECTED: "*Request to delete {name} rejected*: {instance}",
    _S.EXPIRED: "*Request to delete {name} expired*: {instance}",
    _S.WITHDRAWN: "*Request to delete {name} withdrawn*: {instance}",
    _S.DELETED: "*Backup {name} is deleted*: {instance}",
}
GONE = "RDS lists it no more. It cannot be brought back."
OPEN_DELETION = "*Delete the backup {name}* of {instance}"


def request_card(
    request: BackupRequest, *, now: datetime, with_plan: bool = True, command: str = "/backup"
) -> Message:
    """The request exactly as it stands.

    `with_plan=False` is for a workspace in which Slack answers `invalid_blocks` to a plan.
    """
    lines = _lines(request, now)
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
    told = (*lines, stands(request, now))
    text = " ".join(f"{spoken(sentence).rstrip('.')}." for sentence in told)
    return Message(text, (*blocks,))


def _lines(request: BackupRequest, now: datetime) -> list[str]:
    """The state before the story; what somebody wrote ends its line."""
    story, who = _story(request), _who(request)
    told = [f"{story} · {who}"] if request.state is _S.COMPLETED else [story, who]
    lines = [_header(request), _without_approval(request), *told, _rejection(request)]
    if request.kind is Kind.DELETE and not request.state.is_final and request.started_at:
        lines.append(target(request, now))
    elif request.state is _S.AWAITING_APPROVAL and request.instance:
        lines.append(facts(request.instance, request.waits_since))
        lines.append(last_good_backup(request.history, now))
    if request.state is _S.AWAITING_APPROVAL:
        lines.append(approving(request))
    return [line for line in lines if line]


def _header(request: BackupRequest) -> str:
    if request.kind is Kind.DELETE:
        header = DELETION_HEADERS.get(request.state, OPEN_DELETION)
    else:
        header = HEADERS.get(request.state, OPEN_HEADER)
    return header.format(instance=name(request.instance_name), name=code(request.name))


def _story(request: BackupRequest) -> str:
    match request.state:
        case _S.COMPLETED:
            return outcome(request)
        case _S.FAILED:
            after = f" after {rough(request.took)}" if request.took else ""
            return f"RDS says `FAILED`{after}. Nothing was kept."
        case _S.LOST:
            return f"RDS accepted it as {code(request.backup_id or '?')}, and lists it no more."
        case _S.REFUSED if request.refusal:
            return f"{reason(request.refusal.error).why} {nothing(request)}"
        case _S.REFUSED | _S.REJECTED | _S.EXPIRED | _S.WITHDRAWN:
            return nothing(request)
        case _:
            return GONE if request.state is _S.DELETED else ""


def _who(request: BackupRequest) -> str:
    """Who asked, who approved, and why it was asked."""
    asks = "asks" if request.state in (_S.SUBMITTED, _S.AWAITING_APPROVAL) else "asked"
    if request.state is _S.WITHDRAWN:
        asks = "asked and withdrew"
    parts = [f"{mention(request.requester)} {asks}"]
    if request.approvers:
        parts.append(_approved(request))
    if request.terms and not request.terms.approvals:
        parts.append(f"no approval needed ({rule(request.terms.rule)})")
    return " · ".join(filter(None, (*parts, kept(request), quoted(request.description))))


def _approved(request: BackupRequest) -> str:
    needed = request.terms.approvals if request.terms else 1
    if request.state is _S.AWAITING_APPROVAL or len(request.approvers) < needed:
        return f"{len(request.approvers)} of {needed} approved, by {people(request.approvers)}"
    return f"{people(request.approvers)} approved"


def _rejection(request: BackupRequest) -> str:
    vote = request.vote(Choice.REJECT)
    return f"{mention(vote.user_id)} rejected{reason_of(request, vote.choice)}" if vote else ""


def _without_approval(request: BackupRequest) -> str:
    vote = request.vote(Choice.BREAK_GLASS)
    if vote is None:
        return ""
    why = reason_of(request, vote.choice)
    return f":rotating_light: *Started without approval* by {mention(vote.user_id)}{why}"


def _buttons(request: BackupRequest, now: datetime) -> list[ButtonElement]:
    """Those that can work."""
    if request.state is _S.AWAITING_APPROVAL:
        buttons = [
            ButtonElement(text="Approve", action_id=APPROVE, value=request.id, style="primary"),
            ButtonElement(text="Reject…", action_id=REJECT, value=request.id, style="danger"),
            ButtonElement(text="Withdraw", action_id=WITHDRAW, value=request.id, confirm=SURE),
        ]
        if request.terms and request.terms.break_glass:
            text = "Break glass…"
            buttons.append(ButtonElement(text=text, action_id=BREAK_GLASS, value=request.id))
        return buttons
    if request.state in SENDING and request.can_be_withdrawn(now):
        return [ButtonElement(text="Withdraw", action_id=WITHDRAW, value=request.id, confirm=SURE)]
    if request.kind is Kind.DELETE:  # the command asks for the name to be typed again
        return []
    if request.state.is_final and request.state is not _S.COMPLETED:
        return [ButtonElement(text="Ask again", action_id=ASK_AGAIN, value=request.id)]
    return []


SURE = ConfirmObject(
    title=PlainTextObject(text="Withdraw this request?"),
    text=PlainTextObject(text="It will not be done."),
    confirm=PlainTextObject(text="Withdraw"),
    deny=PlainTextObject(text="Go back"),
)
