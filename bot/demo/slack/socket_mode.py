"""Slack's side of Socket Mode: tickets, connections, and envelopes that want an ack."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex
from uuid import uuid4

from aiohttp import WSMsgType, web

from bot.demo.slack.records import Delivery, Json

CONNECTIONS = 10  # of one app at once
LINK = "/link"


class Socket:
    """One connection that Slack believes to be open."""

    def __init__(self, request: web.Request) -> None:
        self.is_silent = False
        self.is_leaving = False
        self.delivered = 0  # envelopes
        self._transport = request.transport
        self._ws = web.WebSocketResponse(autoping=False)

    async def open(self, request: web.Request, app_id: str, number: int) -> web.StreamResponse:
        """Shake hands and say hello."""
        await self.prepare(request)
        await self.send(
            {
                "type": "hello",
                "num_connections": number,
                "connection_info": {"app_id": app_id},
                "debug_info": {"host": "applink-demo", "approximate_connection_time": 3600},
            }
        )
        return self._ws

    async def prepare(self, request: web.Request) -> web.StreamResponse:
        """Shake hands."""
        await self._ws.prepare(request)
        return self._ws

    async def listen(self, heard: Callable[[Json], None]) -> None:
        """Hand on what the app says, until it goes away."""
        async for message in self._ws:
            if self.is_silent:
                continue
            if message.type is WSMsgType.PING:
                await self._ws.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                heard(json.loads(message.data))

    async def send(self, what: Json) -> None:
        """Send, into the void if the connection is dead."""
        if not self.is_silent and not self._ws.closed:
            with suppress(ConnectionError):  # the app died this very moment
                await self._ws.send_json(what)

    async def disconnect(self, reason: str) -> None:
        """Tell the app to connect anew; nothing more is delivered here."""
        self.is_leaving = self.is_leaving or reason != "warning"
        await self.send({"type": "disconnect", "reason": reason, "debug_info": {"host": "demo"}})

    def drop(self) -> None:
        """Break the connection without a word."""
        if self._transport:
            self._transport.abort()


class Sockets:
    """All connections of the app. Each envelope goes to one of them, in turn.

    `redeliveries` is how often an envelope that found no ack in time is sent again.
    """

    def __init__(self, app_id: str, tell: Callable[[], None]) -> None:
        self._app_id = app_id
        self.open: list[Socket] = []
        self.redeliveries = 0
        self._tell = tell
        self._tickets: set[str] = set()
        self.is_enabled = True  # Socket Mode, in the app's settings
        self._to_refuse = 0
        self._turn = 0
        self._unacked: dict[str, Delivery] = {}

    def ticket(self) -> str:
        """Where to connect, once, as a path."""
        ticket = token_hex(8)
        self._tickets.add(ticket)
        return f"{LINK}?ticket={ticket}"

    def refuse_tickets(self, count: int) -> None:
        """Refuse the next `count` connections; their tickets are spent."""
        self._to_refuse += count

    def kill_silently(self) -> None:
        """Let all connections look open and carry nothing, not even a pong."""
        for socket in self.open:
            socket.is_silent = True

    def drop_all(self) -> None:
        """Break all connections without a word."""
        for socket in self.open:
            socket.drop()

    async def refresh(self) -> None:
        """Ask every connection to be replaced, as Slack does about once an hour."""
        sockets = list(self.open)
        for reason in ("warning", "refresh_requested"):
            for socket in sockets:
                await socket.disconnect(reason)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Keep one connection, for as long as the app does."""
        ticket = request.query.get("ticket", "")
        is_known = ticket in self._tickets
        self._tickets.discard(ticket)
        if self._to_refuse or not is_known:
            self._to_refuse = max(0, self._to_refuse - 1)
            return web.Response(status=403)
        socket = Socket(request)
        if not self.is_enabled:
            response = await socket.prepare(request)
            await socket.disconnect("link_disabled")
            return response
        response = await socket.open(request, self._app_id, len(self.open) + 1)
        if len(self.open) >= CONNECTIONS:
            await socket.disconnect("too_many_websockets")
            return response
        self.open.append(socket)
        self._tell()
        try:
            await socket.listen(self._acked)
        finally:
            self.open.remove(socket)
            self._tell()
        return response

    async def deliver(self, delivery: Delivery, within: float) -> str | None:
        """Send to one connection and wait `within` real seconds; return the person's error."""
        envelope_id = str(uuid4())
        envelope: Json = {
            "envelope_id": envelope_id,
            "type": delivery.type,
            "payload": delivery.payload,
            "accepts_response_payload": delivery.takes_answer,
        }
        if delivery.type == "events_api":
            envelope |= {"retry_attempt": delivery.attempt, "retry_reason": delivery.retry_reason}
        self._unacked[envelope_id] = delivery
        for attempt in range(1 + self.redeliveries):
            candidates = [socket for socket in self.open if not socket.is_leaving]
            if not candidates:
                return "dispatch_failed"
            self._turn += 1
            retry = {"retry_attempt": attempt, "retry_reason": "timeout"} if attempt else {}
            socket = candidates[self._turn % len(candidates)]
            socket.delivered += 1
            await socket.send({**envelope, **retry})
            try:
                await asyncio.wait_for(delivery.acked.wait(), within)
            except TimeoutError:
                continue
            return None
        return "operation_timeout"

    def _acked(self, said: Json) -> None:
        delivery = self._unacked.pop(said.get("envelope_id", ""), None)
        if delivery:
            delivery.ack(said.get("payload") or {})
            self._tell()
