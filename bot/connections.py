"""Connect to the database, RDS and Slack."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

import aiohttp
import structlog

from bot.config.file import ConfigFile, Source
from bot.config.projects import DEFAULT_NAME
from bot.config.projects import Project as ProjectSettings
from bot.config.settings import Environment, Settings, revealed
from bot.domain.audit import AuditKey
from bot.domain.instances import Instance
from bot.domain.references import References, alias_warnings
from bot.domain.tokens import Credentials
from bot.domain.workspaces import Workspaces
from bot.projects import (
    Project,
    Projects,
    RoutedCatalogue,
    RoutedCloudEye,
    RoutedRds,
    RoutedWatcher,
)
from bot.rds.agency import Agency, AgencyAuth, open_metadata
from bot.rds.catalogue import InstanceCatalogue
from bot.rds.client import HttpClient, RdsClient, call_budget, open_client
from bot.rds.cloud_eye import CloudEye, CloudEyeClient
from bot.rds.signing import AkSkAuth
from bot.runtime.clock import Clock
from bot.runtime.in_flight import InFlight
from bot.runtime.rate_limit import Budget, CallLog, LocalCallLog
from bot.runtime.supervisor import Supervisor
from bot.slack.transport.pace import Pace
from bot.slack.transport.people import People
from bot.slack.transport.rotation import Rotation
from bot.slack.transport.web_client import SlackClient
from bot.storage.call_log import SharedCallLog
from bot.storage.engine import is_sqlite, journal_args, migrate, open_engine
from bot.storage.incidents import Incidents
from bot.storage.instance_pages import InstancePages
from bot.storage.locks import one_at_a_time, only_process
from bot.storage.replica import Replica
from bot.storage.sealing import Sealer, check_key
from bot.storage.slack_tokens import SlackTokens
from bot.storage.store import Store
from bot.watcher.loop import Watcher
from bot.workflow.journal import migrate_journal

log = structlog.get_logger(__name__)

SLACK_TIMEOUT = aiohttp.ClientTimeout(total=15)  # seconds for one call of the Web API


class AliasWarnings:
    """Logs each problem with an alias once, when the instances are listed.

    An alias may name an instance of any project, so with `known` ones nothing is said until each
    project is listed.
    """

    def __init__(
        self, source: Source, aliases: Mapping[str, str], known: References | None = None
    ) -> None:
        self._source = source
        self._aliases = aliases
        self._known = known
        self._said: set[str] = set()

    def __call__(self, instances: Sequence[Instance]) -> None:
        if self._known is not None:
            if not self._known.is_complete:
                return
            instances = self._known.instances
        warnings = alias_warnings(self._aliases, instances)
        found = {self._source.of_alias(*warning) for warning in warnings}
        for problem in sorted(found - self._said):
            log.warning("alias_problem", problem=problem)
        self._said |= found


@dataclass(frozen=True)
class Connections:
    """The open connections of the bot."""

    slack: SlackClient
    workspaces: Workspaces
    store: Store
    incidents: Incidents
    call_log: CallLog
    replica: Replica | None
    rds: RoutedRds
    catalogue: RoutedCatalogue
    watcher: RoutedWatcher
    pace: Pace
    people: People
    in_flight: InFlight  # calls that change something outside
    clock: Clock
    projects: Projects
    cloud_eye: RoutedCloudEye | None  # if it is enabled


async def open_connections(
    settings: Settings, supervisor: Supervisor, clock: Clock, *, rds_timeout: float
) -> Connections:
    """Open all connections; the supervisor runs their background tasks and closes them."""
    env = settings.environment
    session = await supervisor.enter_async_context(aiohttp.ClientSession(timeout=SLACK_TIMEOUT))
    slack = slack_client(env, session)
    store, call_log, replica = await _open_database(env, supervisor, clock)
    if rotation := rotation_of(env, slack, store, clock):
        await rotation.look()
        supervisor.keep(rotation.run())
    in_flight, pace = InFlight(replica), Pace(clock, call_log)
    agency: Agency | None = None
    if any(project.keys is None for project in settings.projects):
        agency = await _open_agency(settings.default_project, supervisor, clock)
        supervisor.keep(agency.run())
    projects = await _open_projects(
        settings, supervisor, store, clock, call_log, rds_timeout=rds_timeout, agency=agency
    )
    catalogue = RoutedCatalogue(projects)
    supervisor.push_async_callback(catalogue.close)
    for project in projects.all:
        supervisor.keep(project.watcher.run())
        if project.cloud_eye:
            supervisor.keep(project.cloud_eye.run())
    workspaces = workspaces_of(settings.file)
    people = People(slack, clock, call_log, workspaces)
    supervisor.push_async_callback(people.close)
    return Connections(
        slack,
        workspaces,
        store,
        Incidents(store),
        call_log,
        replica,
        RoutedRds(projects),
        catalogue,
        RoutedWatcher(projects),
        pace,
        people,
        in_flight,
        clock,
        projects,
        RoutedCloudEye(projects) if settings.file.rds.cloud_eye else None,
    )


def audit_key(env: Environment) -> AuditKey | None:
    """Return the key that seals the audit log, if one is set."""
    return AuditKey.of(revealed(env.audit_key)) if env.audit_key else None


def workspaces_of(file: ConfigFile) -> Workspaces:
    """Return what the file says of the workspaces; where the app is installed, Slack says."""
    return Workspaces(named=frozenset(file.slack.workspaces), share=file.slack.share)


def rotation_of(
    env: Environment, slack: SlackClient, store: Store, clock: Clock
) -> Rotation | None:
    """Return what renews the bot token; None for a token that doesn't expire."""
    if not (env.refresh_token and env.client_id and env.client_secret):
        return None
    secrets = env.bot_token, env.refresh_token, env.client_secret
    bot_token, refresh_token, client_secret = map(revealed, secrets)
    credentials = Credentials(bot_token, refresh_token, env.client_id, client_secret)
    return Rotation(slack, SlackTokens(store), credentials, clock)


