"""Slack's requests over HTTP: signed, each served once, on one path."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.runtime.http_server import Server, body_of, listen
from bot.slack.transport.signatures import FRESH, NotSigned, claimed

log = structlog.get_logger(__name__)

PATH = "/slack/events"
SENT_AT = "sent_at"  # in the context of a listener: when Slack signed the request
TO_CLOSE = 1.0  # seconds for the answers under way
HEADERS = "Content-Type", "X-Slack-Retry-Num", "X-Slack-Retry-Reason"  # that Bolt may see
SENT_AGAIN = 10.0  # seconds in which a copy gets the first one's answer: a proxy lost it
REMEMBERED = 2 * FRESH  # seconds for which a signature can be valid at the most
MOST_REMEMBERED = 100_000


@dataclass(frozen=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    def listen(self) -> socket.socket:
        """Raises SettingsError if the port is taken, or if the host is not this machine."""
        return listen(self.host, self.port, f"--host {self.host} --port {self.port}")


class HttpFront:
    """Serves `/slack/events`: what Slack signed within the last 5 minutes, each request once.

    Nothing else gets past here, on any path: it is answered 401, and nothing in it is read.
    Raises SettingsError if it can't listen on the address.
    """

    def __init__(self, app: AsyncApp, address: Address, secret: str) -> None:
        self._app = app
        self._secret = secret
        self._socket = address.listen()
        self._server = Server(self._socket, self._answer, to_close=TO_CLOSE)
        self._seen = Seen()
        self._closing = asyncio.Event()
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Serve until closed."""
        await self._server.start()
        log.info("listening", port=self._socket.getsockname()[1], path=PATH)
        self.connected.set_result(None)
        await self._closing.wait()

    @property
    def connections(self) -> int:
        """Return 1 while it serves."""
        return int(self.connected.done() and not self._closing.is_set())

    def silent_for(self) -> float | None:
        """Return 0 while it serves; over HTTP, silence doesn't mean that Slack is away."""
        return 0.0 if self.connections else None

    async def close(self) -> None:
        """Accept no more requests; those in progress are answered."""
        self._closing.set()
        await self._server.close()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        try:
            signature = claimed(request.headers)
            body = await body_of(request)
            signature.check(body, self._secret)
        except NotSigned as why:
            log.warning("request_refused", why=str(why), address=request.remote)
            refusal = web.Response(status=401)
            refusal.force_close()
            return refusal
        self._server.trust(request)
        if request.path != PATH or request.method != "POST":
            return web.Response(status=404)

        async def dispatch() -> BoltResponse:
            return await self._dispatch(request, body, signature.sent_at)

        answer = await self._seen.once(signature.value, dispatch)
        if answer is None:
            log.warning("request_refused", why="it was sent before", address=request.remote)
            return web.Response(status=401)
        headers = answer.first_headers_without_set_cookie()
        return web.Response(status=answer.status, body=answer.body.encode(), headers=headers)

    async def _dispatch(self, request: web.BaseRequest, body: bytes, sent_at: int) -> BoltResponse:
        try:
            asked = AsyncBoltRequest(
                body=body.decode(),
                headers={name: request.headers.getall(name, []) for name in HEADERS},
                context={SENT_AT: datetime.fromtimestamp(sent_at, UTC)},
            )
            if not isinstance(asked.body, dict):
                raise TypeError  # noqa: TRY301, the same as what Bolt stumbles over
        except Exception as error:  # noqa: BLE001, Bolt stumbled over it: it is malformed
            log.warning("request_malformed", error=type(error).__name__)
            return BoltResponse(status=400)
        return await self._app.async_dispatch(asked)


class Seen:
    """Replay protection: the signatures of the requests that were served.

    Not a cache: a signature stays as long as it is valid, after its answer is dropped.
    """

    def __init__(self) -> None:
        self._answers: dict[str, asyncio.Task[BoltResponse] | None] = {}

    async def once(
        self, signature: str, dispatch: Callable[[], Coroutine[None, None, BoltResponse]]
    ) -> BoltResponse | None:
        """Answer a new request, and a copy of it that comes within 10 s; else return None."""
        if signature not in self._answers:
            self._remember(signature, asyncio.create_task(dispatch()))
        answer = self._answers[signature]
        # A sender that goes away cancels nothing: what it sent is carried out.
        return await asyncio.shield(answer) if answer else None

    def _remember(self, signature: str, answer: asyncio.Task[BoltResponse]) -> None:
        if len(self._answers) >= MOST_REMEMBERED:
            self._answers.pop(next(iter(self._answers)))
        self._answers[signature] = answer
        loop = asyncio.get_running_loop()
        loop.call_later(SENT_AGAIN, self._forget_answer, signature)
        loop.call_later(REMEMBERED, self._answers.pop, signature, None)

    def _forget_answer(self, signature: str) -> None:
        if signature in self._answers:
            self._answers[signature] = None
