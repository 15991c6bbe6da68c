"""Checks of the addresses and URLs in the settings, done at startup.

Each check returns the value to use. Raises ValueError, whose message contains no part of the
value, because there may be a password in it.
"""

import re
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bot.config.credentials import one_word, unwrapped

HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
SLACK_HOSTS = {"slack.com", "www.slack.com", "slack-gov.com"}
ENCODE = "in the password, write @ as %40, / as %2F, : as %3A, # as %23, ? as %3F and % as %25"
LAST_PORT = 65_535


def endpoint(value: str) -> str:
    """Check a Huawei Cloud endpoint: `https://host`, optionally with a port, without a path."""
    parts = _http(value)
    if parts.path.strip("/"):
        raise ValueError("write it without a path: https:// and the host")
    return parts.geturl()


def slack_api_url(value: str) -> str:
    """Check the URL of Slack's Web API, normally `https://slack.com/api/`."""
    parts = _http(value)
    if parts.hostname in SLACK_HOSTS and parts.path.rstrip("/") != "/api":
        raise ValueError(f"the Web API is at https://{parts.hostname}/api/")
    return parts.geturl()


def _http(value: str) -> SplitResult:
    value = one_word(value)
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("it isn't a valid address, such as https://host:443") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("it must begin with https:// (or http://)")
    if "@" in parts.netloc:
        raise ValueError("remove the user and password before the @")
    if not HOST.fullmatch(parts.hostname or "") or port == 0:
        raise ValueError("it has no valid host, as in https://host")
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        raise ValueError("remove what comes after the ? or #")
    return parts


def database_url(value: str) -> str:
    """Check the URL of an SQLite file or a PostgreSQL database."""
    value = unwrapped(value)
    if not value.isprintable():
        raise ValueError("it contains a line break or another control character")
    if not value.startswith(("sqlite:", "postgresql+psycopg:")):
        raise ValueError("it must begin with sqlite:/// or postgresql+psycopg://")
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise ValueError(
            f"it isn't a database URL, or its port isn't a number; {ENCODE}"
        ) from None
    if why := _why_not_sqlite(url) if url.drivername == "sqlite" else _why_not_server(url, value):
        raise ValueError(why)
    return value


def without_password(database_url: str) -> str:
    """Return the URL without user, password and options."""
    url = make_url(database_url)
    where = (url.host or "") + (f":{url.port}" if url.port else "")
    return f"{url.get_backend_name()}://{where}/{url.database}"


def _why_not_sqlite(url: URL) -> str | None:
    if url.host or url.username:
        return "write three slashes before the file name, as in sqlite:///backup-bot.db"
    file = url.database or ":memory:"
    if file == ":memory:" or file.startswith("file:") or url.query:
        return "it must be a file name and nothing else, as in sqlite:///backup-bot.db"
    return None


def _why_not_server(url: URL, value: str) -> str | None:
    if value.count("@") > 1:
        return f"it has more than one @; {ENCODE}"
    if url.port is not None and not 0 < url.port <= LAST_PORT:
        return "its port must be a number from 1 to 65535"
    if not url.database:
        return "it has no database name; write postgresql+psycopg://user:password@host/database"
    return None
