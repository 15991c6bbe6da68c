"""Every fault that an operator makes is found, named by its code, and comes with its cure."""

import json
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import aiohttp
import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from bot.app import running
from bot.checks.codes import CURES, Code
from bot.checks.findings import Finding, Level
from bot.cli.check import findings, run_check
from bot.config.settings import load
from bot.demo.rds import faults as rds_faults
from bot.demo.rds.wire import Operation
from bot.demo.world import offline_world
from bot.runtime.clock import Clock
from bot.slack.transport.http import Address
from bot.storage.engine import migrate
from tests.checks.page import PAGE, page
from tests.checks.planted import FAULTS, Planted, Scene
from tests.databases import Databases

# What nothing on one machine can bring about: each has a test of its own.
ELSEWHERE = {
    Code.CHANNEL_LEFTOVER,
    Code.DATABASE_ENCODING,
    Code.DATABASE_FEW_CONNECTIONS,
    Code.DATABASE_IN_USE,
    Code.DATABASE_NETWORK_DRIVE,
    Code.DATABASE_NO_RIGHTS,
    Code.DATABASE_READ_ONLY,
    Code.DATABASE_REFUSED,
    Code.DATABASE_TOO_OLD,
    Code.FILE_MISSING,
    Code.MANIFEST_UNKNOWN,
    Code.RDS_RIGHTS_UNKNOWN,
    Code.SLACK_CLOCK,
    Code.SLACK_SECRET_UNCONFIRMED,
    Code.SLACK_TOKEN_ROTATES,
    Code.SOCKETS_FULL,
}


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.chdir(tmp_path)
    async with offline_world(Clock()) as world:
        scene = Scene(world, tmp_path, dict(world.environ), monkeypatch)
        scene.set(
            BACKUP_BOT_CONFIG=str(tmp_path / "policy.toml"),
            DATABASE_URL=f"sqlite:///{scene.database}",
        )
        yield scene
        for close in scene.closing:
            close()


async def found(scene: Scene, *, offline: bool = False) -> list[Finding]:
    (scene.folder / "policy.toml").write_text(scene.config, "utf-8")
    address = Address("127.0.0.1", scene.port) if scene.http else None
    return [one async for one in findings(scene.environ, offline=offline, address=address)]


def wrong(found: list[Finding]) -> list[Finding]:
    return [one for one in found if one.level in (Level.PROBLEM, Level.WARNING)]


async def test_nothing_is_wrong_before_a_fault_is_planted(scene: Scene) -> None:
    assert wrong(await found(scene)) == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_it_is_found_with_its_cure(fault: Planted, scene: Scene) -> None:
    """By its code, in words that say what is wrong. No secret shows, and nothing stays behind."""
    fault.plant(scene)
    region, files = scene.world.region, set(scene.folder.rglob("*"))
    backups = {one.id: len(region.backups_of(one.id)) for one in region.instances}
    reported = wrong(await found(scene))
    named = [one for one in reported if one.code is fault.code]

    assert named, [(one.code, one.text) for one in reported]
    assert any(fault.says in one.text for one in named), [one.text for one in named]
    assert all(one.cure for one in reported)
    text = "\n".join(f"{one.text} {one.cure}" for one in reported)
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "HUAWEICLOUD_SDK_SK"):
        secret = scene.world.environ[name].partition("-")[2] or scene.world.environ[name]
        assert secret not in text.replace("xoxb-demo", secret), name
    assert "hunter2" not in text
    assert {one.id: len(region.backups_of(one.id)) for one in region.instances} == backups
    assert scene.world.workspace.scheduled == {}
    assert set(scene.folder.rglob("*")) - files <= {scene.folder / "policy.toml"}


def test_every_code_is_planted_and_cured() -> None:
    assert set(CURES) == set(Code)
    assert {fault.code for fault in FAULTS} == set(Code) - ELSEWHERE


async def test_faults_of_the_settings_hide_none_of_the_outside(scene: Scene) -> None:
    """A wrong port, a revoked token, and a wrong key are all said at once."""
    scene.set(HEALTH_PORT="http", HUAWEICLOUD_SDK_AK="EXAMPLEAK9999999999Z")
    scene.slack("auth.test", "token_revoked")

    codes = {one.code for one in wrong(await found(scene))}
    assert codes == {Code.SETTING_WRONG, Code.SLACK_TOKEN_REVOKED, Code.RDS_KEY_UNKNOWN}


