"""The composition root: builds and connects all parts, with `connections.py`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from slack_bolt.authorization import AuthorizeResult

import handlers
from bot.application.backup_cache import BackupCache
from bot.application.backups import Backups
from bot.application.clicks import Clicks
from bot.application.command_limit import RateLimit
from bot.application.deadlines import MEMBERS_TIMEOUT, everybody_within
from bot.application.deletions import Deletions
from bot.application.incident_clicks import IncidentClicks
from bot.application.instance_search import InstanceSearch
from bot.application.inventory import Inventory
from bot.application.policy_queries import PolicyQueries
from bot.application.request_queries import RequestQueries
from bot.application.watches import Watches
from bot.config import addresses
from bot.config.file import WITHOUT_A_FILE
from bot.config.settings import Settings, revealed
from bot.connections import Connections, audit_key, open_connections
from bot.domain.audit import NO_KEYS
from bot.domain.errors import SettingsError
from bot.domain.policy_problems import problems
from bot.monitor.digests import DigestMaker
from bot.monitor.loop import Monitor
from bot.monitor.reading import Reader
from bot.outbox.dispatcher import IDLE, Dispatcher
from bot.rds.client import RDS_TIMEOUT
from bot.runtime.clock import Clock
from bot.runtime.health import Health, HealthServer
from bot.runtime.heartbeat import Heartbeat
from bot.runtime.in_flight import InFlight
from bot.runtime.installation import Installation
from bot.runtime.supervisor import Supervisor
from bot.runtime.version import version
from bot.slack.transport.bolt import bolt_app
from bot.slack.transport.courier import Courier
from bot.slack.transport.homes import Homes
from bot.slack.transport.http import Address, HttpFront
from bot.slack.transport.identity import identify, identify_within, stay_informed
from bot.slack.transport.sockets import SocketFront
from bot.storage.archive import AuditArchive
from bot.storage.digests import Digests
from bot.storage.engine import journal_args
from bot.storage.intake import Intake
from bot.storage.last_backups import LastBackups
from bot.storage.outbox import Outbox
from bot.storage.pruning import Pruner
from bot.storage.replica import Replica
from bot.storage.store import Store
from bot.workflow.context import StepContext
from bot.workflow.events import MessageEvents
from bot.workflow.forgetting import forget
from bot.workflow.journal import Journal
from bot.workflow.reconciling import Alone, Reconciler
from bot.workflow.workflow import Lifecycle

ALONE = "backup-bot"  # the executor id of the one process on a SQLite file
LOOK_AROUND = 5.0  # seconds between two looks for messages of replicas that died
TO_ANSWER = 3.0  # seconds for running listeners at shutdown
TO_FINISH = 4.0  # seconds after that for calls to RDS and Slack

log = structlog.get_logger(__name__)


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    clock: Clock,
    address: Address | None = None,
    rds_timeout: float = RDS_TIMEOUT,
) -> AsyncIterator[asyncio.Future[None]]:
    """Run the whole bot for as long as the block lasts.

    With an `address`, Slack's requests are served there over HTTP; otherwise two sockets are kept
    open. RDS has `rds_timeout` seconds of real time to answer a call. The block begins once
    Slack can reach the bot; its future ends only if a part of the bot fails. Raises SettingsError
    if Slack rejects a token, or the address can't be listened on.
    """
    async with Supervisor() as supervisor:
        connections = await open_connections(settings, supervisor, clock, rds_timeout=rds_timeout)
        slack, workspaces = connections.slack, connections.workspaces
        # With an org-wide token, groups can't be looked up without it.
        identity = await identify_within(MEMBERS_TIMEOUT, slack, workspaces)
        await _check_approvers(settings, connections)
        lifecycle, dispatcher = await _start_lifecycle(settings, connections, supervisor)
        # Not before: on a new SQLite file, DBOS blocks the loop, and would wait for what we write.
        supervisor.keep(connections.catalogue.warm())
        identity = identity or await identify(slack, Clock(), workspaces)
        if workspaces.is_org_wide:
            supervisor.keep(stay_informed(slack, clock, workspaces))
        lists = BackupCache(connections.rds, clock, LastBackups(connections.store))
        connections.watcher.listen(lists.saw)
        supervisor.keep(lists.warm())
        monitor = _start_monitor(settings, connections, supervisor)
        _start_pruning(settings, connections, supervisor)
        services = _services(settings, connections, lists, lifecycle, identity, monitor)
        connections.store.on_change = services.homes.changed
        supervisor.keep(services.homes.run())
        front = _listen(settings, connections, services, identity, supervisor, address)
        health = await _serve_health(
            settings,
            connections,
            dispatcher,
            front,
            supervisor,
            monitor=monitor,
            services=services,
        )
        _start_heartbeat(settings, health, monitor, supervisor)
        await front.connected
        _log_start(settings, identity, address)
        yield supervisor.over


def _log_start(settings: Settings, identity: AuthorizeResult, address: Address | None) -> None:
    """Log the main settings, and a warning if there is no policy file."""
    source = settings.source
    log.info(
        "started",
        version=version(),
        mode="http" if address else "socket",
        workspace=identity.team,
        team=identity.team_id or identity.enterprise_id,
        database=addresses.without_password(settings.environment.database_url),
        policy=str(source.path) if source.read else "none",
        rules=len(settings.policy.rules),
    )
    if not source.read:
        log.warning("no_policy_file", looked_for=str(source.path), so=WITHOUT_A_FILE)


async def _check_approvers(settings: Settings, connections: Connections) -> None:
    """Raise SettingsError if Slack is certain that no one can approve under a rule.

    This also fills the cache of people. If Slack doesn't answer in time, the bot starts anyway.
    """
    policy = settings.policy
    members = await everybody_within(MEMBERS_TIMEOUT, connections.people, policy.people)
    found = problems(policy, members)
    for problem in found:
        log.warning("policy_problem", problem=settings.source.located(problem))
    if fatal := [settings.source.located(p) for p in found if p.nobody_can_approve]:
        raise SettingsError(fatal)


async def _start_lifecycle(
    settings: Settings, connections: Connections, supervisor: Supervisor
) -> tuple[Lifecycle, Dispatcher]:
    """Resume the unfinished requests, accept new ones, and send what is owed to Slack."""
    database_url, replica = settings.environment.database_url, connections.replica
    context = StepContext(
        store=connections.store,
        rds=connections.rds,
        catalogue=connections.catalogue,
        watcher=connections.watcher,
        people=connections.people,
        policy=settings.policy,
        clock=connections.clock,
        give_up_after=settings.file.rds.give_up_after,
        in_flight=connections.in_flight,
    )
    members = replica or Alone(ALONE)
    journal = Journal(
        database_url,
        executor_id=members.id,
        connect_args=journal_args(database_url),
        conductor_key=revealed(settings.environment.conductor_key),
    )
    lifecycle = Lifecycle(context)
    dispatcher = _dispatcher(settings, connections, context, lifecycle)
    supervisor.push_async_callback(dispatcher.close)
    supervisor.push_async_callback(journal.close)
    journal.launch()
    supervisor.push_async_callback(lifecycle.close, TO_FINISH)
    supervisor.keep(lifecycle.run())
    supervisor.keep(lifecycle.approvals.run())
    supervisor.keep(dispatcher.run(poll=LOOK_AROUND if replica else IDLE))
    if replica:
        supervisor.keep(_hear(replica, lifecycle, dispatcher, connections.store))
    supervisor.keep(Reconciler(members, lifecycle, connections.store).run())
    return lifecycle, dispatcher


def _dispatcher(
    settings: Settings, connections: Connections, context: StepContext, lifecycle: Lifecycle
) -> Dispatcher:
    env, clock, replica = settings.environment, connections.clock, connections.replica
    dispatcher = Dispatcher(
        Outbox(connections.store, replica.id if replica else None),
        Courier(
            connections.slack,
            clock,
            settings.policy,
            command=env.command,
            console=settings.console,
        ),
        connections.pace,
        clock,
        connections.in_flight,
        MessageEvents(context, lifecycle),
    )
    connections.store.on_owed = dispatcher.wake
    return dispatcher


async def _hear(
    replica: Replica, lifecycle: Lifecycle, dispatcher: Dispatcher, store: Store
) -> None:
    """Wake what waits for the decisions that other replicas take."""

    def decided(request_id: str) -> None:
        lifecycle.wake(request_id)
        store.on_change()  # home tabs show it, too

    def missed() -> None:
        lifecycle.wake_all()
        dispatcher.wake()
        store.on_change()

    await replica.listen(decided, missed)


def _start_monitor(
    settings: Settings, connections: Connections, supervisor: Supervisor
) -> Monitor:
    """Read what is watched in the background; Cloud Eye's failures are read at once."""
    store, clock, file = connections.store, connections.clock, settings.file
    incidents = connections.incidents
    reader = Reader(connections.rds, connections.catalogue, store, clock)
    monitor = Monitor(
        reader,
        incidents,
        store,
        DigestMaker(incidents, Digests(store), clock, file.channels),
        clock,
        of_file=file.watches,
        channels=file.channels,
        projects=[project.name for project in settings.projects],
    )
    if connections.cloud_eye:
        connections.cloud_eye.listen(monitor.hurry)
    supervisor.keep(monitor.run())
    return monitor


