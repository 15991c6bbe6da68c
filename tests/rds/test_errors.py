"""Every body that Huawei's services answer with, as an error that says what it means."""

from typing import Any

import httpx
import pytest

from bot.domain.errors import (
    RdsError,
    RdsOutcomeUnknown,
    RdsRefused,
    RdsUnreachable,
    RefusalReason,
)
from bot.rds import errors

_R = RefusalReason


def meaning(
    status: int, body: Any, headers: dict[str, str] | None = None, *, creates: bool = True
) -> RdsError:
    """What an answer means."""
    shape = {"json": body} if not isinstance(body, str) else {"text": body}
    response = httpx.Response(status, headers=headers, **shape)
    return errors.from_response(response, creates=creates)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, {"error_code": "DBS.200002", "error_msg": "secret"}, _R.INSTANCE_NOT_FOUND),
        (409, {"error_code": "DBS.200011"}, _R.INSTANCE_BUSY),
        (403, {"error_code": "DBS.200011"}, _R.INSTANCE_BUSY),
        (403, {"error_code": "DBS.212033"}, _R.INSTANCE_BUSY),
        (500, {"error_code": "DBS.280036"}, _R.INSTANCE_BUSY),
        (409, {"error_code": "DBS.201205"}, _R.BACKUP_RUNNING),
        (409, {"error_code": "DBS.200316"}, _R.STORAGE_FULL),
        (400, {"error_code": "DBS.280449"}, _R.INSTANCE_STATE),
        (409, {"error_code": "DBS.201201"}, _R.NAME_TAKEN),
        (400, {"error_code": "DBS.280127"}, _R.BAD_PARAMETER),
        (403, {"error_code": "DBS.200010"}, _R.NOT_PERMITTED),
        (413, {"errCode": "RDS.3003", "externalMessage": "x"}, _R.QUOTA),
        (401, {"error_code": "APIGW.0301", "request_id": "r"}, _R.CREDENTIALS),
        (401, {"error_code": "APIG.0301"}, _R.CREDENTIALS),
        (404, {"error_code": "APIGW.0101"}, _R.WRONG_ENDPOINT),
        (401, {"error": {"code": "IAM.0101", "message": "x", "title": "y"}}, _R.CREDENTIALS),
        (404, {"itemNotFound": {"code": 404, "message": "x"}}, _R.INSTANCE_NOT_FOUND),
        (403, {"encoded_authorization_message": "abc"}, _R.NOT_PERMITTED),
        (403, "<html>denied</html>", _R.NOT_PERMITTED),
        (409, {"error_code": "DBS.999999"}, _R.OTHER),
        (418, [1, 2], _R.OTHER),
        (418, "[" * 100_000, _R.OTHER),
        (418, 7, _R.OTHER),
        (400, {"error_code": {"deep": 1}}, _R.BAD_PARAMETER),
    ],
)
def test_a_refusal_has_its_reason(status: int, body: Any, reason: RefusalReason) -> None:
    """Codes are judged first, statuses where there is no code we know."""
    error = meaning(status, body)

    assert isinstance(error, RdsRefused)
    assert error.reason is reason
    assert error.status == status


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_create_without_a_clear_answer_is_unknown(status: int) -> None:
    """It may have been carried out; the same answer to a look means nothing happened."""
    assert isinstance(meaning(status, "<html>bad gateway</html>"), RdsOutcomeUnknown)
    assert isinstance(meaning(status, "", creates=False), RdsUnreachable)


def test_an_internal_timeout_may_have_started_the_work() -> None:
    """DBS.111205 comes when RDS itself does not know."""
    assert isinstance(meaning(500, {"error_code": "DBS.111205"}), RdsOutcomeUnknown)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ({}, 60),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "soon"}, 60),
        ({"Retry-After": "nan"}, 60),
        ({"Retry-After": "1e9"}, 600),
    ],
)
def test_a_throttled_call_was_not_carried_out(header: dict[str, str], seconds: float) -> None:
    """429 says when to come back, within reason."""
    error = meaning(429, {"error_code": "APIGW.0308"}, header)

    assert isinstance(error, RdsUnreachable)
    assert error.retry_after == seconds


def test_a_date_says_when_to_come_back_too() -> None:
    """The other form of Retry-After; one that is over means at once."""
    error = meaning(429, "", {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})

    assert isinstance(error, RdsUnreachable)
    assert error.retry_after == 1


def test_the_request_id_is_kept_and_the_text_is_not() -> None:
    """Support needs the one; the other may hold the Authorization header."""
    leak = "canonical request: authorization:SDK-HMAC-SHA256 Access=AK Signature=beef"
    error = meaning(401, {"error_code": leak, "error_msg": leak, "request_id": "req-1"})

    assert error.request_id == "req-1"
    assert "beef" not in f"{error!r} {error} {vars(error)}"
    assert meaning(500, "", {"X-Request-Id": "req-2"}).request_id == "req-2"
    assert meaning(500, "", {"X-IAM-Trace-Id": "req-3"}).request_id == "req-3"


@pytest.mark.parametrize(
    "error", [httpx.ConnectError(""), httpx.ConnectTimeout(""), httpx.PoolTimeout("")]
)
def test_what_was_never_sent_can_be_sent_again(error: httpx.RequestError) -> None:
    """A create that did not leave is not an unknown one."""
    assert isinstance(errors.from_transport(error, creates=True), RdsUnreachable)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout(""),
        httpx.WriteTimeout(""),
        httpx.ReadError(""),
        httpx.RemoteProtocolError(""),
    ],
)
def test_what_was_cut_off_is_unknown(error: httpx.RequestError) -> None:
    """A create that left may have arrived."""
    assert isinstance(errors.from_transport(error, creates=True), RdsOutcomeUnknown)
    assert isinstance(errors.from_transport(error, creates=False), RdsUnreachable)
