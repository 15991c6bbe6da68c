"""What is asked for is held against what RDS says, and against what the store knows."""

import asyncio
import dataclasses
from collections import deque
from datetime import timedelta

import pytest

from bot.domain.audit import AuditAction
from bot.domain.errors import (
    BackupUnknown,
    NameTaken,
    RdsError,
    RdsRefused,
    RdsUnreachable,
    RefusalReason,
    UnknownInstance,
)
from bot.domain.instances import Backup, BackupStatus, Instance
from bot.domain.requests import BackupRequest, Kind
from bot.domain.states import RequestState
from bot.domain.thread_lines import NO_KEYS, PUT_OFF
from bot.workflow.context import StepContext
from bot.workflow.preparation import look_up
from tests.requests import asked
from tests.workflow.conftest import ORDERS, Cloud, Everybody, HastyClock, Oracle, Thread

HOUR = timedelta(hours=1)
BILLING = Instance(id="billing-id", name="billing-prod", status="ACTIVE")
THERE = Backup(
    id="backup-id", instance_id=ORDERS.id, name="before-1", status=BackupStatus.COMPLETED
)
WRONG_KEYS = RdsRefused(RefusalReason.CREDENTIALS, "APIGW.0301", status=401)


class Instances:
    """A catalogue of one; the next looks may miss it."""

    def __init__(self) -> None:
        self.missed = 0

    async def find(self, reference: str, timeout_seconds: float) -> Instance:
        assert timeout_seconds
        if self._misses():
            raise UnknownInstance(reference)
        return ORDERS

    async def current(self, instance_id: str) -> Instance | None:
        assert instance_id == ORDERS.id
        return None if self._misses() else ORDERS

    def _misses(self) -> bool:
        self.missed -= 1
        return self.missed >= 0


class AnyOracle(Oracle):
    """Asked about any backup; it notes which."""

    def __init__(self, clock: HastyClock) -> None:
        super().__init__(clock, deque())
        self.asked: list[tuple[str, str]] = []

    async def look(
        self, instance_id: str, backup_id: str, after: float, *, patient: bool = False
    ) -> Backup | None:
        assert not patient
        self.asked.append((instance_id, backup_id))
        self.clock.advance(seconds=after)
        answer = self.answers.popleft()
        assert not isinstance(answer, RdsError)
        return answer


@pytest.fixture
def clock() -> HastyClock:
    """Time jumps."""
    return HastyClock()


@pytest.fixture
def watcher(clock: HastyClock) -> AnyOracle:
    """What RDS says of a backup, by its id."""
    return AnyOracle(clock)


@pytest.fixture
def instances() -> Instances:
    """The catalogue."""
    return Instances()


@pytest.fixture
def context(context: StepContext, instances: Instances) -> StepContext:
    """With a catalogue, and with people."""
    return dataclasses.replace(context, catalogue=instances, people=Everybody())


async def _stored(context: StepContext, number: int = 1, **changes: object) -> BackupRequest:
    request = asked(number, asked_at=context.clock.now(), **changes)
    async with context.store.transaction() as transaction:
        await transaction.insert(request)
    return request


async def _looked_up(context: StepContext, request: BackupRequest) -> BackupRequest:
    async with asyncio.timeout(60):
        await look_up(context, request.id)
    return await context.load(request.id)


@pytest.mark.parametrize("known", [None, ORDERS])
async def test_an_instance_that_a_list_misses_is_looked_for_again(
    context: StepContext, instances: Instances, known: Instance | None
) -> None:
    """One list may be empty, cut, or shifted between two pages; so may two."""
    request = await _stored(context, instance=known)
    instances.missed = 2

    assert (await _looked_up(context, request)).state is RequestState.AWAITING_APPROVAL


@pytest.mark.parametrize("known", [None, ORDERS])
async def test_an_instance_that_three_lists_miss_is_unknown(
    context: StepContext, instances: Instances, known: Instance | None
) -> None:
    """Then it is said."""
    request = await _stored(context, instance=known)
    instances.missed = 3
    refused = await _looked_up(context, request)

    assert refused.refusal is not None
    assert isinstance(refused.refusal.error, UnknownInstance)


