"""Two supervised Socket Mode connections; Slack delivers to either."""

import asyncio
import logging
import time
from dataclasses import dataclass

import structlog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient

from bot.domain.errors import SettingsError
from bot.slack.transport.slack_errors import FAILURES, TOKEN, error_code

log = structlog.get_logger(__name__)

CONNECTIONS = 2
TO_CLOSE = 1.0  # seconds that Slack gets to say goodbye; a dead connection never does

# The SDK logs each failed try with its traceback and the one-time URL, which is a secret.
_sdk_log = logging.getLogger("slack_sdk.socket_mode")
_sdk_log.setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Pace:
    """Seconds of real time."""

    look: float = 5.0  # between two checks of a connection
    ping: float = 10.0  # between two pings, and two tries of the SDK to connect
    fresh_url: float = 15.0  # without a connection before a new URL is requested
    rebuild: float = 60.0  # without a connection before it is rebuilt


class SocketFront:
    """Keeps the connections alive until it is closed.

    `connected` ends when the first one is open; with SettingsError if Slack refuses the token.
    """

    def __init__(self, app: AsyncApp, app_token: str, pace: Pace | None = None) -> None:
        self._app = app
        self._app_token = app_token
        self._pace = pace or Pace()
        self._handlers: list[AsyncSocketModeHandler | None] = [None] * CONNECTIONS
        self._connecting: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Connect, and supervise each connection forever."""
        async with asyncio.TaskGroup() as tasks:
            for place in range(CONNECTIONS):
                tasks.create_task(self._supervise(place))

    def silent_for(self) -> float | None:
        """Seconds since one of the connections was last seen alive; None if none is open."""
        pongs = [client.last_ping_pong_time for client in self._open()]
        seen = [pong for pong in pongs if pong is not None]
        return time.time() - max(seen) if seen else None

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._open())

    def _open(self) -> list[SocketModeClient]:
        clients = [handler.client for handler in self._handlers if handler]
        return [c for c in clients if c.current_session and not c.current_session.closed]

    async def close(self) -> None:
        """Accept no more envelopes."""
        self._is_closing = True
        closing = [_close(handler.client) for handler in self._handlers if handler]
        await asyncio.gather(*closing, return_exceptions=True)

    async def _supervise(self, place: int) -> None:
        away = 0.0  # seconds
        while True:
            handler = self._handlers[place]
            if handler is not None and await handler.client.is_connected():
                away = 0.0
            elif handler is None or away >= self._pace.rebuild:
                await self._rebuild(place)
                away = 0.0
            elif away >= self._pace.fresh_url:
                # The SDK would dial the same one-time URL forever.
                log.warning("socket_away", connection=place, seconds=away)
                handler.client.wss_uri = await self._fresh_url()
            await asyncio.sleep(self._pace.look)
            away += self._pace.look

    async def _fresh_url(self) -> str | None:
        """Return a one-time URL to connect to; None while Slack isn't responding."""
        try:
            answer = await self._app.client.apps_connections_open(app_token=self._app_token)
        except FAILURES as error:
            code = error_code(error)
            if code in TOKEN and not self.connected.done():
                problem = f"SLACK_APP_TOKEN: Slack does not take it ({code})."
                self.connected.set_exception(SettingsError([problem]))
            log.warning("socket_refused", error=code)
            return None
        return str(answer["url"])

    async def _rebuild(self, place: int) -> None:
        if (url := await self._fresh_url()) is None:
            return
        if (old := self._handlers[place]) is not None:
            await _close(old.client)
        if self._is_closing:
            return
        handler = AsyncSocketModeHandler(
            self._app, self._app_token, logger=_sdk_log, ping_interval=self._pace.ping
        )
        handler.client.wss_uri = url
        self._handlers[place] = handler
        # Not awaited: it returns only once it is open, and it must be supervised until then, too.
        connecting = asyncio.create_task(self._connect(handler.client))
        self._connecting.add(connecting)
        connecting.add_done_callback(self._connecting.discard)

    async def _connect(self, client: SocketModeClient) -> None:
        await client.connect()
        if client.closed:
            return
        log.info("socket_connected")
        if not self.connected.done():
            self.connected.set_result(None)


async def _close(client: SocketModeClient) -> None:
    """Say goodbye if Slack listens, and close the connection in any case."""
    try:
        async with asyncio.timeout(TO_CLOSE):
            await client.close()
    except TimeoutError:
        pass
    finally:
        await client.aiohttp_client_session.close()
