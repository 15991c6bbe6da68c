"""The command line: run · check · audit · demo."""

import asyncio
import gc
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import Annotated, Literal

import structlog
from cyclopts import App, Parameter, validators

from bot import logs, settings
from bot.app import running
from bot.clock import Clock
from bot.domain.errors import BotError, LeaseLost, SettingsError
from bot.slack.http import Address

cli = App(name="backup-bot", help="Manual backups of Huawei Cloud RDS databases, from Slack.")
cli.command("bot.audit:audit", name="audit", help="The audit trail: prove it, or write it out.")

log = structlog.get_logger(__name__)

CANNOT_START = 2  # exit code
REJOIN = 2.0  # seconds between two tries to join the others again

Scenario = Literal["completed", "rejected", "failed", "refused", "unknown-outcome", "expired"]


@cli.command
def run(
    *,
    http: Annotated[bool, Parameter(negative="")] = False,
    host: str = "127.0.0.1",
    port: int = 3000,
) -> int:
    """Run the bot: over Socket Mode, or serving Slack's signed requests.

    Args:
        http: Serve Slack's requests at /slack/events instead of opening sockets.
        host: With --http: the address to listen on.
        port: With --http: the port to listen on.
    """
    loaded = settings.load(os.environ, http=http)
    logs.configure(loaded.environment.log_format)
    asyncio.run(_until_told(loaded, Address(host, port) if http else None))
    return 0


@cli.command
def check(
    *,
    offline: Annotated[bool, Parameter(negative="")] = False,
    http: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Read all settings, ask Slack and RDS about what they name, and list every problem.

    Nothing is posted, created or changed. The exit code is 1 if there is a problem.

    Args:
        offline: Ask neither Slack nor RDS.
        http: Check what `run --http` needs, instead of Socket Mode.
    """
    from bot.check import run_check  # noqa: PLC0415, `run` does not need it

    logs.configure("console", level=logging.ERROR)
    return run_check(os.environ, offline=offline, http=http)


@cli.command
def demo(
    *,
    port: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))] = 8765,
    browser: bool = True,
    speed: Annotated[float, Parameter(validator=validators.Number(gte=1, lte=600))] = 20,
    script: Annotated[bool, Parameter(negative="")] = False,
    scenario: Scenario | None = None,
) -> int:
    """Try the bot in a browser, against a simulated Slack workspace and RDS region.

    Args:
        port: Of the page, on loopback; 0 takes a free one.
        browser: Open the page in a browser.
        speed: Seconds of the offline world in a second; the page can change it.
        script: Play the main job in the terminal instead, and leave.
        scenario: The same, with this ending.
    """
    logs.configure("console", level=logging.ERROR)
    if script or scenario:
        from rich.console import Console  # noqa: PLC0415, `run` shall not carry the offline world

        from bot.demo.script import play  # noqa: PLC0415, the same

        asyncio.run(play(scenario or "completed", Console()))
    else:
        from bot.demo.playground.server import serve  # noqa: PLC0415, the same

        asyncio.run(serve(port, speed, opens_browser=browser))
    return 0


async def _until_told(loaded: settings.Settings, address: Address | None) -> None:
    """Run until SIGTERM or SIGINT, then close in order.

    Who was silent for so long that others took over its work drops all it had under way, and
    joins them anew: nobody has to start it by hand.
    """
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
            except BotError as error:  # the settings were good before: the outside is away
                log.warning("not_joined", error=repr(error))
                await asyncio.sleep(REJOIN)


async def _run(loaded: settings.Settings, address: Address | None) -> None:
    """Run until others took over. Raises SettingsError, and whatever a part fell over with."""
    with suppress(LeaseLost):
        async with running(loaded, clock=Clock(), address=address) as over:
            gc.freeze()  # what stands now stays; walking all of it would hold up acks for 50 ms
            await over


def main() -> None:
    """The console script."""
    try:
        sys.exit(cli())
    except SettingsError as error:
        problems = [f"  - {problem}" for problem in error.problems]
        print("backup-bot cannot start:", *problems, sep="\n", file=sys.stderr)
        sys.exit(CANNOT_START)


if __name__ == "__main__":
    main()
