"""The use cases and handlers on a real SQLite file, with fakes for RDS, Slack and the engine."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackClientError
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from bot.application.backup_cache import BackupCache
from bot.application.backups import Backups
from bot.application.clicks import Clicks
from bot.application.command_limit import RateLimit
from bot.application.deletions import Deletions
from bot.application.incident_clicks import IncidentClicks
from bot.application.instance_search import InstanceSearch
from bot.application.inventory import Inventory
from bot.application.origin import Origin
from bot.application.policy_queries import PolicyQueries
from bot.application.request_queries import RequestQueries
from bot.application.watches import Watches
from bot.domain.errors import RdsError
from bot.domain.instances import AutomatedPolicy, Backup, BackupStatus, Instance
from bot.domain.policy import Members, Policy, RuleReference, RuleSource, Terms
from bot.domain.references import References
from bot.domain.requests import BackupRequest, Kind
from bot.domain.states import RequestState
from bot.domain.watches import Watch
from bot.domain.workspaces import Workspaces
from bot.runtime.installation import Installation
from bot.slack.transport.homes import Homes
from bot.storage.engine import open_engine
from bot.storage.incidents import Incidents
from bot.storage.intake import Intake
from bot.storage.last_backups import LastBackups
from bot.storage.store import Store
from handlers import Services
from tests.requests import asked
from tests.stepped_clock import SteppedClock

OF_FILE = Watch(id="file:1", channel_id="C0OPS", instances=("billing-*",), number=1)
ANA, BEN, CAT = "U0ANA", "U0BEN", "U0CAT"
DBAS = "S0DBA"
TEAM, OPS = "T0DEMO", "C0OPS"
ORDERS = Instance(id="1" * 32 + "in01", name="orders-prod", status="ACTIVE")
BILLING = Instance(id="2" * 32 + "in01", name="billing-prod", status="ACTIVE")
REPLICA = Instance(
    id="3" * 32 + "in01",
    name="orders-replica",
    status="ACTIVE",
    type="Replica",
    primary_id=ORDERS.id,
)
BY_APPROVAL = RuleReference(source=RuleSource.APPROVAL)
ALIASES = {"shop": "orders-prod", "orders": "orders-prod"}
HERE = frozenset({TEAM})
TYPED = Origin(ANA, TEAM, OPS, "trigger-1", "https://hooks.slack.test/1")


def typed(trigger: str, user: str = ANA) -> Origin:
    """Another command, by its trigger id."""
    return replace(TYPED, trigger_id=trigger, user_id=user)


def _unavailable(*_: object) -> None:
    raise OperationalError("", None, Exception("disk I/O error"))


async def never() -> None:
    """What a service does that does not answer."""
    await asyncio.Event().wait()


class FakeRds:
    """Lists the backups that a test gave it."""

    def __init__(self) -> None:
        self.lists: dict[str, list[Backup]] = {}
        self.calls: list[tuple[str, bool]] = []  # instance id, and whether the call may be skipped
        self.trouble: RdsError | None = None
        self.hangs = False
        self.days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)  # of automated backups

    async def list_backups(self, instance_id: str, *, idle: bool = False) -> list[Backup]:
        self.calls.append((instance_id, idle))
        await (never() if self.hangs else asyncio.sleep(0))
        if self.trouble:
            raise self.trouble
        return self.lists.get(instance_id, [])

    async def automated_policy(self, instance_id: str) -> AutomatedPolicy:  # noqa: ARG002, the port's
        await (never() if self.hangs else asyncio.sleep(0))
        if self.trouble:
            raise self.trouble
        return AutomatedPolicy(keep_days=7, start_time="19:00-20:00", days=self.days)


class FakeCatalogue:
    """Knows its instances at once; `trouble` is what RDS answers instead."""

    def __init__(self) -> None:
        self.instances: list[Instance] = [ORDERS, BILLING, REPLICA]
        self.trouble: RdsError | None = None
        self.away: list[str] = []  # projects

    async def find(self, reference: str, timeout_seconds: float) -> Instance:
        assert timeout_seconds > 0
        if self.trouble:
            raise self.trouble
        return References(self.instances, ALIASES).find(reference)

    async def known(self, timeout_seconds: float) -> Sequence[Instance]:
        assert timeout_seconds >= 0
        return [] if self.trouble else self.instances

    @property
    def age(self) -> float:
        return 0.0

    def unread(self, after: float) -> Sequence[str]:
        assert after > 0
        return self.away


class FakePeople:
    """Slack's user groups; `hangs` while Slack does not answer."""

    def __init__(self) -> None:
        self.groups = {DBAS: frozenset({BEN, CAT})}
        self.left: set[str] = set()
        self.hangs = False
        self.hangs_on_everybody = False

    async def members(self, ids: Iterable[str], *, max_age: float | None = None) -> Members:
        assert max_age is None or max_age >= 0
        if self.hangs:
            await never()
        return {i: self.groups.get(i, frozenset({i})) - self.left for i in ids}

    async def everybody(self, ids: Iterable[str]) -> Members:
        if self.hangs_on_everybody:
            await never()
        return await self.members(ids)


