"""Who lives is what the database says: nobody acts whose lease another has taken away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import psycopg
import pytest
from sqlalchemy import text

from bot.domain.errors import LeaseLost
from bot.runtime.in_flight import InFlight
from bot.storage.engine import connect_args, journal_args, migrate, open_engine
from bot.storage.replica import Replica

LEASE = 0.8  # seconds
FOR_EVER = 3600.0
Joins = Callable[..., Awaitable[Replica]]


@pytest.fixture
async def joins(postgresql_url: str) -> AsyncIterator[Joins]:
    """Lets one more replica live, for so long after each heartbeat."""
    migrate(postgresql_url)
    joined: list[Replica] = []

    async def join(lease: float = LEASE) -> Replica:
        joined.append(await Replica.join(postgresql_url, lease=lease))
        return joined[-1]

    yield join
    for replica in joined:
        await replica.leave()


async def steady(replica: Replica) -> None:
    """It has been in touch with the database for half a lease, so it may judge others."""
    await replica.renew()
    await asyncio.sleep(LEASE / 2)
    await replica.renew()


async def test_who_is_silent_for_a_lease_is_fenced(joins: Joins) -> None:
    """Its row is gone; whatever it wants to do then waits for ever, and its heartbeat ends it."""
    silent, other = await joins(), await joins()
    await asyncio.sleep(LEASE)
    await steady(other)

    assert await other.fence() == [silent.id]
    assert await other.living() == {other.id}
    acting = asyncio.create_task(InFlight(silent).__aenter__())
    with pytest.raises(LeaseLost):
        await silent.keep()
    await asyncio.sleep(0.01)
    assert not acting.done()
    acting.cancel()
    await asyncio.gather(acting, return_exceptions=True)


async def test_who_renews_lives_on(joins: Joins) -> None:
    """For longer than a lease, through its heartbeat alone."""
    one, other = await joins(), await joins()
    beating = [asyncio.create_task(replica.keep()) for replica in (one, other)]
    await asyncio.sleep(2 * LEASE)

    assert await other.fence() == []
    async with InFlight(one):
        pass
    for task in beating:
        task.cancel()
    await asyncio.gather(*beating, return_exceptions=True)


async def test_an_expired_lease_that_no_one_took_is_renewed(joins: Joins) -> None:
    """After an outage of the database for all, everybody goes on as before."""
    replica = await joins()
    await asyncio.sleep(LEASE * 1.2)

    await replica.renew()
    assert await replica.living() == {replica.id}


async def test_after_an_outage_no_replica_is_removed_at_once(joins: Joins) -> None:
    """Who is back first lets the others come back, before it takes them for dead."""
    first, late = await joins(FOR_EVER), await joins()
    await asyncio.sleep(LEASE * 1.2)
    await first.renew()
    assert await first.fence() == []
    await late.renew()
    assert await first.living() == {first.id, late.id}


async def test_two_fence_the_same_one(joins: Joins) -> None:
    """Only one of them takes it over."""
    silent, *others = [await joins() for _ in range(3)]
    await asyncio.gather(*map(steady, others))
    await asyncio.sleep(LEASE * 0.7)
    await asyncio.gather(*(other.renew() for other in others))
    fenced = await asyncio.gather(*(other.fence() for other in others))

    assert sorted(fenced) == [[], [silent.id]]


async def test_who_leaves_is_taken_over_at_once(joins: Joins) -> None:
    """A lease that was given back need not expire."""
    gone, other = await joins(FOR_EVER), await joins()
    await steady(other)
    await gone.leave()

    assert await other.fence() == [gone.id]


async def test_a_lost_connection_is_opened_again(joins: Joins, postgresql_url: str) -> None:
    """What was decided meanwhile nobody heard: all is looked at again."""
    replica, heard = await joins(FOR_EVER), asyncio.Queue[str]()
    listening = asyncio.create_task(
        replica.listen(heard.put_nowait, lambda: heard.put_nowait("missed"))
    )
    async with asyncio.timeout(10):
        assert await heard.get() == "missed"
        url = postgresql_url.replace("+psycopg", "")
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as other:
            await other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            )
            assert await heard.get() == "missed"
            await other.execute("NOTIFY backup_bot_decided, 'r1'")
            assert await heard.get() == "r1"
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_a_frozen_transaction_delays_no_one(postgresql_url: str) -> None:
    """The server ends it, and who waited for its row goes on."""
    migrate(postgresql_url)
    url = postgresql_url.replace("+psycopg", "")
    args = connect_args(open_engine(postgresql_url).url, frozen_after=200)
    async with (
        await psycopg.AsyncConnection.connect(url, **args) as frozen,
        await psycopg.AsyncConnection.connect(url, **args) as other,
    ):
        await frozen.execute("INSERT INTO budget VALUES ('rds', '[]', 0)")
        async with asyncio.timeout(5):
            await other.execute("INSERT INTO budget VALUES ('rds', '[]', 0)")
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            await frozen.commit()


async def test_no_connection_waits_for_ever(postgresql_url: str) -> None:
    """On each the server gives up what is idle or locked; what the operator set counts more."""
    engine = open_engine(f"{postgresql_url}&options=-c%20lock_timeout%3D7s")
    async with engine.connect() as connection:
        said = {
            name: await connection.scalar(text(f"SHOW {name}"))
            for name in ("idle_in_transaction_session_timeout", "lock_timeout")
        }
    await engine.dispose()

    assert said == {"idle_in_transaction_session_timeout": "3s", "lock_timeout": "7s"}
    assert "idle_in_transaction_session_timeout" in journal_args(postgresql_url)["options"]
    assert "lock_timeout" not in journal_args(postgresql_url)["options"]
