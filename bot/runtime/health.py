"""Serve `/healthz`, `/readyz`, and `/metrics` to the operator."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from bot.domain.errors import StoreUnavailable
from bot.domain.observations import Pulse
from bot.domain.outbox import OwedMessage, Urgency
from bot.runtime.cache import Cache
from bot.runtime.clock import Clock
from bot.runtime.http_server import Server, listen
from bot.runtime.installation import Installation

FILE_GONE = "its file was deleted, moved or replaced; put it back, or restart the bot"
SLACK_TIMEOUT = 60.0  # seconds without a sign of Slack before the bot isn't ready
TO_ANSWER = 1.5  # seconds for one answer of the database
TTL = 1.0  # seconds for which /readyz gives the same answer
MOST_CONNECTIONS = 64
TO_CLOSE = 1.0  # seconds for responses in progress

T = TypeVar("T")
Reply = Callable[[], Awaitable[web.Response]]


class Store(Protocol):
    """Queries of the database. They raise StoreUnavailable."""

    async def probe(self) -> None: ...
    async def owed(self, *, least: Urgency, limit: int) -> Sequence[OwedMessage]:
        """Return the oldest messages at least so urgent that Slack has yet to take."""
        ...

    async def owed_by_line(self) -> list[tuple[str, int, datetime]]:
        """Return each kind of message that Slack has yet to take: how many, and since when."""
        ...

    async def counts(self) -> list[tuple[str, str, int]]:
        """Return the number of requests by state and rule."""
        ...


class Calls(Protocol):
    """Calls to RDS."""

    @property
    def trouble(self) -> str | None:
        """The last error, if the last call failed."""
        ...

    @property
    def queued(self) -> int:
        """How many calls are queued."""
        ...

    @property
    def share(self) -> str | None:
        """How many calls RDS leaves to the bot, in words; None if as many as are configured."""
        ...


class Eye(Protocol):
    """Queries of Cloud Eye's events."""

    @property
    def trouble(self) -> str | None:
        """The last error, if the last query failed."""
        ...


class Projects(Protocol):
    """The projects whose instances are backed up."""

    def parts(self) -> Mapping[str, Mapping[str, str]]:
        """Return the status of each by its name; nothing if there is only one."""
        ...


class Watched(Protocol):
    """What is known of watched instances. Raises StoreUnavailable."""

    async def pulses(self) -> Sequence[Pulse]: ...
    async def open_by_kind(self) -> Mapping[str, int]: ...


class Monitor(Protocol):
    """Reads of watched instances."""

    @property
    def trouble(self) -> str | None:
        """The last error, if RDS can't be read."""
        ...


class Messages(Protocol):
    """Messages to Slack."""

    trouble: str | None  # the last error, if Slack took nothing since


class Front(Protocol):
    """How Slack reaches the bot."""

    @property
    def connections(self) -> int:
        """How many ways are open now: WebSocket connections, or the port of HTTP mode."""
        ...

    def silent_for(self) -> float | None:
        """Seconds since the last sign of Slack; None if it can't reach the bot now."""
        ...


