"""What the store promises, on a real SQLite file."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from bot.application.ports import Conflict
from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.errors import NameTaken, SettingsError
from bot.domain.instances import Backup, Instance
from bot.domain.outbox import card
from bot.domain.policy import RuleReference, RuleSource, Terms
from bot.domain.progress import History
from bot.domain.requests import BackupRequest, Choice, Refusal, Vote
from bot.domain.states import RequestState
from bot.storage.engine import migrate, open_engine
from bot.storage.outbox import Outbox
from bot.storage.reading import load_request
from bot.storage.store import Store
from bot.storage.tables import requests
from tests.requests import NOON, asked

_S = RequestState


async def kept(store: Store, request: BackupRequest) -> BackupRequest:
    """The request after it was written down."""
    async with store.transaction() as transaction:
        await transaction.insert(request)
    return request


async def test_a_request_comes_back_as_it_went_in(store: Store) -> None:
    """Every field survives the database, times and spans and nested values too."""
    request = asked(
        response_url="https://hooks.example/1",
        instance=Instance(id="a" * 32 + "in01", name="orders-prod", status="ACTIVE"),
        history=History(usual=timedelta(minutes=7), last_finished=NOON),
        terms=Terms(approvers=("S0DBA",), expires_after=timedelta(hours=1)),
        expires_at=NOON + timedelta(hours=1),
        took=timedelta(minutes=7, seconds=12),
        size_kb=5_000_000_000,
        refusal=Refusal.of(NameTaken("before-1", "before-1-2")),
    )
    await kept(store, request)

    assert await store.load(request.id) == request


# As the release before this one stored them. Never change these.
TERMS_BEFORE = {
    "requesters": [],
    "channels": [],
    "approvals": 2,
    "approvers": ["S0DBA"],
    "notify": None,
    "self_approval": False,
    "break_glass": ["U0CYD"],
    "auditors": [],
    "channel": None,
    "expires_after": "PT8H",
    "remind_after": "PT1H",
    "rule": "rule 2 (orders-*, dev-?)",
}
REFUSAL_BEFORE = {
    "kind": "NameTaken",
    "fields": {"name": "a-1", "suggestion": "a-1-2", "asked_by": "U0BEN", "instance_name": None},
}
HISTORY_BEFORE = {"usual": "PT7M", "last_name": "day-1", "last_finished": NOON.isoformat()}


async def test_a_row_of_the_release_before_is_read(store: Store) -> None:
    """Its rule was text, its error a class name, and its history named the last backup."""
    rule = RuleReference(source=RuleSource.RULE, number=2, instances=("orders-*", "dev-?"))
    today = Terms(approvals=2, approvers=("S0DBA",), break_glass=("U0CYD",), rule=rule)
    old = await kept(store, asked(1))
    await kept(store, asked(2, terms=today))
    async with store.engine.begin() as connection:
        values = {
            "terms": TERMS_BEFORE,
            "refusal": REFUSAL_BEFORE,
            "history": HISTORY_BEFORE,
        }
        await connection.execute(update(requests).where(requests.c.id == old.id).values(values))
    loaded = await store.load(old.id)

    assert loaded is not None
    assert loaded.terms == today
    assert loaded.history == History(usual=timedelta(minutes=7), last_finished=NOON)
    assert loaded.refusal == Refusal.of(NameTaken("a-1", "a-1-2", requested_by="U0BEN"))
    assert loaded.refusal.error.requested_by == "U0BEN"  # type: ignore[union-attr]
    assert await store.counts() == [("asked", "rule 2 (orders-*, dev-?)", 2)]


async def test_completed_backups_are_found_by_their_instance(store: Store) -> None:
    """The newest first, also those that were deleted since."""
    orders = Instance(id="orders-id", name="orders-prod", status="ACTIVE")
    done = {"state": _S.COMPLETED, "took": timedelta(minutes=7), "size_kb": 4000}
    for number in range(1, 5):
        changes = {"backup_id": f"b{number}", "started_at": NOON + timedelta(days=number)}
        await completed(store, asked(number, instance=orders, **done, **changes))
    other = orders.model_copy(update={"id": "other-id"})
    await completed(store, asked(5, instance=other, backup_id="b5", started_at=NOON, **done))
    await completed(store, asked(6, instance=orders, backup_id="b6", state=_S.COMPLETED))

    found = await store.completed_backups("orders-id", 3)

    assert [backup.id for backup in found] == ["b4", "b3", "b2"]
    assert found[0] == Backup(
        id="b4",
        instance_id="orders-id",
        name="before-4",
        status="COMPLETED",
        begin_time=NOON + timedelta(days=4),
        end_time=NOON + timedelta(days=4, minutes=7),
        size_kb=4000,
    )


async def completed(store: Store, request: BackupRequest) -> None:
    """The request with its last entry in the audit log."""
    entry = request.on_trail(AuditAction.COMPLETED, at=NOON, actor="backup-bot", detail={})
    async with store.transaction() as transaction:
        await transaction.insert(request)
        await transaction.record(entry)


async def test_an_error_does_not_tell_what_was_to_be_written(store: Store) -> None:
    """It may end up in the log, with the address that takes answers for half an hour."""
    request = await kept(store, asked(response_url="https://hooks.example/1", description="why"))
    with pytest.raises(Conflict) as conflict:
        await kept(store, request)

    assert "INSERT INTO request" in str(conflict.value.__cause__)
    assert "hooks.example" not in str(conflict.value.__cause__)


async def test_an_unknown_request_is_none(store: Store) -> None:
    """A made-up id is not an error of the store."""
    assert await store.load("nobody") is None


async def test_a_move_is_compare_and_set(store: Store) -> None:
    """Who has an old picture of a request cannot move it."""
    request = await kept(store, asked())
    async with store.transaction() as transaction:
        await transaction.move(request, _S.APPROVED)

    with pytest.raises(Conflict):
        async with store.transaction() as transaction:
            await transaction.move(request, _S.REFUSED)

    loaded = await store.load(request.id)
    assert loaded is not None
    assert loaded.state is _S.APPROVED


async def test_one_command_is_one_request(store: Store) -> None:
    """The same trigger_id cannot make a second row, and leads to the first."""
    request = await kept(store, asked())

    with pytest.raises(Conflict):
        await kept(store, asked(2, trigger_id=request.trigger_id))

    assert await store.find_by_trigger(request.trigger_id) == request
    assert await store.load("request2") is None


async def test_a_name_belongs_to_one_open_request(store: Store) -> None:
    """A second open request cannot take the name; once the first has ended, it can."""
    first = await kept(store, asked())

    with pytest.raises(Conflict):
        await kept(store, asked(2, name=first.name))
    assert await store.open_named(first.name) == first

    async with store.transaction() as transaction:
        await transaction.move(first, _S.REFUSED)
    await kept(store, asked(2, name=first.name))


async def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    """Request, votes and audit are written together or not at all."""
    entry = AuditEntry(at=NOON, request_id="request1", actor="U0ANA", action=AuditAction.SUBMITTED)

    async def cut_off() -> None:
        async with store.transaction() as transaction:
            await transaction.insert(asked())
            await transaction.record(entry)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await cut_off()

    assert await store.load("request1") is None
    assert await store.audit_trail() == []


async def test_votes_come_back_in_order(store: Store) -> None:
    """A request is loaded with its votes, the oldest first."""
    request = await kept(store, asked())
    votes = [
        Vote(user_id="U0CAT", choice=Choice.APPROVE, at=NOON),
        Vote(user_id="U0BEN", choice=Choice.APPROVE, at=NOON + timedelta(seconds=1)),
    ]
    async with store.transaction() as transaction:
        for vote in votes:
            await transaction.vote(request, vote)

    loaded = await store.load(request.id)
    assert loaded is not None
    assert loaded.approvers == ("U0CAT", "U0BEN")


async def test_a_person_votes_once(store: Store) -> None:
    """The same choice of the same person does not fit in twice."""
    request = await kept(store, asked())
    vote = Vote(user_id="U0BEN", choice=Choice.APPROVE, at=NOON)
    async with store.transaction() as transaction:
        await transaction.vote(request, vote)

    with pytest.raises(Conflict):
        async with store.transaction() as transaction:
            await transaction.vote(request, vote)


async def test_fifty_writers_at_once_all_get_their_turn(store: Store) -> None:
    """Concurrent transactions queue; none fails because the database is locked."""
    await asyncio.gather(*(kept(store, asked(number)) for number in range(50)))

    assert len(await store.unfinished()) == 50


async def test_a_line_is_said_in_one_place(store: Store) -> None:
    """Where it was said is found again, and isn't changed by who says it a second time."""
    request = await kept(store, asked())
    outbox = Outbox(store)
    async with store.transaction() as transaction:
        await transaction.owe(card(request))
    assert await store.posted(request.id, "card") is None
    (message,) = await outbox.due(datetime.now(UTC))
    assert await outbox.sent(message, "C0OPS", "1.0")
    assert not await outbox.sent(message, "C0OPS", "2.0")

    assert await store.posted(request.id, "card") == ("C0OPS", "1.0")
    assert await store.posted(request.id, "ended") is None


