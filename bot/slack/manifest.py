"""The app's manifest, as `manifest.yml` has it, adapted to how the bot is run."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import yaml

from bot.runtime.packaged import packaged

Manifest = dict[str, Any]

FILE = "manifest.yml"
NEW_APP = "https://api.slack.com/apps?new_app=1&manifest_json="
EVENTS_PATH = "/slack/events"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast
# What `--optional` calls the scopes that the bot can do without.
OPTIONAL = {
    "public": ("chat:write.public",),
    "history": ("channels:history", "groups:history", "im:history"),
}


def manifest(
    *, command: str | None = None, http: str | None = None, optional: Iterable[str] | None = None
) -> Manifest:
    """Return the manifest for a command, an address for HTTP mode, and optional scopes.

    `http` is the public address of the bot (https://host); None is Socket Mode. `optional` names
    keys of OPTIONAL; None is all of them.
    """
    found: Manifest = yaml.load(packaged(FILE), LOADER)  # noqa: S506, a safe one
    if command:
        found["features"]["slash_commands"][0]["command"] = command
    if optional is not None:
        _limit(found["oauth_config"]["scopes"], optional)
    if http:
        _serve_at(found, http.rstrip("/").removesuffix(EVENTS_PATH) + EVENTS_PATH)
    return found


def link(found: Manifest) -> str:
    """Return the address of Slack's form for a new app, filled in."""
    return NEW_APP + quote(json.dumps(found, separators=(",", ":")), safe="")


def _limit(scopes: dict[str, list[str]], optional: Iterable[str]) -> None:
    wanted = {scope for name in optional for scope in OPTIONAL[name]}
    scopes["bot_optional"] = [scope for scope in scopes["bot_optional"] if scope in wanted]
    if not scopes["bot_optional"]:
        del scopes["bot_optional"]


def _serve_at(found: Manifest, url: str) -> None:
    settings = found["settings"]
    settings["socket_mode_enabled"] = False
    settings["interactivity"] |= {"request_url": url, "message_menu_options_url": url}
    settings["event_subscriptions"] = {"request_url": url, **settings["event_subscriptions"]}
    for command in found["features"]["slash_commands"]:
        command["url"] = url