async def test_keys_that_are_refused_are_waited_for(
    context: StepContext, cloud: Cloud, thread: Thread, clock: HastyClock
) -> None:
    """Kept while RDS was away, it stays kept when RDS answers that the keys are wrong."""
    request = await _stored(context, instance=ORDERS)
    cloud.trouble = RdsUnreachable(status=503)

    async def answers() -> None:
        cloud.trouble = WRONG_KEYS

    async def renews() -> None:
        cloud.trouble = None

    now = clock.now()
    clock.alarms += [(now + timedelta(hours=1), answers), (now + timedelta(hours=9), renews)]
    looked_up = await _looked_up(context, request)

    assert looked_up.state is RequestState.AWAITING_APPROVAL
    assert await thread.lines() == [(PUT_OFF, ""), (NO_KEYS, "")]


async def test_keys_that_nobody_renews_end_it(
    context: StepContext, cloud: Cloud, clock: HastyClock
) -> None:
    """After twelve hours, as with an approved one."""
    request = await _stored(context, instance=ORDERS)
    cloud.trouble = WRONG_KEYS
    began = clock.now()
    refused = await _looked_up(context, request)

    assert refused.state is RequestState.REFUSED
    assert timedelta(hours=12) <= clock.now() - began < timedelta(hours=13)


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_name_of_another_instance_is_taken_while_its_backup_is_there(
    context: StepContext, watcher: AnyOracle, *, is_there: bool
) -> None:
    """Names are unique in a project. RDS is asked, as somebody may have deleted it by hand."""
    await _stored(
        context,
        2,
        name="before-1",
        state=RequestState.COMPLETED,
        instance=BILLING,
        backup_id="billing-backup",
    )
    request = await _stored(context, instance=ORDERS)
    watcher.answers.append(THERE if is_there else None)
    looked_up = await _looked_up(context, request)

    assert watcher.asked == [(BILLING.id, "billing-backup")]
    if is_there:
        assert looked_up.refusal is not None
        error = looked_up.refusal.error
        assert isinstance(error, NameTaken)
        assert (error.instance_name, error.suggestion) == ("billing-prod", "before-1-2")
    else:
        assert looked_up.state is RequestState.AWAITING_APPROVAL


async def test_a_backup_of_ours_that_a_list_misses_can_be_deleted(
    context: StepContext, watcher: AnyOracle
) -> None:
    """The store knows its id, and RDS is asked for that."""
    await _stored(
        context, 2, name="before-1", state=RequestState.COMPLETED, instance=ORDERS, backup_id="b-1"
    )
    request = await _stored(context, instance=ORDERS, kind=Kind.DELETE)
    watcher.answers.append(THERE.model_copy(update={"id": "b-1"}))
    looked_up = await _looked_up(context, request)

    assert looked_up.state is RequestState.AWAITING_APPROVAL
    assert looked_up.backup_id == "b-1"


@pytest.mark.parametrize("unlisted", [2, 3])
async def test_a_backup_that_lists_miss_is_looked_for_again(
    context: StepContext, cloud: Cloud, unlisted: int
) -> None:
    """Made elsewhere, it has no id yet: three lists have to agree that it isn't there."""
    cloud.backups = [THERE]
    cloud.unlisted = unlisted
    request = await _stored(context, instance=ORDERS, kind=Kind.DELETE)
    looked_up = await _looked_up(context, request)

    if unlisted == 3:
        assert looked_up.refusal is not None
        assert isinstance(looked_up.refusal.error, BackupUnknown)
    else:
        assert looked_up.state is RequestState.AWAITING_APPROVAL


async def test_a_deleted_backup_still_tells_how_long_one_takes(
    context: StepContext, cloud: Cloud
) -> None:
    """The bot has its own record of it; what RDS lists comes first."""
    at = context.clock.now()
    for number, minutes in ((2, 20), (3, 30)):
        done = {
            "instance": ORDERS,
            "backup_id": f"backup-{number}",
            "started_at": at - timedelta(days=number),
            "took": timedelta(minutes=minutes),
        }
        made = await _stored(context, number, state=RequestState.COMPLETED, **done)
        entry = made.on_trail(AuditAction.COMPLETED, at=at, actor="backup-bot", detail={})
        async with context.store.transaction() as transaction:
            await transaction.record(entry)
    began = at - timedelta(days=3)
    span = {"begin_time": began, "end_time": began + HOUR}
    there = {"id": "backup-3", "name": "before-3", **span}
    cloud.backups.append(THERE.model_copy(update=there))

    history = (await _looked_up(context, await _stored(context))).history

    assert history.runs == 2
    assert history.usual == timedelta(minutes=40)
    assert history.last_took == HOUR
