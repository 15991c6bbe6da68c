"""Check what needs neither Slack nor RDS: the settings, the database, ports, and the heartbeat."""

import asyncio
import os
import re
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from bot.checks.codes import Code
from bot.checks.findings import Finding, Level, ok, problem, warning
from bot.config.file import WITHOUT_A_FILE
from bot.config.settings import Environment, Kind, Reading, revealed
from bot.domain.audit import AuditKey
from bot.domain.errors import SettingsError
from bot.domain.likeness import nearest
from bot.domain.quantities import counted
from bot.runtime.http_server import listen
from bot.slack.transport.http import Address
from bot.storage.inspection import SLIGHT, Trouble, inspect_database

CODES = {
    Kind.MISSING: Code.SETTING_MISSING,
    Kind.WRONG: Code.SETTING_WRONG,
    Kind.FILE: Code.FILE_WRONG,
}
DATABASE_CODES = {
    Trouble.NOT_WRITABLE: Code.DATABASE_NOT_WRITABLE,
    Trouble.FOREIGN: Code.DATABASE_FOREIGN,
    Trouble.NEWER: Code.DATABASE_NEWER,
    Trouble.IN_USE: Code.DATABASE_IN_USE,
    Trouble.NETWORK_DRIVE: Code.DATABASE_NETWORK_DRIVE,
    Trouble.UNREACHABLE: Code.DATABASE_UNREACHABLE,
    Trouble.REFUSED: Code.DATABASE_REFUSED,
    Trouble.READ_ONLY: Code.DATABASE_READ_ONLY,
    Trouble.NO_RIGHTS: Code.DATABASE_NO_RIGHTS,
    Trouble.TOO_OLD: Code.DATABASE_TOO_OLD,
    Trouble.KEY_MISSING: Code.AUDIT_KEY_MISSING,
    Trouble.KEY_CHANGED: Code.AUDIT_KEY_CHANGED,
    Trouble.ENCODING: Code.DATABASE_ENCODING,
    Trouble.FEW_CONNECTIONS: Code.DATABASE_FEW_CONNECTIONS,
    Trouble.LITTLE_SPACE: Code.DATABASE_LITTLE_SPACE,
}
ENDPOINT = re.compile(r"https?://[a-z]+\.([a-z]+-[a-z0-9-]+)\.myhuaweicloud\.(?:com|eu)")
OURS = ("SLACK_", "HUAWEICLOUD_", "BACKUP_BOT_", "RDS_", "CES_", "IAM_", "AUDIT_", "HEALTH_")
ALIKE = 0.85  # of a misspelled variable to the real one
LOOPBACK = ("localhost", "127.", "[::1]")
TO_CONNECT = 5.0  # seconds


def settings_findings(environ: Mapping[str, str], reading: Reading) -> Iterator[Finding]:
    """List every problem of the settings; they are what stops the bot with exit code 2."""
    for kind, text in reading.problems:
        yield problem(CODES[kind], text, exit_code=2)
    yield from _misspelled(environ)
    source = reading.source
    if source.read and reading.file:
        rules = counted(len(reading.file.policy.rules), "rule")
        yield ok(f"settings: read from {source.path}, {rules}")
    elif reading.file:
        text = f"settings: {source.path} doesn't exist, so {WITHOUT_A_FILE}."
        yield warning(Code.FILE_MISSING, text)
    yield from _unencrypted(reading.environment)
    yield from _other_region(reading.environment)


def _misspelled(environ: Mapping[str, str]) -> Iterator[Finding]:
    known = {str(field.alias) for field in Environment.model_fields.values()}
    for name in sorted(set(environ) - known):
        if near := nearest(name, known - set(environ), cutoff=ALIKE):
            text = f"{name} isn't a setting; did you mean {near[0]}?"
            yield warning(Code.SETTING_UNKNOWN, text)


def _unencrypted(env: Environment) -> Iterator[Finding]:
    addresses = {
        "SLACK_API_URL": env.slack_api_url,
        "RDS_ENDPOINT": env.endpoint,
        "CES_ENDPOINT": env.cloud_eye_endpoint,
        "IAM_ENDPOINT": env.iam_endpoint,
    }
    for name, address in addresses.items():
        host = urlsplit(address or "").netloc
        if (address or "").startswith("http://") and not host.startswith(LOOPBACK):
            yield warning(Code.ADDRESS_NOT_ENCRYPTED, f"{name}: it begins with http://")


