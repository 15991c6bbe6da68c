"""How long a typeahead takes with 5 000 instances, beside `/backup help` in the same run."""

import asyncio
import json
import os
import statistics
import tempfile
from pathlib import Path

from bot.demo.clock import FastClock
from bot.demo.world import ANA, offline_world
from bot.slack.messages.ids import INSTANCE
from tests.bench.crowd import POLICY
from tests.crash.mortal import MortalBot
from tests.many_people import somebody
from tests.story import DEADLINE, Story

INSTANCES = int(os.environ.get("INSTANCES", "5000"))
TIMES = int(os.environ.get("TIMES", "200"))
TEXTS = ("", "i", "i49", "nothing like it", "I4999")


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="backup-bot-bench-") as directory:
        config = Path(directory) / "backup-bot.toml"
        await asyncio.to_thread(config.write_text, POLICY, "utf-8")
        environ = {
            "BACKUP_BOT_CONFIG": str(config),
            "DATABASE_URL": f"sqlite:///{directory}/bot.db",
        }
        async with offline_world(FastClock(1)) as world:
            story = Story(world, world.environ | environ, FastClock(1))
            story.region.gateway.calls_per_minute = None
            for number in range(INSTANCES):
                story.region.add_instance(f"i{number:04}")
            bot = MortalBot(story, Path(directory))
            await bot.start()
            await bot.until(lambda: bot.is_connected)
            pages = INSTANCES // 100
            assert await bot.until(lambda: len(story.region.calls) > pages, 60)
            help_took, took = [], []
            for number in range(TIMES):
                help_took.append(await _help(story, number))
                took.append(await _suggest(story, TEXTS[number % len(TEXTS)]))
            await bot.kill()
    found = {"bench": "typeahead", "instances": INSTANCES, "times": TIMES}
    found |= {"p50_ms": _ms(took, 50), "p99_ms": _ms(took, 99), "worst_ms": _ms(took, 100)}
    found |= {"help_p50_ms": _ms(help_took, 50)}
    found |= {"ratio_of_medians": round(statistics.median(took) / statistics.median(help_took), 2)}
    print(json.dumps(found))  # noqa: T201, the output of a benchmark


async def _help(story: Story, number: int) -> float:
    reply = await story.types("help", who=somebody(story.workspace, number))
    assert reply.acked_after is not None
    return reply.acked_after


async def _suggest(story: Story, text: str) -> float:
    if story.workspace.modal(ANA) is None:
        await story.types("")
        await story.workspace.until(lambda: story.workspace.modal(ANA), DEADLINE)
    reply = await story.workspace.suggest(ANA, INSTANCE, text)
    assert reply.acked_after is not None
    return reply.acked_after


def _ms(seconds: list[float], percent: int) -> float:
    ordered = sorted(seconds)
    return round(1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 1)


asyncio.run(main())
