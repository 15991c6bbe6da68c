"""Slack's own code for what went wrong with a call of the Web API."""

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

TOO_MANY = 429
UNNAMED = 30.0  # seconds to wait if Slack doesn't say how long

# What a call can raise if Slack rejects it or can't be reached.
FAILURES = (SlackClientError, aiohttp.ClientError, TimeoutError)


def error_code(error: BaseException) -> str:
    """Return Slack's code (`channel_not_found`, `ratelimited`, …), or what failed instead."""
    if not isinstance(error, SlackApiError):
        return type(error).__name__
    data = error.response.data
    code = data.get("error") if isinstance(data, dict) else None
    return str(code or f"http_{error.response.status_code}")


def retry_after(error: BaseException) -> float | None:
    """Return the seconds to wait after a 429; None for any other error."""
    if not isinstance(error, SlackApiError) or error.response.status_code != TOO_MANY:
        return None
    try:
        return float(error.response.headers.get("Retry-After", UNNAMED))
    except ValueError:
        return UNNAMED
