"""Old requests go from a running bot, with what the engine kept of them."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from bot.cli.audit import verify
from bot.runtime.clock import Clock
from bot.storage import pruning
from bot.storage.pruning import Pruner
from tests.story import CONFIG, DEADLINE, Opens

OURS = ("request", "vote", "outbox")
ENGINES = ("workflow_status", "operation_outputs", "workflow_input")


class Ahead(Clock):
    """Decades later than everything else."""

    def now(self) -> datetime:
        return super().now() + timedelta(days=365 * 80)


def rows(database_url: str) -> dict[str, int]:
    """How many there are in each table."""
    schema = "dbos." if "postgresql" in database_url else ""
    tables = {table: table for table in OURS} | {table: f"{schema}{table}" for table in ENGINES}
    engine = create_engine(database_url)
    with engine.connect() as connection:
        found = {
            table: int(connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0)  # noqa: S608, constants
            for table, name in tables.items()
        }
    engine.dispose()
    return found


@pytest.mark.parametrize("kind", ["database_url", "postgresql_url"])
async def test_a_finished_request_leaves_nothing_and_an_open_one_goes_on(
    opens: Opens,
    kind: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The audit log is proven across the file that its entries are in."""
    database_url: str = request.getfixturevalue(kind)
    pruned = asyncio.Event()
    prune = Pruner.prune

    async def prune_at_once(pruner: Pruner) -> None:
        await prune(pruner)
        pruned.set()

    archive = tmp_path / "archive"

    def ahead(*args: Any) -> Pruner:
        store, forget, _, *rest = args
        return Pruner(store, forget, Ahead(), *rest)

    config = f'{CONFIG}\n[store]\nkeep = "30d"\narchive = "{archive}"\n'
    monkeypatch.setattr(Pruner, "prune", prune_at_once)
    monkeypatch.setattr(pruning, "FIRST", 0.0)

    async with opens(config) as story:
        story.environ["DATABASE_URL"] = database_url
        async with story.bot():
            done = await story.asks()
            await story.approves(done)
            await story.until_said(done, "is complete")
            await story.types("create orders before-43")
            await story.workspace.until(lambda: len(story.cards) == 2, DEADLINE)
        assert rows(database_url)["request"] == 2
        pruned.clear()
        monkeypatch.setattr("bot.app.Pruner", ahead)
        async with story.bot():
            await asyncio.wait_for(pruned.wait(), DEADLINE)
            left = rows(database_url)
            waiting = story.cards[1]
            answer = await story.approves(done, stale=True)
            await story.approves(waiting)
            await story.until_said(waiting, "is complete")

    assert (left["request"], left["vote"], left["workflow_status"]) == (1, 0, 1)
    assert left["workflow_input"] == 1
    assert "I can't find this request, so nothing was changed" in answer
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert verify() == verify(archive=archive) == 0
    assert len(list(archive.iterdir())) == 1
