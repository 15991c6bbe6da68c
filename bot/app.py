"""The composition root: the only place that builds and wires everything."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import NamedTuple

import aiohttp
import structlog
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

import handlers
from bot import ports
from bot.backups import PEOPLE_PATIENCE, Backups, members_within
from bot.board import Board
from bot.budget import Ledger, OwnLedger
from bot.clock import Clock
from bot.deletions import Deletions
from bot.domain.errors import SettingsError
from bot.domain.policy_problems import problems
from bot.health import Health, HealthServer
from bot.inventory import Inventory
from bot.lifecycle.gate import Gate
from bot.lifecycle.journal import Journal
from bot.lifecycle.takeover import take_over
from bot.lifecycle.workflow import Lifecycle
from bot.lifecycle.world import World
from bot.overview import Overview
from bot.rds.client import PATIENCE, RdsClient, open_client
from bot.rds.instances import InstanceCatalogue
from bot.rds.priority import call_budget
from bot.rds.signing import AkSkAuth
from bot.settings import Environment, Settings
from bot.slack.bolt import AtWork, bolt_app
from bot.slack.homes import Homes
from bot.slack.http import Address, HttpFront
from bot.slack.identity import identify
from bot.slack.pace import Pace
from bot.slack.people import People
from bot.slack.sockets import SocketFront
from bot.slack.threads import Threads
from bot.storage.engine import is_sqlite, migrate, open_engine
from bot.storage.intake import Intake
from bot.storage.ledger import SharedLedger
from bot.storage.locks import one_at_a_time, only_process
from bot.storage.replica import Replica
from bot.storage.store import Store
from bot.watcher import Watcher

SLACK_TIMEOUT = aiohttp.ClientTimeout(total=15)  # seconds for one call of the Web API
ALONE = "backup-bot"  # the executor id of the one process on a SQLite file
TO_ANSWER = 3.0  # seconds that listeners under way get at shutdown
TO_FINISH = 4.0  # seconds that calls to RDS and Slack under way get after that

log = structlog.get_logger(__name__)


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    clock: Clock,
    address: Address | None = None,
    rds_patience: float = PATIENCE,
) -> AsyncIterator[asyncio.Future[None]]:
    """The whole bot, from its database to Slack, for as long as the block lasts.

    With an `address` Slack's requests are served over HTTP there, else two sockets are kept
    open; RDS has `rds_patience` seconds of real time to answer a call. The block begins once
    Slack can reach the bot; the future it gets ends only if a part of the bot fell over.
    Raises SettingsError when Slack does not take a token, or the address cannot be listened on.
    """
    env = settings.environment
    async with AsyncExitStack() as stack:
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        keep = partial(_keep, stack, over)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=SLACK_TIMEOUT))
        slack = slack_client(env, session)
        store, ledger, replica = await _open_database(env, stack, clock)
        rds = await rds_client(settings, stack, clock, patience=rds_patience, ledger=ledger)
        gate = Gate()
        pace = Pace(clock, ledger)
        threads = Threads(slack, store, clock, command=env.command, pace=pace, gate=gate)
        stack.push_async_callback(threads.close)
        catalogue = InstanceCatalogue(rds, clock, settings.file.aliases)
        stack.push_async_callback(catalogue.close)
        keep(catalogue.warm())
        watcher = Watcher(rds, clock)
        keep(watcher.run())
        people = People(slack, clock, ledger)
        stack.push_async_callback(people.close)
        await _check_approvers(settings, people)

        policy = settings.file.policy
        world = World(store, rds, catalogue, watcher, threads, people, policy, clock, gate)
        lifecycle = await _launch(settings, world, replica, store, stack, over)
        backups = Backups(
            store=store,
            intake=Intake(store),
            catalogue=catalogue,
            policy=policy,
            people=people,
            engine=lifecycle,
            clock=clock,
        )
        overview = Overview(
            store=store, catalogue=catalogue, policy=policy, people=people, clock=clock
        )
        inventory = Inventory(
            rds=rds,
            store=store,
            catalogue=catalogue,
            policy=policy,
            people=people,
            clock=clock,
            aliases=settings.file.aliases,
        )
        board = Board(
            store=store,
            inventory=inventory,
            policy=policy,
            people=people,
            clock=clock,
            stale_after=settings.file.rds.stale_after,
        )
        identity = await identify(slack, Clock())
        homes = Homes(
            slack,
            board,
            store,
            clock,
            ledger,
            address=identity.url or "",
            command=env.command,
        )
        store.on_change = homes.changed
        keep(homes.run())
        at_work = AtWork()
        app = bolt_app(slack, identity, _plain(env.signing_secret), at_work)
        deletions = Deletions(
            store=store, catalogue=catalogue, inventory=inventory, backups=backups, clock=clock
        )
        door = handlers.Door(
            backups=backups,
            deletions=deletions,
            overview=overview,
            inventory=inventory,
            board=board,
            homes=homes,
            command=env.command,
            team_id=identity.team_id or "",
        )
        handlers.register(app, door)
        front = HttpFront(app, address) if address else SocketFront(app, _plain(env.app_token))
        keep(front.run())
        stack.push_async_callback(front.close)
        stack.push_async_callback(at_work.drain, TO_ANSWER)
        if env.health_port:
            server = HealthServer(Health(store, rds, threads, front, clock), env.health_port)
            await server.start()
            stack.push_async_callback(server.close)
        await front.connected
        yield over


async def _launch(
    settings: Settings,
    world: World,
    replica: Replica | None,
    store: Store,
    stack: AsyncExitStack,
    over: asyncio.Future[None],
) -> Lifecycle:
    """Carry on what was under way, and be ready for more."""
    database_url = settings.environment.database_url
    journal = Journal(database_url, executor_id=replica.id if replica else ALONE)
    lifecycle = Lifecycle(world, poll_seconds=settings.file.rds.poll_seconds)
    stack.push_async_callback(journal.close)
    with one_at_a_time(database_url):
        journal.launch()
    stack.push_async_callback(lifecycle.close, TO_FINISH)
    _keep(stack, over, lifecycle.run())
    if replica:

        def heard(request_id: str) -> None:
            lifecycle.wake(request_id)
            store.on_change()  # home tabs show it, too

        _keep(stack, over, replica.run(heard))
        _keep(stack, over, take_over(replica, lifecycle, world.clock))
    return lifecycle


async def _check_approvers(settings: Settings, people: ports.People) -> None:
    """Raises SettingsError if Slack says for certain that nobody can approve under a rule.

    It also fills the memory of who is who. What Slack does not say in time stops nothing.
    """
    policy = settings.file.policy
    members = await members_within(PEOPLE_PATIENCE, people, policy.people)
    found = problems(policy, members)
    for problem in found:
        log.warning("policy_problem", problem=settings.source.located(problem))
    if fatal := [settings.source.located(p) for p in found if p.nobody_can_approve]:
        raise SettingsError(fatal)


def slack_client(env: Environment, session: aiohttp.ClientSession) -> AsyncWebClient:
    """One session for all calls. It sends nothing again: who calls knows whether that is right."""
    return AsyncWebClient(
        token=env.bot_token.get_secret_value(),
        base_url=env.slack_api_url,
        session=session,
        retry_handlers=[],
    )


class Database(NamedTuple):
    """What is kept; on PostgreSQL also what there is to share it with other replicas."""

    store: Store
    ledger: Ledger
    replica: Replica | None


async def _open_database(env: Environment, stack: AsyncExitStack, clock: Clock) -> Database:
    stack.enter_context(only_process(env.database_url))
    with one_at_a_time(env.database_url):
        migrate(env.database_url)
    engine = open_engine(env.database_url)
    stack.push_async_callback(engine.dispose)
    if is_sqlite(engine.url):
        return Database(Store(engine), OwnLedger(clock), None)
    replica = await Replica.join(env.database_url, engine)
    stack.push_async_callback(replica.leave)
    return Database(Store(engine), SharedLedger(engine, clock), replica)


async def rds_client(
    settings: Settings,
    stack: AsyncExitStack,
    clock: Clock,
    *,
    patience: float,
    ledger: Ledger | None = None,
) -> RdsClient:
    """A client for the project, open for as long as the stack."""
    env = settings.environment
    auth = AkSkAuth(
        access_key=env.access_key.get_secret_value(),
        secret_key=env.secret_key.get_secret_value(),
        security_token=_plain(env.security_token),
        project_id=env.project_id,
        now=clock.now,
    )
    client = open_client(settings.rds_endpoint, auth, patience)
    http = await stack.enter_async_context(client)
    budget = call_budget(settings.file.rds.calls_per_minute, clock, ledger)
    return RdsClient(http, env.project_id, budget, clock)


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def _keep(
    stack: AsyncExitStack, over: asyncio.Future[None], work: Coroutine[object, object, None]
) -> None:
    """Run work for as long as the bot runs; if it falls over, the bot is over."""
    task = asyncio.create_task(work)

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) and not over.done():
            over.set_exception(error)

    async def stop() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    task.add_done_callback(ended)
    stack.push_async_callback(stop)
