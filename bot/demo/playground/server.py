"""Serve the playground over HTTP on localhost: the page, its updates and people's acts."""

import asyncio
import json
import signal
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Self

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from pydantic import ValidationError

from bot.demo.loopback import LOOPBACK, LoopbackServer
from bot.demo.playground.playground import Playground, playing
from bot.demo.playground.scenery import ROLES, TO_TRY
from bot.demo.slack.records import Json, Refused
from bot.demo.world import ANA
from bot.domain.errors import SettingsError

PAGE = Path(__file__).parent / "page"
TO_CLOSE = 0.5  # seconds for responses in progress
HEADERS = {
    # The page loads nothing from the network.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
}


class PlaygroundServer(LoopbackServer):
    """`async with PlaygroundServer(playground) as server:` serves it at `server.url`.

    Raises SettingsError if the port is taken. Only its own pages can act: other sites that are
    open in the same browser could reach loopback as well.
    """

    def __init__(self, playground: Playground, port: int = 0) -> None:
        super().__init__(port, shutdown_timeout=TO_CLOSE)
        self.playground = playground

    @property
    def url(self) -> str:
        """The address to open."""
        return f"{self._address}/"

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/", self._index)
        app.router.add_get("/events", self._events)
        app.router.add_post("/act", self._act)
        app.router.add_static("/page", PAGE)
        return app

    async def __aenter__(self) -> Self:
        try:
            return await super().__aenter__()
        except OSError as error:
            taken = f"Port {self._port} cannot be listened on. `--port 0` takes a free one."
            raise SettingsError([taken]) from error

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = {f"{name}:{self._port}" for name in (LOOPBACK, "localhost")}
        origin = request.headers.get(hdrs.ORIGIN)
        if request.host not in hosts or origin not in {None, f"http://{request.host}"}:
            raise web.HTTPForbidden(text="Only the playground's own page may do that.")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    async def _index(self, request: web.Request) -> web.FileResponse:
        if request.query.get("as", ANA) not in ROLES:  # an outdated or foreign URL
            raise web.HTTPFound("/")
        return web.FileResponse(PAGE / "index.html")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Stream what this person sees as server-sent events: everything, then changes."""
        who = _who(request)
        response = web.StreamResponse(headers=HEADERS | {"Content-Type": "text/event-stream"})
        await response.prepare(request)
        before: dict[str, Json | None] = {}
        with suppress(ConnectionError):
            while not self._closing.is_set():
                now = self.playground.seen_by(who)
                if changes := _changes(before, now):
                    changes["now"] = self.playground.clock.now().timestamp()
                    await response.write(f"data: {json.dumps(changes)}\n\n".encode())
                before = now
                await self.playground.news()
        return response

    async def _act(self, request: web.Request) -> web.Response:
        if (
            request.content_type != "application/json"
        ):  # a form on another site can't send this type
            raise web.HTTPUnsupportedMediaType
        try:
            return web.json_response(
                await self.playground.act(_who(request), await request.read())
            )
        except ValidationError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        except Refused as refused:
            return web.json_response({"error": refused.error})
        except LookupError as error:
            return web.json_response({"error": "gone", "why": str(error)})


def _who(request: web.Request) -> str:
    who = request.query.get("as", "")
    if who not in ROLES:
        raise web.HTTPBadRequest(text=f"`as` must be one of {', '.join(ROLES)}.")
    return who


def _changes(before: dict[str, Json | None], now: dict[str, Json | None]) -> Json:
    """Return which parts to draw and which to remove, or {} if nothing changed."""
    drawn = {name: part for name, part in now.items() if before.get(name, "") != part}
    gone = [name for name in before if name not in now]
    return {"drawn": drawn, "gone": gone} if drawn or gone else {}


async def serve(port: int, speed: float, *, opens_browser: bool) -> None:
    """Serve until Ctrl-C or SIGTERM. Raises SettingsError if the port is in use."""
    told = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, told.set)
    async with playing(speed) as playground, PlaygroundServer(playground, port) as server:
        print(
            f"The playground is at {server.url} (press Ctrl-C to stop it). Four things to try:\n"
        )
        print(
            *(f"{number}. {what}" for number, what in enumerate(TO_TRY, 1)), sep="\n", flush=True
        )
        if opens_browser:
            await asyncio.to_thread(webbrowser.open, server.url)
        await told.wait()
