"""The metadata service of a simulated ECS, which hands out temporary keys of its agency."""

from datetime import timedelta
from enum import Enum, auto
from uuid import uuid4

from aiohttp import web

from bot.demo.loopback import LoopbackServer
from bot.demo.rds.gateway import TemporaryKey
from bot.demo.rds.region import Region

VALID = timedelta(hours=1)
RENEWED = timedelta(minutes=10)  # before the keys expire, others are handed out


class Mood(Enum):
    """How the service answers."""

    WELL = auto()
    DOWN = auto()  # 500
    HANGS = auto()
    GARBAGE = auto()  # JSON without the keys
    STALE = auto()  # keys that have expired


class MetadataServer(LoopbackServer):
    """`async with MetadataServer(region) as server:` serves it at `server.endpoint`.

    The region's gateway accepts each key until it expires, so old and new ones overlap. With
    `wants_token`, keys are only for those who got a token first.
    """

    def __init__(self, region: Region, *, wants_token: bool = False) -> None:
        super().__init__(0, shutdown_timeout=0.0)
        self._region = region
        self._wants_token = wants_token
        self._token = uuid4().hex
        self.mood = Mood.WELL
        self.asked = 0  # times that someone asked for keys
        self.issued: list[TemporaryKey] = []

    @property
    def endpoint(self) -> str:
        """The address to set as METADATA_ENDPOINT."""
        return self._address

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_put("/meta-data/latest/api/token", self._give_token)
        app.router.add_get("/openstack/latest/securitykey", self._give_keys)
        return app

    async def _give_token(self, http: web.Request) -> web.Response:
        if not self._wants_token:
            return web.Response(status=404)
        seconds = http.headers.get("X-Metadata-Token-Ttl-Seconds", "")
        return web.Response(text=self._token) if seconds.isdigit() else web.Response(status=400)

    async def _give_keys(self, http: web.Request) -> web.Response:
        self.asked += 1
        if self._wants_token and http.headers.get("X-Metadata-Token") != self._token:
            return web.Response(status=401)
        match self.mood:
            case Mood.DOWN:
                return web.Response(status=500)
            case Mood.GARBAGE:
                return web.json_response({"credential": {"access": "not\na key"}})
            case Mood.HANGS:
                await self._closing.wait()
            case Mood.WELL | Mood.STALE:
                pass
        key = self._current()
        if self.mood is Mood.STALE:
            key = key._replace(expires_at=self._region.clock.now() - RENEWED)
        return web.json_response(
            {
                "credential": {
                    "access": key.access_key,
                    "secret": key.secret_key,
                    "securitytoken": key.security_token,
                    "expires_at": key.expires_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                }
            }
        )

    def _current(self) -> TemporaryKey:
        now = self._region.clock.now()
        if not self.issued or now >= self.issued[-1].expires_at - RENEWED:
            number = uuid4().hex
            key = TemporaryKey(f"HST{number[:17]}", number, f"token-{number}", now + VALID)
            self.issued.append(key)
            self._region.gateway.temporary[key.access_key] = key
        return self.issued[-1]
