"""The chain of the audit trail on PostgreSQL: nobody waits for it, and nothing is left out."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from bot.cli.audit import export, verify
from bot.domain.audit import AuditAction, AuditEntry, AuditKey
from bot.domain.errors import SettingsError
from bot.runtime.clock import Clock
from bot.storage import sealing
from bot.storage.audit_rows import audit_rows, entry_of
from bot.storage.engine import migrate, open_engine
from bot.storage.sealing import LOCK, Sealer, check_key
from bot.storage.store import Store
from tests.requests import NOON, asked

Output = pytest.CaptureFixture[str]
AT_ONCE = 2.0  # seconds: an ack has three, and the machine is busy
DEADLINE = 10.0  # seconds for what comes about by itself


@pytest.fixture
async def store(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """A store on PostgreSQL, where several processes work."""
    monkeypatch.setenv("DATABASE_URL", postgresql_url)
    migrate(postgresql_url)
    engine = open_engine(postgresql_url)
    yield Store(engine)
    await engine.dispose()


def entry(number: int) -> AuditEntry:
    at = NOON + timedelta(minutes=number)
    return asked(number).on_trail(AuditAction.SUBMITTED, at=at, actor=f"U{number}", detail={})


async def record(store: Store, *numbers: int) -> None:
    async with store.transaction() as transaction:
        await transaction.record(*map(entry, numbers))


def sealer(store: Store, key: AuditKey | None = None) -> Sealer:
    return Sealer(store.engine, store.recorded, Clock(), key)


def sealed(store: Store) -> list[str]:
    """The actors of the chain, in its order."""
    url = store.engine.url.render_as_string(hide_password=False)
    return [entry_of(row).actor for row in audit_rows(url) if row["number"]]


async def has_sealed(store: Store, count: int) -> bool:
    return len(sealed(store)) == count


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not await is_so():  # noqa: ASYNC110, the database sets no event
            await asyncio.sleep(0.02)


async def test_a_frozen_transaction_delays_no_other(store: Store, capsys: Output) -> None:
    """Others commit, and are sealed; it gets its place once it has committed."""
    async with store.transaction() as frozen:
        await frozen.record(entry(1))
        async with asyncio.timeout(AT_ONCE):
            await asyncio.gather(*(record(store, number) for number in (2, 3)))
            assert await sealer(store).seal()
        assert sorted(sealed(store)) == ["U2", "U3"]
    assert await sealer(store).seal()

    assert sealed(store)[2] == "U1"
    assert verify() == 0
    assert capsys.readouterr().out.startswith("The audit log is intact: 3 entries")


async def test_a_frozen_sealer_delays_no_command(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others don't wait for its lock; PostgreSQL takes it away, and they go on."""
    monkeypatch.setattr(sealing, "FROZEN", "1min")
    await record(store, 1)
    frozen = sealer(store)
    async with store.engine.connect() as connection:
        await connection.begin()
        assert await frozen._may_seal(connection)  # noqa: SLF001, where it stands still
        async with asyncio.timeout(AT_ONCE):
            await record(store, 2)
            assert not await sealer(store).seal()
        monkeypatch.setattr(sealing, "FROZEN", "200ms")  # the others have seen its lock
        assert await frozen._may_seal(connection)  # noqa: SLF001, the same
        await until(sealer(store).seal)
        with pytest.raises(DBAPIError):
            await connection.execute(select(func.now()))
        await connection.invalidate()

    assert sealed(store) == ["U1", "U2"]


async def test_what_a_dead_process_left_is_told_and_sealed_by_the_next(
    store: Store, capsys: Output
) -> None:
    """Until then nothing proves it, which is said; it can be read all the same."""
    await record(store, 1)
    assert await sealer(store).seal()
    await record(store, 2, 3)

    assert verify() == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "2 entries are not sealed yet, so not verified."
    assert said[1].startswith("The audit log is intact: 1 entry")
    assert [e.actor for e in await store.audit_trail()] == ["U1", "U2", "U3"]
    last = await store.last_audit_entries("orders-prod", 2, {"T0DEMO"}, unplaced=True)
    assert [entry.actor for entry in last] == ["U2", "U3"]
    assert export() == 0
    assert '"number": null' in capsys.readouterr().out.splitlines()[2]

    running = asyncio.create_task(sealer(store).run())
    await until(partial(has_sealed, store, 3))
    await record(store, 4)
    await until(partial(has_sealed, store, 4))
    running.cancel()
    assert sealed(store) == ["U1", "U2", "U3", "U4"]


async def test_more_than_one_transaction_holds_is_sealed_in_order(store: Store) -> None:
    """As after a long time in which nobody sealed."""
    numbers = range(2 * sealing.AT_ONCE + 1)
    async with store.transaction() as transaction:
        await transaction.record(*(entry(number % 60) for number in numbers))
    assert await sealer(store).seal()

    assert sealed(store) == [f"U{number % 60}" for number in numbers]
    assert verify() == 0


async def test_a_release_before_adds_to_the_same_chain(store: Store) -> None:
    """It chains in its own transaction, under the same lock: neither forks the other's."""
    await record(store, 1)
    async with store.engine.begin() as before:
        await before.execute(select(func.pg_advisory_xact_lock(LOCK)))
        assert not await sealer(store).seal()
        await before.run_sync(sealing.append, [entry(2)], None)
    assert await sealer(store).seal()

    assert sealed(store) == ["U2", "U1"]
    assert verify() == 0


async def test_a_replica_without_the_key_leaves_it_to_those_who_have_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain stays one that the key proves, while the key is given to one after the other."""
    key = AuditKey.of("a key that nobody guesses")
    await record(store, 1)
    assert await sealer(store, key).seal()
    await record(store, 2)
    assert not await sealer(store).seal()
    assert await sealer(store, key).seal()

    monkeypatch.setenv("AUDIT_KEY", "a key that nobody guesses")
    assert verify() == 0
    with pytest.raises(SettingsError, match=f"sealed with the key {key.id}"):
        await check_key(store.engine, None)
    await check_key(store.engine, key)


async def test_an_entry_that_cannot_be_read_is_no_end(store: Store) -> None:
    """Somebody wrote into the table: the sealer says so, again and again, and commands go on."""
    async with store.engine.begin() as connection:
        columns, values = "at, actor, action, detail", "now(), 'U0', 'asked', '[]'"
        await connection.execute(text(f"INSERT INTO audit_unsealed ({columns}) VALUES ({values})"))  # noqa: S608, our own words
    running = asyncio.create_task(sealer(store).run())
    await asyncio.sleep(0.1)
    await record(store, 1)

    assert not running.done()
    running.cancel()