def _start_pruning(settings: Settings, connections: Connections, supervisor: Supervisor) -> None:
    """Delete what is finished and too old, if the operator wants that."""
    table, env = settings.file.store, settings.environment
    if table.keep is None:
        return
    archive = None
    if table.archive:
        key = audit_key(env)
        keys = {key.id: key} if key else NO_KEYS
        archive = AuditArchive(Path(table.archive).absolute(), env.database_url, keys)
        archive.prepare()
    pruner = Pruner(connections.store, forget, connections.clock, table.keep, archive)
    supervisor.keep(pruner.run())


def _start_heartbeat(
    settings: Settings, health: Health, monitor: Monitor, supervisor: Supervisor
) -> None:
    if not settings.file.heartbeat.url:
        return

    async def is_well() -> bool:
        is_ready, _ = await health.ready()
        return is_ready and await monitor.is_well()

    beat = Heartbeat(settings.file.heartbeat.url, is_well, Clock())
    supervisor.keep(beat.run())


def _services(
    settings: Settings,
    connections: Connections,
    lists: BackupCache,
    lifecycle: Lifecycle,
    identity: AuthorizeResult,
    monitor: Monitor,
) -> handlers.Services:
    """Build the use cases."""
    policy, aliases = settings.policy, settings.file.aliases
    store, catalogue = connections.store, connections.catalogue
    people, clock = connections.people, connections.clock
    backups = Backups(
        store=store, intake=Intake(store), catalogue=catalogue, engine=lifecycle, clock=clock
    )
    inventory = _inventory(settings, connections, lists)
    watches = Watches(
        incidents=connections.incidents,
        catalogue=catalogue,
        lists=lists,
        policy=policy,
        monitor=monitor,
        clock=clock,
        of_file=settings.file.watches,
    )
    request_queries = _request_queries(settings, connections, inventory, watches)
    return handlers.Services(
        backups=backups,
        clicks=Clicks(
            store=store,
            policy=policy,
            people=people,
            engine=lifecycle,
            clock=clock,
            workspaces=connections.workspaces,
        ),
        deletions=Deletions(
            store=store, catalogue=catalogue, lists=lists, backups=backups, clock=clock
        ),
        policy_queries=PolicyQueries(
            store=store,
            catalogue=catalogue,
            policy=policy,
            people=people,
            clock=clock,
            workspaces=connections.workspaces,
        ),
        inventory=inventory,
        instance_search=InstanceSearch(store=store, catalogue=catalogue, aliases=aliases),
        request_queries=request_queries,
        incident_clicks=IncidentClicks(connections.incidents, clock),
        watches=watches,
        homes=_homes(settings, connections, identity, request_queries),
        installation=Installation(),
        rate_limit=RateLimit(clock),
        command=settings.environment.command,
        workspaces=connections.workspaces,
    )


