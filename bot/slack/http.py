"""Slack's requests over HTTP: signed, on one path, under uvicorn."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp

PATH = "/slack/events"


@dataclass(frozen=True)
class Address:
    """Where to listen."""

    host: str
    port: int


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the bot has its own, and its own order of closing."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class HttpFront:
    """Serves `/slack/events`. Bolt checks each signature, and refuses what is older than 5 min."""

    def __init__(self, app: AsyncApp, address: Address) -> None:
        self._server = _Server(
            uvicorn.Config(
                AsyncSlackRequestHandler(app, path=PATH),
                host=address.host,
                port=address.port,
                lifespan="off",
                log_config=None,
                access_log=False,
            )
        )
        self.connected = self._server.listening

    async def run(self) -> None:
        """Serve until closed."""
        await self._server.serve()

    async def close(self) -> None:
        """Take no more requests; those under way are answered."""
        self._server.should_exit = True
