"""PostgreSQL restarts again and again under work: nothing is lost, doubled or left untold."""

from pathlib import Path

from bot.demo.clock import FastClock
from bot.demo.world import offline_world
from tests.bench.crowd import POLICY
from tests.monkey import Zoo, rampage
from tests.postgresql import running_postgresql
from tests.story import Story


async def test_postgresql_restarts_under_load(tmp_path: Path) -> None:
    """Two replicas outlive it, and see every request through."""
    config, clock = tmp_path / "backup-bot.toml", FastClock(1)
    config.write_text(POLICY, "utf-8")
    with running_postgresql() as postgresql:
        async with offline_world(clock) as world:
            environ = world.environ | {"BACKUP_BOT_CONFIG": str(config)}
            found = await rampage(
                Zoo(world, Story(world, environ, clock), postgresql, tmp_path, 2),
                requests=6,
                seconds=12,
                restart=(1, 3),
                plague=(3600, 1),
                timeout_seconds=60,
            )

    expected = {"lost": 0, "doubled_backups": 0, "untold": 0, "ended_processes": 0}
    assert expected.items() <= found.items(), found
