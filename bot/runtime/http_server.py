"""An HTTP server for the open internet, with limits on size, time, and connections."""

import asyncio
import logging
import resource
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from bot.domain.errors import SettingsError

log = structlog.get_logger(__name__)

LONGEST_BODY = 1024**2  # bytes
TO_REQUEST = 5.0  # seconds for a whole request, since the connection or the last answer
TO_LINGER = 1.0  # seconds to read the rest of a refused request
MOST_CONNECTIONS = 512
MOST_OF_ONE_ADDRESS = 256  # behind a proxy, everyone has the same one
MOST_AT_ONCE = 128  # connections before an idle one is closed for a new one
FILES = 4096  # enough for both servers, the database, RDS and Slack
SAID_AGAIN = 60.0  # seconds between two log lines about it

# Malformed requests cause no traceback; the bot's own errors are logged below.
_silent = logging.getLogger("bot.runtime.http_server.aiohttp")
_silent.setLevel(logging.CRITICAL + 1)

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def listen(host: str, port: int, setting: str) -> socket.socket:
    """Return a listening socket. Raises SettingsError, which names the setting."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = error.strerror or "it doesn't exist"
        raise SettingsError([f"{setting}: can't listen there ({why})."]) from error


async def body_of(request: web.BaseRequest) -> bytes:
    """Return the raw body. Raises the HTTP error for one that is too long or malformed."""
    if (request.content_length or 0) > LONGEST_BODY:
        raise web.HTTPRequestEntityTooLarge(LONGEST_BODY)
    try:
        return await request.read()
    except (web.RequestPayloadError, ValueError) as error:
        raise web.HTTPBadRequest from error


class Server:
    """Serves `answer` on a socket. A request that takes longer than 5 s to arrive is cut off.

    When there are too many connections, the longest idle one is closed, so that a client who
    holds connections open can't keep others out.
    """

    def __init__(
        self,
        listening: socket.socket,
        answer: Answer,
        *,
        to_close: float,
        most: int = MOST_CONNECTIONS,
    ) -> None:
        self._listening = listening
        self._connections = _Connections(answer, most)
        self._runner = web.ServerRunner(self._connections, shutdown_timeout=to_close)

    async def start(self) -> None:
        """Start accepting requests."""
        _log_full_house_once(asyncio.get_running_loop())
        await self._runner.setup()
        backlog = min(MOST_AT_ONCE, _most_files() // 8)
        await web.SockSite(self._runner, self._listening, backlog=backlog).start()

    async def close(self) -> None:
        """Accept no more requests; those in progress get `to_close` seconds."""
        await self._runner.cleanup()

    def trust(self, request: web.BaseRequest) -> None:
        """Lift the time limit of a request whose sender is known."""
        self._connections.trust(request)


@dataclass
class _Connection:
    address: str
    transport: asyncio.Transport
    deadline: asyncio.TimerHandle | None = None  # none during a trusted request


class _Connections(web.Server):
    """The open connections, longest idle first."""

    def __init__(self, answer: Answer, most: int) -> None:
        super().__init__(
            self._answered,
            logger=_silent,
            access_log=None,
            keepalive_timeout=TO_REQUEST,
            lingering_time=TO_LINGER,
            auto_decompress=False,
        )
        self._answer = answer
        self._open: dict[RequestHandler, _Connection] = {}
        self._most = min(most, _most_files() // 4)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        self._make_room(address)
        self._open[handler] = _Connection(address, transport)
        self._await_request(handler)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._forget(handler)

    def trust(self, request: web.BaseRequest) -> None:
        connection = self._open.get(request.protocol)
        if connection and connection.deadline:
            connection.deadline.cancel()
            connection.deadline = None

    async def _answered(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:
            log.exception("request_not_answered", path=request.path[:100])
            return web.Response(status=500)
        finally:
            self._await_request(request.protocol)

    def _await_request(self, handler: RequestHandler) -> None:
        """Start the time limit of the next request, and move the connection to the end."""
        if connection := self._forget(handler):
            loop = asyncio.get_running_loop()
            connection.deadline = loop.call_later(TO_REQUEST, connection.transport.abort)
            self._open[handler] = connection

    def _forget(self, handler: RequestHandler) -> _Connection | None:
        connection = self._open.pop(handler, None)
        if connection and connection.deadline:
            connection.deadline.cancel()
        return connection

    def _make_room(self, address: str) -> None:
        own = [one for one in self._open.values() if one.address == address]
        crowd = own if len(own) >= MOST_OF_ONE_ADDRESS else list(self._open.values())
        if crowd is own or len(crowd) >= self._most:
            oldest = next((one for one in crowd if one.deadline), None)
            if oldest:
                oldest.transport.abort()


def _most_files() -> int:
    """Raise this process's limit of open files as far as needed, and return it."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
        return wanted
    return now if now != resource.RLIM_INFINITY else FILES


def _log_full_house_once(loop: asyncio.AbstractEventLoop) -> None:
    """Log at most once a minute that there are no file descriptors left for connections."""
    said = float("-inf")

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal said
        if not str(context.get("message", "")).startswith("socket.accept()"):
            loop.default_exception_handler(context)
        elif time.monotonic() - said > SAID_AGAIN:
            said = time.monotonic()
            log.error("no_connection_accepted", error=str(context.get("exception")))

    loop.set_exception_handler(handle)
