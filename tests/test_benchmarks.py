"""Every benchmark runs, with little to do: none of them rots between two looks at its numbers."""

import asyncio
import json
import os
import shutil
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.browser.conftest import NAMES
from tests.databases import Databases
from tests.zygote import Zygote

ROOT = Path(__file__).parents[1]
HANGS = 300.0  # seconds; alone each takes a few
LITTLE = {
    "ack": {"ALONE": "3", "AT_ONCE": "3", "REPEATS": "1", "SETTLE": "0.1", "COMPILES": "0"},
    "audit": {"ENTRIES": "50"},
    "crash": {"REQUESTS": "3", "KILLS": "1"},
    "flood": {"UNSIGNED": "20", "IDLE": "20", "REPEATS": "1", "MEGABYTES": "3"},
    "incidents": {"INSTANCES": "4", "DAYS": "3"},
    "memory": {"WAITING": "0,2", "RUNNING": "2", "SECONDS": "0.3", "SETTLE": "0.3"},
    "playground": {"MESSAGES": "12", "TIMES": "2"},
    "replicas": {"SECONDS_OF_LOAD": "1", "REQUESTS_A_SECOND": "2"},
    "speak": {"MESSAGES": "3", "SPEED": "600", "AWAY": "60"},
    "strangers": {"TEXTS": "20", "PAYLOADS": "20"},
    "thousands": {"IN_FLIGHT": "5", "KILLS": "1", "WATCHED": "0.5"},
    "typeahead": {"INSTANCES": "200", "TIMES": "4"},
    "watcher": {"SEEDS": "1", "HOURS": "0.02", "TICKS": "3"},
}
PARTS = {"bare", "crowd", "fleet", "start"}  # of the others
RUN_ELSEWHERE = {"history", "loop_lag", "monkey"}  # by tests of their own


def test_none_is_forgotten() -> None:
    """A new one is told here how to have little to do."""
    there = {file.stem for file in (ROOT / "tests" / "bench").glob("*.py")}

    assert there == LITTLE.keys() | PARTS | RUN_ELSEWHERE


@pytest.mark.parametrize("name", LITTLE)
async def test_it_runs_and_says_what_it_found(
    name: str, databases: Databases, zygote: Zygote
) -> None:
    """Each line is JSON."""
    if name == "playground" and not any(map(shutil.which, NAMES)):
        pytest.skip("There is no Chromium here.")
    process = await zygote.start(
        f"tests.bench.{name}",
        cwd=ROOT,
        env={**os.environ, "ZYGOTE": str(databases.directory), **LITTLE[name]},
        stdout=PIPE,
        stderr=PIPE,
    )
    assert process.stdout
    assert process.stderr
    try:
        async with asyncio.timeout(HANGS):
            printed, errors, code = await asyncio.gather(
                process.stdout.read(), process.stderr.read(), process.wait()
            )
    finally:
        process.kill()

    assert code == 0, errors.decode()
    assert [json.loads(line) for line in printed.splitlines()]
