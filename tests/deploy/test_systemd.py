"""The systemd unit, held against the bot and judged by systemd itself."""

import re
from pathlib import Path

from tests.deploy.files import ROOT, read
from tests.process.test_shutdown import STOPS_WITHIN
from tests.programs import program, run

UNIT = "docs/deploy/backup-bot.service"


def setting(name: str) -> str:
    (value,) = re.findall(rf"^{name}=(.*)$", read(UNIT), re.MULTILINE)
    return str(value)


def test_systemd_finds_it_well_confined() -> None:
    """From 0, which is best, to 10."""
    judged = run("systemd-analyze", "security", "--offline=true", ROOT / UNIT)

    (exposure,) = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", judged)
    assert float(exposure) < 2


def test_systemd_knows_every_setting(tmp_path: Path) -> None:
    """With a program that is there in place of the bot."""
    text = re.sub(r"^ExecStart=.*", "ExecStart=/bin/true", read(UNIT), flags=re.MULTILINE)
    unit = tmp_path / "backup-bot.service"
    unit.write_text(text, "utf-8")
    verify = [program("systemd-analyze"), "verify", str(unit)]

    assert run("sh", "-c", '"$@" 2>&1', "-", *verify) == ""


def test_the_bot_gets_the_time_that_it_needs_to_stop() -> None:
    assert int(setting("TimeoutStopSec")) > STOPS_WITHIN


def test_wrong_settings_are_not_tried_again() -> None:
    """The bot ends with 2 then."""
    assert setting("Restart") == "on-failure"
    assert setting("RestartPreventExitStatus") == "2"


def test_it_can_write_only_where_its_database_is() -> None:
    assert setting("ProtectSystem") == "strict"
    assert setting("WorkingDirectory") == f"/var/lib/{setting('StateDirectory')}"
