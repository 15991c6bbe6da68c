"""The one address that strangers can reach: only what Slack signed just now gets past it."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from structlog.testing import capture_logs

from bot.demo.slack.http_mode import FORM, signed_headers
from bot.runtime import http_server
from bot.slack.transport import http
from bot.slack.transport.http import PATH, Address, HttpFront

SECRET = "the-signing-secret"
BODY = urlencode({"command": "/backup", "text": "help", "user_id": "U0ANA"})
TIMESTAMP, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"


@dataclass
class App:
    """Bolt, as far as a front knows it: it notes what comes through."""

    seen: list[Any] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event | None = None

    async def async_dispatch(self, request: AsyncBoltRequest) -> BoltResponse:
        self.seen.append(request.body)
        self.came.set()
        if self.goes_on:
            await self.goes_on.wait()
        return BoltResponse(status=200, body={"text": f"answer {len(self.seen)}"})


@dataclass
class Services:
    """The front, and whoever knocks."""

    app: App
    port: int
    session: aiohttp.ClientSession

    async def knock(
        self,
        headers: dict[str, str] | list[tuple[str, str]],
        body: Any = BODY,
        *,
        method: str = "POST",
        path: str = PATH,
    ) -> int:
        """The status of the answer."""
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self.session.request(method, url, data=body, headers=headers) as answer:
            await answer.read()
            return answer.status

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def says(self, raw: bytes) -> bytes:
        """All that is answered to these bytes, until the connection is closed."""
        reader, writer = await self.connect()
        writer.write(raw)
        try:
            async with asyncio.timeout(10):
                return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


@pytest.fixture
async def services() -> AsyncIterator[Services]:
    app = App()
    front = HttpFront(app, Address("127.0.0.1", 0), SECRET)  # type: ignore[arg-type]
    running = asyncio.create_task(front.run())
    assert front.connections == 0
    await front.connected
    assert front.connections == 1
    port = front._socket.getsockname()[1]  # noqa: SLF001, nobody else has to know
    async with aiohttp.ClientSession() as session:
        yield Services(app, port, session)
    await front.close()
    await running
    assert front.connections == 0


def signed(body: str = BODY, **changes: str) -> dict[str, str]:
    return signed_headers(body, SECRET) | changes


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in signed().items() if name not in names}


def at(offset: float) -> dict[str, str]:
    return signed_headers(BODY, SECRET, int(time.time() + offset))


def unsigned() -> list[Any]:
    """Headers of every shape that no valid signature has."""
    timestamps = ["soon", "", " ", "½", "1e9", "-1", "+1", "0x10", "１２３４", "1_000", "1.5"]  # noqa: RUF001
    timestamps += ["9" * 400, "NaN", "inf", "0", "99999999999999", "null", f"{int(time.time())},1"]
    signatures = [
        "v0=½",
        "",
        "v0=",
        "v1=" + "0" * 64,
        "v0=" + "g" * 64,
        "v0=" + "A" * 64,
        "ü" * 67,
    ]
    signatures += ["v0=" + "0" * 64, "v0=" + "0" * 65, "null", "v0=" + "\u0660" * 64]
    good = signed()
    value = good[SIGNATURE]
    signatures += [value.upper(), value[3:], f"{value},{value}", f"{value}0", value[:-1]]
    return [
        *(good | {TIMESTAMP: one} for one in timestamps),
        *(good | {SIGNATURE: one} for one in signatures),
        without(TIMESTAMP),
        without(SIGNATURE),
        without(TIMESTAMP, SIGNATURE),
        signed_headers(BODY, "another secret"),
        signed_headers(BODY, ""),
        signed_headers(BODY + " ", SECRET),
        at(-302),
        at(+303),
        [*good.items(), (SIGNATURE, value)],
        [*good.items(), (SIGNATURE, "v0=" + "0" * 64)],
        [*good.items(), (TIMESTAMP, good[TIMESTAMP])],
        [*good.items(), (TIMESTAMP.upper(), "1")],
        without(SIGNATURE) | {"Authorization": "Bearer xoxb"},
        without(SIGNATURE) | {"X-Slack-Retry-Num": "1"},
    ]


BODIES = [
    BODY,
    "",
    "ssl_check=1&token=x",
    json.dumps({"type": "url_verification", "challenge": "c"}),
    urlencode({"payload": json.dumps({"response_url": "http://127.0.0.1:1/"})}),
    "payload=%7B",
    b"\xff\xfe\x00",
]


async def test_what_is_not_signed_is_refused_whatever_it_looks_like(services: Services) -> None:
    """401 on every path and method, and nothing in it is looked at."""
    for number, headers in enumerate(unsigned()):
        body = BODIES[number % len(BODIES)] if SIGNATURE not in dict(headers) else BODY
        assert await services.knock(headers, body) == 401, headers
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"):
        assert await services.knock(without(SIGNATURE), None, method=method) == 401
    for path in ("/", "/healthz", f"{PATH}/", f"{PATH}?signed=yes", "/slack/install", "//"):
        assert await services.knock(without(SIGNATURE), path=path) == 401
    for body in BODIES:
        assert await services.knock({"Content-Type": "application/json"}, body) == 401

    assert services.app.seen == []


async def test_each_refusal_is_logged_with_its_reason(services: Services) -> None:
    """And without what the stranger sent."""
    with capture_logs() as logged:
        await services.knock(without(SIGNATURE))
        await services.knock(signed_headers(BODY, "another secret"))
        await services.knock(at(-400))

    assert [entry["why"] for entry in logged] == [
        "X-Slack-Signature is missing",
        "the signature is wrong",
        "the timestamp is more than 5 minutes off",
    ]


async def test_what_is_signed_is_served_on_its_path(services: Services) -> None:
    """However the names of the headers are spelled."""
    assert await services.knock(signed()) == 200
    shouted = {
        name.upper(): value for name, value in signed_headers(f"{BODY}&a=1", SECRET).items()
    }
    assert await services.knock(shouted, f"{BODY}&a=1") == 200
    assert await services.knock(at(-290)) == 200
    assert await services.knock(at(+290)) == 200
    assert await services.knock(signed("a=2"), "a=2", path="/") == 404
    assert await services.knock(signed("a=3"), "a=3", method="PUT") == 404

    assert [body["command"] for body in services.app.seen] == ["/backup"] * 4


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"),
        (b"[1]", "application/json"),
        (b"null", "application/json"),
        (b'"text"', "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"payload=%7B", FORM),
        (b"payload=%5B%5D", FORM),
        (b"payload=%22%22", FORM),
        (b"[" * 100_000, "application/json"),
        (
            json.dumps({"type": "block_actions", "user": 7, "team": "T"}).encode(),
            "application/json",
        ),
        (json.dumps({"authorizations": 7}).encode(), "application/json"),
        (json.dumps({"response_urls": [7]}).encode(), "application/json"),
    ],
)
async def test_a_malformed_body_is_refused_in_a_line(
    services: Services, body: bytes, kind: str
) -> None:
    """It was signed, and still may be anything."""
    headers = signed_headers(body.decode("latin-1"), SECRET)
    raw = {**headers, "Content-Type": kind}
    if not body.isascii():
        raw |= _signed_raw(body)
    with capture_logs() as logged:
        status = await services.knock(raw, body)

    assert status in (200, 400)
    assert all("exc_info" not in entry for entry in logged)
    assert all(isinstance(seen, dict) for seen in services.app.seen)


def _signed_raw(body: bytes) -> dict[str, str]:
    import hmac  # noqa: PLC0415, only here
    from hashlib import sha256  # noqa: PLC0415, only here

    timestamp = str(int(time.time()))
    signature = hmac.new(SECRET.encode(), b"v0:%b:%b" % (timestamp.encode(), body), sha256)
    return {TIMESTAMP: timestamp, SIGNATURE: f"v0={signature.hexdigest()}"}


async def test_the_same_request_is_carried_out_once(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy at once gets the first one's answer; later it is refused as a replay."""
    monkeypatch.setattr(http, "SENT_AGAIN", 0.2)
    headers = signed()
    at_once = await asyncio.gather(*[services.knock(headers) for _ in range(5)])
    await asyncio.sleep(0.25)
    later = await services.knock(headers)

    assert at_once == [200] * 5
    assert later == 401
    assert len(services.app.seen) == 1


