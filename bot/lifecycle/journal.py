"""DBOS, as this bot sets it up: one journal, in the bot's own database."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dbos import DBOS, DBOSConfig
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url

# Set by hand: a release recovers what the one before left as long as the order of the steps in
# `workflow.py` stays the same. See the README, Contributing, before changing it.
WORKFLOW_VERSION = "1"
POOL = 8  # connections


class Journal:
    """DBOS is one a process: construct, register workflows, launch on the loop, close."""

    def __init__(
        self, database_url: str, *, executor_id: str, connect_args: Mapping[str, Any]
    ) -> None:
        config: DBOSConfig = {
            "name": "backup-bot",
            "system_database_url": database_url,
            "application_version": WORKFLOW_VERSION,
            "executor_id": executor_id,
            "max_executor_threads": 16,
            "sys_db_pool_size": POOL,
            "log_level": "ERROR",  # it warns of every workflow that a shutdown cuts off
            "enable_otlp": False,
        }
        self._engine: Engine | None = None
        if make_url(database_url).get_backend_name() == "sqlite":
            config["use_listen_notify"] = False
            config["system_database_engine"] = self._engine = _quick_engine(database_url)
        else:
            config["db_engine_kwargs"] = {"connect_args": dict(connect_args)}
        DBOS(config=config)

    def launch(self) -> None:
        """Open the journal and carry on what it holds, on the loop that is running here."""
        DBOS.launch()

    async def close(self) -> None:
        """Stop DBOS's threads. Not on the loop: they may have a last word to say to it.

        DBOS made its own pool the loop's default, and shuts it down: leave the loop a living one.
        """
        await asyncio.to_thread(DBOS.destroy)
        if self._engine:
            self._engine.dispose()
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())


def _quick_engine(database_url: str) -> Engine:
    """As DBOS opens SQLite, but that a commit does not wait for the disk.

    It shares one file, and so one writer, with the bot's own tables, whose commits do wait, and
    take with them all that was written before. What the journal forgets when the machine loses
    its power is a step that ended just then: it runs again, as it would after any crash.
    """
    engine = create_engine(database_url, pool_size=POOL)
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _: Any) -> None:
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("busy_timeout = 30000", "foreign_keys = ON", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
