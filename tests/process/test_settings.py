"""Whatever keeps the bot from starting is said once, all of it, in plain words."""

import socket
from pathlib import Path

import pytest

from bot.demo.world import OfflineWorld
from tests.process.conftest import SECRETS, Process, Runs


async def _cannot_start(process: Process) -> list[str]:
    """The problems that it names, when it names them as it should."""
    code = await process.exits()

    assert code == 2
    assert process.out == ""
    assert "Traceback" not in process.err
    _, said, listed = process.err.partition("backup-bot can't start:\n")
    assert said
    return listed.splitlines()


async def test_without_any_setting_all_that_are_missing_are_named(runs: Runs) -> None:
    """One message, a line for each variable, and nothing else."""
    async with runs({}, cold=True) as process:
        problems = await _cannot_start(process)

    assert process.err.startswith("backup-bot can't start:")
    assert [line.split()[1] for line in problems] == [
        "SLACK_BOT_TOKEN",
        "HUAWEICLOUD_SDK_AK",
        "HUAWEICLOUD_SDK_SK",
        "HUAWEICLOUD_SDK_PROJECT_ID",
        "SLACK_APP_TOKEN",
        "HUAWEICLOUD_REGION",
    ]


async def test_wrong_settings_are_named_together_and_not_repeated(
    runs: Runs, world: OfflineWorld, tmp_path: Path
) -> None:
    """A wrong variable, a wrong line of the file and a missing secret: three lines, no values."""
    (tmp_path / "wrong.toml").write_text("[approval]\napprovers = ['@ben']\n", "utf-8")
    wrong = {
        "DATABASE_URL": "mysql://root:hunter2@db/bot",
        "BACKUP_BOT_CONFIG": str(tmp_path / "wrong.toml"),
        "SLACK_SIGNING_SECRET": " ",
    }
    async with runs(world.environ | wrong, "--http") as process:
        problems = await _cannot_start(process)

    assert len(problems) == 3
    assert "hunter2" not in process.err


@pytest.mark.parametrize("token", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"])
async def test_a_token_that_slack_refuses_is_said(
    runs: Runs, world: OfflineWorld, token: str
) -> None:
    """Waiting would not mend it, so the bot ends and says which one it is."""
    of_somebody_else = SECRETS[token].replace("secret", "other")
    async with runs(world.environ | {token: of_somebody_else}) as process:
        problems = await _cannot_start(process)

    assert problems == [f"  - {token}: Slack does not take it (invalid_auth)."]


async def test_a_port_that_is_taken_is_said(runs: Runs, world: OfflineWorld) -> None:
    """One line, with the port in it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with runs(world.environ, "--http", "--port", str(port)) as process:
            (problem,) = await _cannot_start(process)

    assert f"--port {port}" in problem


@pytest.mark.parametrize(
    "url",
    ["sqlite:////dev/null/bot.db", "postgresql+psycopg://bot:hunter2@127.0.0.1:1/bot"],
    ids=["sqlite", "postgresql"],
)
async def test_a_database_that_cannot_be_opened_is_said(
    runs: Runs, world: OfflineWorld, url: str
) -> None:
    """Without its password."""
    async with runs(world.environ | {"DATABASE_URL": url}) as process:
        (problem,) = await _cannot_start(process)

    assert "DATABASE_URL" in problem
    assert "hunter2" not in process.err
