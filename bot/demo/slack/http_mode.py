"""Slack's side of HTTP mode: signed POSTs to the app's Request URL."""

import asyncio
import hmac
import json
import time
from hashlib import sha256
from urllib.parse import urlencode

import aiohttp

from bot.demo.slack.records import Delivery

FORM = "application/x-www-form-urlencoded"


def signed_headers(body: str, secret: str, timestamp: int | None = None) -> dict[str, str]:
    """The headers of a signed request (scheme v0); `timestamp` is in real Unix seconds."""
    # Not the clock's time: the receiver compares it with its own.
    timestamp = int(time.time()) if timestamp is None else timestamp
    text = f"v0:{timestamp}:{body}"
    signature = hmac.new(secret.encode(), text.encode(), sha256).hexdigest()
    return {
        "Content-Type": FORM,
        "X-Slack-Request-Timestamp": str(timestamp),
        "X-Slack-Signature": f"v0={signature}",
    }


def form(delivery: Delivery) -> str:
    """The body: a command's own fields, an event as JSON, anything else as `payload`."""
    if delivery.type == "events_api":
        return json.dumps(delivery.payload)
    if delivery.type == "slash_commands":
        return urlencode(delivery.payload)
    return urlencode({"payload": json.dumps(delivery.payload)})


async def deliver(delivery: Delivery, url: str, secret: str, within: float) -> str | None:
    """Post it and wait `within` real seconds for a 200; return the error that the person sees."""
    body = form(delivery)
    headers = signed_headers(body, secret) | _of_event(delivery)
    try:
        async with (
            asyncio.timeout(within),
            aiohttp.ClientSession() as session,
            session.post(url, data=body, headers=headers) as answer,
        ):
            text = await answer.text()
    except TimeoutError:
        return "operation_timeout"
    except aiohttp.ClientError:
        return "dispatch_failed"
    if answer.status != 200:  # noqa: PLR2004, HTTP's yes
        return "dispatch_failed"
    delivery.ack(_response(text))
    return None


def _of_event(delivery: Delivery) -> dict[str, str]:
    if delivery.type != "events_api":
        return {}
    retry = {
        "X-Slack-Retry-Num": str(delivery.attempt),
        "X-Slack-Retry-Reason": f"http_{delivery.retry_reason}",
    }
    return {"Content-Type": "application/json", **(retry if delivery.attempt else {})}


def _response(text: str) -> dict[str, object]:
    """An ack's message; plain text is one, too."""
    if not text.strip():
        return {}
    try:
        said = json.loads(text)
    except ValueError:
        return {"text": text}
    return said if isinstance(said, dict) else {}