def _inventory(settings: Settings, connections: Connections, lists: BackupCache) -> Inventory:
    return Inventory(
        lists=lists,
        store=connections.store,
        catalogue=connections.catalogue,
        policy=settings.policy,
        people=connections.people,
        clock=connections.clock,
        aliases=settings.file.aliases,
    )


def _request_queries(
    settings: Settings, connections: Connections, inventory: Inventory, watches: Watches
) -> RequestQueries:
    return RequestQueries(
        store=connections.store,
        inventory=inventory,
        watches=watches,
        policy=settings.policy,
        people=connections.people,
        clock=connections.clock,
        stale_after=settings.file.rds.stale_after,
    )


def _homes(
    settings: Settings,
    connections: Connections,
    identity: AuthorizeResult,
    request_queries: RequestQueries,
) -> Homes:
    return Homes(
        connections.slack,
        request_queries,
        connections.store,
        connections.clock,
        connections.call_log,
        connections.workspaces,
        address=identity.url or "",
        command=settings.environment.command,
    )


def _listen(
    settings: Settings,
    connections: Connections,
    services: handlers.Services,
    identity: AuthorizeResult,
    supervisor: Supervisor,
    address: Address | None,
) -> HttpFront | SocketFront:
    """Connect Slack to the listeners; at shutdown they get 3 s to finish."""
    env, listeners = settings.environment, InFlight()
    app = bolt_app(connections.slack, identity, listeners)
    handlers.register(app, services)
    front: HttpFront | SocketFront
    if address:
        front = HttpFront(app, address, revealed(env.signing_secret))
    else:
        front = SocketFront(app, revealed(env.app_token))
    supervisor.keep(front.run())
    supervisor.push_async_callback(front.close)
    supervisor.push_async_callback(listeners.close, TO_ANSWER)
    return front


async def _serve_health(
    settings: Settings,
    connections: Connections,
    dispatcher: Dispatcher,
    front: HttpFront | SocketFront,
    supervisor: Supervisor,
    *,
    monitor: Monitor,
    services: handlers.Services,
) -> Health:
    env = settings.environment
    health = Health(
        connections.store,
        connections.rds,
        dispatcher,
        front,
        connections.clock,
        monitor,
        connections.incidents,
        services.installation,
        connections.projects,
        connections.cloud_eye,
    )
    if env.health_port:
        server = HealthServer(health, env.health_host, env.health_port)
        await server.start()
        supervisor.push_async_callback(server.close)
    return health
