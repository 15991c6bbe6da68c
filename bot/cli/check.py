"""`backup-bot check`: check all settings against Slack, RDS and the database."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.application.deadlines import everybody_within
from bot.config.file import WITHOUT_A_FILE, Source
from bot.config.settings import Settings, load
from bot.connections import cloud_eye_client, rds_client, slack_client
from bot.domain.errors import RdsError, RdsUnreachable, SettingsError
from bot.domain.instances import Instance
from bot.domain.policy import is_group
from bot.domain.policy_problems import problems
from bot.domain.printable import printable
from bot.domain.quantities import counted
from bot.domain.references import alias_warnings
from bot.runtime.clock import Clock
from bot.slack.transport.people import People
from bot.slack.transport.probe import why_no_post
from bot.slack.transport.slack_errors import FAILURES, error_code
from bot.storage.engine import why_not_open

CHECK_TIMEOUT = 20.0  # seconds for each call of Slack or RDS


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    level: Level
    text: str
    exit_code: int = 1  # if it is a problem

    def __str__(self) -> str:
        return f"{self.level:<8} {self.text}"


def run_check(environ: Mapping[str, str], *, offline: bool, http: bool) -> int:
    """Print every finding and return the exit code.

    2 if settings are wrong, 1 for any other problem, 0 otherwise, also with warnings.
    """
    return asyncio.run(_print_all(environ, offline=offline, http=http))


async def _print_all(environ: Mapping[str, str], *, offline: bool, http: bool) -> int:
    found, code = dict.fromkeys(Level, 0), 0
    async for finding in findings(environ, offline=offline, http=http):
        print(printable(str(finding)), flush=True)
        found[finding.level] += 1
        if finding.level is Level.PROBLEM:
            code = max(code, finding.exit_code)
    problems_found = counted(found[Level.PROBLEM], "problem")
    print(f"{problems_found}, {counted(found[Level.WARNING], 'warning')}")
    return code


async def findings(
    environ: Mapping[str, str], *, offline: bool, http: bool
) -> AsyncIterator[Finding]:
    """Check everything, even after a problem. Yields every finding."""
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
        if settings.file.rds.cloud_eye:
            yield await _cloud_eye(settings, stack)


def _which_file(settings: Settings) -> Finding:
    source, rules = settings.source, len(settings.file.policy.rules)
    if source.read:
        return Finding(Level.OK, f"settings: read from {source.path}, {counted(rules, 'rule')}")
    return Finding(Level.WARNING, f"settings: {source.path} doesn't exist, so {WITHOUT_A_FILE}.")


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
        yield Finding(Level.PROBLEM, f"SLACK_BOT_TOKEN: Slack rejected it ({error_code(error)})")
        return
    yield Finding(Level.OK, f"SLACK_BOT_TOKEN: Slack accepted it for the workspace {team}")
    if not http:
        yield await _socket_ticket(slack, settings)
    async for finding in _policy(slack, settings):
        yield finding
    for channel in _channels(settings):
        why = await why_no_post(slack, channel)
        yield _judged(f"channel {channel}: the bot can post there", why)


async def _socket_ticket(slack: AsyncWebClient, settings: Settings) -> Finding:
    token = settings.environment.app_token
    assert token is not None  # noqa: S101, settings.load requires one without --http
    try:
        await slack.apps_connections_open(app_token=token.get_secret_value())
    except FAILURES as error:
        return Finding(Level.PROBLEM, f"SLACK_APP_TOKEN: Slack rejected it ({error_code(error)})")
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
            why = people.problems.get(slack_id, "no response")
            yield Finding(Level.PROBLEM, f"{slack_id}: Slack can't say who that is ({why})")
        elif behind:
            yield Finding(Level.OK, f"{slack_id}: {_active(slack_id, len(behind))}")
    for problem in problems(policy, members):
        yield Finding(Level.PROBLEM, settings.source.located(problem))


def _active(slack_id: str, people: int) -> str:
    return counted(people, "active member") if is_group(slack_id) else "active"


def _channels(settings: Settings) -> list[str]:
    return sorted({terms.channel for terms in settings.file.policy.all_terms if terms.channel})


async def _rds(settings: Settings, stack: AsyncExitStack) -> AsyncIterator[Finding]:
    rds = await rds_client(settings, stack, Clock(), timeout_seconds=CHECK_TIMEOUT)
    try:
        instances = await rds.list_instances()
    except RdsError as error:
        yield _failed("RDS", settings.rds_endpoint, error)
        return
    yield Finding(
        Level.OK, f"RDS accepted the keys and lists {counted(len(instances), 'instance')}"
    )
    for warning in _unmatched(settings, instances):
        yield Finding(Level.WARNING, warning)


async def _cloud_eye(settings: Settings, stack: AsyncExitStack) -> Finding:
    clock = Clock()
    client = await cloud_eye_client(settings, stack, clock, timeout_seconds=CHECK_TIMEOUT)
    try:
        span = clock.now() - timedelta(hours=1), clock.now()
        await client.summary(*span)
        await client.events(*span)  # a permission of its own
    except RdsError as error:
        return _failed("Cloud Eye", settings.cloud_eye_endpoint, error)
    return Finding(Level.OK, "Cloud Eye accepted the keys and lists events of failed backups")


def _failed(service: str, endpoint: str, error: RdsError) -> Finding:
    told = error.code or f"HTTP {error.status}"
    what = "isn't responding" if isinstance(error, RdsUnreachable) else "refused the call"
    return Finding(Level.PROBLEM, f"{service} at {endpoint} {what} ({told})")


def _unmatched(settings: Settings, instances: list[Instance]) -> list[str]:
    """Return warnings for rules that match no instance and aliases that don't work."""
    found = []
    source: Source = settings.source
    for number, rule in enumerate(settings.file.policy.rules):
        if not any(rule.covers(instance.name, instance.id) for instance in instances):
            text = f"rule {number + 1}: it matches no existing instance."
            found.append(source.sentence(("rule", number, "instances"), text))
    warnings = alias_warnings(settings.file.aliases, instances)
    found += (source.of_alias(*warning) for warning in warnings)
    return found
