"""One backup at most, in its time, and the truth about it: whatever RDS answers to the create."""

import asyncio
import dataclasses
from datetime import timedelta
from functools import partial

import pytest

from bot.domain.decisions import Verdict
from bot.domain.errors import (
    GaveUp,
    LeaseLost,
    RdsError,
    RdsOutcomeUnknown,
    RdsRefused,
    RdsUnreachable,
    RefusalReason,
)
from bot.domain.policy import Terms
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from bot.runtime.in_flight import InFlight
from bot.workflow.context import StepContext
from bot.workflow.creation import create
from tests.requests import asked
from tests.workflow.conftest import ORDERS, Cloud, HastyClock, Make, Thread, withdraw

GIVE_UP_AFTER = timedelta(hours=2)
SERVER_ERROR = RdsOutcomeUnknown(status=500)
AWAY = RdsUnreachable("ConnectError")
WRONG_KEYS = RdsRefused(RefusalReason.CREDENTIALS, "APIGW.0301", status=401)
BUSY = RdsRefused(RefusalReason.INSTANCE_BUSY, "DBS.200011", status=409)
HALF_HOUR = timedelta(minutes=30)


@pytest.fixture
def clock() -> HastyClock:
    """Time jumps."""
    return HastyClock()


@pytest.fixture
async def request_id(context: StepContext) -> str:
    """A request that was approved a moment ago."""
    now = context.clock.now()
    request = asked(
        state=RequestState.APPROVED, instance=ORDERS, terms=Terms(), asked_at=now, decided_at=now
    )
    async with context.store.transaction() as transaction:
        await transaction.insert(request)
    return request.id


async def _ended(context: StepContext, request_id: str) -> BackupRequest:
    async with asyncio.timeout(60):
        state = await create(context, request_id)
    request = await context.load(request_id)
    assert request.state is state
    return request


async def _made(make: Make) -> None:
    """The create is carried out, and its answer is lost."""
    make()
    raise SERVER_ERROR


@pytest.mark.parametrize("error", [SERVER_ERROR, RdsOutcomeUnknown("unreadable answer")])
async def test_a_create_that_is_never_answered_has_an_end(
    context: StepContext, cloud: Cloud, request_id: str, thread: Thread, error: RdsError
) -> None:
    """Few tries with growing gaps, none after two hours, and nobody claims to know."""
    decided = context.clock.now()
    cloud.always = error
    request = await _ended(context, request_id)

    assert request.state is RequestState.REFUSED
    assert request.refusal is not None
    assert isinstance(request.refusal.error, GaveUp)
    assert request.is_in_doubt
    assert cloud.sent[-1] < decided + GIVE_UP_AFTER <= context.clock.now()
    gaps = [later - sooner for sooner, later in zip(cloud.sent, cloud.sent[1:], strict=False)]
    assert len(gaps) < 40
    assert gaps[0] < gaps[4] < gaps[7]
    assert await thread.lines() == [
        (ThreadLine.APPROVED, ""),
        (ThreadLine.OUTCOME_UNKNOWN, ""),
        (ThreadLine.RDS_AWAY, ""),
        (ThreadLine.ENDED, ""),
    ]


@pytest.mark.parametrize("error", [AWAY, RdsUnreachable("APIGW.0308", retry_after=600)])
async def test_rds_that_is_away_for_a_day_starts_nothing_afterwards(
    context: StepContext, cloud: Cloud, request_id: str, error: RdsError
) -> None:
    """Nobody counts on the backup any more; here it is certain that there is none."""
    cloud.always = error
    request = await _ended(context, request_id)
    calls = len(cloud.sent)
    cloud.always = None

    assert request.state is RequestState.REFUSED
    assert not request.is_in_doubt
    assert await create(context, request_id) is RequestState.REFUSED
    assert len(cloud.sent) == calls < 40