def test_a_database_of_a_newer_release_is_left_alone(database_url: str) -> None:
    """An older bot does not guess what its tables mean: it says so and does not start."""
    migrate(database_url)
    with sqlite3.connect(database_url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(SettingsError) as raised:
        migrate(database_url)
    assert "newer release" in str(raised.value)


async def _read_by_another(url: str, work: Callable[[Connection], Any]) -> Any:
    engine = open_engine(url)
    try:
        return await Store(engine).read(work)
    finally:
        await engine.dispose()


async def test_a_request_and_its_votes_are_of_one_moment(store: Store) -> None:
    """Who reads while somebody votes sees both as they were, or both as they are."""
    request = await kept(store, asked(state=_S.AWAITING_APPROVAL))
    is_read, has_changed = threading.Event(), threading.Event()

    def twice(connection: Connection) -> list[BackupRequest | None]:
        before = load_request(connection, request.id)
        is_read.set()
        assert has_changed.wait(10)
        return [before, load_request(connection, request.id)]

    url = store.engine.url.render_as_string(hide_password=False)
    reading = asyncio.create_task(asyncio.to_thread(asyncio.run, _read_by_another(url, twice)))
    assert await asyncio.to_thread(is_read.wait, 10)
    async with store.transaction() as transaction:
        vote = Vote(user_id="U0BEN", choice=Choice.APPROVE, at=NOON)
        voted = await transaction.vote(request, vote)
        await transaction.move(voted, _S.APPROVED)
    has_changed.set()

    assert await reading == [request, request]
    assert await store.load(request.id) == voted.moved(_S.APPROVED)


async def test_a_backup_is_ours_before_its_create_is_answered(store: Store) -> None:
    """RDS made it, and the answer was lost; one of its name on another instance isn't ours."""
    orders = Instance(id="orders-id", name="orders-prod", status="ACTIVE")
    await kept(store, asked(1, instance=orders, state=_S.RUNNING, backup_id="b1"))
    await kept(store, asked(2, instance=orders, state=_S.CREATING))
    await kept(store, asked(3, instance=orders, state=_S.AWAITING_APPROVAL))
    await kept(store, asked(4, instance=orders, state=_S.REFUSED))
    of_orders = [
        Backup(id=f"b{n}", instance_id=orders.id, name=f"before-{n}", status="COMPLETED")
        for n in range(1, 5)
    ]
    elsewhere = [
        one.model_copy(update={"id": f"{one.id}-elsewhere", "instance_id": "users-id"})
        for one in of_orders
    ]

    assert await store.own_backups([*of_orders, *elsewhere]) == {"b1", "b2"}
    assert await store.own_backups([]) == set()
