"""The simulated workspace's HTTP front on loopback: Web API, response_urls and sockets."""

import asyncio
import json
import time
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Self

from aiohttp import web

from bot.demo.loopback import LoopbackServer
from bot.demo.slack.faults import RESPONSE_URL, Fault
from bot.demo.slack.methods import call
from bot.demo.slack.records import Call, Json, Refused
from bot.demo.slack.socket_mode import LINK
from bot.demo.slack.workspace import Workspace


class SlackServer(LoopbackServer):
    """`async with SlackServer(workspace) as server:` serves it at `server.api_url`."""

    def __init__(self, workspace: Workspace, port: int = 0) -> None:
        super().__init__(port)
        self._workspace = workspace

    @property
    def api_url(self) -> str:
        """The address to set as SLACK_API_URL."""
        return f"{self._address}/api/"

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._serve_method)
        app.router.add_post("/{kind:commands|actions}/{token}", self._serve_response_url)
        app.router.add_get(LINK, self._workspace.sockets.serve)
        return app

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._workspace.base_url = self._address
        return self

    async def __aexit__(self, *error: object) -> None:
        self._workspace.sockets.drop_all()
        await super().__aexit__(*error)

    async def _serve_method(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        args = await _arguments(request)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            client_id, _, client_secret = b64decode(token).decode().partition(":")
            args |= {"client_id": client_id, "client_secret": client_secret}
        in_body = args.pop("token", None)
        token = token if scheme == "Bearer" else in_body
        work = partial(call, self._workspace, method, token, args)
        return await self._answer(request, self._arrived(method, args), work)

    async def _serve_response_url(self, request: web.Request) -> web.Response:
        body = await _arguments(request)
        path = request.path

        def work() -> Json:
            self._workspace.response_urls.post(path, body)
            return {}

        return await self._answer(request, self._arrived(RESPONSE_URL, body), work)

    def _arrived(self, method: str, args: Json) -> Call:
        arrived = Call(method, args, self._workspace.clock.now())
        self._workspace.calls.append(arrived)
        self._workspace.tell()
        return arrived

    async def _answer(
        self, request: web.Request, arrived: Call, work: Callable[[], Json]
    ) -> web.Response:
        started = time.monotonic()
        answer = await self._outcome(request, arrived, work)
        arrived.milliseconds = (time.monotonic() - started) * 1000
        arrived.status = None if arrived.error == "dropped" else answer.status
        self._workspace.tell()
        return answer

    async def _outcome(
        self, request: web.Request, arrived: Call, work: Callable[[], Json]
    ) -> web.Response:
        """Carry the call out, or not, and answer it, or not, as its fault says."""
        fault = self._workspace.faults.take(arrived.method)
        if fault.delay:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), fault.delay)
        refused, result = None, {}
        if fault.is_carried_out:
            try:
                result = work()
            except Refused as error:
                refused = error
        if fault.is_dropped:
            return self._dropped(request, arrived)
        if fault.is_answered:
            return self._faulty(fault, arrived)
        if refused:
            return self._refusal(refused, arrived)
        arrived.ok = True
        headers = {"x-oauth-scopes": ",".join(sorted(self._workspace.scopes))}
        return web.json_response({"ok": True, **result}, headers=headers)

    def _dropped(self, request: web.Request, arrived: Call) -> web.Response:
        arrived.error = "dropped"
        if request.transport:
            request.transport.abort()
        return web.Response()

    def _faulty(self, fault: Fault, arrived: Call) -> web.Response:
        if fault.error:
            after = {"retry_after": fault.retry_after} if fault.retry_after else {}
            return self._refusal(Refused(fault.error, status=fault.status, **after), arrived)
        arrived.error = f"http_{fault.status}"
        if fault.body is not None:
            arrived.error = "garbled"
            headers = {"Content-Type": fault.content_type, "Location": "/"}
            return web.Response(status=fault.status, body=fault.body, headers=headers)
        return web.Response(status=fault.status, text="Server Error")

    def _refusal(self, refused: Refused, arrived: Call) -> web.Response:
        arrived.error = refused.error
        details = dict(refused.details)
        after = details.pop("retry_after", None)
        return web.json_response(
            {"ok": False, "error": refused.error, **details},
            status=refused.status,
            headers={"Retry-After": str(after)} if after else {},
        )


async def _arguments(request: web.Request) -> Json:
    """The arguments, whether they came in the URL, as a form or as JSON."""
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        with suppress(json.JSONDecodeError):
            body = await request.json()
            args |= body if isinstance(body, dict) else {}
    else:
        args |= await request.post()
    return args
