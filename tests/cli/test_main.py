"""The command line itself: fast help, and systems that aren't supported."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from bot import __main__ as command_line

SLOW = ("alembic", "dbos", "pydantic", "slack_bolt", "slack_sdk", "sqlalchemy", "structlog")


@pytest.mark.parametrize("options", ["--help", "--version", "audit --help"])
def test_help_and_version_wait_for_no_library(options: str) -> None:
    """None of those that take a second to import."""
    code = (
        "import sys; from bot.__main__ import main\n"
        "try: main()\n"
        f"finally: print([name for name in {SLOW} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(  # noqa: S603, our own words
        [sys.executable, "-c", code, *options.split()], capture_output=True, text=True, check=True
    )

    assert done.stderr == "[]\n"
    assert ("Commands" if "--help" in options else version("backup-bot")) in done.stdout


def test_on_windows_one_line_says_that_it_does_not_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is imported that is not there."""
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit) as ended:
        command_line.main()

    assert ended.value.code == 2
    assert "It doesn't run on Windows" in capsys.readouterr().err


def test_run_does_without_what_only_colors_a_terminal() -> None:
    """Rich and the like would stay in memory for good."""
    unused = ("pygments", "rich")
    code = (
        "import sys; sys.argv = ['backup-bot', 'run']; from bot.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: import bot.app\n"
        f"print([name for name in {unused} if sys.modules.get(name)])"
    )
    done = subprocess.run(  # noqa: S603, our own words
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PATH": ""}
    )

    assert "SLACK_BOT_TOKEN is missing" in done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
