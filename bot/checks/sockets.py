"""Check that Slack's events reach the bot over Socket Mode."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.checks.codes import Code
from bot.checks.findings import Finding, ok, problem, unknown
from bot.checks.wording import token_failed, unreached
from bot.config.settings import Environment, revealed
from bot.domain.quantities import counted
from bot.slack.transport.slack_errors import FAILURES

HELLO = 10.0  # seconds for a socket to open and be greeted
MOST = 10  # sockets of one app
APP_ID = re.compile(r"xapp-\d+-(A[A-Z0-9]+)-")


async def socket_findings(
    env: Environment, session: aiohttp.ClientSession, app_id: str | None, *, is_running: bool
) -> AsyncIterator[Finding]:
    """Open a socket and close it at once; if a bot `is_running` here, only ask for its address.

    In between, Slack could send a command to the socket, which would get no answer.
    """
    token = revealed(env.app_token)
    if not token:
        return
    named = APP_ID.match(token)
    if app_id and named and named[1] != app_id:
        yield _another_app(named[1], app_id)
        return
    try:
        client = AsyncWebClient(token=token, base_url=env.slack_api_url, session=session)
        url = str((await client.apps_connections_open(app_token=token))["url"])
    except FAILURES as error:
        yield token_failed("SLACK_APP_TOKEN", error, env.slack_api_url)
        return
    except KeyError:
        yield problem(Code.SLACK_UNREADABLE, "SLACK_APP_TOKEN: Slack gave no address for a socket")
        return
    yield ok("SLACK_APP_TOKEN: Slack accepts it")
    if is_running:
        yield ok("Socket Mode: the bot that runs here uses it")
        return
    yield await _handshake(session, url, client.proxy, app_id)


def _another_app(one: str, other: str) -> Finding:
    text = f"SLACK_APP_TOKEN: it belongs to the app {one}, SLACK_BOT_TOKEN to {other}"
    return problem(Code.APP_TOKEN_OF_ANOTHER_APP, text)


async def _handshake(
    session: aiohttp.ClientSession, url: str, proxy: str | None, app_id: str | None
) -> Finding:
    """Open a socket, read its greeting, and close it at once."""
    host = urlsplit(url).netloc
    timeout = aiohttp.ClientWSTimeout(ws_close=1.0)
    try:
        async with session.ws_connect(url, timeout=timeout, proxy=proxy) as opened:
            hello = await opened.receive_json(timeout=HELLO)
    except (aiohttp.ClientError, TimeoutError, ValueError, TypeError) as error:
        why = unreached(error, host) if isinstance(error, aiohttp.ClientConnectorError) else ""
        why = why or f"{host} doesn't open it ({type(error).__name__})"
        return problem(Code.SOCKETS_BLOCKED, f"Socket Mode: {why}")
    return _greeted(hello if isinstance(hello, dict) else {}, app_id)


def _greeted(hello: Mapping[str, Any], app_id: str | None) -> Finding:
    if hello.get("type") == "disconnect":
        if hello.get("reason") == "link_disabled":
            return problem(Code.SOCKET_MODE_OFF, "Socket Mode: it is off for this app")
        if hello.get("reason") == "too_many_websockets":
            return problem(Code.SOCKETS_FULL, "Socket Mode: ten sockets are open already")
    if hello.get("type") != "hello":
        return unknown(Code.SOCKETS_BLOCKED, "Socket Mode: a socket opens, but isn't greeted")
    greeted = (hello.get("connection_info") or {}).get("app_id")
    if app_id and greeted and greeted != app_id:
        return _another_app(str(greeted), app_id)
    others = int(hello.get("num_connections") or 1) - 1
    if others >= MOST:
        return problem(Code.SOCKETS_FULL, "Socket Mode: ten sockets are open already")
    also = f"; {counted(others, 'other socket is', 'other sockets are')} open" if others else ""
    return ok(f"Socket Mode: a socket opens{also}")
