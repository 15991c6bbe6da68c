"""For how long one person's command blocks the event loop for everyone else, at worst.

5 000 instances, 1 000 open requests, half of them one person's, and an approver group of 400.
Times are of the processor, so that a busy machine does not count.
"""

import asyncio
import gc
import json
import os
import tempfile
import time
from asyncio.events import Handle
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypedDict
from unittest.mock import patch
from uuid import uuid4

from bot.application.backup_cache import BackupCache
from bot.application.instance_search import InstanceSearch
from bot.application.inventory import Inventory
from bot.application.origin import Origin
from bot.application.request_queries import RequestQueries
from bot.application.watches import Watches
from bot.domain.commands import CommandError, Typed
from bot.domain.errors import BotError, UserError
from bot.domain.grammar import parse
from bot.domain.instances import AutomatedPolicy, Backup, Instance
from bot.domain.policy import Policy, Rule, Terms
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.rds.catalogue import InstanceCatalogue
from bot.runtime.clock import Clock
from bot.slack.messages import answers
from bot.slack.messages.home import home_view
from bot.slack.messages.instance_options import suggestions
from bot.storage.engine import migrate, open_engine
from bot.storage.incidents import Incidents
from bot.storage.last_backups import LastBackups
from bot.storage.store import Store
from tests.fakes import FakeMonitor
from tests.listing import Listing

INSTANCES = int(os.environ.get("INSTANCES", "5000"))
BACKUPS = 100  # of each instance
REQUESTS = int(os.environ.get("REQUESTS", "1000"))
CROWD = frozenset(f"U0M{number}" for number in range(400))
ANA, BEN, DBAS = "U0ANA", "U0BEN", "S0DBA"
HERE = {"T0DEMO"}
ASKED = Origin(ANA, "T0DEMO", "C0OPS", "trigger", None)
TERMS = Terms(approvers=(DBAS,), rule="[approval]")
POLICY = Policy(defaults=TERMS, rules=tuple(Rule(instances=(f"team-{n}-*",)) for n in range(200)))
ALIASES = {f"alias{number}": f"orders-{number:04}-订单库" for number in range(500)}


class Rds(Listing):
    """Lists thousands of instances, and a hundred backups of each."""

    def __init__(self) -> None:
        self.instances = [
            Instance(id=f"{number:032x}in01", name=f"orders-{number:04}-订单库", status="ACTIVE")
            for number in range(INSTANCES)
        ]
        now = Clock().now()
        self.backups = [
            Backup(
                id=f"{number:032x}br01",
                instance_id=self.instances[0].id,
                name=f"nightly-{number}",
                status="COMPLETED",
                begin_time=now - timedelta(days=number + 1),
                end_time=now - timedelta(days=number),
            )
            for number in range(BACKUPS)
        ]

    async def list_instances(self) -> list[Instance]:
        return list(self.instances)

    async def automated_policy(self, instance_id: str) -> AutomatedPolicy:  # noqa: ARG002, the port's
        return AutomatedPolicy(keep_days=7)

    async def list_backups(self, instance_id: str, *, idle: bool = False) -> list[Backup]:  # noqa: ARG002, what the port says
        return list(self.backups)


class People:
    """Knows everybody at once."""

    async def members(
        self,
        ids: Iterable[str],
        *,
        max_age: float | None = None,  # noqa: ARG002, what the port says
    ) -> Mapping[str, frozenset[str] | None]:
        return {i: CROWD | {BEN} if i == DBAS else frozenset({i}) for i in ids}

    async def everybody(self, ids: Iterable[str]) -> Mapping[str, frozenset[str] | None]:
        return await self.members(ids)


def waiting(number: int) -> BackupRequest:
    """One of many requests that wait; Ana asked for every second."""
    now = Clock().now()
    return BackupRequest(
        id=uuid4().hex,
        trigger_id=f"trigger-{number}",
        team_id="T0DEMO",
        channel_id="C0OPS",
        card_channel_id="C0OPS",
        requester=ANA if number % 2 else f"U0M{number % 400}",
        response_url=None,
        reference=f"orders-{number:04}-订单库",
        name=f"before-{number:04}",
        description="d" * 256,
        state=RequestState.AWAITING_APPROVAL,
        asked_at=now,
        instance=Instance(
            id=f"{number:032x}in01", name=f"orders-{number:04}-订单库", status="ACTIVE"
        ),
        terms=TERMS,
        expires_at=now + timedelta(hours=8),
    )