async def test_what_was_approved_before_a_long_sleep_is_not_started(
    context: StepContext, cloud: Cloud, request_id: str, clock: HastyClock
) -> None:
    """The bot was down for a day: the approval was for another one."""
    clock.advance(hours=24)
    request = await _ended(context, request_id)

    assert request.state is RequestState.REFUSED
    assert cloud.sent == []


async def test_a_restart_resets_neither_the_clock_nor_the_gaps(
    context: StepContext, cloud: Cloud, request_id: str, clock: HastyClock
) -> None:
    """Started again every ten minutes, it tries no more often, and ends no later."""
    decided = context.clock.now()
    cloud.always = SERVER_ERROR
    for number in range(1, 13):
        trying = asyncio.create_task(create(context, request_id))

        async def kill(task: asyncio.Task[RequestState] = trying) -> None:
            task.cancel()

        clock.alarms.append((decided + timedelta(minutes=10 * number), kill))
        await asyncio.gather(trying, return_exceptions=True)
    request = await _ended(context, request_id)

    assert request.state is RequestState.REFUSED
    assert cloud.sent[-1] < decided + GIVE_UP_AFTER
    assert len(cloud.sent) < 45


async def test_a_request_that_rds_never_got_is_withdrawn_cleanly(
    context: StepContext, cloud: Cloud, request_id: str, clock: HastyClock
) -> None:
    """It is certain that nothing was started, and nothing is sent after it."""
    cloud.always = AWAY
    verdicts: list[Verdict] = []

    async def click() -> None:
        verdicts.append(await withdraw(context, request_id))
        cloud.always = None

    clock.alarms.append((clock.now() + HALF_HOUR, click))
    request = await _ended(context, request_id)

    assert verdicts == [Verdict.DECIDED]
    assert request.state is RequestState.WITHDRAWN
    assert not request.is_in_doubt
    assert cloud.backups == []


@pytest.mark.parametrize("is_made", [False, True])
async def test_a_request_in_doubt_is_withdrawn_honestly(
    context: StepContext, cloud: Cloud, request_id: str, clock: HastyClock, *, is_made: bool
) -> None:
    """Nothing more is sent; what RDS did start is found by one more look, and followed."""
    cloud.always = SERVER_ERROR
    verdicts: list[Verdict] = []

    async def click() -> None:
        verdicts.append(await withdraw(context, request_id))
        verdicts.append(await withdraw(context, request_id))
        cloud.always = None
        if is_made:
            cloud.make()

    clock.alarms.append((clock.now() + HALF_HOUR, click))
    request = await _ended(context, request_id)

    assert verdicts == [Verdict.IN_DOUBT, Verdict.IN_DOUBT]
    assert all(at <= request.asked_at + HALF_HOUR for at in cloud.sent)
    assert request.state is (RequestState.RUNNING if is_made else RequestState.WITHDRAWN)
    assert request.is_in_doubt


async def test_a_withdrawal_while_the_create_is_under_way(
    context: StepContext, cloud: Cloud, request_id: str
) -> None:
    """Its answer comes after the click: RDS accepted it, so it runs."""
    verdicts: list[Verdict] = []

    async def click(make: Make) -> None:
        assert callable(make)
        verdicts.append(await withdraw(context, request_id))

    cloud.creates.extend([AWAY, click])
    request = await _ended(context, request_id)

    assert verdicts == [Verdict.IN_DOUBT]
    assert request.state is RequestState.RUNNING
    assert len(cloud.sent) == 2


async def test_a_withdrawal_right_after_the_approval_is_too_late(
    context: StepContext, cloud: Cloud, request_id: str
) -> None:
    """RDS is being asked at this moment, and says yes in the next."""
    verdicts: list[Verdict] = []

    async def click(make: Make) -> None:
        assert callable(make)
        verdicts.append(await withdraw(context, request_id))

    cloud.creates.append(click)
    request = await _ended(context, request_id)

    assert verdicts == [Verdict.ALREADY_DECIDED]
    assert request.state is RequestState.RUNNING


