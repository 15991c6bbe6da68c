"""Many commands, few commits; and each hears of its own fate."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import Engine, event

from bot.application.ports import Conflict
from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.errors import StoreUnavailable
from bot.domain.requests import BackupRequest
from bot.storage.engine import open_engine
from bot.storage.intake import Intake
from bot.storage.store import Store
from tests.requests import NOON, asked


def entry(request: BackupRequest) -> AuditEntry:
    """What the trail says of it."""
    return AuditEntry(
        at=NOON, request_id=request.id, actor=request.requester, action=AuditAction.SUBMITTED
    )


async def outcomes(store: Store, requests: list[BackupRequest]) -> list[BaseException | None]:
    """What becomes of requests that come at the same moment."""
    intake = Intake(store)
    writes = (intake.write(request, entry(request)) for request in requests)
    return await asyncio.gather(*writes, return_exceptions=True)


async def test_five_hundred_at_once_are_a_handful_of_commits(store: Store) -> None:
    """All of them are on disk with their audit entries, and few transactions wrote them."""
    commits: list[object] = []
    count = commits.append
    requests = [asked(number) for number in range(500)]

    event.listen(Engine, "commit", count)
    try:
        assert await outcomes(store, requests) == [None] * 500
    finally:
        event.remove(Engine, "commit", count)
    assert len(await store.unfinished()) == 500
    assert len(await store.audit_trail()) == 500
    assert 0 < len(commits) < 20


async def test_one_that_cannot_be_written_takes_no_other_along(store: Store) -> None:
    """Two want the same name: one of them hears so, and everybody else is on disk."""
    requests = [asked(number) for number in range(20)]
    requests.append(asked(99, name=requests[7].name))
    results = await outcomes(store, requests)

    assert [type(result) for result in results if result is not None] == [Conflict]
    assert len(await store.unfinished()) == 20
    assert len(await store.audit_trail()) == 20


async def test_a_canceled_request_is_saved_all_the_same(store: Store) -> None:
    """A cancelled wait neither stops the others nor the writing."""
    intake = Intake(store)
    waits = [
        asyncio.create_task(intake.write(request, entry(request)))
        for request in (asked(number) for number in range(3))
    ]
    await asyncio.sleep(0)
    waits[1].cancel()
    results = await asyncio.gather(*waits, return_exceptions=True)

    assert isinstance(results[1], asyncio.CancelledError)
    assert len(await store.unfinished()) == 3


async def test_a_store_that_takes_nothing_is_told_to_everybody(database_url: str) -> None:
    """No command waits for ever for tables that are not there."""
    engine = open_engine(database_url)  # nobody migrated it
    results = await outcomes(Store(engine), [asked(number) for number in range(3)])
    await engine.dispose()

    assert [type(result) for result in results] == [StoreUnavailable] * 3


async def test_a_commit_whose_answer_was_lost(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database did write it, and then hung up: nobody is told that it was not saved."""
    original = Store.submit

    async def hung_up(
        self: Store, new: Sequence[BackupRequest], entries: Sequence[AuditEntry]
    ) -> None:
        await original(self, new, entries)
        raise StoreUnavailable

    monkeypatch.setattr(Store, "submit", hung_up)

    assert await outcomes(store, [asked(number) for number in range(3)]) == [None] * 3
