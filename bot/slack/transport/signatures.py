"""Slack's signature of an HTTP request, checked before anything in the request is believed."""

import hmac
import re
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

FRESH = 300  # seconds between Slack's clock and ours, either way
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


class Headers(Protocol):
    """The headers of a request; a name can occur twice."""

    def getall(self, key: str, default: list[str]) -> list[str]: ...


class NotSigned(Exception):
    """The request isn't signed by Slack; the message says why."""


@dataclass(frozen=True)
class Signature:
    """A well-formed, recent signature; `check` verifies it against the body."""

    timestamp: str
    value: str

    @property
    def sent_at(self) -> int:
        """Unix seconds, by Slack's clock."""
        return int(self.timestamp)

    def check(self, body: bytes, secret: str) -> None:
        """Raises NotSigned unless the secret's owner signed this body then."""
        signed = b"v0:%b:%b" % (self.timestamp.encode(), body)
        expected = hmac.new(secret.encode(), signed, sha256).hexdigest()
        if not hmac.compare_digest(f"v0={expected}", self.value):
            raise NotSigned("the signature is wrong")


def claimed(headers: Headers) -> Signature:
    """Return the signature in the headers, unverified. Raises NotSigned."""
    timestamp = _only(headers, "X-Slack-Request-Timestamp", _TIMESTAMP)
    value = _only(headers, "X-Slack-Signature", _SIGNATURE)
    if abs(time.time() - int(timestamp)) > FRESH:
        raise NotSigned("the timestamp is more than 5 minutes off")
    return Signature(timestamp, value)


def _only(headers: Headers, name: str, form: re.Pattern[str]) -> str:
    match headers.getall(name, []):
        case [value] if form.fullmatch(value):
            return value
        case []:
            raise NotSigned(f"{name} is missing")
        case _:
            raise NotSigned(f"{name} is malformed")