@dataclass(frozen=True)
class Health:
    """Checks all parts of the bot on each call.

    Only the database and the connection from Slack decide whether the bot is ready: without RDS
    it still answers people, and continues when RDS is back.
    """

    store: Store
    rds: Calls
    messages: Messages
    front: Front
    clock: Clock
    monitor: Monitor
    watched: Watched
    installation: Installation
    projects: Projects
    cloud_eye: Eye | None = None  # if it is enabled

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether commands and clicks are accepted now, and the status of each part."""
        database, untold = await self._database()
        silent = self.front.silent_for()
        reachable = silent is not None and silent < SLACK_TIMEOUT
        slack = self.installation.trouble or ("ok" if reachable else "it can't reach the bot")
        is_ready = database == "ok" and slack == "ok"
        parts = {
            "ready": is_ready,
            "database": database,
            "slack": slack,
            "slack_messages": self.messages.trouble or "ok",
            "rds": self.rds.trouble or "ok",
            "rds_share": self.rds.share or "ok",
            "monitor": self.monitor.trouble or "ok",
            "oldest_untold_outcome": untold and self._shown(untold),
        }
        if self.cloud_eye:
            parts["cloud_eye"] = self.cloud_eye.trouble or "ok"
        if of_projects := self.projects.parts():
            parts["projects"] = of_projects
        return is_ready, parts

    def _shown(self, message: OwedMessage) -> dict[str, Any]:
        return {
            "backup": f"{message.instance}/{message.name}",
            "about": message.topic_id,
            "seconds": self._age(message.created_at),
            "error": message.last_error,
        }

    def _age(self, since: datetime) -> float:
        return max(0.0, (self.clock.now() - since).total_seconds())

    async def _database(self) -> tuple[str, OwedMessage | None]:
        """The status of the database, and the outcome that has waited longest to be told."""
        try:
            await _in_time(self.store.probe())
            oldest = await _in_time(self.store.owed(least=Urgency.OUTCOME, limit=1))
        except StoreUnavailable as error:
            if isinstance(getattr(error.__cause__, "orig", None), FileNotFoundError):
                return FILE_GONE, None
            return f"it isn't available ({type(error.__cause__).__name__})", None
        except TimeoutError:
            return "it isn't responding", None
        return "ok", next(iter(oldest), None)

    async def gauges(self) -> list[GaugeMetricFamily]:
        """Return the metrics that are read at the time of a scrape."""
        requests = GaugeMetricFamily(
            "backup_bot_requests", "Requests by state and rule.", labels=["state", "rule"]
        )
        owed = GaugeMetricFamily(
            "backup_bot_outbox_depth", "Messages that Slack has yet to take.", labels=["line"]
        )
        age = GaugeMetricFamily(
            "backup_bot_outbox_oldest_seconds",
            "Age of the oldest message that Slack has yet to take.",
            labels=["line"],
        )
        queue = GaugeMetricFamily(
            "backup_bot_queue_depth", "Calls waiting to be sent.", labels=["queue"]
        )
        queue.add_metric(["rds"], self.rds.queued)
        slack = GaugeMetricFamily(
            "backup_bot_slack_connections",
            "Open connections from Slack.",
            self.front.connections,
        )
        try:
            for state, rule, count in await _in_time(self.store.counts()):
                requests.add_metric([state, rule], count)
            for line, count, since in await _in_time(self.store.owed_by_line()):
                owed.add_metric([line], count)
                age.add_metric([line], self._age(since))
            watched = await self._watched()
        except (StoreUnavailable, TimeoutError):
            return [queue, slack]
        return [requests, owed, age, queue, slack, *watched]

    async def _watched(self) -> list[GaugeMetricFamily]:
        """Return the metrics of watched instances. Raises StoreUnavailable and TimeoutError."""
        backup = GaugeMetricFamily(
            "backup_bot_last_backup_age_seconds",
            "Age of a watched instance's last successful full backup.",
            labels=["instance", "project"],
        )
        read = GaugeMetricFamily(
            "backup_bot_read_age_seconds",
            "Time since a watched instance's backups were last read.",
            labels=["instance", "project"],
        )
        wrong = GaugeMetricFamily(
            "backup_bot_open_incidents", "Open incidents by kind.", labels=["kind"]
        )
        for pulse in await _in_time(self.watched.pulses()):
            read.add_metric([pulse.name, pulse.project], self._age(pulse.read_at or pulse.since))
            if pulse.last_good_at:
                backup.add_metric([pulse.name, pulse.project], self._age(pulse.last_good_at))
        for kind, count in (await _in_time(self.watched.open_by_kind())).items():
            wrong.add_metric([kind], count)
        return [backup, read, wrong]


async def _in_time(asking: Coroutine[Any, Any, T]) -> T:
    """Return the database's answer. Raises TimeoutError without waiting for the cancellation."""
    task = asyncio.create_task(asking)
    done, _ = await asyncio.wait([task], timeout=TO_ANSWER)
    if not done:
        task.cancel()
        task.add_done_callback(lambda late: late.cancelled() or late.exception())
        raise TimeoutError
    return task.result()


class HealthServer:
    """Serves a Health over HTTP. Raises SettingsError if it can't listen on the address."""

    def __init__(self, health: Health, host: str, port: int) -> None:
        self._health = health
        self._cache = Cache[str, tuple[bool, dict[str, Any]]](Clock())
        self._replies: dict[str, Reply] = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
        }
        listening = listen(host, port, f"HEALTH_HOST={host} HEALTH_PORT={port}")
        self._server = Server(listening, self._answer, to_close=TO_CLOSE, most=MOST_CONNECTIONS)

    async def start(self) -> None:
        await self._server.start()

    async def close(self) -> None:
        await self._server.close()
        await self._cache.close()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        reply = self._replies.get(request.path)
        if reply is None:
            return web.Response(status=404)
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, headers={"Allow": "GET, HEAD"})
        return await reply()

    async def _healthz(self) -> web.Response:
        return web.Response(text="ok\n")  # answering proves that the event loop runs

    async def _readyz(self) -> web.Response:
        """Answer from a check that all requests within a second share."""
        is_ready, parts = await self._cache.get("ready", self._health.ready, ttl=TTL)
        status = 200 if is_ready else 503
        return web.json_response(parts, status=status, dumps=lambda v: json.dumps(v) + "\n")

    async def _metrics(self) -> web.Response:
        gauges = await self._health.gauges()
        return web.Response(
            body=generate_latest(REGISTRY) + generate_latest(_Given(gauges)),
            headers={"Content-Type": CONTENT_TYPE_LATEST},
        )


class _Given(Collector):
    """Metrics that were already collected, for the client library to render."""

    def __init__(self, metrics: list[GaugeMetricFamily]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[GaugeMetricFamily]:
        return iter(self._metrics)
