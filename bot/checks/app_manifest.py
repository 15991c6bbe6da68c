"""Compare the app's manifest with the bot's own."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.checks.codes import Code
from bot.checks.findings import Finding, ok, problem, unknown, warning
from bot.config.settings import Environment, revealed
from bot.slack.manifest import EVENTS_PATH, manifest
from bot.slack.transport.slack_errors import FAILURES, error_code


async def app_manifest_findings(
    env: Environment, session: aiohttp.ClientSession, app_id: str | None, *, http: bool
) -> AsyncIterator[Finding]:
    """Compare the app's manifest with the bot's, if there is a token that may read it."""
    token = revealed(env.config_token)
    if not token or not app_id:
        yield unknown(Code.MANIFEST_UNKNOWN, "command, buttons, home tab: Slack doesn't tell")
        return
    slack = AsyncWebClient(token=token, base_url=env.slack_api_url, session=session)
    try:
        answer = await slack.apps_manifest_export(app_id=app_id)
        found = list(manifest_findings(answer["manifest"], env.command, http=http))
    except FAILURES as error:
        why = f"SLACK_CONFIG_TOKEN: Slack rejects it ({error_code(error)})"
        yield unknown(Code.MANIFEST_UNKNOWN, why)
        return
    except (KeyError, TypeError, AttributeError):
        yield unknown(Code.MANIFEST_UNKNOWN, "command, buttons, home tab: Slack doesn't tell")
        return
    for finding in found or [ok(f"manifest: the app has {env.command}, buttons, and home tab")]:
        yield finding


def manifest_findings(theirs: Any, command: str, *, http: bool) -> Iterator[Finding]:
    """Compare a manifest with the bot's own. Raises KeyError, TypeError, or AttributeError."""
    features, settings = theirs.get("features") or {}, theirs.get("settings") or {}
    yield from _commands(features, command)
    if not (settings.get("interactivity") or {}).get("is_enabled"):
        yield problem(Code.MANIFEST_INTERACTIVITY, "manifest: interactivity is off")
    yield from _shortcuts(features)
    yield from _home(features, settings)
    if bool(settings.get("socket_mode_enabled")) is http:
        text = "on, and the bot is to run over HTTP" if http else "off"
        yield problem(Code.MANIFEST_SOCKET_MODE, f"manifest: Socket Mode is {text}")
    elif http:
        yield from _urls(settings, features.get("slash_commands") or [])


def _commands(features: Mapping[str, Any], command: str) -> Iterator[Finding]:
    commands = {one["command"]: one for one in features.get("slash_commands") or []}
    if command not in commands:
        has = f"it has {', '.join(commands)}" if commands else "it has none"
        yield problem(Code.MANIFEST_COMMAND, f"manifest: the app has no command {command}; {has}")
    elif not commands[command].get("should_escape"):
        text = f"manifest: {command} doesn't escape names, so mentions arrive as plain text"
        yield problem(Code.MANIFEST_COMMAND, text)


def _shortcuts(features: Mapping[str, Any]) -> Iterator[Finding]:
    shortcuts = {one.get("callback_id") for one in features.get("shortcuts") or []}
    for shortcut in manifest()["features"]["shortcuts"]:
        if shortcut["callback_id"] not in shortcuts:
            text = f'manifest: the shortcut "{shortcut["name"]}" is missing'
            yield warning(Code.MANIFEST_SHORTCUTS, text)


def _home(features: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Finding]:
    events = (settings.get("event_subscriptions") or {}).get("bot_events") or []
    if not (features.get("app_home") or {}).get("home_tab_enabled"):
        yield warning(Code.MANIFEST_HOME, "manifest: the home tab is off")
    elif "app_home_opened" not in events:
        yield warning(Code.MANIFEST_HOME, "manifest: the event app_home_opened is missing")


def _urls(settings: Mapping[str, Any], commands: Any) -> Iterator[Finding]:
    urls = {
        "interactivity": (settings.get("interactivity") or {}).get("request_url"),
        "events": (settings.get("event_subscriptions") or {}).get("request_url"),
        **{f"the command {one['command']}": one.get("url") for one in commands},
    }
    for what, url in urls.items():
        if not str(url or "").endswith(EVENTS_PATH):
            text = f"manifest: the URL of {what} doesn't end in {EVENTS_PATH}"
            yield problem(Code.MANIFEST_URLS, text)
