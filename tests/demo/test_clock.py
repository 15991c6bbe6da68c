"""The offline world's time: as fast as one likes, and one for several processes."""

import asyncio
import sys
import time
from datetime import datetime, timedelta

from bot.demo.clock import FastClock, Tempo

READ = """
import sys
from bot.demo.clock import FastClock, Tempo
print(FastClock.like(Tempo.model_validate_json(sys.argv[1])).now().isoformat())
"""


def test_another_speed_makes_no_jump() -> None:
    """What the clock shows goes on from where it was."""
    clock = FastClock(1)
    before, ran = clock.now(), clock.monotonic()

    clock.change(3600)

    assert timedelta(0) <= clock.now() - before < timedelta(minutes=30)
    assert 0 <= clock.monotonic() - ran < 1800


async def test_who_sleeps_wakes_up_earlier_when_time_goes_faster() -> None:
    """An hour that has begun at a slow speed is over in a moment."""
    clock = FastClock(1)
    sleeping = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)

    clock.change(360_000)
    async with asyncio.timeout(5):
        await sleeping


async def test_who_sleeps_sleeps_longer_when_time_goes_slower() -> None:
    """A speed is no promise about when one wakes up, only about how much time went by."""
    clock = FastClock(100)
    began = clock.monotonic()
    sleeping = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)

    clock.change(50)
    await sleeping

    assert clock.monotonic() - began >= 10


async def test_another_process_reads_the_same_time() -> None:
    """A tempo is all it takes."""
    clock = FastClock(60)
    tempo = clock.change(1)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", READ, tempo.model_dump_json()), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    read = datetime.fromisoformat(out.decode().strip())

    assert abs(clock.now() - read) < timedelta(seconds=10)
    assert Tempo.model_validate_json(tempo.model_dump_json()) == tempo
    assert tempo.real <= time.monotonic()
