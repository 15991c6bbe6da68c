"""Processes of the bot without its imports: forked from one that has done them.

A start of Python with all that the bot imports takes two seconds of a core, and tests start the
bot two hundred times. `python -m tests.zygote SOCKET` does the imports once, and forks a process
for each who connects; it ends when its socket is gone.
"""

import asyncio
import contextlib
import gc
import importlib
import json
import os
import random
import runpy
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tests.databases import alone

PRELOADED = ("bot.app", "bot.runtime.logs", "cyclopts", "sqlalchemy.dialects.sqlite.aiosqlite")
LOOKS = 1.0  # seconds between two looks whether it is still needed
ROOT = Path(__file__).parents[1]
MOST = 65_536  # bytes of an order


# Starts `python -m …` as a Python of its own.
cold_start = partial(asyncio.create_subprocess_exec, sys.executable, "-m")


class ForkedProcess:
    """As much of `asyncio.subprocess.Process` as tests need."""

    def __init__(
        self,
        pid: int,
        ending: "asyncio.Task[int]",
        stdin: asyncio.WriteTransport | None,
        stdout: asyncio.StreamReader | None,
        stderr: asyncio.StreamReader | None,
    ) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self._ending = ending

    @property
    def returncode(self) -> int | None:
        return self._ending.result() if self._ending.done() else None

    def send_signal(self, signal: int) -> None:
        if not self._ending.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        return await asyncio.shield(self._ending)


class Zygote:
    """Starts `python -m …` in a moment; all who share the directory share the imports."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / "zygote"

    def _serve(self) -> None:
        """Return when there is somebody who can fork."""
        with alone(self._directory):
            if not self._path.exists():
                self._start_serving()

    def _start_serving(self) -> None:
        subprocess.run(  # noqa: S603, ourselves
            [sys.executable, "-m", "tests.zygote", str(self._path)],
            cwd=ROOT,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # or whoever reads ours waits for its end, too
            stderr=subprocess.DEVNULL,
        )

    async def start(
        self,
        module: str,
        *arguments: str,
        env: Mapping[str, str],
        cwd: Path,
        stdin: int = DEVNULL,
        stdout: int = DEVNULL,
        stderr: int = DEVNULL,
    ) -> ForkedProcess:
        """As `asyncio.create_subprocess_exec` of this module would."""
        order = {"module": module, "arguments": arguments, "env": dict(env), "cwd": str(cwd)}
        streams = [_stream(stdin, is_input=True), _stream(stdout), _stream(stderr)]
        self._serve()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(str(self._path))
        socket.send_fds(connection, [json.dumps(order).encode()], [given for _, given in streams])
        for _, given in streams:
            os.close(given)
        connection.setblocking(False)  # noqa: FBT003, its name
        loop = asyncio.get_running_loop()
        pid = int(await loop.sock_recv(connection, MOST))
        ours = [kept for kept, _ in streams]
        writer, readers = await _writer(ours[0]), [await _reader(kept) for kept in ours[1:]]
        return ForkedProcess(pid, asyncio.create_task(_end(connection)), writer, *readers)


def from_environment() -> Zygote | None:
    """The one that is given to a benchmark which only has to show that it runs."""
    directory = os.environ.get("ZYGOTE")
    return Zygote(Path(directory)) if directory else None


def _stream(where: int, *, is_input: bool = False) -> tuple[int | None, int]:
    """What we keep of a stream, and what the process gets."""
    if where != PIPE:
        return None, os.open(os.devnull, os.O_RDWR)
    reading, writing = os.pipe()
    return (writing, reading) if is_input else (reading, writing)


async def _writer(kept: int | None) -> asyncio.WriteTransport | None:
    if kept is None:
        return None
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(kept, "wb"))
    return transport


async def _reader(kept: int | None) -> asyncio.StreamReader | None:
    if kept is None:
        return None
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(kept, "rb"))
    return reader


async def _end(connection: socket.socket) -> int:
    """The exit code, once there is one."""
    with connection:
        return int(await asyncio.get_running_loop().sock_recv(connection, MOST))


def main(path: Path) -> None:
    """Import, then go on in the background and serve."""
    for module in PRELOADED:
        importlib.import_module(module)
    gc.freeze()  # or each fork copies what it only counts
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    listener.listen()
    if os.fork():
        os._exit(0)
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who keeps a process reports its end
    listener.settimeout(LOOKS)
    while path.exists():
        with contextlib.suppress(TimeoutError):
            connection, _ = listener.accept()
            if not os.fork():
                listener.close()
                return _keep(connection)
            connection.close()
    return None


def _keep(connection: socket.socket) -> None:
    """Fork a process, and tell its number and its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    connection.setblocking(True)  # noqa: FBT003, its name
    said, streams, _, _ = socket.recv_fds(connection, MOST, 3)
    pid = os.fork()
    if not pid:
        connection.close()
        _become(json.loads(said), streams)
        return
    for stream in (0, 1, 2, *streams):
        os.close(stream)
    with contextlib.suppress(OSError):  # who asked may be gone
        connection.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(order: dict[str, object], streams: list[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(order["env"])  # type: ignore[call-overload]  # as it was sent
    os.chdir(str(order["cwd"]))
    random.seed()
    sys.argv = [str(order["module"]), *order["arguments"]]  # type: ignore[misc]  # the same
    runpy.run_module(str(order["module"]), run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
