"""Keys of an ECS agency, from the instance metadata service, renewed before they expire.

Sources: "Obtaining Metadata" in the Elastic Cloud Server user guide, and huaweicloudsdkcore.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import structlog

from bot.domain.errors import RdsError, RdsUnreachable
from bot.rds import models
from bot.rds.exchange import exchange
from bot.rds.signing import AkSkAuth, Keys
from bot.runtime.backoff import Backoff
from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)

TOKEN_PATH, KEYS_PATH = "/meta-data/latest/api/token", "/openstack/latest/securitykey"
TOKEN_TTL = {"X-Metadata-Token-Ttl-Seconds": "21600"}
WITHOUT_TOKENS = (404, 405, 503)  # statuses of a service that needs no token
TIMEOUT = 3.0  # seconds of real time for each answer
EARLY = timedelta(minutes=40)  # before they expire; new keys come 10 minutes before at the latest
GAP = timedelta(minutes=5)  # between two looks for newer keys
UNUSABLE = timedelta(seconds=30)  # before they expire: a call is on its way for that long
GAPS = 5.0, 60.0  # seconds between two tries while the service fails: the first, the longest
LONGEST = 8192  # characters of a key or a token
GARBAGE = "unreadable keys of the agency"


class Agency:
    """The agency's keys. `run` renews them; a failed renewal keeps the old ones until they expire.

    No key is ever logged.
    """

    def __init__(self, http: httpx.AsyncClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._keys: Keys | None = None
        self._expires_at = clock.now()
        self._due = float("-inf")  # on the clock's monotonic scale
        self._backoff = Backoff(clock, *GAPS)
        self._one_at_a_time = asyncio.Lock()
        self.trouble: str | None = None  # why the last renewal failed, if it did

    async def keys(self) -> Keys:
        """Return keys that are valid now. Raises RdsUnreachable if there are none."""
        if self._keys is None or not self._is_usable():
            await self._renew()
        if self._keys is None or not self._is_usable():
            raise RdsUnreachable(self.trouble or GARBAGE)
        return self._keys

    async def run(self) -> None:
        """Renew the keys forever."""
        while True:
            await self._renew()
            await self._clock.sleep(max(1.0, self._due - self._clock.monotonic()))

    def _is_usable(self) -> bool:
        return self._clock.now() < self._expires_at - UNUSABLE

    async def _renew(self) -> None:
        """Ask for keys, unless that was done a moment ago."""
        async with self._one_at_a_time:
            if self._clock.monotonic() < self._due:
                return
            try:
                self._learn(*await self._ask())
            except RdsError as error:
                self._failed(error.code or f"HTTP {error.status}")
            except ValueError:
                self._failed(GARBAGE)

    def _learn(self, keys: Keys, expires_at: datetime) -> None:
        if expires_at > self._expires_at:
            self._keys, self._expires_at = keys, expires_at
        left = self._expires_at - self._clock.now()
        self._due = self._clock.monotonic() + _gap(left).total_seconds()
        if self.trouble:
            log.info("agency_keys_renewed")
        self.trouble = None
        self._backoff.reset()

    def _failed(self, why: str) -> None:
        self._due = self._clock.monotonic() + self._backoff.failed()
        if self.trouble is None:
            log.warning("agency_keys_not_renewed", code=why, valid_until=str(self._expires_at))
        self.trouble = why

    async def _ask(self) -> tuple[Keys, datetime]:
        """Return the current keys, and when they expire. Raises RdsError and ValueError."""
        token = await self._token()
        headers = {"X-Metadata-Token": token} if token else {}
        answer = await exchange(self._http, "GET", KEYS_PATH, deadline=TIMEOUT, headers=headers)
        keys, expires_at = keys_of(models.parsed(answer.content))
        if expires_at <= self._clock.now():
            raise ValueError("they have expired")
        return keys, expires_at

    async def _token(self) -> str:
        """Return a token for the service, or "" if it needs none."""
        try:
            answer = await exchange(
                self._http, "PUT", TOKEN_PATH, deadline=TIMEOUT, headers=TOKEN_TTL, reads=True
            )
        except RdsError as error:
            if error.status in WITHOUT_TOKENS:
                return ""
            raise
        return _word(answer.text.strip())


def keys_of(body: Any) -> tuple[Keys, datetime]:
    """Return the keys of an answer, and when they expire. Raises ValueError for anything else."""
    found = body.get("credential") if isinstance(body, dict) else None
    if not isinstance(found, dict):
        raise ValueError("no credential")  # noqa: TRY004 - the service's value is wrong
    expires_at = datetime.fromisoformat(_word(found.get("expires_at")))
    if expires_at.tzinfo is None:
        raise ValueError("a time without a zone")
    names = ("access", "secret", "securitytoken")
    return Keys(*(_word(found.get(name)) for name in names)), expires_at


def _word(value: Any) -> str:
    """Return a value that can be sent in a header. Raises ValueError, without the value."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
        raise ValueError("a value is missing or too long")
    if not all("!" <= character <= "~" for character in value):
        raise ValueError("a value isn't one word of ASCII")
    return value


def _gap(left: timedelta) -> timedelta:
    """Return how long to wait for newer keys, if these are valid for so long."""
    return max(left - EARLY, min(GAP, left / 4))


class AgencyAuth(httpx.Auth):
    """Signs each request with the keys that the agency has then. Raises RdsUnreachable."""

    def __init__(
        self, agency: Agency, *, project_id: str | None, now: Callable[[], datetime]
    ) -> None:
        self._agency = agency
        self._project_id = project_id
        self._now = now

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the date and the signature."""
        keys = await self._agency.keys()
        signer = AkSkAuth(
            keys.access_key,
            keys.secret_key,
            security_token=keys.security_token,
            project_id=self._project_id,
            now=self._now,
        )
        await request.aread()
        for signed in signer.auth_flow(request):
            yield signed


def open_metadata(endpoint: str) -> httpx.AsyncClient:
    """Return an HTTP client for the metadata service, which no proxy can reach."""
    return httpx.AsyncClient(base_url=endpoint, timeout=TIMEOUT, trust_env=False, verify=False)  # noqa: S501, it speaks plain HTTP
