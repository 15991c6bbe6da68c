"""Map RDS's responses and transport failures to the RdsError tree of the domain.

Error codes come before HTTP statuses, because Huawei's database services send the same code
with different statuses. The text of an error is never kept, because a gateway may echo the
request with its Authorization header in it.
"""

import math
import re
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from bot.domain.errors import (
    RdsError,
    RdsOutcomeUnknown,
    RdsRefused,
    RdsUnreachable,
    RefusalReason,
)
from bot.rds.models import parsed

_R = RefusalReason

# Sources: Huawei Cloud RDS API reference, "Error Codes"; API Gateway, "Error Codes"; the codes
# that Terraform's provider retries. Only RDS's own codes mean that something doesn't exist.
CODES: dict[RefusalReason, str] = {
    _R.INSTANCE_NOT_FOUND: """DBS.200002 DBS.200013 DBS.200045 DBS.200408 DBS.200602 DBS.201028
        DBS.290005 DBS.290011 DBS.280404""",
    _R.INSTANCE_BUSY: """DBS.200011 DBS.200018 DBS.200019 DBS.200047 DBS.200080 DBS.200452
        DBS.200463 DBS.200611 DBS.201015 DBS.201202 DBS.201206 DBS.212006 DBS.212033 DBS.280011
        DBS.280036 DBS.280228 DBS.280343 DBS.280816 DBS.01010337 DBS.01280030 RDS.0011""",
    _R.BACKUP_RUNNING: "DBS.201205 RDS.3004",
    _R.INSTANCE_STATE: """DBS.200076 DBS.200086 DBS.201014 DBS.200402 DBS.280406 DBS.280449
        RDS.0056""",
    _R.STORAGE_FULL: "DBS.200316",
    _R.NAME_TAKEN: "DBS.201201 DBS.201209",
    _R.BAD_PARAMETER: """DBS.200001 DBS.200004 DBS.200006 DBS.200040 DBS.200405 DBS.201207
        DBS.201210 DBS.280001 DBS.280124 DBS.280127 DBS.280128 DBS.280204 DBS.280238 DBS.280277
        DBS.290000 DBS.290001""",
    _R.BACKUP_NOT_FOUND: "DBS.201010 DBS.280214 DBS.201203",
    _R.BACKUP_IN_USE: "DBS.201208 DBS.200054",
    _R.NOT_PERMITTED: """DBS.200010 DBS.200044 DBS.200604 DBS.201003 DBS.280015 APIGW.0302
        APIGW.0306 APIGW.0310 APIGW.0802""",
    _R.CREDENTIALS: "DBS.280056 APIGW.0301 APIGW.0305 APIGW.0307",
    _R.QUOTA: "DBS.200046 DBS.216028 DBS.290003 RDS.3003",
    _R.WRONG_ENDPOINT: "APIGW.0101",
}
REASONS = {code: reason for reason, codes in CODES.items() for code in codes.split()}
THROTTLED = "APIGW.0308"
# RDS or its gateway failed: the query (200203), the server, or an internal timeout (111205),
# after which Terraform waits for the result. A create may have been started.
FAULTS = {
    *("DBS.108000", "DBS.108002", "DBS.108005", "DBS.111205", "DBS.200005", "DBS.200203"),
    *("DBS.213004", "DBS.290006", "DBS.290015", "APIGW.0601", "APIGW.0613"),
}
KNOWN = {*REASONS, *FAULTS, THROTTLED}
SUCCESS = "RDS.0041"  # "Operation successful."
CODE = re.compile(r"[A-Z]{2,8}\.[0-9]{1,8}")  # anything else may be text, so it isn't kept
CODE_NAMES = ("error_code", "errorCode", "errCode", "code")
IN_A_SUCCESS = {*CODE_NAMES, "error", "errors"}  # where a 200 may hold an error
RDS_CODES = ("DBS.", "RDS.")
MOST_PARTS = 10_000  # of an error's body that are searched
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")

STATUSES: dict[int, RefusalReason] = {
    HTTPStatus.UNAUTHORIZED: _R.CREDENTIALS,
    HTTPStatus.FORBIDDEN: _R.NOT_PERMITTED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _R.QUOTA,
    HTTPStatus.BAD_REQUEST: _R.BAD_PARAMETER,
    HTTPStatus.UNPROCESSABLE_ENTITY: _R.BAD_PARAMETER,
}
UNSETTLED = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.MISDIRECTED_REQUEST, HTTPStatus.TOO_EARLY}
COOL_DOWN = 60.0  # seconds after a 429 without Retry-After: the documented window
LONGEST_COOL_DOWN = 600.0
NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,  # the proxy couldn't connect
    httpx.UnsupportedProtocol,
)

