"""The backup lists in memory: at most a minute old, one call however many ask."""

import asyncio
from datetime import timedelta

import pytest

from bot.application.backup_cache import GLANCES, STALE, TTL, BackupCache
from bot.domain.errors import RdsUnreachable, StoreUnavailable
from bot.domain.instances import Instance
from bot.storage.last_backups import LastBackups
from tests.fakes import BILLING, ORDERS, UseCases

PATIENT = 5.0
HOUR = timedelta(hours=1)


@pytest.fixture
def cache(cases: UseCases) -> BackupCache:
    """A cache that is empty."""
    return cases.cache


async def test_a_list_is_believed_for_a_minute(cases: UseCases, cache: BackupCache) -> None:
    """RDS is asked again only after that."""
    await cache.of(ORDERS.id, PATIENT)
    cases.clock.advance(seconds=TTL - 1)
    await cache.of(ORDERS.id, PATIENT)
    assert len(cases.rds.calls) == 1
    cases.clock.advance(seconds=1)
    backup = cases.backup()

    assert await cache.of(ORDERS.id, PATIENT) == [backup]
    assert len(cases.rds.calls) == 2


async def test_those_who_ask_at_once_share_a_call(cases: UseCases, cache: BackupCache) -> None:
    """One per instance."""
    ids = [ORDERS.id, BILLING.id] * 10
    await asyncio.gather(*(cache.of(instance_id, PATIENT) for instance_id in ids))

    assert len(cases.rds.calls) == 2


async def test_no_one_waits_longer_than_their_timeout(cases: UseCases, cache: BackupCache) -> None:
    """The call goes on, for those who ask next."""
    cases.rds.hangs = True
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await cache.of(ORDERS.id, 0.01)

    assert len(cases.rds.calls) == 1


async def test_an_error_is_not_remembered(cases: UseCases, cache: BackupCache) -> None:
    """All who wait get it; the next call may succeed."""
    cases.rds.trouble = RdsUnreachable("DBS.1")
    waiting = (cache.of(ORDERS.id, PATIENT) for _ in range(3))
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    cases.rds.trouble = None

    assert all(isinstance(error, RdsUnreachable) for error in errors)
    assert not cache.knows(ORDERS.id)
    assert await cache.of(ORDERS.id, PATIENT) == []
    assert len(cases.rds.calls) == 2


async def test_the_last_good_one_is_complete_and_full(cases: UseCases, cache: BackupCache) -> None:
    """A running, a failed and an incremental backup are none; the newest of the others counts."""
    cases.backup("older", type="auto")
    cases.clock.advance(hours=1)
    good = cases.backup("newer")
    cases.clock.advance(hours=1)
    for status in ("BUILDING", "FAILED"):
        cases.backup(status, status=status)
    cases.backup("log", type="incremental")
    assert (cache.knows(ORDERS.id), cache.last_good(ORDERS.id)) == (False, None)
    await cache.of(ORDERS.id, PATIENT)

    assert (cache.knows(ORDERS.id), cache.last_good(ORDERS.id)) == (True, good)


def _many(count: int) -> list[Instance]:
    return [Instance(id=f"instance-{n}", name=f"i{n}", status="ACTIVE") for n in range(count)]


async def test_spare_calls_go_to_the_longest_unseen(cases: UseCases, cache: BackupCache) -> None:
    """A few at a time, and only calls that RDS's limit leaves over."""
    many = _many(GLANCES + 5)
    await cache.look_around(many)
    first = {instance_id for instance_id, _ in cases.rds.calls}
    await cache.look_around(many)

    assert all(idle for _, idle in cases.rds.calls)
    assert len(first) == GLANCES
    assert {instance_id for instance_id, _ in cases.rds.calls} == {found.id for found in many}
    assert len(cases.rds.calls) == len(many)


async def test_what_was_seen_lately_is_worth_no_spare_call(
    cases: UseCases, cache: BackupCache
) -> None:
    """Not before an hour has passed."""
    await cache.of(ORDERS.id, PATIENT)
    cases.clock.advance(seconds=STALE)
    await cache.look_around([ORDERS])
    assert len(cases.rds.calls) == 1
    cases.clock.advance(seconds=1)
    await cache.look_around([ORDERS])

    assert len(cases.rds.calls) == 2


async def test_only_one_looks_around_at_a_time(cases: UseCases, cache: BackupCache) -> None:
    """However many home tabs are opened at once."""
    await asyncio.gather(*(cache.look_around([ORDERS, BILLING]) for _ in range(10)))

    assert len(cases.rds.calls) == 2


async def test_an_error_ends_looking_around(cases: UseCases, cache: BackupCache) -> None:
    """Nobody hears of it, and the next time it is tried again."""
    cases.rds.trouble = RdsUnreachable("DBS.1")
    await cache.look_around([ORDERS, BILLING])
    assert len(cases.rds.calls) == 1
    cases.rds.trouble = None
    await cache.look_around([ORDERS, BILLING])

    assert cache.knows(ORDERS.id)
    assert cache.knows(BILLING.id)


async def test_a_bot_that_has_just_started_knows_the_last_good_backups(
    cases: UseCases, cache: BackupCache
) -> None:
    """And doesn't list them again: they were listed a moment ago, by this bot or another."""
    good = cases.backup()
    await cache.of(ORDERS.id, PATIENT)
    await cache.of(BILLING.id, PATIENT)
    calls = len(cases.rds.calls)
    started = BackupCache(cases.rds, cases.clock, LastBackups(cases.store))
    assert not started.knows(ORDERS.id)
    await started.look_around([ORDERS, BILLING])

    assert (started.last_good(ORDERS.id), started.last_good(BILLING.id)) == (good, None)
    assert started.knows(BILLING.id)
    assert len(cases.rds.calls) == calls


async def test_the_end_of_a_backup_is_news(cases: UseCases, cache: BackupCache) -> None:
    """Without a call; one that failed or is older changes nothing."""
    newer = cases.backup()
    assert newer.begin_time
    older = newer.model_copy(update={"id": "older", "begin_time": newer.begin_time - HOUR})
    await cache.saw(newer)
    await cache.saw(older)
    await cache.saw(newer.model_copy(update={"id": "failed", "status": "FAILED"}))

    assert cache.last_good(ORDERS.id) == newer
    assert cases.rds.calls == []


async def test_a_database_that_is_away_costs_only_the_memory(
    cases: UseCases, cache: BackupCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is shown; after a restart it is read again."""

    async def away(*_: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(LastBackups, "save", away)
    monkeypatch.setattr(LastBackups, "load", away)
    good = cases.backup()
    await cache.warm()
    await cache.of(ORDERS.id, PATIENT)

    assert cache.last_good(ORDERS.id) == good
