"""Addresses that nobody can call are found at the start, and no password is said again."""

import pytest

from bot.config import addresses, settings
from bot.domain.errors import SettingsError
from tests.config.test_settings import ENOUGH

SERVER = "postgresql+psycopg"


def problem(name: str, value: str) -> str:
    """The one thing that is wrong with this environment."""
    with pytest.raises(SettingsError) as raised:
        settings.load({**ENOUGH, name: value}, http=False)
    (said,) = raised.value.problems
    assert said.startswith(f"{name}: ")
    return said.removeprefix(f"{name}: ")


@pytest.mark.parametrize("name", ["RDS_ENDPOINT", "CES_ENDPOINT", "SLACK_API_URL"])
@pytest.mark.parametrize(
    ("value", "cure"),
    [
        ("rds.internal", "must begin with https://"),
        ("rds.internal:443", "must begin with https://"),
        ("ftp://rds.internal", "must begin with https://"),
        ("https:rds.internal", "has no valid host"),
        ("https://", "has no valid host"),
        ("https:///v3", "has no valid host"),
        ("https://-rds", "has no valid host"),
        ("https://rds.{region}.internal", "has no valid host"),
        ("https://rds_.internal:0", "has no valid host"),
        ("https://user:hunter2@rds.internal", "remove the user and password"),
        ("https://rds.internal:https", "isn't a valid address"),
        ("https://rds.internal:99999", "isn't a valid address"),
        ("https://[::1", "isn't a valid address"),
        ("https://rds.internal/?key=hunter2", "remove what comes after"),
        ("https://rds.internal/#top", "remove what comes after"),
    ],
)
def test_what_is_no_address_is_said(name: str, value: str, cure: str) -> None:
    """What to write instead, and nothing of what was written."""
    said = problem(name, value)

    assert cure in said
    assert "hunter2" not in said


def test_each_api_has_its_own_paths() -> None:
    """RDS's come after the host; Slack's after /api/."""
    assert "without a path" in problem("RDS_ENDPOINT", "https://rds.internal/v3")
    assert "without a path" in problem("CES_ENDPOINT", "https://ces.internal/V1.0")
    assert "https://slack.com/api/" in problem("SLACK_API_URL", "https://slack.com")


@pytest.mark.parametrize(
    "value", ["https://rds.internal", "http://127.0.0.1:8080/", "https://[::1]:443"]
)
def test_what_is_an_address_is_taken(value: str) -> None:
    """With a port or without."""
    loaded = settings.load({**ENOUGH, "RDS_ENDPOINT": value}, http=False)

    assert loaded.rds_endpoint == value.rstrip("/")


@pytest.mark.parametrize(
    ("url", "cure"),
    [
        (f"{SERVER}://bot:hunter2@part2@db/bot", "@ as %40"),
        (f"{SERVER}://bot:hunter2@pa/rt2@db/bot", "@ as %40"),
        (f"{SERVER}://bot:hunter2@pa:rt2@db/bot", "@ as %40"),
        (f"{SERVER}://bot:hunter2@pa?rt2@db/bot", "@ as %40"),
        (f"{SERVER}://bot:hunter2", "# as %23"),  # what an env file leaves of hunter2#part2
        (f"{SERVER}://bot:hunter2@db:port2/bot", "its port isn't a number"),
        (f"{SERVER}://bot:hunter2@db:99999/bot", "its port must be a number"),
        (f"{SERVER}://bot:hunter2@db", "it has no database name"),
        (f"{SERVER}://bot:hunter2@db/bot\nrt2", "a line break"),
        (f"{SERVER}://bot:${{PASSWORD}}@db/bot", "placeholder"),
        (f"'{SERVER}://bot:hunter2@db/bot'", "remove the quotes"),
        (f"DATABASE_URL={SERVER}://bot:hunter2@db/bot", "repeats its name"),
        ("postgresql://bot:hunter2@db/bot", "must begin with"),
        ("postgres://bot:hunter2@db/bot", "must begin with"),
        ("sqlite://bot.db", "three slashes"),
        ("sqlite:bot.db", "isn't a database URL"),
        ("sqlite://", "must be a file name"),
        ("sqlite:///:memory:", "must be a file name"),
        ("sqlite:///file:bot.db?uri=true", "must be a file name"),
    ],
)
def test_what_is_no_database_is_said(url: str, cure: str) -> None:
    """With how to write it, and no part of the password."""
    said = problem("DATABASE_URL", url)

    assert cure in said
    assert not any(part in said for part in ("hunter2", "rt2", "port2"))


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////var/lib/backup bot/Datenbank für alles.db",
        f"{SERVER}://bot:p%40s%2Fs%23%25@db:5432/bot",
        f"{SERVER}://bot:p/s#s?s:s%s@db/bot",
        f"{SERVER}:///bot?host=/run/postgresql",
    ],
)
def test_what_is_a_database_is_taken(url: str) -> None:
    """As it stands."""
    loaded = settings.load({**ENOUGH, "DATABASE_URL": f"{url}\n"}, http=False)

    assert loaded.environment.database_url == url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///data/bot.db", "sqlite:///data/bot.db"),
        (f"{SERVER}://bot:hunter2@db:5432/bot?password=hunter2", "postgresql://db:5432/bot"),
        (f"{SERVER}://bot:hunter%402@[::1]/bot", "postgresql://::1/bot"),
    ],
)
def test_which_database_it_is_can_be_shown(url: str, shown: str) -> None:
    """Without who gets in, and how."""
    assert addresses.without_password(url) == shown
