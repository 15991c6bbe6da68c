"""`backup-bot manifest`: the app's manifest for one's choices, and the link that fills it in."""

import json
import sys
from urllib.parse import urlsplit

import yaml

from bot.config.settings import why_not
from bot.domain.errors import SettingsError
from bot.runtime.packaged import packaged
from bot.slack.manifest import FILE, OPTIONAL, link, manifest


def show(*, command: str | None, http: str | None, optional: str | None, as_json: bool) -> int:
    """Print the manifest to standard output, and the link to standard error.

    Raises SettingsError for a choice that Slack wouldn't accept.
    """
    names = None if optional is None else [one.strip() for one in optional.split(",") if one]
    _check(command, http, names)
    found = manifest(command=command, http=http, optional=names)
    if as_json:
        print(json.dumps(found, indent=2))
    elif command or http or names is not None:
        print(yaml.safe_dump(found, sort_keys=False, allow_unicode=True), end="")
    else:
        print(packaged(FILE), end="")  # with its comments
    print(f"\nTo create the app, open:\n{link(found)}", file=sys.stderr)
    return 0


def _check(command: str | None, http: str | None, optional: list[str] | None) -> None:
    problems = []
    if command is not None and (why := why_not("BACKUP_BOT_COMMAND", command)):
        problems.append(f"--command: {why}.")
    parts = urlsplit(http or "")
    if http is not None and (parts.scheme != "https" or not parts.hostname or parts.query):
        problems.append("--http: write the bot's public address, such as https://bot.example.com.")
    unknown = set(optional or ()) - OPTIONAL.keys()
    if unknown:
        problems.append(f"--optional: write one or both of {', '.join(OPTIONAL)}.")
    if problems:
        raise SettingsError(problems)