def _other_region(env: Environment) -> Iterator[Finding]:
    addresses = {
        "RDS_ENDPOINT": env.endpoint,
        "CES_ENDPOINT": env.cloud_eye_endpoint,
        "IAM_ENDPOINT": env.iam_endpoint,
    }
    for name, address in addresses.items():
        named = ENDPOINT.fullmatch(address or "")
        if named and env.region and named[1] != env.region:
            text = f"{name} is in {named[1]}, HUAWEICLOUD_REGION is {env.region}"
            yield warning(Code.ENDPOINT_REGION, text)


def database_findings(env: Environment) -> Iterator[Finding]:
    """Look at the database without writing to it."""
    key = AuditKey.of(revealed(env.audit_key)) if env.audit_key else None
    seen = inspect_database(env.database_url, key=key)
    for trouble, text in seen.found:
        level = Level.WARNING if trouble in SLIGHT else Level.PROBLEM
        yield Finding(level, f"database: {text}", DATABASE_CODES[trouble])
    if all(trouble in SLIGHT for trouble, _ in seen.found):
        then = "the next start creates it" if not seen.revision else "it can be used"
        then = "the next start migrates it" if seen.to_migrate else then
        yield ok(f"database: {then}")


def archive_findings(reading: Reading) -> Iterator[Finding]:
    """Look at the directory of the audit archive, if there is to be one; nothing is written."""
    archive = reading.file.store.archive if reading.file else ""
    if not archive:
        return
    directory = Path(archive).absolute()
    nearest_folder = next(one for one in (directory, *directory.parents) if one.exists())
    if not nearest_folder.is_dir():
        yield problem(Code.ARCHIVE_NOT_WRITABLE, f"archive: {nearest_folder} isn't a folder")
    elif not os.access(nearest_folder, os.W_OK | os.X_OK):
        yield problem(Code.ARCHIVE_NOT_WRITABLE, f"archive: {nearest_folder} isn't writable")
    else:
        yield ok(f"archive: {directory}")


async def port_findings(env: Environment, address: Address | None) -> tuple[list[Finding], bool]:
    """Try to listen; also return whether a bot that runs here already does."""
    is_running = bool(env.health_port) and await _is_bot(env.health_host, env.health_port)
    if is_running:
        return [ok(f"ports: a backup-bot runs here, with HEALTH_PORT={env.health_port}")], True
    wanted = [(env.health_host, env.health_port, "HEALTH_PORT")] if env.health_port else []
    wanted += [(address.host, address.port, "--port")] if address else []
    found = [_port(*one) for one in wanted]
    return [one for one in found if one], False


def _port(host: str, port: int, name: str) -> Finding | None:
    where = f"{name} {port} on {host}"
    try:
        listen(host, port, name).close()
    except (SettingsError, OSError) as error:
        cause = error.__cause__ or error
        taken = "in use" in str(cause)
        code = Code.PORT_TAKEN if taken else Code.HOST_WRONG
        why = "another program listens there" if taken else "the bot can't listen there"
        return problem(code, f"{where}: {why}")
    return ok(f"{where}: free")


async def _is_bot(host: str, port: int) -> bool:
    """Whether what listens there answers as the bot's health server does."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104, compared
    timeout = aiohttp.ClientTimeout(total=TO_CONNECT)
    with suppress(aiohttp.ClientError, TimeoutError, ValueError):
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{host}:{port}/readyz") as answer,
        ):
            parts = await answer.json()
            return isinstance(parts, dict) and {"database", "slack", "rds"} <= parts.keys()
    return False


async def heartbeat_findings(url: str) -> AsyncIterator[Finding]:
    """Connect to the heartbeat's host. Its URL isn't requested, because that would be a beat."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    try:
        async with asyncio.timeout(TO_CONNECT):
            _, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure)
    except (OSError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        text = f"heartbeat: {parts.hostname} can't be reached ({why})"
        yield problem(Code.HEARTBEAT_UNREACHABLE, text)
        return
    writer.close()
    yield ok(f"heartbeat: {parts.hostname} can be reached")
