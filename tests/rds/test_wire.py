"""What an answer may do to the process, over a real socket: it is bounded in time and size."""

import asyncio
import gzip
import json
import resource
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest

from bot.domain.errors import RdsOutcomeUnknown, RdsUnreachable
from bot.rds import client as rds_client
from bot.rds.client import RdsClient, call_budget, open_client
from bot.rds.signing import AkSkAuth
from bot.runtime.clock import Clock

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

PAGE = json.dumps({"instances": [{"id": "in01", "name": "orders"}], "total_count": 1}).encode()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look is tried again at once."""
    monkeypatch.setattr(rds_client, "RETRY_DELAYS", (0.0,))


@asynccontextmanager
async def facing(serve: Serve, *, deadline: float = 5.0) -> AsyncIterator[RdsClient]:
    """A client of a server that answers each connection as `serve` does."""
    serving: list[tuple[asyncio.Task[None] | None, asyncio.StreamWriter]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append((asyncio.current_task(), writer))
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            if b"content-length:" in head.lower():
                await reader.readuntil(b"}")
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, open_client(f"http://127.0.0.1:{port}", AkSkAuth("AK", "SK")) as http:
        clock = Clock()
        yield RdsClient(http, "p", call_budget(60, clock), clock, deadline)
        server.close()
        for _, writer in serving:
            writer.transport.abort()
        await asyncio.gather(*(task for task, _ in serving if task))


def saying(*parts: bytes, gap: float | None = None) -> Serve:
    """Send the parts, then close; with a gap, one byte after the other."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            for piece in [part] if gap is None else [part[i : i + 1] for i in range(len(part))]:
                writer.write(piece)
                await writer.drain()
                if gap is not None:
                    await asyncio.sleep(gap)

    return serve


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


async def refused(serve: Serve) -> tuple[RdsUnreachable, RdsOutcomeUnknown]:
    """How a look and a create fail."""
    async with facing(serve) as rds:
        with pytest.raises(RdsUnreachable) as look:
            await rds.list_instances()
        with pytest.raises(RdsOutcomeUnknown) as create:
            await rds.create_backup("in01", "before-42")
    return look.value, create.value


async def test_an_answer_that_drips_is_given_up() -> None:
    """Each byte comes in time, the answer does not; nobody knows what became of a create."""
    dripping = saying(answer(b" " * 10_000), gap=0.02)
    async with facing(dripping, deadline=0.3) as rds:
        began = time.monotonic()
        with pytest.raises(RdsUnreachable) as look:
            await rds.list_instances()
        assert time.monotonic() - began < 2  # it is not tried again
        with pytest.raises(RdsOutcomeUnknown) as create:
            await rds.create_backup("in01", "before-42")

    assert look.value.code == create.value.code == "deadline exceeded"


async def test_interim_answers_without_end_are_given_up() -> None:
    """1xx after 1xx is no answer."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 50)
            await writer.drain()
            await asyncio.sleep(0.001)

    async with facing(serve, deadline=0.3) as rds:
        with pytest.raises(RdsUnreachable):
            await rds.list_instances()


async def test_headers_without_end_are_given_up() -> None:
    """They are never kept whole."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(100_000):
            writer.write(f"X-{number}: {'x' * 1000}\r\n".encode())
            await writer.drain()

    await refused(serve)


BOMB = gzip.compress(bytes(100_000_000), 9)