@dataclass
class FakeEngine:
    """Notes what it is to carry on."""

    happened: list[str]
    started: list[str] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)

    def start(self, request_id: str) -> None:
        self.happened.append("started")
        self.started.append(request_id)

    def wake(self, request_id: str) -> None:
        self.happened.append("woken")
        self.woken.append(request_id)


@dataclass
class FakeHomes:
    """Notes whose home tab was opened."""

    happened: list[str]
    opened_by: list[str] = field(default_factory=list)
    opened_in: list[str] = field(default_factory=list)
    greeted: list[str] = field(default_factory=list)

    async def opened(self, user_id: str, team_id: str) -> None:
        self.opened_by.append(user_id)
        self.opened_in.append(team_id)

    async def greet(self, user_id: str) -> None:
        self.greeted.append(user_id)

    async def links(self, requests: Iterable[BackupRequest]) -> dict[str, str]:
        return {request.id: f"https://slack.test/{request.id}" for request in requests}


@dataclass
class FakeSlack:
    """The ack, the response URL and the Web API of one interaction; notes what came, in order."""

    happened: list[str]
    acks: list[dict[str, Any]] = field(default_factory=list)
    responses: list[dict[str, Any]] = field(default_factory=list)
    opened: list[dict[str, Any]] = field(default_factory=list)
    updated: list[dict[str, Any]] = field(default_factory=list)
    trouble: SlackClientError | None = None  # that the response URL and the Web API meet
    response: BoltResponse | None = None  # of the ack, as Bolt keeps it

    async def ack(self, **answer: Any) -> BoltResponse:
        self.happened.append("acked")
        self.acks.append(answer)
        self.response = BoltResponse(status=200)
        return self.response

    async def respond(self, **answer: Any) -> bool:
        self.happened.append("responded")
        self._fail()
        self.responses.append(answer)
        return True

    async def views_open(self, *, trigger_id: str, view: dict[str, Any]) -> None:
        assert trigger_id
        self.happened.append("opened")
        self._fail()
        self.opened.append(view)

    async def chat_getPermalink(self, *, channel: str, message_ts: str) -> dict[str, str]:  # noqa: N802, Slack's name
        self._fail()
        return {"permalink": f"https://slack/{channel}/{message_ts}"}

    async def views_update(self, **update: Any) -> None:
        self.happened.append("updated")
        self._fail()
        self.updated.append(update)

    def _fail(self) -> None:
        if self.trouble:
            raise self.trouble

    @property
    def ack_text(self) -> str:
        """What the only ack says."""
        (answer,) = self.acks
        return str(answer.get("text", ""))

    @property
    def context(self) -> AsyncBoltContext:
        """What Bolt hands to the error handler."""
        ack = _Ack(self)
        return AsyncBoltContext(ack=ack)


class _Ack:
    def __init__(self, slack: FakeSlack) -> None:
        self._slack = slack

    async def __call__(self, **answer: Any) -> BoltResponse:
        return await self._slack.ack(**answer)

    @property
    def response(self) -> BoltResponse | None:
        return self._slack.response


class FakeMonitor:
    """Counts how often it was woken."""

    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


