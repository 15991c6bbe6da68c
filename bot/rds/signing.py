"""SDK-HMAC-SHA256: sign requests to Huawei Cloud with an access key.

Sources: Huawei's "AK/SK Signing and Authentication" (API Gateway developer guide) and the signer
of huaweicloudsdkcore; the tests compare with both.
"""

import hashlib
import hmac
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

import httpx

ALGORITHM = "SDK-HMAC-SHA256"
# Proxies and HTTP libraries don't change these; other headers aren't signed.
SIGNED = ("content-type", "host", "x-project-id", "x-sdk-date", "x-security-token")


class Keys(NamedTuple):
    """A temporary access key with its secret and its token. The repr shows nothing of them."""

    access_key: str
    secret_key: str
    security_token: str

    def __repr__(self) -> str:
        return "Keys(…)"


class AkSkAuth(httpx.Auth):
    """Signs each request with the current date, including retries.

    The query is sent exactly as it was signed. The repr contains no secret.
    """

    requires_request_body = True

    def __init__(
        self,
        access_key: str,
        secret_key: str,
        *,
        security_token: str | None = None,
        project_id: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._access_key = access_key
        self._secret_key = secret_key.encode()
        self._extra = {"X-Project-Id": project_id, "X-Security-Token": security_token}
        self._now = now

    def __repr__(self) -> str:
        return f"{type(self).__name__}(access_key='{self._access_key[:4]}…')"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the date and the signature."""
        request.headers["X-Sdk-Date"] = self._now().astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        request.headers.update({name: value for name, value in self._extra.items() if value})
        query = canonical_query(request.url.query.decode())
        request.url = request.url.copy_with(query=query.encode() or None)
        signed = [name for name in SIGNED if name in request.headers]
        request.headers["Authorization"] = (
            f"{ALGORITHM} Access={self._access_key}, SignedHeaders={';'.join(signed)}, "
            f"Signature={self._signature(request, query, signed)}"
        )
        yield request

    def _signature(self, request: httpx.Request, query: str, signed: list[str]) -> str:
        canonical = "\n".join(
            [
                request.method.upper(),
                canonical_uri(request.url.raw_path.split(b"?")[0].decode()),
                query,
                *(f"{name}:{request.headers[name].strip()}" for name in signed),
                "",
                ";".join(signed),
                hashlib.sha256(request.content).hexdigest(),
            ]
        )
        to_sign = "\n".join(
            [
                ALGORITHM,
                request.headers["X-Sdk-Date"],
                hashlib.sha256(canonical.encode()).hexdigest(),
            ]
        )
        return hmac.new(self._secret_key, to_sign.encode(), hashlib.sha256).hexdigest()


def canonical_uri(path: str) -> str:
    """Return the path with each segment encoded, and the final slash that signing requires."""
    encoded = "/".join(_encode(segment) for segment in unquote(path).split("/"))
    return encoded if encoded.endswith("/") else encoded + "/"


def canonical_query(query: str) -> str:
    """Sort by name and value, then encode; a space is `%20`, an empty value keeps its `=`."""
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return "&".join(f"{_encode(name)}={_encode(value)}" for name, value in pairs)


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")
