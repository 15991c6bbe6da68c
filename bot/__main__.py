"""The command line: init · manifest · check · run · doctor · audit · outbox · demo.

What a command needs is imported when it runs, so that `--help` is fast.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter, validators

from bot.domain.errors import BotError, LeaseLost, SettingsError
from bot.domain.printable import printable
from bot.runtime.version import version

if TYPE_CHECKING:
    from bot.config.settings import Settings
    from bot.slack.transport.http import Address

cli = App(
    name="backup-bot",
    help="Manual backups of Huawei Cloud RDS databases, from Slack.",
    version=version,
)
audit = App(name="audit", help="Verify the audit log, or export it.")
audit.command(
    "bot.cli.audit:verify",
    help="Verify that no entry was changed, removed or inserted.\n\n"
    "Exit code 1 means that one was, and names the first. Exit code 3 means that nothing wrong "
    "was found but a key is missing, so not everything could be verified.",
)
audit.command(
    "bot.cli.audit:export", help="Write the entries to standard output or a file, oldest first."
)
cli.command(audit)
cli.command(
    "bot.cli.outbox:outbox",
    name="outbox",
    help="List the messages that Slack has yet to take: since when, and why.",
)

SWITCH = 0.001  # seconds that one thread computes while another waits to: the loop, for an ack
M_ARENA_MAX = -8  # of glibc's malloc.h
FELL_OVER = 1  # exit codes
CANNOT_START = 2
REJOIN = 2.0  # seconds between two attempts to rejoin the other replicas

Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))]

Scenario = Literal["completed", "rejected", "failed", "refused", "unknown-outcome", "expired"]


@cli.command
def run(
    *,
    http: Annotated[bool, Parameter(negative="")] = False,
    host: str = "127.0.0.1",
    port: Port = 3000,
) -> int:
    """Run the bot, over Socket Mode or HTTP.

    Args:
        http: Listen for Slack's requests at /slack/events instead of using Socket Mode.
        host: The address to listen on, with --http.
        port: The port to listen on, with --http.
    """
    import asyncio

    _do_without_colors()
    _share_heaps()
    from bot.config import settings
    from bot.runtime import logs, tracing
    from bot.slack.transport.http import Address

    loaded = settings.load(os.environ, http=http)
    logs.configure(loaded.environment.log_format)
    sys.setswitchinterval(SWITCH)
    try:
        with tracing.exporting(os.environ):
            asyncio.run(_until_told(loaded, Address(host, port) if http else None))
    except SettingsError:
        raise
    except Exception:  # noqa: BLE001, logged without values, which may be secrets
        logs.fell_over()
        return FELL_OVER
    return 0


@cli.command
def check(
    *,
    offline: Annotated[bool, Parameter(negative="")] = False,
    http: Annotated[bool, Parameter(negative="")] = False,
    host: str = "127.0.0.1",
    port: Port = 3000,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Check all settings against Slack, RDS, and the database, and list every problem.

    Nothing is posted, created or changed. Each problem comes with a code, which docs/check.md
    explains, and with its cure. The exit code is 2 if settings are wrong, and 1 if anything else
    is.

    Args:
        offline: Don't contact Slack or RDS.
        http: Check what `run --http` needs instead of Socket Mode.
        host: The address to listen on, with --http.
        port: The port to listen on, with --http.
        as_json: Print one JSON object instead of lines.
    """
    import logging

    from bot.cli.check import run_check
    from bot.runtime import logs
    from bot.slack.transport.http import Address

    logs.configure("console", level=logging.ERROR)
    address = Address(host, port) if http else None
    return run_check(os.environ, offline=offline, address=address, as_json=as_json)


