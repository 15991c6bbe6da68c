"""A request's progress as a few steps: what is done, what runs, and what comes next."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from slack_sdk.models.blocks import ContextBlock, PlanBlock, TaskCardBlock

from bot.domain.progress import fraction_done, time_left
from bot.domain.quantities import counted
from bot.domain.requests import BackupRequest, Choice, Kind
from bot.domain.states import RequestState
from bot.slack.messages.mrkdwn import duration, rough, verbatim
from bot.slack.messages.words import usually, went_ahead

_S = RequestState
TITLES = {
    _S.SUBMITTED: "Requested",
    _S.AWAITING_APPROVAL: "Waiting for approval",
    _S.APPROVED: "Approved",
    _S.CREATING: "Approved",
    _S.RUNNING: "Backing up",
    _S.DELETING: "Deleting",
    _S.DELETED: "Deleted",
    _S.COMPLETED: "Completed",
    _S.FAILED: "Failed",
    _S.LOST: "Disappeared",
    _S.REFUSED: "Refused",
    _S.REJECTED: "Rejected",
    _S.EXPIRED: "Expired",
    _S.WITHDRAWN: "Withdrawn",
}
WITHOUT_APPROVAL = "Started without approval"
MARKS = {"complete": "✓", "in_progress": "●", "pending": "◯", "error": "✗"}


class Step(NamedTuple):
    """One step. `title` is plain text: Slack draws no mentions and no dates there."""

    id: str
    title: str
    status: Literal["pending", "in_progress", "complete", "error"]


def steps(request: BackupRequest, now: datetime) -> tuple[Step, ...]:
    """Return the steps for the request's current state."""
    if not request.state.is_final:
        return (_approval(request), *_rest(request, now))
    stopped = request.state in (_S.REJECTED, _S.EXPIRED, _S.WITHDRAWN)
    if went_ahead(request) and not stopped:
        return (_approved(request), _ended(request))
    return (_ended(request),)


def _rest(request: BackupRequest, now: datetime) -> tuple[Step, ...]:
    if request.kind is Kind.CREATE:
        return (_backup(request, now), Step("end", "Completed", "pending"))
    if request.state in (_S.APPROVED, _S.DELETING):
        return (Step("end", "Deleting", "in_progress"),)
    return (Step("end", "Deleted", "pending"),)


def stands(request: BackupRequest, now: datetime) -> str:
    """Return the title of the latest step that has begun."""
    return next(step.title for step in reversed(steps(request, now)) if step.status != "pending")


def plan_block(request: BackupRequest, now: datetime) -> PlanBlock:
    """The steps as a plan block. Slack requires a new block id for each edit."""
    return PlanBlock(
        block_id=f"plan-{uuid.uuid4().hex}",
        title=_title(request),
        tasks=[
            TaskCardBlock(task_id=step.id, title=step.title, status=step.status)
            for step in steps(request, now)
        ],
    )


def context_block(steps: Sequence[Step]) -> ContextBlock:
    """The steps as one line, for a workspace that shows no plan blocks."""
    line = "   ".join(f"{MARKS[step.status]} {step.title}" for step in steps)
    return ContextBlock(elements=[verbatim(line)])


def _title(request: BackupRequest) -> str:
    if request.state in (_S.APPROVED, _S.CREATING) and request.vote(Choice.BREAK_GLASS):
        return WITHOUT_APPROVAL
    return TITLES[request.state]


def _ended(request: BackupRequest) -> Step:
    title = TITLES[request.state]
    if request.state is _S.FAILED and request.took:
        title = f"{title} after {duration(request.took)}"
    is_well = request.state in (_S.COMPLETED, _S.DELETED)
    return Step("end", title, "complete" if is_well else "error")


def _approved(request: BackupRequest) -> Step:
    if request.vote(Choice.BREAK_GLASS):
        return Step("approval", WITHOUT_APPROVAL, "error")
    if not request.approvers:
        return Step("approval", "No approval needed", "complete")
    return Step("approval", "Approved", "complete")


def _approval(request: BackupRequest) -> Step:
    if request.state is _S.SUBMITTED:
        return Step("approval", "Requested: checking with RDS", "in_progress")
    if request.state is not _S.AWAITING_APPROVAL:
        return _approved(request)
    needed = request.terms.approvals if request.terms else 1
    given = len(request.approvers)
    wanted = counted(needed, "approval")
    title = f"{given} of {wanted} so far" if given else f"Waiting for {wanted}"
    return Step("approval", title, "in_progress")


def _backup(request: BackupRequest, now: datetime) -> Step:
    match request.state:
        case _S.APPROVED:
            return Step("backup", "Starting the backup", "in_progress")
        case _S.CREATING:
            return Step("backup", "Asking RDS to start the backup", "in_progress")
        case _S.RUNNING:
            return Step("backup", _progress(request, now), "in_progress")
        case _:
            usual = usually(request.history)
            return Step("backup", f"Backup ({usual})" if usual else "Backup", "pending")


def _progress(request: BackupRequest, now: datetime) -> str:
    elapsed = max(timedelta(0), now - (request.started_at or now))
    done = fraction_done(request.history, elapsed)
    left = time_left(request.history, elapsed)
    if done is None or left is None:  # no history, or longer than usual
        parts = (f"{rough(elapsed)} so far", usually(request.history))
        return f"Backing up: {', '.join(filter(None, parts))}"
    usual = usually(request.history)
    return f"Backing up: about {round(done * 20) * 5}%, {rough(left)} left ({usual})"
