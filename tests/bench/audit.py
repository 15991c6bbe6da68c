"""How long `backup-bot audit verify` takes for a million entries, and the memory it needs."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
from sqlalchemy import create_engine, insert

from bot.domain.audit import GENESIS, AuditAction, AuditEntry, chained
from bot.storage.engine import migrate
from bot.storage.tables import audit
from tests.requests import NOON, asked

ENTRIES = int(os.environ.get("ENTRIES", "1000000"))
AT_ONCE = 1000
ACTIONS = [action for action in AuditAction if action is not AuditAction.ARCHIVED]


def main() -> None:
    found: dict[str, object] = {"bench": "audit"}
    with tempfile.TemporaryDirectory(prefix="backup-bot-bench-") as directory:
        for name, count in (("few", min(1000, ENTRIES)), ("entries", ENTRIES)):
            url = f"sqlite:///{directory}/{name}.db"
            fill(url, count)
            seconds, peak = verified(url, directory)
            found |= {name: count, f"{name}_seconds": seconds, f"{name}_peak_mb": peak}
    print(json.dumps(found))  # noqa: T201, the output of a benchmark


def fill(url: str, count: int) -> None:
    """Write a trail as the bot would, but faster."""
    migrate(url)
    engine = create_engine(url)
    number, newest = 0, GENESIS
    with engine.begin() as connection:
        for entries in parts(count):
            links = chained(entries, number, newest)
            number, newest = links[-1].number, links[-1].hash
            connection.execute(insert(audit), [link.model_dump() for link in links])
    engine.dispose()


def parts(count: int) -> Iterator[list[AuditEntry]]:
    for first in range(0, count, AT_ONCE):
        yield [entry(number) for number in range(first, min(first + AT_ONCE, count))]


def entry(number: int) -> AuditEntry:
    at = NOON + timedelta(seconds=number, microseconds=number % 7)
    detail = {"name": f"before-{number}", "description": "before the 4.2 migration"}
    action = ACTIONS[number % len(ACTIONS)]
    return asked(number).on_trail(action, at=at, actor=f"U{number % 97}", detail=detail)


def verified(url: str, directory: str) -> tuple[float, float]:
    """Seconds, and megabytes of memory at the most."""
    began, peak = time.perf_counter(), 0
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "audit", "verify"],
        env={**os.environ, "DATABASE_URL": url, "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=directory,
        stdout=subprocess.DEVNULL,
    )
    seen = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            peak = max(peak, seen.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.02)
    assert process.wait() == 0
    return round(time.perf_counter() - began, 2), round(peak / 1e6, 1)


if __name__ == "__main__":
    main()