async def test_a_sender_who_hangs_up_stops_nothing(services: Services) -> None:
    """What was signed is carried out; the copy that comes after gets the answer."""
    services.app.goes_on = asyncio.Event()
    headers = signed()
    first = asyncio.create_task(services.knock(headers))
    await services.app.came.wait()
    first.cancel()
    second = asyncio.create_task(services.knock(headers))
    await asyncio.sleep(0.05)
    services.app.goes_on.set()

    assert await second == 200
    assert len(services.app.seen) == 1


async def _drip(megabytes: int) -> AsyncIterator[bytes]:
    for _ in range(megabytes):
        yield b"x" * 1024**2


async def test_a_long_body_is_cut_off(services: Services) -> None:
    """With a length, without one, or with a false one."""
    claimed = signed()
    with_length = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 300000000\r\n"
    named = "".join(f"{name}: {value}\r\n" for name, value in claimed.items())
    answer = await services.says(f"{with_length}{named}\r\n".encode())
    try:
        chunked = await services.knock(signed(), _drip(20))
    except aiohttp.ClientError:  # it was cut off before the client had read why
        chunked = 413

    assert answer.startswith(b"HTTP/1.1 413")
    assert chunked == 413
    assert await services.knock(signed()) == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GARBAGE\r\n\r\n",
        b"POST /slack/events HTTP/9.9\r\n\r\n",
        b"POST /slack/events HTTP/1.1\r\nA: " + b"x" * 70_000 + b"\r\n\r\n",
        b"POST /slack/events HTTP/1.1\r\n" + b"A: b\r\n" * 5_000 + b"\r\n",
        b"POST /slack/events HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /slack/events HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /slack/events HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"POST /slack/events HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused_without_a_traceback(
    services: Services, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """4xx, or the line is cut."""
    with capture_logs() as logged:
        answer = await services.says(raw)

    assert answer == b"" or re.match(rb"HTTP/1\.[01] 4", answer)
    assert caplog.records == []
    assert all("exc_info" not in entry for entry in logged)


async def test_a_chunked_body_that_breaks_is_refused(services: Services) -> None:
    """After headers that look like Slack's."""
    named = "".join(f"{name}: {value}\r\n" for name, value in signed().items())
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{named}\r\n"

    answer = await services.says(f"{head}5\r\nabcde\r\nZZZ\r\n".encode())

    assert re.match(rb"HTTP/1\.[01] 4", answer)


@pytest.mark.parametrize(
    "begun", ["POST ", "POST /slack/ev", "POST / HTTP/1.1\r\nHost: x\r\n", "{head}"]
)
async def test_half_a_request_is_cut_off_in_time(
    services: Services, begun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while a byte comes now and then."""
    monkeypatch.setattr(http_server, "TO_REQUEST", 0.3)
    named = "".join(f"{name}: {value}\r\n" for name, value in signed().items())
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n{named}\r\n"
    reader, writer = await services.connect()
    writer.write(begun.replace("{head}", head).encode())
    since = time.monotonic()

    async def drip() -> None:
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.05)

    dripping = asyncio.create_task(drip())
    try:
        async with asyncio.timeout(10):
            assert await reader.read() == b""
    except ConnectionResetError:
        pass
    dripping.cancel()
    await asyncio.gather(dripping, return_exceptions=True)
    writer.close()

    assert 0.2 < time.monotonic() - since < 5


async def test_a_client_with_many_connections_keeps_no_one_out(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest idle ones make room; one whose answer is under way does not."""
    monkeypatch.setattr(http_server, "MOST_OF_ONE_ADDRESS", 20)
    services.app.goes_on = asyncio.Event()
    under_way = asyncio.create_task(services.knock(signed()))
    await services.app.came.wait()
    held = [await services.connect() for _ in range(60)]
    async with asyncio.timeout(10):
        await asyncio.gather(*[reader.read() for reader, _ in held[:40]], return_exceptions=True)
    services.app.goes_on.set()

    assert await under_way == 200
    assert await services.knock(signed("a=2"), "a=2") == 200
    for _, writer in held:
        writer.close()


async def test_no_file_left_is_logged_once() -> None:
    """Not once a try: that filled disks."""
    loop = asyncio.get_running_loop()
    http_server._log_full_house_once(loop)  # noqa: SLF001, the operating system decides when
    with capture_logs() as logged:
        for _ in range(200):
            error = OSError(24, "Too many open files")
            loop.call_exception_handler(
                {"message": "socket.accept() out of system resource", "exception": error}
            )

    assert len(logged) == 1
    assert "Too many open files" in logged[0]["error"]