def slack_client(env: Environment, session: aiohttp.ClientSession) -> SlackClient:
    """Return a client on one session. It retries nothing: callers know if that is safe."""
    return SlackClient(
        token=env.bot_token.get_secret_value(),
        base_url=env.slack_api_url,
        session=session,
    )


async def _open_projects(
    settings: Settings,
    stack: AsyncExitStack,
    store: Store,
    clock: Clock,
    call_log: CallLog,
    *,
    rds_timeout: float,
    agency: Agency | None,
) -> Projects:
    """Connect to each project. Those with the same access key share a budget."""
    configured = settings.projects
    aliases, gap = settings.file.aliases, settings.file.rds.poll_seconds
    names = [one.name for one in configured]
    shared = References(aliases=aliases, projects=names if len(names) > 1 else ())
    warn = AliasWarnings(settings.source, aliases, shared)
    budgets: dict[str, Budget] = {}
    opened: list[Project] = []
    for number, one in enumerate(configured):
        if one.pool not in budgets:
            budgets[one.pool] = call_budget(one.calls_per_minute, clock, call_log, one.pool)
        rds = await rds_client(
            one,
            stack,
            clock,
            timeout_seconds=rds_timeout,
            budget=budgets[one.pool],
            agency=agency,
        )
        pages = InstancePages(store, clock, one.name if number else "")
        catalogue = InstanceCatalogue(
            rds, clock, aliases, warn, pages, project=one.name, shared=shared
        )
        watcher = Watcher(
            rds, catalogue, clock, shortest_gap=gap, rds_now=partial(_rds_now, rds, clock)
        )
        catalogue.listen(watcher.saw_page)
        eye: CloudEye | None = None
        if settings.file.rds.cloud_eye:
            client = await cloud_eye_client(
                one, stack, clock, timeout_seconds=rds_timeout, agency=agency
            )
            eye = CloudEye(
                client, watcher.wake, clock, partial(_rds_now, rds, clock), project=one.name
            )
        opened.append(Project(one.name, rds, catalogue, watcher, eye))
    return Projects(opened, shared, store, default_names=("", DEFAULT_NAME))


