"""What becomes of a request whose card nobody can read, or whose announcement was settled."""

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from bot.domain.errors import CannotPost
from bot.domain.outbox import MessageState, OutboxMessage, Urgency
from bot.domain.policy import Terms
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.thread_lines import CARD, NO_CARD, ThreadLine
from bot.workflow.context import StepContext
from bot.workflow.events import MessageEvents
from bot.workflow.workflow import Lifecycle
from tests.requests import NOON, asked
from tests.workflow.conftest import ORDERS, Thread

ARCHIVED = CannotPost("C0OPS", "is_archived")
EXPIRING = OutboxMessage(
    topic_id="request1",
    line=ThreadLine.EXPIRING,
    destination="C0OPS",
    urgency=Urgency.OUTCOME,
    number=1,
    state=MessageState.PENDING,
    created_at=NOON,
    due_at=NOON,
)


class Sleepers:
    """The workflows, as far as they can be woken."""

    def __init__(self) -> None:
        self.woken: list[str] = []

    def wake(self, request_id: str) -> None:
        self.woken.append(request_id)


@pytest.fixture
def sleepers() -> Sleepers:
    return Sleepers()


@pytest.fixture
def events(context: StepContext, sleepers: Sleepers) -> MessageEvents:
    """They listen."""
    return MessageEvents(context, cast(Lifecycle, sleepers))


async def _stored(context: StepContext, state: RequestState) -> BackupRequest:
    now = context.clock.now()
    request = asked(
        state=state,
        instance=ORDERS,
        terms=Terms(),
        asked_at=now,
        expires_at=now + timedelta(hours=8),
    )
    async with context.store.transaction() as transaction:
        await transaction.insert(request)
    return request


async def test_a_request_that_nobody_can_decide_is_refused(
    context: StepContext, events: MessageEvents, sleepers: Sleepers, thread: Thread
) -> None:
    """Its outcome goes into the outbox, and its workflow ends."""
    request = await _stored(context, RequestState.AWAITING_APPROVAL)
    await events.card_refused(request, ARCHIVED)
    refused = await context.load(request.id)

    assert refused.state is RequestState.REFUSED
    assert refused.refusal is not None
    assert isinstance(refused.refusal.error, CannotPost)
    assert await thread.lines() == [(ThreadLine.ENDED, "")]
    assert sleepers.woken == [request.id]


@pytest.mark.parametrize("state", [RequestState.APPROVED, RequestState.RUNNING])
async def test_a_request_that_is_decided_needs_no_card(
    context: StepContext, events: MessageEvents, thread: Thread, state: RequestState
) -> None:
    """Nobody has to click: it is carried out, and the requester hears why there is no card."""
    request = await _stored(context, state)
    await events.card_refused(request, ARCHIVED)

    assert (await context.load(request.id)).state is state
    assert await thread.lines() == [(NO_CARD, "is_archived")]


async def test_a_decision_at_the_same_moment_counts(
    context: StepContext, events: MessageEvents
) -> None:
    """It was withdrawn, by a shortcut, while Slack refused the card."""
    request = await _stored(context, RequestState.AWAITING_APPROVAL)
    async with context.store.transaction() as transaction:
        await transaction.move(request, RequestState.WITHDRAWN)
    await events.card_refused(request, ARCHIVED)

    assert (await context.load(request.id)).state is RequestState.WITHDRAWN


def test_a_settled_announcement_wakes_the_deletion(
    events: MessageEvents, sleepers: Sleepers
) -> None:
    """It counts the day from there; no other message matters to a workflow."""
    events.settled(replace(EXPIRING, line=CARD))
    events.settled(replace(EXPIRING, line=ThreadLine.ENDED))
    assert sleepers.woken == []

    events.settled(EXPIRING)
    assert sleepers.woken == ["request1"]