class UseCases:
    """All use cases, wired as in `app.py`."""

    def __init__(self, database_url: str, policy: Policy | None = None) -> None:
        self.happened: list[str] = []  # in order: started, woken, acked, opened, …
        self.clock = SteppedClock()
        self.rds = FakeRds()
        self.catalogue = FakeCatalogue()
        self.people = FakePeople()
        self.engine = FakeEngine(self.happened)
        self.homes = FakeHomes(self.happened)
        self.policy = policy or Policy(defaults=Terms(approvers=(DBAS,), rule=BY_APPROVAL))
        self.store = Store(open_engine(database_url))
        self.installation = Installation()
        self.monitor = FakeMonitor()
        self.workspaces = Workspaces(own=TEAM)
        self.rewire()

    def rewire(self) -> None:
        """Build them anew, for another policy."""
        store, policy, clock = self.store, self.policy, self.clock
        catalogue, people = self.catalogue, self.people
        self.cache = BackupCache(self.rds, clock, LastBackups(self.store))
        self.backups = Backups(
            store=store,
            intake=Intake(store),
            catalogue=catalogue,
            engine=self.engine,
            clock=clock,
        )
        self.clicks = Clicks(
            store=store,
            policy=policy,
            people=people,
            engine=self.engine,
            clock=clock,
            workspaces=self.workspaces,
        )
        self.deletions = Deletions(
            store=store, catalogue=catalogue, lists=self.cache, backups=self.backups, clock=clock
        )
        self.policy_queries = PolicyQueries(
            store=store,
            catalogue=catalogue,
            policy=policy,
            people=people,
            clock=clock,
            workspaces=self.workspaces,
        )
        self.inventory = Inventory(
            lists=self.cache,
            store=store,
            catalogue=catalogue,
            policy=policy,
            people=people,
            clock=clock,
            aliases=ALIASES,
        )
        self.instance_search = InstanceSearch(store=store, catalogue=catalogue, aliases=ALIASES)
        self.incidents = Incidents(store)
        self.watches = Watches(
            incidents=self.incidents,
            catalogue=catalogue,
            lists=self.cache,
            policy=policy,
            monitor=self.monitor,
            clock=clock,
            of_file=[OF_FILE],
        )
        self.request_queries = RequestQueries(
            store=store,
            inventory=self.inventory,
            watches=self.watches,
            policy=policy,
            people=people,
            clock=clock,
            stale_after=timedelta(days=1),
        )
        self.services = Services(
            backups=self.backups,
            clicks=self.clicks,
            deletions=self.deletions,
            policy_queries=self.policy_queries,
            inventory=self.inventory,
            instance_search=self.instance_search,
            request_queries=self.request_queries,
            watches=self.watches,
            incident_clicks=IncidentClicks(self.incidents, clock),
            homes=cast(Homes, self.homes),
            installation=self.installation,
            rate_limit=RateLimit(clock),
            command="/backup",
            workspaces=self.workspaces,
        )

    def under(self, terms: Terms) -> None:
        """From now on this is the policy."""
        self.policy = Policy(defaults=terms)
        self.rewire()

    def lose_database(self) -> None:
        """From now on the database answers nothing."""
        for engine in (self.store.engine.sync_engine, self.store._blocking):  # noqa: SLF001, the one that submits
            event.listen(engine, "before_cursor_execute", _unavailable)

    def slack(self) -> FakeSlack:
        """Slack's side of one interaction."""
        return FakeSlack(self.happened)

    async def has(self, number: int = 1, **changes: Any) -> BackupRequest:
        """Request `number` is on disk already."""
        at = self.clock.now() - timedelta(minutes=100 - number)
        request = asked(number, **{"asked_at": at, "instance": ORDERS, **changes})
        async with self.store.transaction() as transaction:
            await transaction.insert(request)
        return request

    async def waits(self, number: int = 1, **changes: Any) -> BackupRequest:
        """Request `number` waits for its approval."""
        expires_at = self.clock.now() + timedelta(hours=8)
        terms = self.policy.defaults
        state = RequestState.AWAITING_APPROVAL
        return await self.has(
            number, **{"state": state, "terms": terms, "expires_at": expires_at, **changes}
        )

    async def made(self, number: int = 1, **changes: Any) -> BackupRequest:
        """The backup of request `number` is complete."""
        done = {"state": RequestState.COMPLETED, "backup_id": f"backup-{number}"}
        return await self.has(number, **{**done, "finished_at": self.clock.now(), **changes})

    async def deleted(self, number: int, made: BackupRequest) -> BackupRequest:
        """Request `number` deleted that backup."""
        return await self.has(
            number,
            kind=Kind.DELETE,
            name=made.name,
            backup_id=made.backup_id,
            state=RequestState.DELETED,
        )

    def backup(self, name: str = "before-1", **changes: Any) -> Backup:
        """A backup in RDS, which the next list shows; of orders-prod, complete and manual."""
        backup = Backup(
            id=f"id-of-{name}",
            instance_id=ORDERS.id,
            name=name,
            status=BackupStatus.COMPLETED,
            begin_time=self.clock.now(),
        ).model_copy(update=changes)
        self.rds.lists.setdefault(backup.instance_id, []).append(backup)
        return backup

    async def all_requests(self) -> list[BackupRequest]:
        """All that is on disk, the newest first."""
        return await self.store.requests()

    async def trail(self) -> list[str]:
        """The actions on the audit trail, oldest first."""
        return [entry.action.value for entry in await self.store.audit_trail()]
