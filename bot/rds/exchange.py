"""Exchange one request and response with a Huawei Cloud service, bounded in time and size."""

import asyncio
import zlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx

from bot.domain.errors import RdsError
from bot.rds import errors, models

T = TypeVar("T")
Read = Callable[[Any], T]

LARGEST_ANSWER = 2_000_000  # bytes: a page of 100 instances takes about a tenth


async def exchange(
    http: httpx.AsyncClient,
    method: str,
    target: str,
    content: bytes | None = None,
    *,
    deadline: float,
    headers: Mapping[str, str] | None = None,
    reads: bool | None = None,
) -> httpx.Response:
    """Send a request once; return the successful response. Raises RdsError.

    The whole exchange takes at most `deadline` seconds of real time. Unless it only `reads`, as a
    GET does, its outcome can be unknown.
    """
    creates = method != "GET" and not reads
    try:
        async with asyncio.timeout(deadline):
            response = await _exchanged(http, method, target, content, headers or {})
    except httpx.RequestError as error:
        raise errors.from_transport(error, creates=creates) from None
    except TimeoutError:
        raise errors.unknown(errors.DEADLINE, creates=creates) from None
    if response.is_success:
        return response
    raise errors.from_response(response, creates=creates)


def content_of(read: Read[T], response: httpx.Response, *, creates: bool) -> T:
    """Return the content of a success. Raises RdsError if it holds an error or nothing useful."""
    try:
        body = models.parsed(response.content.strip() or b"{}")  # delete returns an empty body
        if not isinstance(body, dict) or errors.fails(body):
            raise errors.from_success(response, creates=creates)
        return read(body)
    except ValueError:
        raise errors.from_success(response, creates=creates) from None


def described(error: RdsError) -> str:
    """Return the code of an error, or its HTTP status."""
    return error.code or f"HTTP {error.status}"


async def _exchanged(
    http: httpx.AsyncClient,
    method: str,
    target: str,
    content: bytes | None,
    more: Mapping[str, str],
) -> httpx.Response:
    headers = {"Content-Type": "application/json", **more}
    async with http.stream(method, target, content=content, headers=headers) as response:
        body = await _body(response)
        kept = [(k, v) for k, v in response.headers.raw if k.lower() != b"content-encoding"]
        return httpx.Response(response.status_code, headers=kept, content=body)


async def _body(response: httpx.Response) -> bytes:
    """Return the decompressed body. Raises DecodingError if it is too large or unreadable."""
    packed = bytearray()
    async for chunk in response.stream:  # type: ignore[union-attr] # of an AsyncClient
        packed += chunk
        if len(packed) > LARGEST_ANSWER:
            raise httpx.DecodingError("too large")
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        return bytes(packed)
    if encoding not in {"gzip", "x-gzip"}:
        raise httpx.DecodingError("an encoding that the request did not accept")
    return _unzipped(packed)


def _unzipped(packed: bytearray) -> bytes:
    """Return the body of a response that was compressed, up to the size limit."""
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        body = unzip.decompress(packed, LARGEST_ANSWER)
    except zlib.error:
        raise httpx.DecodingError("broken gzip") from None
    if not unzip.eof:
        raise httpx.DecodingError("too large, or cut off")
    return body
