"""The database is full, locked or broken: commands are refused in time, nothing is half done."""

import asyncio
import resource
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.demo.world import ANA, OPS, OfflineWorld
from tests.process.conftest import DEADLINE, Runs, until_connected
from tests.process.test_health import Operator, free_port

REFUSED = "so nothing was saved"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bot.db"


@pytest.fixture
async def operator(runs: Runs, world: OfflineWorld, file: Path) -> AsyncIterator[Operator]:
    port = free_port()
    environ = world.environ | {"HEALTH_PORT": str(port), "DATABASE_URL": f"sqlite:///{file}"}
    async with runs(environ) as process, aiohttp.ClientSession() as session:
        await until_connected(world)
        yield Operator(world, process, port, session)


async def asks(operator: Operator, name: str) -> str:
    """Ana asks; what she hears. Her command is acked in time, whatever is wrong."""
    workspace = operator.world.workspace
    heard = len(workspace.ephemerals(ANA))
    reply = await workspace.command(ANA, OPS, "/backup", f"create orders-prod {name}")
    assert reply.error is None
    await workspace.until(lambda: len(workspace.ephemerals(ANA)) > heard, DEADLINE)
    return workspace.read(workspace.ephemerals(ANA)[-1])


def locked(file: Path) -> sqlite3.Connection:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    return other


def stored(file: Path) -> list[str]:
    with sqlite3.connect(file) as reader:
        return [name for (name,) in reader.execute("SELECT name FROM request ORDER BY name")]


async def test_a_full_disk(operator: Operator, file: Path) -> None:
    """No file can grow any more, until somebody makes room."""
    pid = operator.process.pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    answer = await asks(operator, "before-1")
    status, parts = await operator.is_told()
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    assert REFUSED in answer
    assert (status, parts["ready"]) == (503, False)
    assert parts["database"].startswith("it isn't available")
    assert stored(file) == []
    assert "Got it: back up" in await asks(operator, "before-2")
    assert stored(file) == ["before-2"]


async def test_another_process_locks_the_file(operator: Operator, file: Path) -> None:
    """A backup tool, say, that keeps it for itself for a while."""
    other = locked(file)
    answer = await asks(operator, "before-1")
    status, parts = await operator.is_told()
    other.execute("ROLLBACK")
    other.close()

    assert REFUSED in answer
    assert status == 503
    assert parts["database"] == "it isn't responding"
    assert "Got it: back up" in await asks(operator, "before-2")
    assert stored(file) == ["before-2"]


async def test_the_file_is_deleted(operator: Operator, file: Path) -> None:
    """Nobody is told that a request is saved which nobody could find again."""
    assert "Got it: back up" in await asks(operator, "before-1")
    await asyncio.to_thread(file.unlink)
    answer = await asks(operator, "before-2")
    status, parts = await operator.is_told()

    assert REFUSED in answer
    assert status == 503
    assert parts["database"].startswith("its file was deleted")
    assert "database_file_gone" in operator.process.err
    assert not await asyncio.to_thread(file.exists)


async def test_a_broken_file_is_not_started_on(
    runs: Runs, world: OfflineWorld, file: Path
) -> None:
    """It is said, and left as it is."""
    broken = b"SQLite format 3\0" + b"\xff" * 5000
    await asyncio.to_thread(file.write_bytes, broken)
    async with runs(world.environ | {"DATABASE_URL": f"sqlite:///{file}"}) as process:
        assert await process.exits() == 2
        assert "DATABASE_URL: it can't be opened" in process.err
        assert "Traceback" not in process.err

    assert await asyncio.to_thread(file.read_bytes) == broken
