"""Runs the parts of the bot and closes them when it ends."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack


class Supervisor(AsyncExitStack):
    """Closes its parts in reverse order. `over` ends only if a part fails."""

    def __init__(self) -> None:
        super().__init__()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def keep(self, work: Coroutine[object, object, None]) -> None:
        """Run a background task until the bot ends; if it fails, `over` fails with its error."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)

        async def stop() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self.push_async_callback(stop)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) and not self.over.done():
            self.over.set_exception(error)
