"""Where the start goes: prints, as JSON, the seconds that each part of it takes by itself."""

import asyncio
import json
import sys
import time
from importlib import import_module

PARTS = ("slack_bolt.async_app", "sqlalchemy.ext.asyncio", "dbos", "alembic.command", "httpx")
seconds: dict[str, float] = {}
began = time.perf_counter()


def lap(name: str) -> None:
    global began
    seconds[name], began = round(time.perf_counter() - began, 3), time.perf_counter()


async def start(database_url: str) -> None:
    """The two parts of the start that are not imports."""
    import_module("bot.storage.engine").migrate(database_url)
    lap("migrate")
    journal = import_module("bot.workflow.journal").Journal(
        database_url, executor_id="start", connect_args={}
    )
    journal.launch()
    lap("launch dbos")
    await journal.close()


for part in PARTS:
    import_module(part)
    lap(f"import {part}")
import_module("bot.__main__")
lap("import the rest")
asyncio.run(start(sys.argv[1]))
print(json.dumps(seconds))  # noqa: T201, the output of a benchmark
