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
        (409, {"error_code": "DBS.212006"}, _R.INSTANCE_BUSY),
        (409, {"errCode": "RDS.0011"}, _R.INSTANCE_BUSY),
        (500, {"error_code": "DBS.280228"}, _R.INSTANCE_BUSY),
        (400, {"error_code": "DBS.200076"}, _R.INSTANCE_STATE),
        (403, {"error_code": "DBS.280406"}, _R.INSTANCE_STATE),
        (400, {"errCode": "RDS.0056"}, _R.INSTANCE_STATE),
        (400, {"error_code": "DBS.201208"}, _R.BACKUP_IN_USE),
        (400, {"error_code": "DBS.201203"}, _R.BACKUP_NOT_FOUND),
        (400, {"error_code": "DBS.280214"}, _R.BACKUP_NOT_FOUND),
        (500, {"errors": [{"error_code": "DBS.200011"}]}, _R.INSTANCE_BUSY),
        (500, [{"a": {"b": [[{"c": {"code": " DBS.200011 "}}]]}}], _R.INSTANCE_BUSY),
        (
            500,
            {"code": "AS.0001", "errors": [{"code": "X.1"}, {"code": "DBS.200011"}]},
            _R.INSTANCE_BUSY,
        ),
        (404, {"error_code": "DBS.999999"}, _R.OTHER),
        (401, {"error_code": "APIGW.0301", "request_id": "r"}, _R.CREDENTIALS),
        (401, {"error_code": "APIG.0301"}, _R.CREDENTIALS),
        (404, {"error_code": "APIGW.0101"}, _R.WRONG_ENDPOINT),
        (401, {"error": {"code": "IAM.0101", "message": "x", "title": "y"}}, _R.CREDENTIALS),
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


@pytest.mark.parametrize("status", [101, 301, 302, 307, 404, 408, 421, 425, 500, 502, 504, 599])
def test_a_create_without_a_clear_answer_is_unknown(status: int) -> None:
    """It may have been carried out; the same answer to a look means nothing happened."""
    assert isinstance(meaning(status, "<html>bad gateway</html>"), RdsOutcomeUnknown)
    assert isinstance(meaning(status, "", creates=False), RdsUnreachable)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html><h1>404 Not Found</h1></html>",
        "404 page not found",
        {"itemNotFound": {"code": 404, "message": "The resource could not be found."}},
        {"error_code": "AS.0001"},
        {"message": "no Route matched with those values"},
    ],
)
def test_a_404_without_a_code_of_rds_proves_no_absence(body: Any) -> None:
    """A proxy or a gateway answers it for what it cannot route."""
    assert isinstance(meaning(404, body, creates=False), RdsUnreachable)
    assert isinstance(meaning(404, body), RdsOutcomeUnknown)


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "DBS.200203"), (500, "DBS.111205"), (400, "DBS.108000"), (403, "APIGW.0601")],
)
def test_a_fault_of_rds_is_an_outage(status: int, code: str) -> None:
    """RDS itself does not know: it may have started a create; an internal timeout did."""
    assert isinstance(meaning(status, {"error_code": code}), RdsOutcomeUnknown)
    assert isinstance(meaning(status, {"error_code": code}, creates=False), RdsUnreachable)


def test_a_proxy_that_wants_a_password_sent_nothing() -> None:
    """407 is the proxy's own, so a create can be sent again."""
    assert isinstance(meaning(407, "<html>Proxy Authentication Required</html>"), RdsUnreachable)


@pytest.mark.parametrize(
    ("body", "creating", "looking"),
    [
        ({"error_code": "DBS.200002"}, RdsRefused, RdsRefused),
        ({"error_code": "DBS.201205"}, RdsRefused, RdsRefused),
        ({"errors": [{"error_code": "APIGW.0301"}]}, RdsRefused, RdsRefused),
        ({"error_code": "DBS.200203"}, RdsOutcomeUnknown, RdsUnreachable),
        ({"error_code": "DBS.999999"}, RdsOutcomeUnknown, RdsUnreachable),
        ({"error_code": "APIGW.0308"}, RdsUnreachable, RdsUnreachable),
        ({"errCode": "RDS.0041"}, RdsOutcomeUnknown, RdsUnreachable),
        ("<html>Log in to the hotel's network</html>", RdsOutcomeUnknown, RdsUnreachable),
        ("OK", RdsOutcomeUnknown, RdsUnreachable),
        ("", RdsOutcomeUnknown, RdsUnreachable),
        ({}, RdsOutcomeUnknown, RdsUnreachable),
        ([], RdsOutcomeUnknown, RdsUnreachable),
    ],
)
def test_a_success_that_is_none_means_what_its_code_says(
    body: Any, creating: type[RdsError], looking: type[RdsError]
) -> None:
    """Without a code that we know nobody can tell whether a create was carried out."""
    shape = {"json": body} if not isinstance(body, str) else {"text": body}
    answer = httpx.Response(200, **shape)

    assert isinstance(errors.from_success(answer, creates=True), creating)
    assert isinstance(errors.from_success(answer, creates=False), looking)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ({}, 60),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "soon"}, 60),
        ({"Retry-After": "nan"}, 60),
        ({"Retry-After": "1e9"}, 600),
        ({"Retry-After": "Mon, 23 Nov 99999999999999999999 14:00:00 GMT"}, 60),
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


@pytest.mark.parametrize(
    ("body", "counted"),
    [
        ({"error_code": "DBS.200011"}, "DBS.200011"),
        ({"error_code": "DBS.999999"}, "other"),
        ("no JSON", "HTTP 409"),
    ],
)
def test_an_error_is_counted_under_one_of_few_words(body: Any, counted: str) -> None:
    """Whatever codes RDS or a proxy makes up."""
    assert errors.counted_as(meaning(409, body)) == counted


def test_the_request_id_is_kept_and_the_text_is_not() -> None:
    """Support needs the one; the other may hold the Authorization header."""
    leak = "canonical request: authorization:SDK-HMAC-SHA256 Access=AK Signature=beef"
    told = "d5083bf231645a69"
    error = meaning(401, {"error_code": leak, "error_msg": leak, "request_id": told})

    assert error.request_id == told
    assert "beef" not in f"{error!r} {error} {vars(error)}"
    assert meaning(500, "", {"X-Request-Id": told}).request_id == told
    assert meaning(500, "", {"X-IAM-Trace-Id": told}).request_id == told


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: SDK-HMAC-SHA256 Access=AK",
        "<!channel>",
        "short",
        "x" * 65,
        "d5083bf231645a69 *bold*",
        "d5083bf231645a69, d5083bf231645a69",
        "١٢٣٤٥٦٧٨٩",
    ],
)
def test_what_is_no_request_id_is_not_kept(text: str) -> None:
    """A gateway may put any text where the id should be; Slack would show it."""
    headers = {"X-Request-Id": text, "X-IAM-Trace-Id": text} if text.isascii() else {}

    assert meaning(500, {"request_id": text}, headers).request_id is None
    assert meaning(500, {"request_id": "d5083bf231645a69"}, headers).request_id is not None


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError(""),
        httpx.ConnectTimeout(""),
        httpx.PoolTimeout(""),
        httpx.ProxyError("502 Bad Gateway"),
        httpx.UnsupportedProtocol(""),
    ],
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
