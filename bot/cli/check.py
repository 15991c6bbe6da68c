"""`backup-bot check`: check all settings against Slack, RDS, and the database."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from textwrap import wrap

import aiohttp

from bot.checks.findings import Finding, Level
from bot.checks.local import (
    archive_findings,
    database_findings,
    heartbeat_findings,
    port_findings,
    settings_findings,
)
from bot.checks.rds import rds_findings
from bot.checks.slack import TIMEOUT, slack_findings
from bot.config.settings import Reading, read
from bot.domain.printable import printable
from bot.domain.quantities import counted
from bot.slack.transport.http import Address

INDENT = " " * 9  # as wide as the level
WIDTH = 100


def run_check(
    environ: Mapping[str, str], *, offline: bool, address: Address | None, as_json: bool
) -> int:
    """Print every finding and return the exit code.

    2 if settings are wrong, 1 for any other problem, 0 otherwise, also with warnings. With
    `as_json`, one object: `findings` with `level`, `code`, `text`, `cure` and `page`, then the
    number of `problems`, `warnings` and `unknown`.
    """
    return asyncio.run(_print_all(environ, offline=offline, address=address, as_json=as_json))


async def _print_all(
    environ: Mapping[str, str], *, offline: bool, address: Address | None, as_json: bool
) -> int:
    found = []
    async for finding in findings(environ, offline=offline, address=address):
        found.append(finding)
        if not as_json:
            print(*_lines(finding), sep="\n", flush=True)
    count = {level: sum(one.level is level for one in found) for level in Level}
    if as_json:
        print(json.dumps(_document(found, count), indent=2))
    else:
        print(_summary(count))
    return max((one.exit_code for one in found if one.level is Level.PROBLEM), default=0)


async def findings(
    environ: Mapping[str, str], *, offline: bool, address: Address | None
) -> AsyncIterator[Finding]:
    """Check everything, as far as the settings can be used. Yields every finding.

    `address` is where `run --http` would listen; None checks Socket Mode.
    """
    http = address is not None
    reading = read(environ, http=http)
    env = reading.environment
    for finding in settings_findings(environ, reading):
        yield finding
    for finding in (*database_findings(env), *archive_findings(reading)):
        yield finding
    ports, is_running = await port_findings(env, address)
    for finding in ports:
        yield finding
    if not offline:
        async for finding in _online(reading, http=http, is_running=is_running):
            yield finding


async def _online(reading: Reading, *, http: bool, is_running: bool) -> AsyncIterator[Finding]:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        async for finding in slack_findings(reading, session, http=http, is_running=is_running):
            yield finding
    async for finding in rds_findings(reading):
        yield finding
    if reading.file and reading.file.heartbeat.url:
        async for finding in heartbeat_findings(reading.file.heartbeat.url):
            yield finding


def _lines(finding: Finding) -> list[str]:
    """Return what is found; if it isn't fine, also the code and what to do about it."""
    lines = [f"{finding.level:<8} {printable(finding.text)}"]
    if finding.level is not Level.OK:
        cure = wrap(printable(finding.cure), WIDTH - len(INDENT), break_long_words=False)
        lines += [f"{INDENT}{line}" for line in [*cure, f"See {finding.page}"]]
    return lines


def _document(found: list[Finding], count: Mapping[Level, int]) -> dict[str, object]:
    return {
        "findings": [
            {
                "level": one.level,
                "code": one.code,
                "text": printable(one.text),
                "cure": one.cure,
                "page": one.page,
            }
            for one in found
        ],
        "problems": count[Level.PROBLEM],
        "warnings": count[Level.WARNING],
        "unknown": count[Level.UNKNOWN],
    }


def _summary(count: Mapping[Level, int]) -> str:
    problems, warnings = counted(count[Level.PROBLEM], "problem"), count[Level.WARNING]
    return f"{problems}, {counted(warnings, 'warning')}, {count[Level.UNKNOWN]} unknown"
