"""While a request waits: its reminders, and its card under another policy."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from bot.domain.policy import Policy, RuleReference, RuleSource, Terms
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from bot.workflow.approval import await_decision
from bot.workflow.context import StepContext
from tests.requests import asked
from tests.workflow.conftest import ORDERS, Everybody, HastyClock, Thread

HOUR = timedelta(hours=1)
TERMS = Terms(expires_after=8 * HOUR, remind_after=HOUR)
REMINDERS = [(ThreadLine.REMINDER, str(number)) for number in (1, 2, 3)]
ENDED = (ThreadLine.ENDED, "")


@pytest.fixture
def clock() -> HastyClock:
    """Time jumps."""
    return HastyClock()


@pytest.fixture
def context(context: StepContext) -> StepContext:
    """With people, under the terms that the request has."""
    return dataclasses.replace(context, people=Everybody(), policy=Policy(defaults=TERMS))


@pytest.fixture
async def request_id(context: StepContext) -> str:
    """A request that waits from now on."""
    now = context.clock.now()
    request: BackupRequest = asked(
        state=RequestState.AWAITING_APPROVAL,
        instance=ORDERS,
        terms=TERMS.model_copy(update={"rule": RuleReference(source=RuleSource.BUILT_IN)}),
        asked_at=now,
        expires_at=now + 8 * HOUR,
    )
    async with context.store.transaction() as transaction:
        await transaction.insert(request)
    return request.id


async def test_reminders_come_with_growing_gaps(
    context: StepContext, request_id: str, thread: Thread
) -> None:
    """The card is drawn with each of them, and at the end."""
    async with asyncio.timeout(60):
        assert await await_decision(context, request_id) is RequestState.EXPIRED

    assert await thread.lines() == [*REMINDERS, ENDED]
    assert await thread.drawn() == 4


async def test_of_several_missed_reminders_the_last_is_sent(
    context: StepContext, request_id: str, thread: Thread, clock: HastyClock
) -> None:
    """The bot was down for four hours."""
    clock.advance(hours=4)
    async with asyncio.timeout(60):
        await await_decision(context, request_id)

    assert await thread.lines() == [*REMINDERS[1:], ENDED]


async def test_restarts_draw_no_card_again(
    context: StepContext, request_id: str, thread: Thread, clock: HastyClock
) -> None:
    """Each finds its reminder in the outbox: hundreds of cards would be edited for nothing."""
    clock.advance(hours=1.1)
    for _ in range(3):
        waiting = asyncio.create_task(await_decision(context, request_id))

        async def kill(task: asyncio.Task[RequestState] = waiting) -> None:
            task.cancel()

        clock.alarms.append((clock.now() + timedelta(minutes=10), kill))
        await asyncio.gather(waiting, return_exceptions=True)

    assert await thread.lines() == REMINDERS[:1]
    assert await thread.drawn() == 1


async def test_another_policy_is_drawn_once(
    context: StepContext, request_id: str, thread: Thread, clock: HastyClock
) -> None:
    """The card says who may approve now."""
    policy = Policy(defaults=TERMS.model_copy(update={"approvals": 2}))
    changed = dataclasses.replace(context, policy=policy)
    waiting = asyncio.create_task(await_decision(changed, request_id))

    async def kill() -> None:
        waiting.cancel()

    clock.alarms.append((clock.now() + HOUR / 2, kill))
    await asyncio.gather(waiting, return_exceptions=True)

    assert await thread.lines() == []
    assert await thread.drawn() == 1