@cli.command
def doctor(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """List what is stuck: requests, messages, audit entries, and replicas that died.

    Each comes with why, what the bot will do about it, and what helps. It only reads the
    database, so it can run beside the bot. The exit code is 1 if something is stuck.

    Args:
        as_json: Print one JSON object instead of lines.
    """
    from bot.cli.doctor import examine

    return examine(as_json=as_json)


@cli.command
def init(*, directory: Path = Path()) -> int:
    """Ask a few questions, and write `.env` and `backup-bot.toml`. Overwrites nothing.

    Args:
        directory: Where to write them.
    """
    from bot.cli.init import start
    from bot.cli.questions import Terminal

    return start(directory, Terminal())


@cli.command
def manifest(
    *,
    command: str | None = None,
    http: str | None = None,
    optional: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Print the manifest of the Slack app, and a link to Slack's form with it filled in.

    Args:
        command: The slash command, if it isn't to be /backup.
        http: The bot's public address (https://host) for HTTP mode, instead of Socket Mode.
        optional: Which optional scopes to ask for: history, public, or both; default: both.
        as_json: Print JSON instead of YAML.
    """
    from bot.cli.manifest import show

    return show(command=command, http=http, optional=optional, as_json=as_json)


@cli.command
def demo(
    *,
    port: Port = 8765,
    browser: bool = True,
    speed: Annotated[float, Parameter(validator=validators.Number(gte=1, lte=600))] = 20,
    script: Annotated[bool, Parameter(negative="")] = False,
    scenario: Scenario | None = None,
) -> int:
    """Try the bot in a browser with a simulated Slack workspace and RDS region.

    Args:
        port: The port of the page, on localhost; 0 picks a free one.
        browser: Open the page in a browser.
        speed: How many times faster than real time it runs; can be changed on the page.
        script: Play one request in the terminal instead, then exit.
        scenario: Like --script, with this ending.
    """
    import asyncio
    import logging

    from bot.runtime import logs

    logs.configure("console", level=logging.ERROR)
    if script or scenario:
        from rich.console import Console

        from bot.demo.script import play

        asyncio.run(play(scenario or "completed", Console()))
    else:
        from bot.demo.playground.server import serve

        asyncio.run(serve(port, speed, opens_browser=browser))
    return 0


async def _until_told(loaded: "Settings", address: "Address | None") -> None:
    """Run until SIGTERM or SIGINT, then shut down in order.

    If other replicas took over because this one was silent too long, start again from scratch.
    """
    import asyncio
    import signal

    import structlog

    log = structlog.get_logger(__name__)
    this = asyncio.current_task()
    assert this is not None  # noqa: S101, asyncio.run made one
    loop = asyncio.get_running_loop()
    for told in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(told, this.cancel)
    with suppress(asyncio.CancelledError):
        await _run(loaded, address)
        while True:
            log.warning("joining_again")
            try:
                await _run(loaded, address)
            except BotError as error:  # the settings worked before, so something outside is down
                log.warning("not_joined", error=repr(error))
                await asyncio.sleep(REJOIN)


async def _run(loaded: "Settings", address: "Address | None") -> None:
    """Run until another replica takes over. Raises SettingsError and any part's failure."""
    import gc

    from bot.app import running
    from bot.runtime.clock import Clock

    with suppress(LeaseLost):
        async with running(loaded, clock=Clock(), address=address) as over:
            gc.freeze()  # these objects stay; collecting them would delay acks by 50 ms
            await over


def _do_without_colors() -> None:
    """Keep structlog and httpx from loading what `run` doesn't use: 6 MB."""
    for unused in ("pygments", "rich"):
        sys.modules.setdefault(unused, None)  # type: ignore[arg-type] # as if it weren't there


def _share_heaps() -> None:
    """Have glibc use two heaps for all threads, most of which only wait: 0.7 MB."""
    import ctypes

    with suppress(AttributeError):  # another C library, which has no such option
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


def _refuse_windows() -> None:
    """Raise SettingsError on Windows, where file locks and signals work differently."""
    if sys.platform == "win32":
        raise SettingsError(["It doesn't run on Windows. Use Linux, macOS, WSL or a container."])


def main() -> None:
    """Run the command line. Exit code 1: something outside failed; 2: wrong settings or usage."""
    try:
        _refuse_windows()
        sys.exit(cli())
    except SettingsError as error:
        problems = [f"  - {printable(problem)}" for problem in error.problems]
        print("backup-bot can't start:", *problems, sep="\n", file=sys.stderr)
        sys.exit(CANNOT_START)


if __name__ == "__main__":
    main()
