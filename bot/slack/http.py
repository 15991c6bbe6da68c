"""Slack's requests over HTTP: signed, on one path, under uvicorn."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
import uvicorn
from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp

from bot.domain.errors import SettingsError

log = structlog.get_logger(__name__)

PATH = "/slack/events"
TO_CLOSE = 1  # seconds for the answers under way


@dataclass(frozen=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    def listen(self) -> socket.socket:
        """Raises SettingsError if somebody else has the port, or the host is not this machine."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            return socket.create_server((self.host, self.port), family=family)
        except OSError as error:
            why = error.strerror or "it does not exist"
            problem = f"--host {self.host} --port {self.port}: cannot listen there ({why})."
            raise SettingsError([problem]) from error


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the bot has its own, and its own order of closing."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.listening.done():
            self.listening.set_result(None)


class HttpFront:
    """Serves `/slack/events`. Bolt checks each signature, and refuses what is older than 5 min.

    Raises SettingsError if it cannot listen at the address.
    """

    def __init__(self, app: AsyncApp, address: Address) -> None:
        self._socket = address.listen()
        self._server = _Server(
            uvicorn.Config(
                AsyncSlackRequestHandler(app, path=PATH),
                lifespan="off",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=TO_CLOSE,
            )
        )
        self._ended = asyncio.Event()
        self.connected = self._server.listening

    async def run(self) -> None:
        """Serve until closed."""
        log.info("listening", port=self._socket.getsockname()[1], path=PATH)
        try:
            await self._server.serve([self._socket])
        finally:
            self._ended.set()

    def silent_for(self) -> float | None:
        """0 while it serves: a quiet Slack is no sign of anything."""
        return 0.0 if self._server.started and not self._server.should_exit else None

    async def close(self) -> None:
        """Take no more requests; those under way are answered."""
        self._server.should_exit = True
        await self._ended.wait()
