"""Send an approved request to RDS: saved before each call, and never after its deadline."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import structlog

from bot.application.ports import Conflict
from bot.domain.attempts import LASTING, Attempt
from bot.domain.errors import (
    GaveUp,
    RdsError,
    RdsRefused,
    RdsUnreachable,
    RefusalReason,
)
from bot.domain.outbox import reply
from bot.domain.requests import BackupRequest
from bot.domain.states import SENDING, RequestState, Retention
from bot.domain.thread_lines import ThreadLine
from bot.workflow.context import StepContext
from bot.workflow.ports import OnTurn

log = structlog.get_logger(__name__)
T = TypeVar("T")

REREAD = 60.0  # seconds: a withdrawal wakes its waiter; the slow look is for one that was lost
OLDER = timedelta(minutes=15)  # how much earlier an older release may have sent the create


def first_attempt(context: StepContext, request: BackupRequest) -> Attempt:
    """Return an attempt with nothing sent. Its deadline counts from the decision.

    The deadline of an automatic deletion counts from now.
    """
    since = request.decided
    if request.retention is Retention.DELETING:
        since = context.clock.now()
    return Attempt(since=since, give_up_at=since + context.give_up_after)


def attempt_of(context: StepContext, request: BackupRequest) -> Attempt:
    """Return the saved attempt. One of an older release may have been sent already."""
    if request.attempt:
        return request.attempt
    attempt = first_attempt(context, request)
    return attempt.model_copy(update={"in_doubt_since": attempt.since - OLDER, "others": ()})


async def carry_out(
    context: StepContext,
    request_id: str,
    begin: Callable[[StepContext, BackupRequest, Attempt], Awaitable[object]],
    try_once: Callable[[StepContext, BackupRequest], Awaitable[None]],
) -> RequestState:
    """Bring an approved request to its end: `begin` it once, then try until it is settled.

    Both can raise Conflict: the request was withdrawn meanwhile, and the next turn sees it.
    """
    request = await context.load(request_id)
    if request.state is RequestState.APPROVED:
        with suppress(Conflict):
            attempt = first_attempt(context, request)
            if attempt.is_over(context.clock.now()):  # the approval was for another day
                await context.refuse(request, why_ended(attempt))
            else:
                await begin(context, request, attempt)
    while (request := await turn(context, request_id)).state in SENDING:
        with suppress(Conflict):
            await try_once(context, request)
    context.wakeups.pop(request_id, None)
    return request.state


async def turn(context: StepContext, request_id: str) -> BackupRequest:
    """Return the request when the next try is due, its deadline is over, or it is withdrawn."""
    woken = context.wakeups[request_id]
    while True:
        request = await context.load(request_id)
        left = attempt_of(context, request).left(context.clock.now())
        if left <= 0 or request.is_stopped or not request.is_being_sent:
            return request
        await context.clock.wait(woken, min(left, REREAD))
        woken.clear()


async def note(context: StepContext, request: BackupRequest, attempt: Attempt) -> BackupRequest:
    """Save the attempt. Raises Conflict once the request has left its state."""
    async with context.store.transaction() as transaction:
        return await transaction.update(request, attempt=attempt)


async def send(
    context: StepContext, request: BackupRequest, call: Callable[[OnTurn], Awaitable[T]]
) -> tuple[BackupRequest, T]:
    """Make a call that changes something, after saving that it may have been carried out.

    Raises Conflict, and sends nothing, once the request is withdrawn or its deadline is over;
    and RdsError. After RdsUnreachable and RdsRefused it is saved that this call did nothing.
    """
    doubt = attempt_of(context, request).in_doubt_since

    async def claim() -> None:
        nonlocal request
        request = await _claimed(context, request)
        await context.in_flight.check_lease()  # the call may have queued for long

    try:
        answer = await call(claim)
    except (RdsUnreachable, RdsRefused):
        await note(context, request, attempt_of(context, request).doubted(doubt))
        raise
    return request, answer


async def _claimed(context: StepContext, request: BackupRequest) -> BackupRequest:
    now = context.clock.now()
    async with context.store.transaction() as transaction:
        current = await transaction.load(request.id)
        if current is None or current.state is not request.state or current.is_stopped:
            raise Conflict(request.id)
        attempt = attempt_of(context, current)
        if attempt.is_over(now):
            raise Conflict(request.id)
        where = current.instance.id if current.instance else ""
        sending = attempt.sending(now + context.rds.skew_of(where))
        return await transaction.update(current, attempt=sending)


async def put_off(context: StepContext, request_id: str, error: RdsError) -> None:
    """Save when to retry, and say in the thread why the request is still waiting."""
    request = await context.load(request_id)
    attempt = attempt_of(context, request).failed(error, context.clock.now(), request_id)
    if attempt.failures == 1 and isinstance(error, RdsUnreachable):
        log.warning("rds_unreachable", code=error.code, request_id=error.request_id)
    async with context.store.transaction() as transaction:
        await transaction.update(request, attempt=attempt)
        if line := _line_of(attempt):
            await transaction.owe_once(*reply(request, line))


def _line_of(attempt: Attempt) -> ThreadLine | None:
    """Return what the thread says of an attempt that failed."""
    if attempt.reason is RefusalReason.CREDENTIALS:
        return ThreadLine.KEYS_REFUSED
    if attempt.is_busy:
        return ThreadLine.BUSY
    return ThreadLine.RDS_AWAY if attempt.failures >= LASTING else None


def why_ended(attempt: Attempt) -> GaveUp | RdsRefused:
    """Return why the attempt ended: the last refusal of RDS, unless the outcome is unknown."""
    if attempt.reason and attempt.in_doubt_since is None:
        return RdsRefused(attempt.reason, attempt.code, request_id=attempt.rds_request_id)
    seconds = (attempt.give_up_at - attempt.since).total_seconds()
    return GaveUp(seconds, attempt.tries)
