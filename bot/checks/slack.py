"""Check tokens, scopes, sockets, the app's manifest, channels, and people."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.checks.app_manifest import app_manifest_findings
from bot.checks.codes import Code
from bot.checks.findings import Finding, ok, problem, unknown, warning
from bot.checks.people import people_findings
from bot.checks.sockets import socket_findings
from bot.checks.wording import clock_words, token_failed
from bot.checks.workspaces import workspace_findings
from bot.config.file import ConfigFile
from bot.config.settings import Environment, Reading, revealed
from bot.connections import slack_client, workspaces_of
from bot.runtime.clock import Clock
from bot.slack.transport.identity import settle
from bot.slack.transport.slack_errors import FAILURES
from bot.storage.inspection import stored_slack_token

TIMEOUT = 20.0  # seconds for each call
CLOCK_TOLERANCE = timedelta(minutes=1)
ROTATES = "xoxe."
SIGNING_SECRET = re.compile(r"[0-9a-f]{32}")
# What each scope is for; manifest.yml has the same list.
SCOPES = {
    "chat:write": "to post cards and threads",
    "commands": "for the slash command and the shortcuts",
    "usergroups:read": "to know who is in a group that can approve or request",
    "users:read": "to know whether someone has left Slack",
}
OPTIONAL_SCOPES = ("chat:write.public", "channels:history", "groups:history", "im:history")


async def slack_findings(
    reading: Reading, session: aiohttp.ClientSession, *, http: bool, is_running: bool
) -> AsyncIterator[Finding]:
    """Check all that Slack can tell; `is_running` if a bot on this machine holds the sockets."""
    env = reading.environment
    slack = slack_client(env, session) if "bot_token" in env.model_fields_set else None
    if slack and env.refresh_token:  # the one in the settings expires
        slack.token = stored_slack_token(env.database_url) or slack.token
    if slack:
        async for finding in _bot_token(slack, reading, http=http):
            yield finding
    app_id = await _app_id(slack) if slack else None
    if http:
        for finding in _signing_secret(env):
            yield finding
    else:
        async for finding in socket_findings(env, session, app_id, is_running=is_running):
            yield finding
    async for finding in app_manifest_findings(env, session, app_id, http=http):
        yield finding


async def _bot_token(
    slack: AsyncWebClient, reading: Reading, *, http: bool
) -> AsyncIterator[Finding]:
    env = reading.environment
    try:
        answer = await slack.auth_test()
    except FAILURES as error:
        yield token_failed("SLACK_BOT_TOKEN", error, env.slack_api_url)
        return
    for finding in _accepted(env, answer, http=http):
        yield finding
    workspaces = workspaces_of(reading.file or ConfigFile())
    settle(workspaces, answer.data if isinstance(answer.data, dict) else {})
    async for finding in workspace_findings(slack, workspaces):
        yield finding
    async for finding in people_findings(slack, reading, workspaces):
        yield finding


def _accepted(env: Environment, answer: Any, *, http: bool) -> Iterator[Finding]:
    where = "the whole organization" if answer.get("is_enterprise_install") else "the workspace"
    yield ok(f"SLACK_BOT_TOKEN: Slack accepts it for {where} {answer['team']}")
    if revealed(env.bot_token).startswith(ROTATES) and not env.refresh_token:
        yield warning(Code.SLACK_TOKEN_ROTATES, "SLACK_BOT_TOKEN: it expires within 12 hours")
    yield from _scopes(answer.headers.get("x-oauth-scopes"))
    if http:
        yield from _clock(answer.headers.get("Date", ""))


def _scopes(header: str | None) -> Iterator[Finding]:
    if header is None:
        yield unknown(
            Code.SLACK_SCOPE_MISSING,
            "scopes: Slack's answer doesn't list them",
            'Compare "OAuth & Permissions" with manifest.yml.',
        )
        return
    granted = {scope.strip() for scope in header.split(",")}
    missing = [scope for scope in SCOPES if scope not in granted]
    for scope in missing:
        text = f"scopes: {scope} is missing, which the bot needs {SCOPES[scope]}"
        yield problem(Code.SLACK_SCOPE_MISSING, text)
    if not missing:
        extra = [scope for scope in OPTIONAL_SCOPES if scope in granted]
        also = f", and {', '.join(extra)}" if extra else ""
        yield ok(f"scopes: {', '.join(SCOPES)}{also}")


def _clock(date: str) -> Iterator[Finding]:
    """Over HTTP, what Slack signed more than five minutes ago is rejected."""
    try:
        skew = parsedate_to_datetime(date) - Clock().now()
    except (TypeError, ValueError):
        return
    if abs(skew) > CLOCK_TOLERANCE:
        yield problem(Code.SLACK_CLOCK, f"clock: {clock_words(skew, 'Slack')}")


async def _app_id(slack: AsyncWebClient) -> str | None:
    """Return the app that the bot token belongs to; None if Slack doesn't say."""
    try:
        identity = await slack.auth_test()
        bot = (await slack.bots_info(bot=str(identity.get("bot_id")))).get("bot")
    except FAILURES:  # a token that Slack rejects, or without users:read
        return None
    return str(bot["app_id"]) if isinstance(bot, dict) and bot.get("app_id") else None


def _signing_secret(env: Environment) -> Iterator[Finding]:
    if not env.signing_secret:
        return
    if SIGNING_SECRET.fullmatch(revealed(env.signing_secret)):
        yield unknown(
            Code.SLACK_SECRET_UNCONFIRMED, "SLACK_SIGNING_SECRET: Slack has no call to confirm it"
        )
    else:
        yield warning(
            Code.SLACK_SECRET_ODD, "SLACK_SIGNING_SECRET: it isn't 32 hexadecimal digits"
        )
