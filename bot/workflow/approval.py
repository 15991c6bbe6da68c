"""Wait for approval: show the approvals so far, send reminders, and expire the request."""

from datetime import datetime, timedelta

from bot.application.ports import Conflict
from bot.domain.audit import AuditAction
from bot.domain.reminders import can_still_act, reminders
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from bot.workflow.context import StepContext

# A decision wakes its waiter at once; the slow look is for one that was lost on the way.
REREAD = timedelta(seconds=60)


async def await_decision(context: StepContext, request_id: str) -> RequestState:
    """Wait until the request is decided, withdrawn or expired; return its new state."""
    woken = context.wakeups[request_id]
    said: set[tuple[ThreadLine, str]] = set()  # here; what was said before, the thread knows
    while True:
        stored = await context.load(request_id)
        request = stored.under(context.policy)
        if request.terms != stored.terms and not said:
            await context.voice.draw(request)  # the policy changed since the card was put up
        await _say_votes(context, request, said)
        if request.state is not RequestState.AWAITING_APPROVAL or request.expires_at is None:
            context.wakeups.pop(request_id, None)
            return request.state
        now = context.clock.now()
        if now >= request.expires_at:
            await _expire(context, request)
            continue
        await _remind(context, request, now, said)
        next_moments = [at for at in (*reminders(request), request.expires_at) if at > now]
        left = min(next_moments) - now
        await context.clock.wait(woken, min(left, REREAD).total_seconds())
        woken.clear()


async def _say_votes(
    context: StepContext, request: BackupRequest, said: set[tuple[ThreadLine, str]]
) -> None:
    """Say each approval so far; the one that decided has a line of its own."""
    approvers = request.approvers
    if request.state is RequestState.APPROVED and not request.vote(Choice.BREAK_GLASS):
        approvers = approvers[:-1]
    for voter in approvers:
        await _say(context, request, ThreadLine.COUNTED, voter, said)


async def _remind(
    context: StepContext, request: BackupRequest, now: datetime, said: set[tuple[ThreadLine, str]]
) -> None:
    """Send the reminder that is due; of several missed ones, only the last."""
    due = sum(at <= now for at in reminders(request))
    terms = request.terms
    if not due or terms is None or (ThreadLine.REMINDER, str(due)) in said:
        return
    call = can_still_act(
        terms,
        requester=request.requester,
        approved_by=request.approvers,
        members=await context.people.members(terms.mentioned),
    )
    await _say(context, request, ThreadLine.REMINDER, str(due), said, call)


async def _say(
    context: StepContext,
    request: BackupRequest,
    line: ThreadLine,
    subject: str,
    said: set[tuple[ThreadLine, str]],
    call: tuple[str, ...] = (),
) -> None:
    if (line, subject) not in said and await context.voice.say(
        request, line, subject=subject, call=call
    ):
        said.add((line, subject))


async def _expire(context: StepContext, request: BackupRequest) -> None:
    try:
        await context.move(
            request, RequestState.EXPIRED, AuditAction.EXPIRED, decided_at=request.expires_at
        )
    except Conflict:
        return  # it was decided at the same moment; the next look sees how
