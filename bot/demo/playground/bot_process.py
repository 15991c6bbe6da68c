"""The playground's bot: a separate process, so that it can be killed."""

import asyncio
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bot.demo.clock import FastClock, Tempo

TO_CLOSE = 12.0  # seconds for a clean shutdown
PROGRAM = "bot.demo.playground.bot_main"
KEPT = ("PATH", "HOME", "PYTHONPATH", "SYSTEMROOT", "LANG", "TMPDIR")  # variables that it inherits

# Starts `python -m …`.
start_python = partial(asyncio.create_subprocess_exec, sys.executable, "-m")


class BotProcess:
    """The real bot on the offline world's clock, with a database that outlives it.

    Calls `told` when it starts or ends.
    """

    def __init__(
        self, environ: dict[str, str], clock: FastClock, directory: Path, told: Callable[[], None]
    ) -> None:
        self._environ = {name: os.environ[name] for name in KEPT if name in os.environ} | environ
        self._clock = clock
        self._directory = directory
        self._told = told
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self.last_end = ""  # how the last process ended, in words

    @property
    def pid(self) -> int | None:
        """Its process ID, or None if it isn't running."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start it unless it is running; there is never more than one."""
        async with self._starting:
            if not self._process:
                await self._start()

    async def _start(self) -> None:
        process = await start_python(
            PROGRAM,
            cwd=self._directory,
            env=self._environ,
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches only us; we stop it cleanly
        )
        self._process, self.last_end = process, ""
        self._tell(process, self._clock.tempo)
        self._waiting = asyncio.create_task(self._wait(process))
        self._told()

    def follow(self, tempo: Tempo) -> None:
        """Change the speed of its clock."""
        if self._process:
            self._tell(self._process, tempo)

    async def kill(self) -> None:
        """Kill it with SIGKILL."""
        if self._process and self._waiting:
            self.last_end = "killed"
            self._process.kill()
            await self._waiting

    async def stop(self) -> None:
        """Shut it down cleanly."""
        if self._process and self._waiting:
            self.last_end = "stopped"
            if self._process.stdin:
                self._process.stdin.close()
            try:
                await asyncio.wait_for(asyncio.shield(self._waiting), TO_CLOSE)
            except TimeoutError:
                await self.kill()

    async def _wait(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        self._process = None
        self.last_end = self.last_end or f"exited with code {code}"
        self._told()

    def _tell(self, process: asyncio.subprocess.Process, tempo: Tempo) -> None:
        if process.stdin and not process.stdin.is_closing():
            process.stdin.write(tempo.model_dump_json().encode() + b"\n")
