"""`backup-bot init`: from a few answers to `.env` and a commented `backup-bot.toml`."""

import asyncio
import os
import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from bot.cli.questions import Asks, answer
from bot.config.file import ANYBODY, DEFAULT_CONFIG, ConfigFile
from bot.config.settings import Environment, Settings, why_not
from bot.connections import signed_client
from bot.domain.errors import SettingsError
from bot.rds.probe import project_of
from bot.runtime.packaged import packaged
from bot.slack.manifest import link, manifest

ENV_FILE = ".env"
PROJECT = "HUAWEICLOUD_SDK_PROJECT_ID"
TIMEOUT = 10.0  # seconds for IAM to name the project
OWNERS_ALONE = 0o600
PEOPLE = re.compile(r"[USW][A-Z0-9]{1,20}( *, *[USW][A-Z0-9]{1,20})*")
CHANNEL = re.compile(r"[CG][A-Z0-9]{1,20}")


def start(directory: Path, person: Asks) -> int:
    """Ask, and write both files. Raises SettingsError if one of them exists already."""
    files = [directory / ENV_FILE, directory / DEFAULT_CONFIG]
    if there := [str(file) for file in files if file.exists()]:
        raise SettingsError([f"{file} exists already; move it away first." for file in there])
    try:
        environ = _environ(person)
        approvers, channel = _policy(person)
        _write(files[0], env_text(environ), mode=OWNERS_ALONE)
        _write(files[1], config_text(approvers, channel))
    except EOFError:
        person.say("\nStopped. Nothing was written.")
        return 1
    except OSError as error:
        raise SettingsError([f"{error.filename} can't be written: {error.strerror}."]) from error
    person.say(
        f"\nWrote {files[0]} and {files[1]}. Next:\n"
        "  uv run --no-dev --env-file .env backup-bot check\n"
        "  uv run --no-dev --env-file .env backup-bot run"
    )
    return 0


def _environ(person: Asks) -> dict[str, str]:
    """Return the variables to set."""
    person.say(
        "If you haven't created the Slack app yet, open this link, create it, and install it.\n"
        "(`backup-bot manifest` makes one for another command, or for HTTP mode.)\n\n"
        f"{link(manifest())}\n"
    )
    found: dict[str, str] = {}

    def ask(variable: str, question: str, *, secret: bool = True) -> None:
        found[variable] = answer(person, question, partial(why_not, variable), secret=secret)

    ask("SLACK_BOT_TOKEN", "Bot token (xoxb-…), from OAuth & Permissions")
    ask("SLACK_APP_TOKEN", "App-level token (xapp-…), from Basic Information")
    person.say("\nNow the IAM user of the bot in Huawei Cloud, and the region of its instances.")
    ask("HUAWEICLOUD_REGION", "Region, such as ap-southeast-1", secret=False)
    ask("HUAWEICLOUD_SDK_AK", "Access key", secret=False)
    ask("HUAWEICLOUD_SDK_SK", "Secret access key")
    project = asyncio.run(_project(found))
    if project:
        person.say(f"The project of {found['HUAWEICLOUD_REGION']} is {project}.")
        found[PROJECT] = project
    else:
        ask(PROJECT, "Project ID, from My Credentials", secret=False)
    return found


async def _project(found: Mapping[str, str]) -> str | None:
    """Ask IAM for the region's project; None if it doesn't tell."""
    own = {"IAM_ENDPOINT": os.environ.get("IAM_ENDPOINT")}  # of another cloud
    environment = Environment.model_validate({**found, **own, PROJECT: "unknown"})
    settings = Settings(environment=environment, file=ConfigFile())
    async with AsyncExitStack() as stack:
        http = await signed_client(
            settings.default_project, stack, settings.iam_endpoint, TIMEOUT, of_project=False
        )
        return await project_of(http, found["HUAWEICLOUD_REGION"])


def _policy(person: Asks) -> tuple[str, str]:
    """Return who approves, and where; "" is the channel of each request."""
    person.say("\nWho can approve backups, and where? Both can be changed in the file later.")
    approvers = answer(
        person,
        f'Approvers: IDs of user groups (S…) and users (U…), or "{ANYBODY}"',
        lambda text: None if text == ANYBODY or PEOPLE.fullmatch(text) else "write IDs like S0DBA",
        default=ANYBODY,
    )
    channel = answer(
        person,
        "Channel ID (C…) for all approvals; empty for the channel of each request",
        lambda text: None if CHANNEL.fullmatch(text) else "write an ID like C0OPS",
        default="",
    )
    return approvers, channel


def env_text(environ: Mapping[str, str]) -> str:
    """Return `.env.example` with these variables set."""
    text = packaged(".env.example")
    for name, value in environ.items():
        text, count = re.subn(rf"^(# )?{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        assert count == 1, name  # noqa: S101, every variable is in the example once
    return text


def config_text(approvers: str, channel: str) -> str:
    """Return `backup-bot.example.toml` with this policy, and the rest of it as comments."""
    kept, rules, rest = packaged("backup-bot.example.toml").partition("[[rule]]")
    text = kept + "".join(map(_commented, (rules + rest).splitlines(keepends=True)))
    ids = ", ".join(f'"{one.strip()}"' for one in approvers.split(","))
    value = ids if approvers == ANYBODY else f"[{ids}]"
    text = re.sub(r'^approvers = \["S0DBA"\]', f"approvers = {value}", text, flags=re.MULTILINE)
    if channel:
        text = text.replace('# channel = "C0OPS"', f'channel = "{channel}"', 1)
    return text


def _commented(line: str) -> str:
    """Return an example of someone else's as a comment."""
    return line if line.startswith(("#", "\n")) else f"# {line}"


def _write(file: Path, text: str, mode: int = 0o644) -> None:
    """Write a file that doesn't exist yet; a secret is never readable by others."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as opened:
        opened.write(text)
