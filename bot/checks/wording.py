"""Say in words why a host can't be reached, what Slack refuses, and how wrong a clock is."""

import socket
import ssl
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.checks.codes import Code
from bot.checks.findings import Finding, problem
from bot.domain.quantities import counted
from bot.slack.transport.slack_errors import TOKEN, TOO_MANY, UNREADABLE, error_code

REVOKED = {"token_revoked", "token_expired", "account_inactive", "team_disabled"}
DENIED = {
    "access_denied",
    "accesslimited",
    "ekm_access_denied",
    "enterprise_is_restricted",
    "forbidden_team",
    "ip_not_allowed",
    "no_permission",
    "org_login_required",
    "team_access_not_granted",
    "two_factor_setup_required",
}


def clock_words(skew: timedelta, whose: str) -> str:
    """Say by how much this machine's clock is off; `skew` is the other clock minus ours."""
    minutes = round(abs(skew) / timedelta(minutes=1))
    by = counted(minutes, "minute") if minutes else f"{abs(skew).seconds} seconds"
    direction = "behind" if skew > timedelta() else "ahead of"
    return f"this machine's clock is {by} {direction} {whose}'s"


def unreached(error: BaseException, host: str) -> str:
    """Say why a host can't be reached."""
    if isinstance(error, TimeoutError):
        return f"{host} doesn't respond"
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(error, aiohttp.ClientSSLError) or isinstance(cause, ssl.SSLError):
        is_certificate = isinstance(cause, ssl.SSLCertVerificationError | ssl.CertificateError)
        if is_certificate or isinstance(error, aiohttp.ClientConnectorCertificateError):
            return f"{host} has a certificate that this machine doesn't trust"
        return f"something else than HTTPS answers at {host}"
    if isinstance(error, aiohttp.ClientConnectorDNSError) or isinstance(cause, socket.gaierror):
        return f"there is no host {host}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{host} refuses the connection ({error.os_error.strerror})"
    return f"the connection to {host} broke ({type(error).__name__})"


def token_failed(variable: str, error: Exception, api_url: str) -> Finding:
    """Return the finding for a token that Slack didn't accept, or couldn't be asked about."""
    code = error_code(error)
    is_app = variable == "SLACK_APP_TOKEN"
    text = f"{variable}: Slack rejects it ({code})"
    match code:
        case "missing_scope" | "no_permission" | "not_allowed_token_type" if is_app:
            needed = _needed(error) or "connections:write"
            return problem(Code.APP_TOKEN_SCOPE, f"{text}: it lacks the scope {needed}")
        case _ if code in REVOKED:
            return problem(Code.APP_TOKEN_REJECTED if is_app else Code.SLACK_TOKEN_REVOKED, text)
        case _ if code in DENIED:
            return problem(Code.SLACK_ACCESS_DENIED, text)
        case _ if code in TOKEN:
            return problem(Code.APP_TOKEN_REJECTED if is_app else Code.SLACK_TOKEN_REJECTED, text)
        case _:
            return _not_asked(error, urlsplit(api_url).netloc)


def _needed(error: Exception) -> str:
    data = error.response.data if isinstance(error, SlackApiError) else {}
    return str(data.get("needed") or "") if isinstance(data, dict) else ""


def _not_asked(error: Exception, host: str) -> Finding:
    code = error_code(error)
    if isinstance(error, SlackApiError):
        is_other = code == UNREADABLE or code.startswith(("http_3", "http_4"))
        if is_other and error.response.status_code != TOO_MANY:
            return problem(Code.SLACK_UNREADABLE, f"Slack: {host} doesn't answer as Slack does")
        return problem(Code.SLACK_FAILED, f"Slack: it answered {code}")
    return problem(Code.SLACK_UNREACHABLE, f"Slack: {unreached(error, host)}")
