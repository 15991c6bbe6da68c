"""`backup-bot check`: everything that is set, and whether Slack, RDS and the database agree."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.application.deadlines import everybody_within
from bot.config.file import WITHOUT_A_FILE, Source
from bot.config.settings import Settings, load
from bot.connections import rds_client, slack_client
from bot.domain.errors import RdsError, RdsUnreachable, SettingsError
from bot.domain.instances import Instance
from bot.domain.policy_problems import problems
from bot.domain.printable import printable
from bot.domain.quantities import counted
from bot.domain.references import alias_warnings
from bot.runtime.clock import Clock
from bot.slack.transport.people import People
from bot.slack.transport.probe import why_no_post
from bot.slack.transport.slack_errors import FAILURES, error_code
from bot.storage.engine import why_not_open

CHECK_TIMEOUT = 20.0  # seconds for all that Slack or RDS is asked


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and what came of it."""

    level: Level
    text: str
    exit_code: int = 1  # if it is a problem

    def __str__(self) -> str:
        return f"{self.level:<8} {self.text}"


def run_check(environ: Mapping[str, str], *, offline: bool, http: bool) -> int:
    """Print every finding; 2 if settings are wrong, 1 if all else is, 0 if nothing is.

    Warnings are no problems.
    """
    return asyncio.run(_print_all(environ, offline=offline, http=http))


async def _print_all(environ: Mapping[str, str], *, offline: bool, http: bool) -> int:
    counted, code = dict.fromkeys(Level, 0), 0
    async for finding in findings(environ, offline=offline, http=http):
        print(printable(str(finding)), flush=True)
        counted[finding.level] += 1
        if finding.level is Level.PROBLEM:
            code = max(code, finding.exit_code)
    print(f"{counted[Level.PROBLEM]} problems, {counted[Level.WARNING]} warnings")
    return code


async def findings(
    environ: Mapping[str, str], *, offline: bool, http: bool
) -> AsyncIterator[Finding]:
    """Look at everything, also after something is wrong."""
    try:
        settings = load(environ, http=http)
    except SettingsError as error:
        for problem in error.problems:
            yield Finding(Level.PROBLEM, problem, exit_code=2)
        return
    yield _which_file(settings)
    why = why_not_open(settings.environment.database_url)
    yield _judged("database: it can be opened", why)
    if offline:
        return
    async with AsyncExitStack() as stack:
        timeout = aiohttp.ClientTimeout(total=CHECK_TIMEOUT)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        slack = slack_client(settings.environment, session)
        async for finding in _slack(slack, settings, http=http):
            yield finding
        async for finding in _rds(settings, stack):
            yield finding


def _which_file(settings: Settings) -> Finding:
    source, rules = settings.source, len(settings.file.policy.rules)
    if source.read:
        read = f"settings: read from {source.path}, with {counted(rules, 'rule')}"
        return Finding(Level.OK, read)
    return Finding(Level.WARNING, f"settings: there is no {source.path}: {WITHOUT_A_FILE}.")


def _judged(what: str, why: str | None) -> Finding:
    if why is None:
        return Finding(Level.OK, what)
    return Finding(Level.PROBLEM, f"{what.partition(':')[0]}: {why}")


async def _slack(
    slack: AsyncWebClient, settings: Settings, *, http: bool
) -> AsyncIterator[Finding]:
    try:
        team = (await slack.auth_test())["team"]
    except FAILURES as error:
        yield Finding(Level.PROBLEM, f"SLACK_BOT_TOKEN: Slack says {error_code(error)}")
        return
    yield Finding(Level.OK, f"SLACK_BOT_TOKEN: Slack takes it, for the workspace {team}")
    if not http:
        yield await _socket_ticket(slack, settings)
    async for finding in _policy(slack, settings):
        yield finding
    for channel in _channels(settings):
        why = await why_no_post(slack, channel)
        yield _judged(f"channel {channel}: the bot may post there", why)


async def _socket_ticket(slack: AsyncWebClient, settings: Settings) -> Finding:
    token = settings.environment.app_token
    assert token is not None  # noqa: S101, settings.load wants one without --http
    try:
        await slack.apps_connections_open(app_token=token.get_secret_value())
    except FAILURES as error:
        return Finding(Level.PROBLEM, f"SLACK_APP_TOKEN: Slack says {error_code(error)}")
    return Finding(Level.OK, "SLACK_APP_TOKEN: it opens a socket")


async def _policy(slack: AsyncWebClient, settings: Settings) -> AsyncIterator[Finding]:
    policy = settings.file.policy
    people = People(slack, Clock())
    named = policy.people
    try:
        members = await everybody_within(CHECK_TIMEOUT, people, named)
    finally:
        await people.close()
    for slack_id in named:
        behind = members.get(slack_id)
        if behind is None:
            why = people.problems.get(slack_id, "no answer")
            yield Finding(Level.PROBLEM, f"{slack_id}: Slack does not say who that is ({why})")
        elif behind:
            yield Finding(Level.OK, f"{slack_id}: {len(behind)} living")
    for problem in problems(policy, members):
        yield Finding(Level.PROBLEM, settings.source.located(problem))


def _channels(settings: Settings) -> list[str]:
    return sorted({terms.channel for terms in settings.file.policy.all_terms if terms.channel})


async def _rds(settings: Settings, stack: AsyncExitStack) -> AsyncIterator[Finding]:
    rds = await rds_client(settings, stack, Clock(), timeout_seconds=CHECK_TIMEOUT)
    try:
        instances = await rds.list_instances()
    except RdsError as error:
        told = error.code or f"HTTP {error.status}"
        what = "does not answer" if isinstance(error, RdsUnreachable) else "refuses"
        yield Finding(Level.PROBLEM, f"RDS {what} at {settings.rds_endpoint}: {told}")
        return
    yield Finding(Level.OK, f"RDS takes the keys, and lists {len(instances)} instances")
    for warning in _unmatched(settings, instances):
        yield Finding(Level.WARNING, warning)


def _unmatched(settings: Settings, instances: list[Instance]) -> list[str]:
    """Rules that lead to no instance there is now, and aliases that do not do as they seem to."""
    found = []
    source: Source = settings.source
    for number, rule in enumerate(settings.file.policy.rules):
        if not any(rule.covers(instance.name, instance.id) for instance in instances):
            text = f"rule {number + 1}: it matches no instance that there is now."
            found.append(source.sentence(("rule", number, "instances"), text))
    warnings = alias_warnings(settings.file.aliases, instances)
    found += (source.of_alias(*warning) for warning in warnings)
    return found
