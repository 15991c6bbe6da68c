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

from bot.domain.requests import BackupRequest, RequestState
from bot.slack.mrkdwn import Message, code, date, mention, name, people, rough, spoken, verbatim
from bot.slack.plan import context_block, plan_block, steps
from bot.slack.reasons import reason
from bot.slack.words import facts, outcome, quoted, rule, who_may_decide

APPROVE = "approve_request"  # action ids; a button's value is the request's id and nothing else
REJECT = "reject_request"

_S = RequestState
HEADERS = {
    _S.COMPLETED: "*{instance} is backed up* as {name}",
    _S.FAILED: "*Backup of {instance} failed*: {name}",
    _S.LOST: "*Backup of {instance} is lost*: {name}",
    _S.REFUSED: "*Backup of {instance} refused*: {name}",
    _S.REJECTED: "*Request to back up {instance} rejected*: {name}",
    _S.EXPIRED: "*Request to back up {instance} expired*: {name}",
}
OPEN_HEADER = "*Back up {instance}* as {name}"


def request_card(request: BackupRequest, *, now: datetime, with_plan: bool = True) -> Message:
    """The request exactly as it stands.

    `with_plan=False` is for a workspace in which Slack answers `invalid_blocks` to a plan.
    """
    waits = request.state is _S.AWAITING_APPROVAL
    blocks: list[Block] = [SectionBlock(text=verbatim("\n".join(_lines(request, now))))]
    way = steps(request, now)
    blocks.append(plan_block(request, now) if with_plan else context_block(way))
    if waits:
        blocks += [_buttons(request), ContextBlock(elements=[verbatim(_who_may(request))])]
    stands = next(step.title for step in reversed(way) if step.status != "pending")
    sentences = filter(None, (_header(request), _story(request), _who(request), stands))
    text = " ".join(f"{spoken(sentence).rstrip('.')}." for sentence in sentences)
    return Message(text, (*blocks,))


def _lines(request: BackupRequest, now: datetime) -> list[str]:
    """The state before the story."""
    lines = [_header(request), _story(request), _who(request)]
    if request.state is _S.COMPLETED:
        lines = [_header(request), " · ".join((_story(request), _who(request)))]
    if request.state is _S.AWAITING_APPROVAL and request.instance:
        lines.append(facts(request.instance, request.history, now))
    return [line for line in lines if line]


def _header(request: BackupRequest) -> str:
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
            return f"{reason(request.refusal.error).why} Nothing was started."
        case _S.REFUSED | _S.REJECTED | _S.EXPIRED:
            return "Nothing was started."
        case _:
            return ""


def _who(request: BackupRequest) -> str:
    """Who asked, who decided, and why it was asked; what they wrote comes last."""
    asks = "asks" if request.state in (_S.ASKED, _S.AWAITING_APPROVAL) else "asked"
    parts = [f"{mention(request.requester)} {asks}"]
    if request.approvers:
        parts.append(f"{people(request.approvers)} approved")
    if request.rejecter:
        parts.append(f"{mention(request.rejecter)} rejected")
    if request.terms and not request.terms.approvals:
        parts.append(f"no approval needed ({rule(request.terms)})")
    return " · ".join(filter(None, (*parts, quoted(request.description))))


def _who_may(request: BackupRequest) -> str:
    if request.terms is None:
        return "Nobody can decide yet"
    until = f", until {date(request.expires_at)}" if request.expires_at else ""
    return f"{who_may_decide(request.terms)}{until} ({rule(request.terms)})"


def _buttons(request: BackupRequest) -> ActionsBlock:
    sure = ConfirmObject(
        title=PlainTextObject(text="Reject this backup?"),
        text=PlainTextObject(text="Nothing will be started, and the requester is told."),
        confirm=PlainTextObject(text="Reject"),
        deny=PlainTextObject(text="Go back"),
        style="danger",
    )
    return ActionsBlock(
        elements=[
            ButtonElement(text="Approve", action_id=APPROVE, value=request.id, style="primary"),
            ButtonElement(
                text="Reject", action_id=REJECT, value=request.id, style="danger", confirm=sure
            ),
        ]
    )