@dataclass
class Bench:
    """The use cases that look things up, on a real SQLite file."""

    catalogue: InstanceCatalogue
    instance_search: InstanceSearch
    lists: BackupCache
    inventory: Inventory
    request_queries: RequestQueries

    def cases(self) -> dict[str, Callable[[], Awaitable[object]]]:
        """What one person can do."""
        name = "orders-0001-订单库"
        return {
            "list_instances": self.catalogue.warm,
            "unknown_instance": partial(self._find, "order-0001-订单库"),
            "long_unknown_instance": partial(self._find, "订" * 40_000),
            "typeahead_empty": partial(self._suggest, ""),
            "typeahead_part": partial(self._suggest, "订单"),
            "typeahead_nothing": partial(self._suggest, "nothing like it"),
            "open_form": self._open_form,
            "list": partial(self._backups, name),
            "instances": partial(self._instances, "订单"),
            "pending": partial(self._pending, BEN),
            "pending_of_who_asked": partial(self._pending, ANA),
            "status": self._status,
            "home": self._home,
            "home_of_known_backups": self._home_of_known_backups,
            "unknown_flags": partial(self._text, "create orders " + "--a " * 900),
            "huge_description": partial(self._text, "create orders before-42 " + "d!" * 1900),
            "huge_text": partial(self._text, "create orders before-42 " + "<@U1|" * 8000),
        }

    async def _find(self, reference: str) -> None:
        try:
            await self.catalogue.find(reference, 1)
        except UserError as error:
            answers.refusal(error, "/backup")

    async def _suggest(self, text: str) -> None:
        suggestions(*await self.instance_search.suggest(text, ANA, 1))

    async def _open_form(self) -> None:
        self.instance_search.named("order-0001", await self.instance_search.known(1))

    async def _backups(self, name: str) -> None:
        view = await self.inventory.backups(name, HERE, every=True, number=0, timeout_seconds=1)
        answers.backups_table(view, "/backup")

    async def _instances(self, like: str) -> None:
        view = await self.inventory.instances(like, ASKED, number=0, timeout_seconds=1)
        answers.instances_table(view, "/backup")

    async def _pending(self, who: str) -> None:
        answers.pending_message(await self.request_queries.pending(who, HERE), "/backup")

    async def _status(self) -> None:
        answers.status_message(await self.request_queries.status(ASKED, HERE), "/backup")

    async def _home(self) -> None:
        json.dumps(home_view(await self.request_queries.home(BEN, HERE), {}, "/backup"))

    async def _home_of_known_backups(self) -> None:
        for instance in await self.catalogue.known(1):
            await self.lists.of(instance.id, 1)
        await self._home()

    async def _text(self, text: str) -> None:
        try:
            parse(text)
        except CommandError as error:
            answers.fixable(answers.refusal(error, "/backup"), error.typed or Typed())


@asynccontextmanager
async def bench(directory: Path) -> AsyncIterator[Bench]:
    """Everything in place, and nothing asked yet."""
    url = f"sqlite:///{directory}/bot.db"
    migrate(url)
    engine, clock, rds, people = open_engine(url), Clock(), Rds(), People()
    store = Store(engine)
    async with store.transaction() as transaction:
        await transaction.insert(*map(waiting, range(REQUESTS)))
    catalogue = InstanceCatalogue(rds, clock, ALIASES)
    lists = BackupCache(rds, clock, LastBackups(store))
    inventory = Inventory(
        lists=lists,
        store=store,
        catalogue=catalogue,
        policy=POLICY,
        people=people,
        clock=clock,
        aliases=ALIASES,
    )
    watches = Watches(
        incidents=Incidents(store),
        catalogue=catalogue,
        lists=lists,
        policy=POLICY,
        monitor=FakeMonitor(),
        clock=clock,
    )
    request_queries = RequestQueries(
        store=store,
        inventory=inventory,
        watches=watches,
        policy=POLICY,
        people=people,
        clock=clock,
        stale_after=timedelta(hours=26),
    )
    instance_search = InstanceSearch(store=store, catalogue=catalogue, aliases=ALIASES)
    try:
        yield Bench(catalogue, instance_search, lists, inventory, request_queries)
    finally:
        await engine.dispose()


@contextmanager
def longest_block() -> Iterator[list[float]]:
    """The seconds of the loop's longest step within the block, in a list of one."""
    longest, run = [0.0], Handle._run  # noqa: SLF001, every step of the loop goes through it

    def timed(handle: Handle) -> None:
        began = time.thread_time()
        run(handle)
        longest[0] = max(longest[0], time.thread_time() - began)

    with patch.object(Handle, "_run", timed):
        yield longest


class Lag(TypedDict):
    """The longest step of the loop while one command was carried out."""

    case: str
    longest_block_ms: float


async def measured() -> list[Lag]:
    """A line for each command."""
    lines: list[Lag] = []
    with tempfile.TemporaryDirectory(prefix="backup-bot-bench-") as directory:
        async with bench(Path(directory)) as ready:
            for case, command in ready.cases().items():
                gc.collect()  # or one pays for what others left
                with longest_block() as longest:
                    await asyncio.create_task(_done(command))
                lines.append({"case": case, "longest_block_ms": round(1000 * longest[0], 1)})
    return lines


async def _done(command: Callable[[], Awaitable[object]]) -> None:
    with suppress(BotError):
        await command()


def main() -> None:
    about = {"bench": "loop_lag", "instances": INSTANCES, "requests": REQUESTS}
    for line in asyncio.run(measured()):
        print(json.dumps({**about, **line}), flush=True)  # noqa: T201, the output of a benchmark


if __name__ == "__main__":
    main()