@pytest.mark.parametrize(
    "serve",
    [
        saying(answer(BOMB, "Content-Encoding: gzip")),
        saying(answer(gzip.compress(BOMB), "Content-Encoding: gzip, gzip")),
        saying(answer(BOMB, "Content-Encoding: gzip", "Content-Encoding: gzip")),
        saying(answer(zlib.compress(bytes(10_000_000)), "Content-Encoding: deflate")),
        saying(answer(b"x", "Content-Encoding: br")),
        saying(answer(b"no gzip", "Content-Encoding: gzip")),
        saying(answer(gzip.compress(PAGE)[:-9], "Content-Encoding: gzip")),
        saying(b"HTTP/1.1 200 OK\r\n\r\n", *[b" " * 1_000_000] * 40, PAGE),
    ],
    ids=["bomb", "twice", "two headers", "deflate", "brotli", "no gzip", "cut off", "endless"],
)
async def test_an_answer_that_grows_too_large_is_not_read(serve: Serve) -> None:
    """Memory stays where it was."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    look, create = await refused(serve)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    assert look.code == create.code == "DecodingError"
    assert grown < 30_000  # KB


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
async def test_an_answer_that_a_gateway_has_packed_is_read(encoding: str) -> None:
    """Nobody asked it to; some do all the same."""
    packed = answer(gzip.compress(PAGE), f"Content-Encoding: {encoding}")
    async with facing(saying(packed)) as rds:
        assert [found.name for found in await rds.list_instances()] == ["orders"]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_not_followed(status: str) -> None:
    """Nobody but RDS gets a signed request."""
    asked: list[str] = []

    async def elsewhere(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append("elsewhere")
        writer.write(answer(PAGE))

    server = await asyncio.start_server(elsewhere, "127.0.0.1", 0)
    async with server:
        there = f"Location: http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await refused(saying(answer(b"", there, status=status)))

    assert asked == []


@pytest.mark.parametrize(
    "said",
    [
        answer(b"OK", "Content-Type: text/plain"),
        answer(b"<html>Log in</html>", "Content-Type: text/html"),
        answer(b"", status="204 No Content"),
        answer(b"[]"),
        answer(b"null"),
        answer(PAGE, status="404 Not Found"),
        answer(PAGE, status="999 Whatever"),
        answer(b'{"error_code": "DBS.200203"}', status="400 Bad Request"),
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + PAGE,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"",
    ],
)
async def test_what_is_no_answer_of_rds_is_an_outage(said: bytes) -> None:
    """A captive portal, a proxy, or no HTTP at all."""
    look, _ = await refused(saying(said))

    assert look.retry_after is None


async def test_a_proxy_that_does_not_connect_sent_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It answers CONNECT with 502 or 407, so a create is not an unknown one."""
    for status in ("502 Bad Gateway", "407 Proxy Authentication Required"):
        said = answer(b"<html>no</html>", status=status)

        async def serve(
            _: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes = said
        ) -> None:
            writer.write(said)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        async with server, open_client("https://rds.invalid", AkSkAuth("AK", "SK")) as http:
            clock = Clock()
            rds = RdsClient(http, "p", call_budget(60, clock), clock)
            with pytest.raises(RdsUnreachable) as raised:
                await rds.create_backup("in01", "before-42")
        assert raised.value.code == rds.trouble == "ProxyError"


async def test_a_cookie_is_not_kept() -> None:
    """One that is not ASCII cannot be sent back, and would end every call from then on."""
    async with facing(saying(answer(PAGE, "Set-Cookie: a=\xff"))) as rds:
        for _ in range(2):
            assert len(await rds.list_instances()) == 1


async def test_a_delete_is_done_only_where_rds_says_so() -> None:
    """A portal's page is no yes; an empty answer is RDS's."""
    for body in (b"<html>Log in</html>", b'{"error_code": "DBS.200203"}', b"OK"):
        async with facing(saying(answer(body))) as rds:
            with pytest.raises(RdsOutcomeUnknown):
                await rds.delete_backup("br01")
    for body in (b"", b"{}", b'{"errCode": "RDS.0041"}', b" \n"):
        async with facing(saying(answer(body))) as rds:
            await rds.delete_backup("br01")


async def test_what_is_told_in_readyz_is_a_code() -> None:
    """Never the text of a gateway, which may hold the Authorization header."""
    leak = b"Authorization: SDK-HMAC-SHA256 Access=AK"
    said = answer(b'{"error_code": "%s", "error_msg": "%s"}' % (leak, leak), status="500 " + "x")
    async with facing(saying(said)) as rds:
        with pytest.raises(RdsUnreachable):
            await rds.list_instances()
        assert rds.trouble == "HTTP 500"
    async with facing(saying(answer(leak))) as rds:
        with pytest.raises(RdsUnreachable):
            await rds.list_instances()
        assert rds.trouble == "unreadable answer"


def test_the_client_asks_for_nothing_packed() -> None:
    """And it never follows a redirect."""
    http = open_client("http://rds", AkSkAuth("AK", "SK"))

    assert http.headers["Accept-Encoding"] == "identity"
    assert http.follow_redirects is False
    assert isinstance(http, httpx.AsyncClient)


@pytest.mark.parametrize(
    ("endpoint", "verified"),
    [
        ("https://rds.eu-de.otc.t-systems.com", ssl.CERT_REQUIRED),
        ("HTTPS://rds", ssl.CERT_REQUIRED),
        ("https://http.example", ssl.CERT_REQUIRED),
        ("http://127.0.0.1:8080", ssl.CERT_NONE),
    ],
)
async def test_https_always_verifies_the_certificate(
    endpoint: str, verified: ssl.VerifyMode
) -> None:
    """Only a client for plain HTTP saves the time to load the certificate authorities."""
    async with open_client(endpoint, AkSkAuth("AK", "SK")) as http:
        transport: Any = http._transport  # noqa: SLF001, httpx shows it nowhere else

        assert transport._pool._ssl_context.verify_mode == verified  # noqa: SLF001
