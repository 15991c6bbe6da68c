"""A request's way as a few steps: where it stands, and what comes next."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from slack_sdk.models.blocks import ContextBlock, PlanBlock, TaskCardBlock

from bot.domain.progress import fraction_done, time_left
from bot.domain.requests import BackupRequest, Choice, Kind
from bot.domain.states import RequestState
from bot.slack.messages.mrkdwn import clock, duration, rough, verbatim
from bot.slack.messages.words import usually, went_ahead

_S = RequestState
TITLES = {
    _S.SUBMITTED: "Asked",
    _S.AWAITING_APPROVAL: "Asked: waits for approval",
    _S.APPROVED: "Approved",
    _S.CREATING: "Approved",
    _S.RUNNING: "Backing up",
    _S.DELETING: "Deleting",
    _S.DELETED: "Deleted",
    _S.COMPLETED: "Completed",
    _S.FAILED: "Failed",
    _S.LOST: "Lost",
    _S.REFUSED: "Refused",
    _S.REJECTED: "Rejected",
    _S.EXPIRED: "Expired",
    _S.WITHDRAWN: "Withdrawn",
}
WITHOUT_APPROVAL = "Started without approval"
MARKS = {"complete": "✓", "in_progress": "●", "pending": "◯", "error": "✗"}


class Step(NamedTuple):
    """One step. `title` goes into plain text, where Slack shows no mentions and no date tokens."""

    id: str
    title: str
    status: Literal["pending", "in_progress", "complete", "error"]


def steps(request: BackupRequest, now: datetime) -> tuple[Step, ...]:
    """The steps of a request as it stands."""
    if request.state in (_S.REJECTED, _S.EXPIRED, _S.WITHDRAWN):
        return (_ended(request, request.decided_at),)
    if not request.state.is_final:
        return (_approval(request), *_rest(request, now))
    if went_ahead(request):
        return (_approved(request), _ended(request, request.finished_at))
    return (_ended(request, request.finished_at),)


def _rest(request: BackupRequest, now: datetime) -> tuple[Step, ...]:
    if request.kind is Kind.CREATE:
        return (_backup(request, now), Step("end", "Completed", "pending"))
    if request.state in (_S.APPROVED, _S.DELETING):
        return (Step("end", "Deleting", "in_progress"),)
    return (Step("end", "Deleted", "pending"),)


def stands(request: BackupRequest, now: datetime) -> str:
    """Where it stands, in the words of its latest step."""
    return next(step.title for step in reversed(steps(request, now)) if step.status != "pending")


def plan_block(request: BackupRequest, now: datetime) -> PlanBlock:
    """The steps as Slack draws a plan. Its block id is new at each edit, as Slack wants it."""
    return PlanBlock(
        block_id=f"plan-{uuid.uuid4().hex}",
        title=_title(request),
        tasks=[
            TaskCardBlock(task_id=step.id, title=step.title, status=step.status)
            for step in steps(request, now)
        ],
    )


def context_block(steps: Sequence[Step]) -> ContextBlock:
    """The steps where Slack draws no plan."""
    line = "   ".join(f"{MARKS[step.status]} {step.title}" for step in steps)
    return ContextBlock(elements=[verbatim(line)])


def _title(request: BackupRequest) -> str:
    if request.state in (_S.APPROVED, _S.CREATING) and request.vote(Choice.BREAK_GLASS):
        return WITHOUT_APPROVAL
    return TITLES[request.state]


def _ended(request: BackupRequest, at: datetime | None) -> Step:
    title = TITLES[request.state]
    if at:
        title = f"{title} {clock(at, request.asked_at)}"
    if request.state is _S.FAILED and request.took:
        title = f"{title}, after {duration(request.took)}"
    is_well = request.state in (_S.COMPLETED, _S.DELETED)
    return Step("end", title, "complete" if is_well else "error")


def _approved(request: BackupRequest) -> Step:
    at = f" {clock(request.decided_at, request.asked_at)}" if request.decided_at else ""
    if request.vote(Choice.BREAK_GLASS):
        return Step("approval", f"{WITHOUT_APPROVAL}{at}", "error")  # ✗: nobody's yes
    if not request.approvers:
        return Step("approval", "No approval needed", "complete")
    return Step("approval", f"Approved{at}", "complete")


def _approval(request: BackupRequest) -> Step:
    if request.state is _S.SUBMITTED:
        return Step("approval", "Asked: looking it up in RDS", "in_progress")
    if request.state is not _S.AWAITING_APPROVAL:
        return _approved(request)
    needed = request.terms.approvals if request.terms else 1
    given = len(request.approvers)
    count = f"{given} of {needed} given" if given else f"{needed} needed"
    until = f", until {clock(request.expires_at, request.asked_at)}" if request.expires_at else ""
    return Step("approval", f"Approval: {count}{until}", "in_progress")


def _backup(request: BackupRequest, now: datetime) -> Step:
    match request.state:
        case _S.APPROVED:
            return Step("backup", "Backup: starts now", "in_progress")
        case _S.CREATING:
            return Step("backup", "Backup: asking RDS to start it", "in_progress")
        case _S.RUNNING:
            return Step("backup", _progress(request, now), "in_progress")
        case _:
            usual = usually(request.history)
            return Step("backup", f"Backup: {usual}" if usual else "Backup", "pending")


def _progress(request: BackupRequest, now: datetime) -> str:
    elapsed = max(timedelta(0), now - (request.started_at or now))
    done = fraction_done(request.history, elapsed)
    left = time_left(request.history, elapsed)
    if done is None or left is None:  # nothing to guess by, or past the usual time
        parts = (f"{rough(elapsed)} so far", usually(request.history))
        return f"Backing up: {', '.join(filter(None, parts))}"
    return f"Backing up: about {round(done * 20) * 5} %, {rough(left)} left"
