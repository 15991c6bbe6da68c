"""From whatever came back, or did not, to the RdsError tree of the domain.

Codes are judged before HTTP statuses: Huawei's database services send the same code with
different statuses. The text of an error is never kept, since a gateway may echo the request and
its Authorization header in it.
"""

import math
import re
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

_R = RefusalReason

# Huawei Cloud RDS API reference, "Error Codes"; API Gateway, "Error Codes".
CODES: dict[RefusalReason, str] = {
    _R.INSTANCE_NOT_FOUND: """DBS.200002 DBS.200013 DBS.200045 DBS.200408 DBS.200602 DBS.201028
        DBS.290005 DBS.290011 DBS.280404 DBS.200203""",
    _R.INSTANCE_BUSY: """DBS.200011 DBS.200018 DBS.200019 DBS.200047 DBS.200080 DBS.200452
        DBS.200463 DBS.200611 DBS.201015 DBS.201202 DBS.201206 DBS.212033 DBS.280011 DBS.280036
        DBS.280343 DBS.280816 DBS.01010337 DBS.01280030""",
    _R.BACKUP_RUNNING: "DBS.201205 RDS.3004",
    _R.INSTANCE_STATE: "DBS.200076 DBS.200086 DBS.201014 DBS.200402 DBS.280449",
    _R.STORAGE_FULL: "DBS.200316",
    _R.NAME_TAKEN: "DBS.201201",
    _R.BAD_PARAMETER: """DBS.200001 DBS.200004 DBS.200006 DBS.200040 DBS.200405 DBS.201207
        DBS.280001 DBS.280127 DBS.280128 DBS.280204 DBS.280238 DBS.280277 DBS.290000 DBS.290001""",
    _R.BACKUP_NOT_FOUND: "DBS.201010 DBS.280214 DBS.201203",
    _R.NOT_PERMITTED: """DBS.200010 DBS.200044 DBS.200604 DBS.201003 DBS.280015 APIGW.0302
        APIGW.0306 APIGW.0310 APIGW.0802""",
    _R.CREDENTIALS: "DBS.280056 APIGW.0301 APIGW.0305 APIGW.0307",
    _R.QUOTA: "DBS.200046 DBS.216028 DBS.290003 RDS.3003",
    _R.WRONG_ENDPOINT: "APIGW.0101",
}
REASONS = {code: reason for reason, codes in CODES.items() for code in codes.split()}
CODE = re.compile(r"[A-Z]{2,8}\.\d{1,8}")  # anything else may be text, and is not kept
THROTTLED = "APIGW.0308"
MAY_HAVE_STARTED = "DBS.111205"  # "internal timeout": Terraform waits for the result, so do we

STATUSES: dict[int, RefusalReason] = {
    HTTPStatus.UNAUTHORIZED: _R.CREDENTIALS,
    HTTPStatus.FORBIDDEN: _R.NOT_PERMITTED,
    HTTPStatus.NOT_FOUND: _R.INSTANCE_NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _R.QUOTA,
    HTTPStatus.BAD_REQUEST: _R.BAD_PARAMETER,
    HTTPStatus.UNPROCESSABLE_ENTITY: _R.BAD_PARAMETER,
}
STAND_BACK = 60.0  # seconds after a 429 that names none: the documented window
LONGEST_STAND_BACK = 600.0
NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def from_response(response: httpx.Response, *, creates: bool) -> RdsError:
    """What an answer that is no success means for the call that got it."""
    body = _body(response)
    code, asked = _code(body), request_id(response, body)
    known: dict[str, Any] = {"status": response.status_code, "request_id": asked}
    if code == THROTTLED or response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return RdsUnreachable(code, retry_after=retry_after(response), **known)
    if code in REASONS:
        return RdsRefused(REASONS[code], code, **known)
    if code == MAY_HAVE_STARTED or _is_unsettled(response.status_code):
        return RdsOutcomeUnknown(code, **known) if creates else RdsUnreachable(code, **known)
    return RdsRefused(STATUSES.get(response.status_code, _R.OTHER), code, **known)


def from_transport(error: httpx.RequestError, *, creates: bool) -> RdsError:
    """What a failure on the way means: nothing was sent, or nobody knows."""
    code = type(error).__name__
    if creates and not isinstance(error, NOTHING_SENT):
        return RdsOutcomeUnknown(code)
    return RdsUnreachable(code)


def unreadable(response: httpx.Response, *, creates: bool) -> RdsError:
    """A success whose body says nothing: a create may well have been carried out."""
    kind = RdsOutcomeUnknown if creates else RdsUnreachable
    return kind("unreadable answer", status=response.status_code, request_id=request_id(response))


def retry_after(response: httpx.Response) -> float:
    """Seconds to stand back, from `Retry-After` in either of its forms."""
    value = response.headers.get("Retry-After", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return STAND_BACK
    return min(max(seconds, 1.0), LONGEST_STAND_BACK) if math.isfinite(seconds) else STAND_BACK


def _is_unsettled(status: int) -> bool:
    return status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except (ValueError, RecursionError):  # HTML, plain text, nothing, or brackets without end
        return {}
    return body if isinstance(body, dict) else {}


def _code(body: dict[str, Any]) -> str:
    """The code, at the top or one level down, under any of the names Huawei gives it."""
    for part in (body, *(value for value in body.values() if isinstance(value, dict))):
        for name in ("error_code", "errorCode", "errCode", "code"):
            code = part.get(name)
            if isinstance(code, str) and CODE.fullmatch(code):
                return code.replace("APIG.", "APIGW.")  # some clouds shorten it
    return ""


def request_id(response: httpx.Response, body: dict[str, Any] | None = None) -> str | None:
    """What Huawei's support asks for."""
    for found in (
        response.headers.get("X-Request-Id"),
        (body or {}).get("request_id"),
        response.headers.get("X-IAM-Trace-Id"),
    ):
        if isinstance(found, str) and found:
            return found[:64]
    return None
