"""`/healthz`, `/readyz` and `/metrics`, for whoever operates the bot."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from bot.clock import Clock
from bot.domain.errors import SettingsError, StoreUnavailable
from bot.rds.client import RdsClient
from bot.slack.threads import Threads
from bot.storage.file import FileGone
from bot.storage.store import Store

FILE_GONE = "its file was deleted, moved or replaced; put it back, or restart the bot"
FRESH = 60.0  # seconds since Slack was last seen alive


class Front(Protocol):
    """How Slack reaches the bot."""

    def silent_for(self) -> float | None:
        """Seconds since Slack was last seen there; None if it cannot reach the bot now."""
        ...


@dataclass(frozen=True)
class Health:
    """Looks at everything when it is asked, and keeps nothing.

    The database and the way from Slack decide whether the bot is ready: without RDS it still
    answers people, and goes on when RDS is back.
    """

    store: Store
    rds: RdsClient
    threads: Threads
    front: Front
    clock: Clock

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether commands and clicks are taken now, and how all parts are."""
        database, oldest = await self._database()
        silent = self.front.silent_for()
        reachable = silent is not None and silent < FRESH
        is_ready = database == "ok" and reachable
        return is_ready, {
            "ready": is_ready,
            "database": database,
            "slack": "ok" if reachable else "it cannot reach the bot",
            "slack_messages": self.threads.trouble or "ok",
            "rds": self.rds.trouble or "ok",
            "oldest_unannounced_outcome_seconds": oldest,
        }

    async def _database(self) -> tuple[str, float | None]:
        try:
            await self.store.probe()
            since = await self.store.oldest_unannounced()
        except StoreUnavailable as error:
            if isinstance(error.__cause__, FileGone):
                return FILE_GONE, None
            return f"it takes nothing ({type(error.__cause__).__name__})", None
        return "ok", max(0.0, (self.clock.now() - since).total_seconds()) if since else 0.0

    async def gauges(self) -> list[GaugeMetricFamily]:
        """What is counted when Prometheus asks."""
        requests = GaugeMetricFamily(
            "backup_bot_requests", "Requests by state and rule.", labels=["state", "rule"]
        )
        oldest = GaugeMetricFamily(
            "backup_bot_oldest_unannounced_outcome_seconds",
            "Age of the oldest outcome that Slack was not told yet; 0 if there is none.",
        )
        queue = GaugeMetricFamily("backup_bot_queue_depth", "Calls in line.", labels=["queue"])
        queue.add_metric(["slack"], self.threads.pace.queued)
        queue.add_metric(["rds"], self.rds.queued)
        try:
            for state, rule, count in await self.store.counts():
                requests.add_metric([state, rule], count)
            since = await self.store.oldest_unannounced()
            age = (self.clock.now() - since).total_seconds() if since else 0.0
            oldest.add_metric([], max(0.0, age))
        except StoreUnavailable:
            return [queue]
        return [requests, oldest, queue]


class HealthServer:
    """Serves a Health over HTTP. Raises SettingsError if the port is taken."""

    def __init__(self, health: Health, port: int) -> None:
        self._health = health
        self._port = port
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> None:
        try:
            listening = socket.create_server(("", self._port))
        except OSError as error:
            raise SettingsError([f"HEALTH_PORT: cannot listen ({error.strerror})."]) from error
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")  # the loop turns, or nobody would say so

    async def _readyz(self, _: web.Request) -> web.Response:
        is_ready, parts = await self._health.ready()
        return web.json_response(
            parts, status=200 if is_ready else 503, dumps=lambda v: json.dumps(v) + "\n"
        )

    async def _metrics(self, _: web.Request) -> web.Response:
        gauges = await self._health.gauges()
        return web.Response(
            body=generate_latest(REGISTRY) + generate_latest(_Given(gauges)),
            headers={"Content-Type": CONTENT_TYPE_LATEST},
        )


class _Given(Collector):
    """Metrics that were collected before, in the shape that the client library renders."""

    def __init__(self, metrics: list[GaugeMetricFamily]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[GaugeMetricFamily]:
        return iter(self._metrics)