async def test_a_withdrawal_before_a_refusal_leaves_no_doubt(
    context: StepContext, cloud: Cloud, request_id: str
) -> None:
    """The create was under way, and RDS says that it did nothing: it is withdrawn, and certain."""

    async def click(make: Make) -> None:
        assert callable(make)
        await withdraw(context, request_id)
        raise BUSY

    cloud.creates.extend([AWAY, click])
    request = await _ended(context, request_id)

    assert request.state is RequestState.WITHDRAWN
    assert not request.is_in_doubt
    assert len(cloud.sent) == 2


async def test_a_lost_answer_is_adopted(
    context: StepContext, cloud: Cloud, request_id: str
) -> None:
    """Found by its name, after a restart too."""
    cloud.creates.append(_made)
    request = await _ended(context, request_id)

    assert request.state is RequestState.RUNNING
    assert request.adopted
    assert len(cloud.sent) == 1


@pytest.mark.parametrize("skew", [-600, 0, 600])
async def test_clocks_that_differ_keep_nothing_from_being_adopted(
    context: StepContext, cloud: Cloud, request_id: str, skew: float
) -> None:
    """What RDS's clock says is compared with RDS's clock."""
    cloud.clock_skew = timedelta(seconds=skew)
    cloud.creates.append(_made)
    request = await _ended(context, request_id)

    assert request.adopted
    assert len(cloud.sent) == 1


async def test_what_was_listed_before_the_create_is_not_ours(
    context: StepContext, cloud: Cloud, request_id: str
) -> None:
    """Somebody made it by hand a minute ago, under this very name; even if its time is odd."""
    by_hand = cloud.make(ago=60)
    cloud.backups = [by_hand.model_copy(update={"begin_time": None})]
    cloud.creates.append(SERVER_ERROR)
    request = await _ended(context, request_id)

    assert request.state is RequestState.REFUSED
    assert request.refusal is not None
    assert request.refusal.error.reason is RefusalReason.NAME_TAKEN  # type: ignore[union-attr]
    assert not request.is_in_doubt


@pytest.mark.parametrize("skew", [-600, 0, 600])
async def test_what_began_before_our_create_is_not_ours(
    context: StepContext, cloud: Cloud, request_id: str, skew: float
) -> None:
    """The list lagged when it was asked for; the time by RDS's clock tells."""
    cloud.clock_skew = timedelta(seconds=skew)
    cloud.make(ago=60)
    cloud.unlisted = 1
    cloud.creates.append(SERVER_ERROR)
    request = await _ended(context, request_id)

    assert request.state is RequestState.REFUSED
    assert not request.adopted


async def test_a_name_taken_at_the_first_try_is_not_ours(
    context: StepContext, cloud: Cloud, request_id: str
) -> None:
    """Made by hand between our look and our create: RDS refused ours, so this is another."""

    async def overtake(make: Make) -> None:
        make()

    cloud.creates.append(overtake)
    request = await _ended(context, request_id)

    assert request.state is RequestState.REFUSED
    assert len(cloud.sent) == 1


async def test_our_own_backup_that_is_listed_late_is_waited_for(
    context: StepContext, cloud: Cloud, request_id: str
) -> None:
    """The name is taken, and nothing of the name is listed for a while: it can only be ours."""
    cloud.creates.append(_made)
    cloud.unlisted = 11
    request = await _ended(context, request_id)

    assert request.state is RequestState.RUNNING
    assert request.adopted


async def test_keys_are_waited_for_through_a_night_and_a_restart(
    context: StepContext, cloud: Cloud, request_id: str, clock: HastyClock
) -> None:
    """New keys come with a restart; a hiccup just then is no reason to give up."""
    cloud.always = WRONG_KEYS
    trying = asyncio.create_task(create(context, request_id))

    async def kill() -> None:
        trying.cancel()

    clock.alarms.append((clock.now() + timedelta(hours=7), kill))
    await asyncio.gather(trying, return_exceptions=True)
    refused = len(cloud.sent)
    cloud.always = None
    cloud.creates.append(AWAY)
    request = await _ended(context, request_id)

    assert request.state is RequestState.RUNNING
    assert refused < 7 * 6 + 2


