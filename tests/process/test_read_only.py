"""In a container the bot isn't root and can write only where its database is."""

import asyncio
import os
import sys
from pathlib import Path

import psutil

from bot.demo.world import ANA, BEN, OPS, OfflineWorld
from bot.slack.messages.ids import APPROVE
from tests.process.conftest import DEADLINE, Process, until_connected
from tests.programs import program

ROOT = Path(__file__).parents[2]
UID = "10001"  # as in the Dockerfile


async def test_it_runs_as_a_plain_user_on_a_read_only_file_system(
    world: OfflineWorld, tmp_path: Path
) -> None:
    """It makes a whole backup, without even a /tmp, and its database is all that it writes."""
    data = tmp_path / "data"
    data.mkdir()
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(data)}
    inside = await asyncio.create_subprocess_exec(
        *(program("bwrap"), "--unshare-user", "--uid", UID, "--gid", UID, "--cap-drop", "ALL"),
        *("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"),
        *("--bind", str(data), str(data), "--chdir", str(data), "--die-with-parent"),
        *("sh", "-c", '! touch /tmp/here 2>/dev/null && id -u && exec "$@"', "-"),
        *(sys.executable, "-m", "bot", "run"),
        env=world.environ | environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    process = Process(inside)
    try:
        await until_connected(world)
        await world.workspace.command(ANA, OPS, "/backup", "create dev-sandbox here-1")
        await world.workspace.until(lambda: world.workspace.messages(OPS), DEADLINE)
        await world.workspace.click(BEN, world.workspace.messages(OPS)[0].ts, APPROVE)
        await process.until_logged("accepted")

        (bot,) = psutil.Process(process.pid).children()
        bot.terminate()
        assert await process.exits() == 0
    finally:
        await process.end()
    assert process.out == f"{UID}\n"
    assert {file.name.partition(".db")[0] for file in data.iterdir()} == {"backup-bot"}
