"""`backup-bot run` with a clock whose speed comes from stdin, one per line, until it closes."""

import asyncio
import logging
import os
import sys
from asyncio import FIRST_COMPLETED, StreamReader, StreamReaderProtocol

from bot.app import running
from bot.config import settings
from bot.demo.clock import FastClock, Tempo
from bot.runtime import logs


async def run() -> None:
    """Run the bot until stdin closes."""
    told = StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: StreamReaderProtocol(told), sys.stdin)
    clock = FastClock.like(Tempo.model_validate_json(await told.readline()))
    loaded = settings.load(os.environ, http=False)
    async with running(loaded, clock=clock) as over:
        following = asyncio.create_task(_follow(clock, told))
        done, _ = await asyncio.wait({following, over}, return_when=FIRST_COMPLETED)
        for one in done:
            one.result()


async def _follow(clock: FastClock, told: StreamReader) -> None:
    while line := await told.readline():
        clock.follow(Tempo.model_validate_json(line))


if __name__ == "__main__":
    logs.configure("console", level=logging.ERROR)
    asyncio.run(run())
