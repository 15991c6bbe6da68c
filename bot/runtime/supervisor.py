"""One run of the bot: what goes on in it, and what is closed when it ends."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack


class Supervisor(AsyncExitStack):
    """Closes what was opened in it, the last first. `over` ends only if a part fell over."""

    def __init__(self) -> None:
        super().__init__()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def keep(self, work: Coroutine[object, object, None]) -> None:
        """Let work go on for as long as the bot runs; if it falls over, the bot is over."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)

        async def stop() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self.push_async_callback(stop)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) and not self.over.done():
            self.over.set_exception(error)
