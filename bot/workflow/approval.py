"""Wait for approval: send reminders, and expire the request."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.application.ports import Conflict
from bot.domain.audit import AuditAction
from bot.domain.reminders import can_still_act, reminders
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from bot.workflow.context import StepContext

# A decision wakes its waiter at once, and a listener that was cut off wakes all. The slow look is
# for what nobody thought of, and thousands of waiting requests share a database.
REREAD = timedelta(minutes=10)


@dataclass
class _Said:
    """What this process has said; the outbox knows what all have."""

    reminders: set[int] = field(default_factory=set)
    redrawn: bool = False


async def await_decision(context: StepContext, request_id: str) -> RequestState:
    """Wait until the request is decided, withdrawn or expired; return its new state.

    Holds nothing of the request meanwhile, since thousands may wait.
    """
    woken, said = context.wakeups[request_id], _Said()
    while True:
        found = await _look(context, request_id, said)
        if isinstance(found, RequestState):
            context.wakeups.pop(request_id, None)
            return found
        await context.clock.wait(woken, found)
        woken.clear()


async def _look(context: StepContext, request_id: str, said: _Said) -> RequestState | float:
    """Say what is due; return the request's state, or the seconds to wait if it isn't decided."""
    stored = await context.load(request_id)
    request = stored.under(context.policy)
    if request.state is not RequestState.AWAITING_APPROVAL or request.expires_at is None:
        return request.state
    if request.terms != stored.terms and not said.redrawn:
        await context.redraw(request)  # the policy changed since the card was posted
        said.redrawn = True
    now = context.clock.now()
    if now >= request.expires_at:
        await _expire(context, request)
        return 0.0
    await _remind(context, request, now, said.reminders)
    next_moments = [at for at in (*reminders(request), request.expires_at) if at > now]
    return min(min(next_moments) - now, REREAD).total_seconds()


async def _remind(
    context: StepContext, request: BackupRequest, now: datetime, reminded: set[int]
) -> None:
    """Send the reminder that is due; of several missed ones, only the last."""
    due = sum(at <= now for at in reminders(request))
    terms = request.terms
    if not due or terms is None or due in reminded:
        return
    call = can_still_act(
        terms,
        requester=request.requester,
        approved_by=request.approvers,
        members=await context.people.members(terms.mentioned),
    )
    await context.tell(request, ThreadLine.REMINDER, subject=str(due), call=call)
    reminded.add(due)


async def _expire(context: StepContext, request: BackupRequest) -> None:
    try:
        await context.move(
            request, RequestState.EXPIRED, AuditAction.EXPIRED, decided_at=request.expires_at
        )
    except Conflict:
        return  # it was decided at the same moment; the next look sees how
