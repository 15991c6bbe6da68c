"""DBOS, as this bot sets it up: one journal, in the bot's own database."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS, DBOSConfig
from sqlalchemy.engine import make_url

# Set by hand: a release recovers what the one before left as long as the order of the steps in
# `workflow.py` stays the same. See CONTRIBUTING before changing it.
WORKFLOW_VERSION = "1"


class Journal:
    """DBOS is one a process: construct, register workflows, launch on the loop, close."""

    def __init__(self, database_url: str, *, executor_id: str) -> None:
        config: DBOSConfig = {
            "name": "backup-bot",
            "system_database_url": database_url,
            "application_version": WORKFLOW_VERSION,
            "executor_id": executor_id,
            "max_executor_threads": 16,
            "sys_db_pool_size": 8,
            "log_level": "ERROR",  # it warns of every workflow that a shutdown cuts off
            "enable_otlp": False,
        }
        if make_url(database_url).get_backend_name() == "sqlite":
            config["use_listen_notify"] = False
        DBOS(config=config)

    def launch(self) -> None:
        """Open the journal and carry on what it holds, on the loop that is running here."""
        DBOS.launch()

    async def close(self) -> None:
        """Stop DBOS's threads. Not on the loop: they may have a last word to say to it.

        DBOS made its own pool the loop's default, and shuts it down: leave the loop a living one.
        """
        await asyncio.to_thread(DBOS.destroy)
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
