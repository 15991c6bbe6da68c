"""A password that PostgreSQL really checks, given in either of the two ways."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from dbos import run_dbos_database_migrations

from bot.config import addresses
from bot.domain.errors import SettingsError
from bot.storage.engine import migrate
from bot.storage.replica import Replica
from tests.postgresql import running_postgresql

PASSWORD = "p@ss/w#rd%:?"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL, without its password, of a database whose user `bot` needs one."""
    with running_postgresql() as postgresql:
        with psycopg.connect(postgresql.uri, autocommit=True) as admin:
            admin.execute(f"CREATE ROLE bot LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
            admin.execute("CREATE DATABASE bot OWNER bot")
            (rules,) = admin.execute("SHOW hba_file").fetchone() or ()
            allowed = Path(rules).read_text("utf-8")
            Path(rules).write_text(f"local all bot scram-sha-256\n{allowed}", "utf-8")
            admin.execute("SELECT pg_reload_conf()")
        _, _, options = postgresql.url.partition("?")  # with the directory of its socket
        yield f"postgresql+psycopg://bot@/bot?{options}"


async def test_a_password_in_the_url_is_percent_encoded(server: str) -> None:
    """As docs/deploy.md says."""
    await _everything_connects(server.replace("//bot@", f"//bot:{quote(PASSWORD, safe='')}@"))


async def test_a_password_beside_the_url_is_written_as_it_is(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's client library reads `PGPASSWORD`."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)

    await _everything_connects(server)


def test_without_it_the_bot_does_not_get_in(server: str) -> None:
    with pytest.raises(SettingsError) as raised:
        migrate(server)

    assert "password" in raised.value.problems[0]


async def _everything_connects(url: str) -> None:
    """Migrations, the journal, and a replica with the connection on which it listens."""
    assert addresses.database_url(url) == url
    migrate(url)
    run_dbos_database_migrations(url)
    replica = await Replica.join(url)
    try:
        async with await replica._connection():  # noqa: SLF001, otherwise a failure is retried
            pass
    finally:
        await replica.leave()
