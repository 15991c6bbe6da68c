"""Two supervised Socket Mode connections: Slack delivers to either, so one may always be away."""

import asyncio

import structlog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

from bot.clock import Clock

log = structlog.get_logger(__name__)

CONNECTIONS = 2
LOOK = 5.0  # seconds between two looks at a connection
DEAD_URL = 15.0  # seconds away, after which a fresh URL is asked for
DEAD_CLIENT = 60.0  # seconds away, after which the connection is built anew


class SocketFront:
    """Keeps the connections alive until it is closed."""

    def __init__(self, app: AsyncApp, app_token: str, clock: Clock) -> None:
        self._app = app
        self._app_token = app_token
        self._clock = clock
        self._handlers: list[AsyncSocketModeHandler | None] = [None] * CONNECTIONS
        self._connecting: dict[int, asyncio.Task[None]] = {}
        self.connected = asyncio.Event()  # set once the first connection stood

    async def run(self) -> None:
        """Connect, and supervise each connection for ever."""
        async with asyncio.TaskGroup() as tasks:
            for place in range(CONNECTIONS):
                tasks.create_task(self._supervise(place))

    async def close(self) -> None:
        """Take no more envelopes."""
        for handler in self._handlers:
            if handler is not None:
                await handler.client.close()

    async def _supervise(self, place: int) -> None:
        away = 0.0  # seconds
        while True:
            handler = self._handlers[place]
            if handler is not None and await handler.client.is_connected():
                away = 0.0
            elif handler is None or away >= DEAD_CLIENT:
                await self._rebuild(place)
                away = 0.0
            elif away >= DEAD_URL:
                # slack-sdk dials one and the same one-time URL for ever; without it, it asks anew.
                log.warning("socket_away", connection=place, seconds=away)
                handler.client.wss_uri = None
            await self._clock.sleep(LOOK)
            away += LOOK

    async def _rebuild(self, place: int) -> None:
        if (old := self._handlers[place]) is not None:
            await old.client.close()
        handler = AsyncSocketModeHandler(self._app, self._app_token)
        self._handlers[place] = handler
        # Not awaited: it returns only once it stands, and until then it must be looked after too.
        connecting = asyncio.create_task(handler.client.connect())
        self._connecting[place] = connecting
        connecting.add_done_callback(self._connected)

    def _connected(self, connecting: asyncio.Task[None]) -> None:
        if connecting.cancelled():
            return
        if error := connecting.exception():
            log.warning("socket_not_connected", error=str(error))
        else:
            log.info("socket_connected")
            self.connected.set()
