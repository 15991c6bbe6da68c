"""An HTTP server on loopback, as each part of the offline world has one."""

import asyncio
from abc import ABC, abstractmethod
from typing import Self

from aiohttp import web

LOOPBACK = "127.0.0.1"


class LoopbackServer(ABC):
    """`async with server:` serves its app. Port 0 takes a free one.

    Leaving breaks the connections that are still held. Raises OSError if the port is taken.
    """

    def __init__(self, port: int, *, shutdown_timeout: float = 60.0) -> None:
        self._port = port
        self._shutdown_timeout = shutdown_timeout
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @abstractmethod
    def _app(self) -> web.Application: ...

    @property
    def _address(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    async def __aenter__(self) -> Self:
        # A client that goes away cancels nothing: its request is carried out, as in Slack and RDS.
        self._runner = web.AppRunner(
            self._app(),
            access_log=None,
            handler_cancellation=False,
            shutdown_timeout=self._shutdown_timeout,
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, LOOPBACK, self._port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        if self._runner:
            await self._runner.cleanup()
