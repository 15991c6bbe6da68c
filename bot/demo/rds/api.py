"""The simulated region's HTTP front on loopback."""

import asyncio
import time
from contextlib import suppress
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

from aiohttp import web

from bot.demo.loopback import LoopbackServer
from bot.demo.rds.faults import Fault, How, When
from bot.demo.rds.operations import carry_out, operation_of
from bot.demo.rds.region import Region
from bot.demo.rds.wire import Answer, Call, Refused, WireRequest


class RdsServer(LoopbackServer):
    """`async with RdsServer(region) as server:` serves it at `server.endpoint`."""

    def __init__(self, region: Region, port: int = 0) -> None:
        super().__init__(port)
        self._region = region

    @property
    def endpoint(self) -> str:
        """The address to set as RDS_ENDPOINT and CES_ENDPOINT."""
        return self._address

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _serve(self, http: web.Request) -> web.StreamResponse:
        started = time.monotonic()
        path, _, query = http.raw_path.partition("?")
        headers = {name.lower(): value for name, value in http.headers.items()}
        request = WireRequest(http.method, path, query, headers, await http.read())
        call = self._arrived(request)
        answer = await self._answer(request, call)
        call.milliseconds = (time.monotonic() - started) * 1000
        call.status = answer.status if answer else None
        self._region.tell()
        if answer is None:
            if http.transport:
                http.transport.abort()
            return web.Response()
        return web.Response(
            status=answer.status,
            text=answer.body,
            content_type=answer.content_type,
            headers={
                "Date": format_datetime(self._region.clock.now(), usegmt=True),
                "X-Request-Id": call.request_id,
                **answer.headers,
            },
        )

    def _arrived(self, request: WireRequest) -> Call:
        call = Call(
            operation=operation_of(request),
            method=request.method,
            path=request.path,
            query=request.params,
            body=_json_object(request),
            at=self._region.clock.now(),
            request_id=uuid4().hex,
        )
        self._region.calls.append(call)
        self._region.tell()
        return call

    async def _answer(self, request: WireRequest, call: Call) -> Answer | None:
        """Carry the call out, or not, as its fault says; None breaks the connection."""
        fault = self._region.faults.take(call.operation)
        answer: Answer | None = None
        if fault.when is When.AFTER:
            answer = carry_out(self._region, request, call)
        await self._delay(fault)
        if fault.when is When.BEFORE and fault.how is How.PROPERLY:
            answer = carry_out(self._region, request, call)
        match fault.how:
            case How.PROPERLY:
                return answer
            case How.DROP | How.HANG:
                return None
            case How.ANSWER if isinstance(fault.answer, Refused):
                call.code = fault.answer.code
                return fault.answer.answer(call.request_id)
            case How.ANSWER:
                return fault.answer

    async def _delay(self, fault: Fault) -> None:
        """Wait as long as the fault says, or until the server closes."""
        if fault.how is How.HANG:
            await self._closing.wait()
        elif fault.delay:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), fault.delay)


def _json_object(request: WireRequest) -> dict[str, Any] | None:
    try:
        body = request.json
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
