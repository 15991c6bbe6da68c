"""SDK-HMAC-SHA256 as a gateway checks it, written from the algorithm and not from the bot."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote

from bot.demo.rds.wire import WireRequest

ALGORITHM = "SDK-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Access=(?P<access_key>[^,\s]+), SignedHeaders=(?P<signed_headers>[^,\s]+),"
    r" Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Authorization:
    """The Authorization header, taken apart."""

    access_key: str
    signed_headers: tuple[str, ...]
    signature: str

    @classmethod
    def parse(cls, header: str) -> Self | None:
        """Return the header's parts, or None for another scheme or form."""
        match = _AUTHORIZATION.fullmatch(header)
        if match is None:
            return None
        names = tuple(match["signed_headers"].split(";"))
        return cls(match["access_key"], names, match["signature"])


def canonical_request(request: WireRequest, signed_headers: Sequence[str]) -> str:
    """The six lines that are signed. Raises KeyError if a signed header was not sent.

    A `+` in the query stands for itself: a client that means a blank must send `%20`.
    """
    names = sorted(name.lower() for name in signed_headers)
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)
    digest = hashlib.sha256(request.body).hexdigest()
    lines = [
        request.method.upper(),
        _canonical_path(request.path),
        _canonical_query(request.query),
        headers,
        ";".join(names),
        digest,
    ]
    return "\n".join(lines)


def string_to_sign(canonical: str, date: str) -> str:
    """The three lines that go into the HMAC; `date` is X-Sdk-Date as sent."""
    return f"{ALGORITHM}\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"


def signature(canonical: str, date: str, secret_key: str) -> str:
    """The signature in lower-case hex."""
    text = string_to_sign(canonical, date)
    return hmac.new(secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _canonical_path(path: str) -> str:
    encoded = "/".join(quote(unquote(part), safe="") for part in path.split("/"))
    return encoded if encoded.endswith("/") else encoded + "/"


def _canonical_query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    decoded = sorted((unquote(name), unquote(value)) for name, _, value in pairs)
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in decoded)
