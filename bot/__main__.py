"""The command line: run · check · audit · demo.

What a command needs is imported when it runs, so that `--help` answers at once.
"""

import os
import sys
from contextlib import suppress
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
cli.command(
    "bot.cli.audit:audit", name="audit", help="The audit trail: prove it, or write it out."
)

SWITCH = 0.001  # seconds that one thread computes while another waits to: the loop, for an ack
FELL_OVER = 1  # exit codes
CANNOT_START = 2
REJOIN = 2.0  # seconds between two tries to join the others again

Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))]

Scenario = Literal["completed", "rejected", "failed", "refused", "unknown-outcome", "expired"]


@cli.command
def run(
    *,
    http: Annotated[bool, Parameter(negative="")] = False,
    host: str = "127.0.0.1",
    port: Port = 3000,
) -> int:
    """Run the bot: over Socket Mode, or serving Slack's signed requests.

    Args:
        http: Serve Slack's requests at /slack/events instead of opening sockets.
        host: With --http: the address to listen on.
        port: With --http: the port to listen on.
    """
    import asyncio

    from bot.config import settings
    from bot.runtime import logs
    from bot.slack.transport.http import Address

    loaded = settings.load(os.environ, http=http)
    logs.configure(loaded.environment.log_format)
    sys.setswitchinterval(SWITCH)
    try:
        asyncio.run(_until_told(loaded, Address(host, port) if http else None))
    except SettingsError:
        raise
    except Exception:  # noqa: BLE001, told the way of the log, which shows no values
        logs.fell_over()
        return FELL_OVER
    return 0


@cli.command
def check(
    *,
    offline: Annotated[bool, Parameter(negative="")] = False,
    http: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Read all settings, ask Slack and RDS about what they name, and list every problem.

    Nothing is posted, created or changed. The exit code is 2 if settings are wrong, 1 if there
    is another problem.

    Args:
        offline: Ask neither Slack nor RDS.
        http: Check what `run --http` needs, instead of Socket Mode.
    """
    import logging

    from bot.cli.check import run_check
    from bot.runtime import logs

    logs.configure("console", level=logging.ERROR)
    return run_check(os.environ, offline=offline, http=http)


@cli.command
def demo(
    *,
    port: Port = 8765,
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
    """Run until SIGTERM or SIGINT, then close in order.

    Who was silent for so long that others took over its work drops all it had under way, and
    joins them anew: nobody has to start it by hand.
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
            except BotError as error:  # the settings were good before: the outside is away
                log.warning("not_joined", error=repr(error))
                await asyncio.sleep(REJOIN)


async def _run(loaded: "Settings", address: "Address | None") -> None:
    """Run until others took over. Raises SettingsError, and whatever a part fell over with."""
    import gc

    from bot.app import running
    from bot.runtime.clock import Clock

    with suppress(LeaseLost):
        async with running(loaded, clock=Clock(), address=address) as over:
            gc.freeze()  # what stands now stays; walking all of it would hold up acks for 50 ms
            await over


def _refuse_windows() -> None:
    """Say so at once: files are locked, and signals heard, as they are on other systems."""
    if sys.platform == "win32":
        raise SettingsError(["it doesn't run on Windows. Use Linux, macOS, WSL or a container."])


def main() -> None:
    """The console script. Exit code 1: something outside is wrong; 2: what was set or typed is."""
    try:
        _refuse_windows()
        sys.exit(cli())
    except SettingsError as error:
        problems = [f"  - {printable(problem)}" for problem in error.problems]
        print("backup-bot cannot start:", *problems, sep="\n", file=sys.stderr)
        sys.exit(CANNOT_START)


if __name__ == "__main__":
    main()
