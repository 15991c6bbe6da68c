"""The API gateway before the simulated RDS: whose call it is, and whether there are too many."""

import hmac
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bot.demo.clock import FastClock
from bot.demo.rds.signature import Authorization, canonical_request, signature
from bot.demo.rds.wire import Refused, WireRequest
from bot.runtime.clock import Clock

CLOCK_TOLERANCE = timedelta(minutes=15)
BAD_SIGNATURES = 5  # in a row; one more locks the access key
LOCKED_FOR = timedelta(minutes=5)
MINUTE = 60.0
FOREVER = datetime.max.replace(tzinfo=UTC)


class TemporaryKey(NamedTuple):
    """A key that an agency was given, and until when the gateway accepts it."""

    access_key: str
    secret_key: str
    security_token: str
    expires_at: datetime


class Gateway:
    """Checks signatures and counts calls. Keys and budget may be changed while it runs.

    `calls_per_minute` holds for any 60 seconds of the clock; None is no limit. Whether Huawei's
    gateway sends Retry-After is not known, so `sends_retry_after` is a switch.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        project_id: str,
        access_key: str,
        secret_key: str,
        security_token: str | None,
        calls_per_minute: int | None,
    ) -> None:
        self.project_id = project_id
        self.access_key = access_key
        self.secret_key = secret_key
        self.security_token = security_token
        self.calls_per_minute = calls_per_minute
        self.temporary: dict[str, TemporaryKey] = {}  # by access key, beside the permanent one
        self.sends_retry_after = False
        self.clock_tolerance = CLOCK_TOLERANCE
        self._clock = clock
        self._admitted: deque[float] = deque()
        self._bad_signatures = 0
        self._locked_until = datetime.min.replace(tzinfo=UTC)

    def authenticate(self, request: WireRequest) -> None:
        """Raise Refused (401) unless the request is signed with the region's keys, and lately."""
        header = request.headers.get("authorization", "")
        authorization = Authorization.parse(header)
        key = self._key(authorization.access_key) if authorization else None
        if authorization is None or key is None:
            raise _unauthorized(f"Get secretKey failed,err:ak not exist, Authorization: {header}")
        if self._clock.now() < self._locked_until:
            raise _unauthorized("AK access failed to reach the limit, forbidden")
        if request.headers.get("x-security-token") != (key.security_token or None):
            raise _unauthorized("x-security-token is missing, wrong or not wanted")
        self._check_date(request.headers.get("x-sdk-date", ""))
        self._check_signature(request, authorization, key.secret_key)

    def check_project(self, request: WireRequest) -> None:
        """Raise Refused (403) if the path or X-Project-Id names another project."""
        named = {request.segments[1], request.headers.get("x-project-id", self.project_id)}
        if named != {self.project_id}:
            raise Refused(403, "APIGW.0302", "The user is not allowed to access this project.")

    def count(self) -> None:
        """Count the call. Raise Refused (429) if the last 60 seconds hold enough already."""
        now = self._clock.monotonic()
        while self._admitted and now - self._admitted[0] >= MINUTE:
            self._admitted.popleft()
        limit = self.calls_per_minute
        if limit is not None and len(self._admitted) >= limit:
            wait = MINUTE - (now - self._admitted[0]) if self._admitted else MINUTE
            headers = {"Retry-After": str(int(wait) + 1)} if self.sends_retry_after else {}
            reason = f"policy user over ratelimit,limit:{limit},time:1 minute"
            raise Refused(429, "APIGW.0308", f"The throttling threshold: {reason}", headers)
        self._admitted.append(now)

    def _check_date(self, date: str) -> None:
        try:
            signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise _unauthorized(f"x-sdk-date is missing or malformed: {date!r}") from None
        # A request travels in real time, however fast the clock goes.
        speed = self._clock.tempo.speed if isinstance(self._clock, FastClock) else 1.0
        if abs(self._clock.now() - signed_at) > self.clock_tolerance * speed:
            raise _unauthorized(f"calc ak sk signature fail:signature expired, x-sdk-date: {date}")

    def _key(self, access_key: str) -> TemporaryKey | None:
        """Return the key that is accepted now under this name."""
        if access_key == self.access_key:
            token = self.security_token or ""
            return TemporaryKey(access_key, self.secret_key, token, FOREVER)
        found = self.temporary.get(access_key)
        return found if found and self._clock.now() < found.expires_at else None

    def _check_signature(
        self, request: WireRequest, authorization: Authorization, secret_key: str
    ) -> None:
        names = authorization.signed_headers
        if "x-sdk-date" not in names or any(name not in request.headers for name in names):
            raise _unauthorized(f"headers were signed that were not sent: {';'.join(names)}")
        canonical = canonical_request(request, names)
        expected = signature(canonical, request.headers["x-sdk-date"], secret_key)
        if hmac.compare_digest(expected, authorization.signature):
            self._bad_signatures = 0
            return
        self._bad_signatures += 1
        if self._bad_signatures > BAD_SIGNATURES:
            self._bad_signatures = 0
            self._locked_until = self._clock.now() + LOCKED_FOR
        # As the real one may: everything that must never reach Slack or a log is in this text.
        sent = request.headers["authorization"]
        token = request.headers.get("x-security-token", "")
        raise _unauthorized(
            f"verify aksk signature fail, canonicalRequest:{canonical.replace(chr(10), '|')}, "
            f"Authorization: {sent}, X-Security-Token: {token}"
        )


def _unauthorized(why: str) -> Refused:
    return Refused(401, "APIGW.0301", f"Incorrect IAM authentication information: {why}")
