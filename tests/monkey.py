"""A monkey that restarts PostgreSQL, freezes replicas and cuts them off, while people work."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from signal import SIGCONT, SIGSTOP

from bot.demo.world import ANA, OPS, OfflineWorld
from tests.bench.crowd import RequestQueries, counted, fill, see_through
from tests.crash.mortal import MortalBot
from tests.postgresql import Postgresql
from tests.story import Story

PROBE = 0.5  # seconds between two commands that measure the silence


class Wire:
    """Between a replica and PostgreSQL: it can be cut, which neither end is told."""

    def __init__(self, directory: Path, server: str) -> None:
        self.directory = directory  # of our end, as PostgreSQL's clients name a socket
        self._server = Path(server) / ".s.PGSQL.5432"
        self._whole = asyncio.Event()
        self._whole.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def up(self) -> AsyncIterator["Wire"]:
        """It carries for as long as the block lasts."""
        self.directory.mkdir()
        path = str(self.directory / ".s.PGSQL.5432")
        server = await asyncio.start_unix_server(self._connect, path)
        try:
            yield self
        finally:
            self.mend()
            server.close()
            for task in self._carrying:
                task.cancel()
            await asyncio.gather(*self._carrying, return_exceptions=True)

    def cut(self) -> None:
        """Carry nothing from now on, not even that somebody hung up."""
        self._whole.clear()

    def mend(self) -> None:
        """Break what hung, and carry again."""
        for end in self._ends:
            end.transport.abort()
        self._whole.set()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        await self._whole.wait()
        try:
            theirs, ours = await asyncio.open_unix_connection(str(self._server))
        except OSError:
            writer.close()
            return
        self._ends.add(ours)
        for source, target in ((reader, ours), (theirs, writer)):
            task = asyncio.create_task(self._carry(source, target))
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                await self._whole.wait()
                target.write(data)
                await target.drain()
        await self._whole.wait()
        self._ends.discard(target)
        target.close()


@dataclass
class Zoo:
    """Replicas on wires, and what became of them."""

    world: OfflineWorld
    story: Story
    postgresql: Postgresql
    directory: Path
    count: int
    wires: list[Wire] = field(default_factory=list)
    replicas: list[MortalBot] = field(default_factory=list)
    done: dict[str, int] = field(
        default_factory=lambda: {"restarts": 0, "frozen": 0, "cut_off": 0, "vanished": 0}
    )
    acks: list[float] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """All replicas run, and who ends is started again, as its operator would."""
        server = self.postgresql.uri.partition("host=")[2]
        async with _wires(self.directory, server, self.count) as self.wires:
            for number, wire in enumerate(self.wires):
                url = self.postgresql.url.replace(server, str(wire.directory))
                environ = self.story.environ | {"DATABASE_URL": url}
                own = Story(self.world, environ, self.story.clock)
                self.replicas.append(
                    MortalBot(own, self.directory, log=self.directory / f"{number}.log")
                )
            for replica in self.replicas:
                await replica.start()
            supervising = asyncio.create_task(self._supervise())
            try:
                while len(self.story.workspace.sockets.open) < 2 * self.count:  # noqa: ASYNC110, those that close ring no bell
                    await asyncio.sleep(0.1)
                yield
            finally:
                supervising.cancel()
                for replica in self.replicas:
                    replica.signal(SIGCONT)
                    await replica.kill()

    async def _supervise(self) -> None:
        while True:
            for replica in self.replicas:
                if replica.is_dead:
                    replica.deaths += 1
                    await replica.start()
            await asyncio.sleep(1)

    async def restart_postgresql(self, shortest: float, longest: float) -> None:
        """Ever and again, as an operator or a crash does."""
        while True:
            await asyncio.sleep(random.uniform(shortest, longest))  # noqa: S311, no secret
            mode = random.choice(["fast", "immediate"])  # noqa: S311, the same
            self._note(f"restart {mode}")
            await asyncio.to_thread(self.postgresql.restart, mode)
            self._note("restarted")
            self.done["restarts"] += 1

    async def plague(self, every: float, lasts: float) -> None:
        """Freeze one, cut the next off, let the host of the third vanish, and so on."""
        number = 0
        while True:
            await asyncio.sleep(every - lasts)
            victim, wire = self.replicas[number % self.count], self.wires[number % self.count]
            how = ("frozen", "cut_off", "vanished")[number % 3]
            number += 1
            self.done[how] += 1
            self._note(f"{how} {(number - 1) % self.count}")
            if how == "frozen":
                victim.signal(SIGSTOP)
                await asyncio.sleep(lasts)
                victim.signal(SIGCONT)
                self._note("thawed")
                continue
            wire.cut()
            if how == "vanished":
                await victim.kill()
            await asyncio.sleep(lasts)
            wire.mend()
            self._note("mended")

    async def probe(self) -> None:
        """Somebody types something that is written down, twice a second; when it was acked."""
        asking: set[asyncio.Task[None]] = set()
        while True:
            task = asyncio.create_task(self._ask(f"probe-{len(self.acks)}-{time.time_ns()}"))
            asking.add(task)
            task.add_done_callback(asking.discard)
            await asyncio.sleep(PROBE)

    async def _ask(self, name: str) -> None:
        reply = await self.story.workspace.command(ANA, OPS, "/backup", f"create nowhere {name}")
        if reply.error is None:
            self.acks.append(time.monotonic())

    def _note(self, what: str) -> None:
        self.events.append((time.monotonic(), what))

    def silences(self) -> list[str]:
        """The longest times without an ack, and what happened in each, and shortly before."""
        gaps = sorted(((b - a, a, b) for a, b in pairwise(self.acks)), reverse=True)[:3]
        return [
            f"{gap:.1f} s: "
            + ", ".join(f"{what} at {at - a:.1f}" for at, what in self.events if a - 4 < at < b)
            for gap, a, b in gaps
        ]


@asynccontextmanager
async def _wires(directory: Path, server: str, count: int) -> AsyncIterator[list[Wire]]:
    async with AsyncExitStack() as stack:
        wires = [Wire(directory / f"wire-{number}", server) for number in range(count)]
        for wire in wires:
            await stack.enter_async_context(wire.up())
        yield wires


async def rampage(
    zoo: Zoo,
    *,
    requests: int,
    seconds: float,
    restart: tuple[float, float],
    plague: tuple[float, float],
    timeout_seconds: float,
) -> dict[str, object]:
    """Let people see `requests` through while all that happens; what was lost or doubled."""
    fill(zoo.story, requests)
    request_queries = RequestQueries(zoo.story)
    async with zoo.running():
        people = [
            asyncio.create_task(see_through(request_queries, number, number * seconds / requests))
            for number in range(requests)
        ]
        monkeys = [
            asyncio.create_task(zoo.restart_postgresql(*restart)),
            asyncio.create_task(zoo.plague(*plague)),
            asyncio.create_task(zoo.probe()),
        ]
        began = time.monotonic()
        async with request_queries.watched():
            await asyncio.sleep(seconds)
            for monkey in monkeys:
                monkey.cancel()
            await asyncio.gather(*monkeys, return_exceptions=True)
            for wire, replica in zip(zoo.wires, zoo.replicas, strict=True):
                replica.signal(SIGCONT)
                wire.mend()
            _, unfinished = await asyncio.wait(people, timeout=timeout_seconds)
            for person in unfinished:
                person.cancel()
            await asyncio.sleep(2)
        took = time.monotonic() - began
    untold = [n for n in range(requests) if not people[n].done() or people[n].cancelled()]
    return {
        **zoo.done,
        "ended_processes": sum(replica.deaths for replica in zoo.replicas),
        "silences": zoo.silences(),
        "untold": len(untold),
        **counted(request_queries, requests),
        "seconds": round(took),
    }
