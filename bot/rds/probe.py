"""Ask RDS one signed question, and find out why it isn't answered."""

import re
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from bot.domain.errors import RdsError
from bot.rds import errors, models
from bot.runtime.clock import Clock

NO_INSTANCE = "00000000000000000000000000000000in01"  # well-formed, and no instance's id
NO_BACKUP = "00000000000000000000000000000000br01"
NO_NAME = "backup-bot-check"


class Cause(Enum):
    """Why a call failed, as far as it can be told."""

    NO_SUCH_HOST = auto()
    CERTIFICATE = auto()
    NO_TLS = auto()
    REFUSED = auto()
    TIMEOUT = auto()
    KEY_UNKNOWN = auto()
    KEY_LOCKED = auto()
    SIGNATURE = auto()
    DATE = auto()
    TOKEN = auto()


class Probe(NamedTuple):
    """What came of one call. `skew` is RDS's clock minus ours; None if it wasn't told."""

    error: RdsError | None = None
    cause: Cause | None = None
    skew: timedelta | None = None


# What Huawei's gateway says behind APIGW.0301, from reports of its users and its FAQ ("Common
# Errors Related to IAM Authentication Information"). The text itself is never kept or shown.
CAUSES = (
    (re.compile(r"reach the limit", re.IGNORECASE), Cause.KEY_LOCKED),
    (
        re.compile(r"\bak\b[^|]{0,80}not exist|unknown access key", re.IGNORECASE),
        Cause.KEY_UNKNOWN,
    ),
    (re.compile(r"expired", re.IGNORECASE), Cause.DATE),
    (re.compile(r"decrypt token|security-?token is", re.IGNORECASE), Cause.TOKEN),
    (re.compile(r"signature fail", re.IGNORECASE), Cause.SIGNATURE),
)
NETWORK: tuple[tuple[type[BaseException], Cause], ...] = (
    (socket.gaierror, Cause.NO_SUCH_HOST),
    (ssl.SSLCertVerificationError, Cause.CERTIFICATE),
    (ssl.SSLError, Cause.NO_TLS),
    (ConnectionRefusedError, Cause.REFUSED),
    (TimeoutError, Cause.TIMEOUT),
    (httpx.TimeoutException, Cause.TIMEOUT),
)
TEXT = ("error_msg", "errorMsg", "message")
LONGEST_TEXT = 200  # characters that are searched: after them the canonical request begins


async def probe(
    http: httpx.AsyncClient,
    clock: Clock,
    project_id: str,
    path: str,
    *,
    method: str = "GET",
    body: dict[str, str] | None = None,
) -> Probe:
    """Send one call and say what came of it; it is never sent again."""
    asked_at = clock.now()
    try:
        response = await http.request(
            method,
            f"/v3/{quote(project_id, safe='')}/{path}",
            json=body,
            headers={"Content-Type": "application/json"},
        )
    except httpx.RequestError as error:
        return Probe(errors.from_transport(error, creates=False), _network_cause(error))
    skew = _skew(response, asked_at, clock.now())
    if response.is_success:
        return Probe(skew=skew)
    return Probe(errors.from_response(response, creates=False), _said_cause(response), skew)


async def project_of(http: httpx.AsyncClient, region: str) -> str | None:
    """Return the ID of a region's project, from IAM; None if IAM doesn't tell.

    A region's project has the region's name.
    Source: IAM API reference, "Querying Project Information Based on the Specified Criteria".
    """
    try:
        response = await http.get(f"/v3/projects?name={quote(region, safe='')}")
        projects = models.parsed(response.content).get("projects", [])
    except (httpx.RequestError, ValueError, AttributeError):
        return None
    named = [one.get("id") for one in projects if isinstance(one, dict)]
    return named[0] if len(named) == 1 and isinstance(named[0], str) else None


def _skew(response: httpx.Response, asked_at: datetime, now: datetime) -> timedelta | None:
    """Measure against the middle of the call; the header counts in whole seconds."""
    try:
        there = parsedate_to_datetime(response.headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    if there.tzinfo is None:
        there = there.replace(tzinfo=UTC)
    return there - (asked_at + (now - asked_at) / 2)


def _said_cause(response: httpx.Response) -> Cause | None:
    text = _text(response)[:LONGEST_TEXT]
    return next((cause for pattern, cause in CAUSES if pattern.search(text)), None)


def _text(response: httpx.Response) -> str:
    try:
        body: Any = models.parsed(response.content)
    except ValueError:
        return ""
    found = [body.get(name) for name in TEXT] if isinstance(body, dict) else []
    return next((text for text in found if isinstance(text, str)), "")


def _network_cause(error: BaseException) -> Cause | None:
    seen: BaseException | None = error
    while seen is not None:
        for kind, cause in NETWORK:
            if isinstance(seen, kind):
                return cause
        seen = seen.__cause__ or seen.__context__
    return None
