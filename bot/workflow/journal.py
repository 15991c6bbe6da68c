"""Set up DBOS with its journal in the bot's own database."""

import asyncio
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, WorkflowStatus
from dbos._utils import GlobalParams
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url

from bot.domain.errors import SettingsError

# Set by hand: a release recovers what the one before left as long as the order of the steps in
# `workflow.py` stays the same. See CONTRIBUTING.md before changing it.
WORKFLOW_VERSION = "2"
POOL = 8  # connections
STOPS_WITHIN = 0.1  # seconds: a thread of DBOS, which polls for what the bot doesn't use
LAST_WRITES = 1.0  # seconds that a stop leaves DBOS for them
DBOS_VERSION = version("dbos")
UNDER_WAY = ["PENDING", "ENQUEUED", "DELAYED"]  # the states in which DBOS carries a workflow on
SEVERAL = 4  # workflows of a request that are looked for together; most have one or two


class Journal:
    """The process's DBOS: construct it, register workflows, launch it on the loop, close it."""

    def __init__(
        self,
        database_url: str,
        *,
        executor_id: str,
        connect_args: Mapping[str, Any],
        conductor_key: str = "",
    ) -> None:
        """Configure DBOS; with a key, it also connects to DBOS Conductor.

        Raises SettingsError if there is a key, and not the package that uses it.
        """
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
        if conductor_key:
            _require_enterprise()
            config["conductor_key"] = conductor_key
            config["conductor_metadata_only_mode"] = True  # no names, reasons, or errors leave
        self._executor_id = executor_id
        self._has_conductor = bool(conductor_key)
        self._recovering: asyncio.Future[Any] | None = None  # what fails there is reconciled later
        self._engine: Engine | None = None
        if make_url(database_url).get_backend_name() == "sqlite":
            config["use_listen_notify"] = False
            config["notification_listener_polling_interval_sec"] = STOPS_WITHIN
            config["system_database_engine"] = self._engine = open_sqlite(database_url)
        else:
            config["db_engine_kwargs"] = {"connect_args": dict(connect_args)}
        self._dbos = DBOS(config=config)

    def launch(self) -> None:
        """Open the journal and resume its workflows on the running loop."""
        DBOS.launch()
        # With a conductor's key, DBOS has made up another ID, which is no replica's: the
        # reconciler would take this process for dead. New workflows have ours from here on.
        GlobalParams.executor_id = self._executor_id
        if self._has_conductor:  # which DBOS leaves the recovery to
            recover = DBOS._recover_pending_workflows  # noqa: SLF001, as in reconciling.py
            mine = [self._executor_id]
            self._recovering = asyncio.get_running_loop().run_in_executor(None, recover, mine)

    async def close(self) -> None:
        """Stop DBOS's threads, off the loop, since they may still call into it.

        DBOS made its own pool the loop's default executor and shuts it down, so the loop gets a
        new one. What runs there may still write, so it has a moment to end.
        """
        loop, pool = asyncio.get_running_loop(), ThreadPoolExecutor()
        if theirs := self._dbos._executor_field:  # noqa: SLF001, DBOS doesn't wait for it
            ended = loop.run_in_executor(pool, partial(theirs.shutdown, cancel_futures=True))
            await asyncio.wait([ended], timeout=LAST_WRITES)
        await loop.run_in_executor(pool, DBOS.destroy)
        if self._engine:
            self._engine.dispose()
        loop.set_default_executor(pool)


def migrate_journal(database_url: str, connect_args: Mapping[str, Any]) -> None:
    """Create or upgrade DBOS's tables on PostgreSQL. On SQLite, `launch` does it in a moment.

    Blocks, until every transaction on the database has ended: DBOS builds indices concurrently.
    So call it before the bot has any, which would wait for the loop.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite":
        args = {name: str(value) for name, value in connect_args.items()}
        DBOS.migrate(url.update_query_dict(args).render_as_string(hide_password=False))


def workflow_id_of(request_id: str, attempt: int) -> str:
    """Return the ID of a request's workflow; attempts are counted from 1, without a gap."""
    return request_id if attempt == 1 else f"{request_id}:{attempt}"


def next_attempt(past: Iterable[WorkflowStatus]) -> int:
    """Return the number of the attempt that comes after all these workflows of a request."""
    numbers = (workflow.workflow_id.partition(":")[2] or "1" for workflow in past)
    return max(map(int, numbers), default=0) + 1


def request_of(workflow: WorkflowStatus) -> str:
    """Return the ID of the request that a workflow is of."""
    return workflow.workflow_id.partition(":")[0]


async def workflows_of(request_ids: Collection[str]) -> list[WorkflowStatus]:
    """Return all workflows of requests, by their exact ids: a prefix would scan the journal."""
    found: list[WorkflowStatus] = []
    attempt = 1
    while request_ids:
        attempts = range(attempt, attempt + SEVERAL)
        listed = await DBOS.list_workflows_async(
            workflow_ids=[workflow_id_of(r, n) for r in request_ids for n in attempts],
            load_input=False,
            load_output=False,
        )
        found += listed
        full = {w.workflow_id for w in listed}
        request_ids = [r for r in request_ids if workflow_id_of(r, attempts[-1]) in full]
        attempt += SEVERAL
    return found


def _require_enterprise() -> None:
    if find_spec("dbos_enterprise") is None:
        needs = f'DBOS Conductor needs a package: pip install "dbos[enterprise]=={DBOS_VERSION}"'
        raise SettingsError([f"DBOS_CONDUCTOR_KEY: {needs}."])


def open_sqlite(database_url: str) -> Engine:
    """Open SQLite as DBOS does, except that a commit does not wait for the disk.

    The bot's own tables are in the same file, and their commits do wait, and flush everything
    written before. A power failure can lose the last step of the journal, which then runs
    again, as after any crash.
    """
    url = make_url(database_url)
    # A file that was lost shall not come back empty, so a connection never creates one.
    file = Path(url.database or "").absolute().as_uri()
    existing = url.set(database=file, query={"mode": "rw", "uri": "true"})
    engine = create_engine(existing, pool_size=POOL)
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _: Any) -> None:
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("busy_timeout = 30000", "foreign_keys = ON", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
    _supply_subsec(connection)


def _supply_subsec(connection: Any) -> None:
    """Give an SQLite before 3.42 the `unixepoch('subsec')` that DBOS uses on Python 3.12 and up.

    The older ones answer NULL, or lack the function. A file that was made there keeps it in its
    defaults, so it is supplied on every Python.
    """
    try:
        supplied = connection.execute("SELECT unixepoch('subsec')").fetchone()[0] is not None
    except sqlite3.OperationalError:
        supplied = False
    if not supplied:
        connection.create_function("unixepoch", 1, _unixepoch)


def _unixepoch(modifier: str) -> float:
    """Seconds since 1970, to the millisecond as in SQLite."""
    if modifier != "subsec":
        raise ValueError(modifier)
    return round(time.time(), 3)