UNREADABLE = "unreadable answer"
INCONSISTENT = "inconsistent list"
ENDLESS = "endless list"
DEADLINE = "deadline exceeded"


def from_response(response: httpx.Response, *, creates: bool) -> RdsError:
    """Return the error for a response that isn't a success."""
    code, known = _said(response)
    status = response.status_code
    if meant := _meant_by(code, response, known, creates=creates):
        return meant
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:  # it got no further
        return RdsUnreachable(code, **known)
    if _is_settled(status, code):
        return RdsRefused(STATUSES.get(status, _R.OTHER), code, **known)
    return unknown(code, creates=creates, **known)


def from_success(response: httpx.Response, *, creates: bool) -> RdsError:
    """Return the error for a success without the expected content; uses a code in it."""
    code, known = _said(response)
    meant = _meant_by(code, response, known, creates=creates)
    return meant or unknown(code or UNREADABLE, creates=creates, **known)


def from_transport(error: httpx.RequestError, *, creates: bool) -> RdsError:
    """Return the error for a failed transport: nothing was sent, or the outcome is unknown."""
    code = type(error).__name__
    return unknown(code, creates=creates and not isinstance(error, NOTHING_SENT))


def unknown(code: str, *, creates: bool, **known: Any) -> RdsError:
    """Return the error for an unknown outcome: a read can be retried, a create can't."""
    return RdsOutcomeUnknown(code, **known) if creates else RdsUnreachable(code, **known)


def counted_as(error: RdsError) -> str:
    """Return the code for a metric, which needs few: "other" for one of RDS that isn't above."""
    if CODE.fullmatch(error.code) and error.code not in KNOWN:
        return "other"
    return error.code or f"HTTP {error.status}"


def fails(body: dict[str, Any]) -> bool:
    """Return whether the body of a success contains an error."""
    code = _code({name: part for name, part in body.items() if name in IN_A_SUCCESS})
    return code not in {"", SUCCESS}


def retry_after(response: httpx.Response) -> float:
    """Return the seconds to wait, from either form of `Retry-After`."""
    value = response.headers.get("Retry-After", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return COOL_DOWN
    return min(max(seconds, 1.0), LONGEST_COOL_DOWN) if math.isfinite(seconds) else COOL_DOWN


def request_id(response: httpx.Response, body: dict[str, Any] | None = None) -> str | None:
    """Return the request ID, which Huawei's support asks for; None if it doesn't look like one."""
    for found in (
        response.headers.get("X-Request-Id"),
        (body or {}).get("request_id"),
        response.headers.get("X-IAM-Trace-Id"),
    ):
        if isinstance(found, str) and REQUEST_ID.fullmatch(found):
            return found
    return None


def _said(response: httpx.Response) -> tuple[str, dict[str, Any]]:
    """Return the response's code and what else is kept of it."""
    body = _body(response)
    return _code(body), {
        "status": response.status_code,
        "request_id": request_id(response, body),
    }


def _meant_by(
    code: str, response: httpx.Response, known: dict[str, Any], *, creates: bool
) -> RdsError | None:
    """Return the error for a known code, whatever its status."""
    if code == THROTTLED or response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return RdsUnreachable(code, retry_after=retry_after(response), **known)
    if code in REASONS:
        return RdsRefused(REASONS[code], code, **known)
    if code in FAULTS:
        return unknown(code, creates=creates, **known)
    return None


def _is_settled(status: int, code: str) -> bool:
    """Return whether the status alone proves that nothing was or will be carried out.

    A 404 counts only from RDS: gateways and proxies return one for what they can't route.
    """
    if status == HTTPStatus.NOT_FOUND:
        return code.startswith(RDS_CODES)
    refused = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return refused and status not in UNSETTLED


def _body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = parsed(response.content)
    except ValueError:  # HTML, plain text, or nothing
        return {}
    return body if isinstance(body, dict) else {"errors": body}


def _code(body: dict[str, Any]) -> str:
    """Return the first known code, else the first one, at any depth, under any key."""
    first = ""
    for code in _codes(body):
        if code in KNOWN:
            return code
        first = first or code
    return first


def _codes(body: dict[str, Any]) -> Iterator[str]:
    """Yield all codes in a body, outermost first."""
    parts: deque[Any] = deque([body])
    for _ in range(MOST_PARTS):
        if not parts:
            return
        part = parts.popleft()
        if isinstance(part, dict):
            for name in CODE_NAMES:
                code = part.get(name)
                if isinstance(code, str) and CODE.fullmatch(code := code.strip()):
                    yield code.replace("APIG.", "APIGW.")  # some clouds shorten it
            part = list(part.values())
        if isinstance(part, list):
            parts.extend(inner for inner in part if isinstance(inner, dict | list))