def _rds_now(rds: RdsClient, clock: Clock) -> datetime:
    return clock.now() + rds.clock_skew


async def signed_client(
    project: ProjectSettings,
    stack: AsyncExitStack,
    endpoint: str,
    timeout_seconds: float,
    *,
    of_project: bool = True,
) -> HttpClient:
    """Return an HTTP client that signs for an endpoint; IAM is asked for no project."""
    auth = await _auth(project, stack, Clock(), of_project=of_project)
    client = open_client(endpoint, auth, timeout_seconds)
    return await stack.enter_async_context(client)


async def rds_client(
    project: ProjectSettings,
    stack: AsyncExitStack,
    clock: Clock,
    *,
    timeout_seconds: float,
    budget: Budget | None = None,
    agency: Agency | None = None,
) -> RdsClient:
    """Return a client for a project, open for as long as the stack."""
    auth = await _auth(project, stack, clock, agency)
    client = open_client(project.endpoint, auth, timeout_seconds)
    http = await stack.enter_async_context(client)
    budget = budget or call_budget(project.calls_per_minute, clock)
    return RdsClient(http, project.project_id, budget, clock, project=project.name)


async def cloud_eye_client(
    project: ProjectSettings,
    stack: AsyncExitStack,
    clock: Clock,
    *,
    timeout_seconds: float,
    agency: Agency | None = None,
) -> CloudEyeClient:
    """Return a client for a project's events, open for as long as the stack."""
    auth = await _auth(project, stack, clock, agency)
    client = open_client(project.cloud_eye_endpoint, auth, timeout_seconds)
    http = await stack.enter_async_context(client)
    return CloudEyeClient(http, project.project_id)


async def _auth(
    project: ProjectSettings,
    stack: AsyncExitStack,
    clock: Clock,
    agency: Agency | None = None,
    *,
    of_project: bool = True,
) -> AkSkAuth | AgencyAuth:
    project_id = project.project_id if of_project else None
    keys = project.keys
    if keys is None:
        agency = agency or await _open_agency(project, stack, clock)
        return AgencyAuth(agency, project_id=project_id, now=clock.now)
    return AkSkAuth(
        access_key=keys.access_key.get_secret_value(),
        secret_key=keys.secret_key.get_secret_value(),
        security_token=revealed(keys.security_token),
        project_id=project_id,
        now=clock.now,
    )


async def _open_agency(project: ProjectSettings, stack: AsyncExitStack, clock: Clock) -> Agency:
    http = await stack.enter_async_context(open_metadata(project.metadata_endpoint))
    return Agency(http, clock)


class _Database(NamedTuple):
    """The open database; on PostgreSQL also this replica's lease."""

    store: Store
    call_log: CallLog
    replica: Replica | None


async def _open_database(env: Environment, supervisor: Supervisor, clock: Clock) -> _Database:
    supervisor.enter_context(only_process(env.database_url))
    async with one_at_a_time(env.database_url):
        migrate(env.database_url)
        migrate_journal(env.database_url, journal_args(env.database_url))
    engine = open_engine(env.database_url)
    supervisor.push_async_callback(engine.dispose)
    key = audit_key(env)
    await check_key(engine, key)
    store = Store(engine, key, clock)
    if is_sqlite(engine.url):
        return _Database(store, LocalCallLog(clock), None)
    replica = await Replica.join(env.database_url)
    supervisor.push_async_callback(replica.leave)
    supervisor.keep(replica.keep())
    sealer = Sealer(engine, store.recorded, clock, key)
    supervisor.push_async_callback(sealer.close)
    supervisor.keep(sealer.run())
    return _Database(store, SharedCallLog(engine, clock), replica)
