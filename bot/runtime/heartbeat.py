"""Tell a dead-man switch that the bot runs and sees, by healthchecks.io's convention."""

from collections.abc import Awaitable, Callable

import aiohttp
import structlog

from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)

EVERY = 60.0  # seconds
TIMEOUT = aiohttp.ClientTimeout(total=10)
FAIL = "/fail"


class Heartbeat:
    """GETs the URL every minute while all is well, and the URL with `/fail` while it isn't.

    The service behind the URL alerts if neither arrives: then the bot or its network is down.
    """

    def __init__(self, url: str, is_well: Callable[[], Awaitable[bool]], clock: Clock) -> None:
        self._url = url.rstrip("/")
        self._is_well = is_well
        self._clock = clock
        self._failed = False  # the last beat

    async def run(self) -> None:
        """Beat forever; no failure ends it."""
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            while True:
                await self._beat(session)
                await self._clock.sleep(EVERY)

    async def _beat(self, session: aiohttp.ClientSession) -> None:
        try:
            well = await self._is_well()
        except Exception:
            log.exception("heartbeat_check_fell_over")
            well = False
        try:
            url = self._url if well else self._url + FAIL
            async with session.get(url, allow_redirects=False) as response:
                response.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as error:
            if not self._failed:
                log.warning("heartbeat_not_sent", error=type(error).__name__)
            self._failed = True
        else:
            self._failed = False