async def test_one_wrong_signature_is_sent_at_the_most(scene: Scene) -> None:
    """Five lock the key."""
    scene.set(HUAWEICLOUD_SDK_SK="AnotherSecretKeyForUnitTestsOnly01234567")
    await found(scene)

    assert [call.signed_ok for call in scene.world.region.calls] == [False]


async def test_a_missing_folder_is_fine_because_the_bot_makes_it(scene: Scene) -> None:
    scene.set(DATABASE_URL=f"sqlite:///{scene.folder}/new/folder/bot.db")

    assert wrong(await found(scene)) == []


async def test_a_database_that_will_be_migrated_is_fine(scene: Scene) -> None:
    migrate(f"sqlite:///{scene.database}", "0005")
    reported = await found(scene)

    assert wrong(reported) == []
    assert "database: the next start migrates it" in [one.text for one in reported]


async def test_over_http_the_clock_is_held_against_slacks(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is signed more than five minutes ago is rejected there."""
    scene.over_http()
    ahead = Clock().now() + timedelta(minutes=7)
    monkeypatch.setattr("bot.checks.slack.Clock.now", lambda _: ahead)

    assert Code.SLACK_CLOCK in {one.code for one in wrong(await found(scene))}


async def test_what_cannot_be_found_out_is_not_called_fine(scene: Scene) -> None:
    """Without a configuration token Slack doesn't tell what the app's settings are."""
    scene.over_http()
    unknown = [one for one in await found(scene) if one.level is Level.UNKNOWN]

    assert [one.code for one in unknown] == [Code.SLACK_SECRET_UNCONFIRMED, Code.MANIFEST_UNKNOWN]
    assert all(one.cure for one in unknown)


async def test_all_ten_sockets_in_use_are_said(scene: Scene) -> None:
    workspace = scene.world.workspace
    async with aiohttp.ClientSession() as session:
        urls = [f"{workspace.base_url}{workspace.sockets.ticket()}" for _ in range(10)]
        sockets = [await session.ws_connect(url) for url in urls]

        assert Code.SOCKETS_FULL in {one.code for one in wrong(await found(scene))}
        for one in sockets:
            await one.close()


async def test_an_org_wide_token_is_said_with_the_workspaces_of_its_app(scene: Scene) -> None:
    scene.world.workspace.organize("E0ACME", is_org_wide=True, added_to=["T0DEMO", "T0LAB"])
    reported = await found(scene)
    texts = [one.text for one in reported]

    assert wrong(reported) == []
    assert "SLACK_BOT_TOKEN: Slack accepts it for the whole organization demo" in texts
    assert "workspaces: the app was added to t0demo (T0DEMO), t0lab (T0LAB)" in texts
    assert "S0DBA: 2 active members" in texts


async def test_where_an_app_was_added_may_be_unknown(scene: Scene) -> None:
    scene.world.workspace.organize("E0ACME", is_org_wide=True, added_to=["T0DEMO"])
    scene.slack("auth.teams.list", "internal_error")
    unknown = [one.code for one in await found(scene) if one.level is Level.UNKNOWN]

    assert Code.SLACK_NOT_ADDED in unknown


async def test_a_token_that_rotates_is_a_warning(scene: Scene) -> None:
    scene.world.workspace.bot_token = "xoxe.xoxb-1-demo"
    scene.set(SLACK_BOT_TOKEN="xoxe.xoxb-1-demo")

    (finding,) = wrong(await found(scene))
    assert finding.code is Code.SLACK_TOKEN_ROTATES


async def test_a_token_that_is_renewed_is_fine(scene: Scene) -> None:
    """Although the one in the settings has expired: what the bot has renewed is checked."""
    slack = scene.world.workspace
    first = slack.tokens.begin()
    scene.set(
        SLACK_BOT_TOKEN=first["access_token"],
        SLACK_REFRESH_TOKEN=first["refresh_token"],
        SLACK_CLIENT_ID=slack.tokens.client_id,
        SLACK_CLIENT_SECRET=slack.tokens.client_secret,
    )
    assert wrong(await found(scene)) == []
    (scene.folder / "policy.toml").write_text(scene.config, "utf-8")
    async with running(load(scene.environ, http=False), clock=Clock()):
        await slack.until(lambda: len(slack.sockets.open) > 0)
    slack.tokens.live.pop(first["access_token"])
    slack.tokens.gone[first["access_token"]] = "token_expired"

    assert wrong(await found(scene)) == []
    assert sum(call.method == "oauth.v2.access" for call in slack.calls) == 1


async def test_a_right_that_rds_does_not_tell_is_unknown(scene: Scene) -> None:
    scene.world.region.faults.always(rds_faults.ERROR, Operation.CREATE_BACKUP)
    unknown = [one for one in await found(scene) if one.level is Level.UNKNOWN]

    assert Code.RDS_RIGHTS_UNKNOWN in {one.code for one in unknown}


async def test_a_network_drive_is_a_warning(scene: Scene, tmp_path: Path) -> None:
    """SQLite can't rely on its locks."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/share {tmp_path} nfs4 rw 0 0\n")
    scene.patch.setattr("bot.storage.inspection.MOUNTS", mounts)

    (finding,) = wrong(await found(scene))
    assert finding.code is Code.DATABASE_NETWORK_DRIVE
    assert finding.level is Level.WARNING


async def test_a_bot_that_runs_here_is_no_fault(scene: Scene) -> None:
    """Its ports and its database are in use by what is checked, and no socket is opened."""
    scene.config += '[[rule]]\ninstances = ["dev-*"]\napprovals = 0\n'
    with socket.create_server(("127.0.0.1", 0)) as free:
        scene.set(HEALTH_PORT=str(free.getsockname()[1]))
    (scene.folder / "policy.toml").write_text(scene.config, "utf-8")
    async with running(load(scene.environ, http=False), clock=Clock()):
        sockets = len(scene.world.workspace.sockets.open)
        reported = await found(scene)

        assert [one.code for one in wrong(reported)] == [Code.DATABASE_IN_USE]
        assert any("a backup-bot runs here" in one.text for one in reported)
        assert len(scene.world.workspace.sockets.open) == sockets


@pytest.mark.parametrize(
    ("role", "code"),
    [
        ("LOGIN", Code.DATABASE_NO_RIGHTS),
        (
            "LOGIN; ALTER ROLE {name} SET default_transaction_read_only = on",
            Code.DATABASE_READ_ONLY,
        ),
        ("NOLOGIN", Code.DATABASE_REFUSED),
        ("LOGIN CONNECTION LIMIT 10", Code.DATABASE_FEW_CONNECTIONS),
    ],
    ids=["may create nothing", "only reads", "may not log in", "few connections"],
)
async def test_a_role_that_postgresql_does_not_let_write(
    scene: Scene, databases: Databases, role: str, code: Code
) -> None:
    url = databases.create()
    name = f"reader_{uuid4().hex}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        for statement in f"CREATE ROLE {name} {role}".format(name=name).split(";"):
            connection.execute(statement)
    scene.set(DATABASE_URL=make_url(url).set(username=name).render_as_string(hide_password=False))

    assert code in {one.code for one in wrong(await found(scene, offline=True))}


async def test_a_database_that_cannot_hold_all_text(scene: Scene, databases: Databases) -> None:
    url, name = databases.create(), f"ascii_{uuid4().hex}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        create = "CREATE DATABASE {} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"
        connection.execute(sql.SQL(create).format(sql.Identifier(name)))
    scene.set(DATABASE_URL=make_url(url).set(database=name).render_as_string(hide_password=False))

    assert Code.DATABASE_ENCODING in {one.code for one in wrong(await found(scene, offline=True))}


async def test_behind_a_proxy_the_socket_is_tried_through_it(scene: Scene) -> None:
    """As the bot does it, which reads HTTPS_PROXY; the proxy here is none."""
    scene.patch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    texts = [one.text for one in wrong(await found(scene))]

    assert any("refuses the connection" in text for text in texts)


async def test_a_fresh_postgresql_database_is_fine(scene: Scene, databases: Databases) -> None:
    scene.set(DATABASE_URL=databases.create())
    reported = await found(scene, offline=True)

    assert wrong(reported) == []
    assert "database: the next start creates it" in [one.text for one in reported]


def test_as_json_it_is_one_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"HEALTH_PORT": "0", "SLACK_BOT_TOKEN": '"xoxb-1"'}

    assert run_check(environ, offline=True, address=None, as_json=True) == 2
    document = json.loads(capsys.readouterr().out)
    first = document["findings"][0]
    assert first == {
        "level": "problem",
        "code": "setting-wrong",
        "text": "SLACK_BOT_TOKEN: remove the quotes around it.",
        "cure": CURES[Code.SETTING_WRONG].cure,
        "page": "docs/check.md#setting-wrong",
    }
    assert document["problems"] == sum(one["level"] == "problem" for one in document["findings"])


def test_the_page_explains_every_code() -> None:
    """`uv run poe codes` writes it again."""
    assert PAGE.read_text("utf-8") == page()