async def test_keys_that_nobody_renews_end_it(
    context: StepContext, cloud: Cloud, request_id: str, thread: Thread
) -> None:
    """After twelve hours, as RDS said."""
    began = context.clock.now()
    cloud.always = WRONG_KEYS
    request = await _ended(context, request_id)

    assert request.refusal is not None
    assert request.refusal.error.reason is RefusalReason.CREDENTIALS  # type: ignore[union-attr]
    assert timedelta(hours=12) <= context.clock.now() - began < timedelta(hours=13)
    assert await thread.lines() == [
        (ThreadLine.APPROVED, ""),
        (ThreadLine.KEYS_REFUSED, ""),
        (ThreadLine.ENDED, ""),
    ]
    assert await thread.drawn() == 3  # once a line: the tries change nothing that the card shows


async def test_an_instance_that_stays_busy_ends_it(
    context: StepContext, cloud: Cloud, request_id: str, thread: Thread
) -> None:
    """After two hours, as RDS said."""
    cloud.always = BUSY
    request = await _ended(context, request_id)

    assert request.refusal is not None
    assert request.refusal.error.reason is RefusalReason.INSTANCE_BUSY  # type: ignore[union-attr]
    assert await thread.lines() == [
        (ThreadLine.APPROVED, ""),
        (ThreadLine.BUSY, ""),
        (ThreadLine.ENDED, ""),
    ]


async def test_a_list_that_cannot_be_read_keeps_the_create_back(
    context: StepContext, cloud: Cloud, request_id: str
) -> None:
    """Without knowing what is there nothing is sent; that has an end as well."""
    cloud.trouble = RdsUnreachable(status=503)
    request = await _ended(context, request_id)

    assert request.state is RequestState.REFUSED
    assert cloud.sent == []
    assert not request.is_in_doubt


async def test_a_bare_404_refuses_nothing(
    context: StepContext, cloud: Cloud, request_id: str
) -> None:
    """A proxy that has lost its way is no RDS."""
    cloud.creates.append(RdsRefused(RefusalReason.INSTANCE_NOT_FOUND, status=404))
    request = await _ended(context, request_id)

    assert request.state is RequestState.RUNNING


async def test_a_create_that_an_older_release_sent_is_looked_for(
    context: StepContext, cloud: Cloud, request_id: str
) -> None:
    """It wrote down nothing but that one may have been sent."""
    request = await context.load(request_id)
    async with context.store.transaction() as transaction:
        await transaction.move(request, RequestState.CREATING)
    cloud.make(ago=-1)
    request = await _ended(context, request_id)

    assert request.adopted
    assert cloud.sent == []


async def test_two_that_carry_it_on_make_one(
    context: StepContext, cloud: Cloud, request_id: str
) -> None:
    """Both try; the one that comes second finds it running."""
    states = await asyncio.gather(*map(partial(create, context), [request_id] * 2))

    assert set(states) <= {RequestState.RUNNING}
    assert len(cloud.backups) == 1


async def test_a_lease_lost_in_the_queue_keeps_the_create_back(
    context: StepContext, request_id: str, cloud: Cloud
) -> None:
    """It stands on the way in, and is lost by the time that the call's turn has come."""
    lease = RunningOut()
    leased = dataclasses.replace(context, in_flight=InFlight(lease))
    creating = asyncio.create_task(create(leased, request_id))
    await asyncio.wait_for(lease.lost.wait(), 10)
    await asyncio.sleep(0.05)

    assert not creating.done()
    assert cloud.sent == []
    creating.cancel()
    await asyncio.gather(creating, return_exceptions=True)


class RunningOut:
    """A lease that can be renewed once."""

    def __init__(self) -> None:
        self.renewed = 0
        self.lost = asyncio.Event()

    async def renew(self) -> None:
        self.renewed += 1
        if self.renewed > 1:
            self.lost.set()
            raise LeaseLost
