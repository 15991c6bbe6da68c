"""Faults as operators make them, each with the code that has to find it."""

import os
import shutil
import socket
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from bot.checks.codes import Code
from bot.demo.rds import faults as rds_faults
from bot.demo.rds.wire import Answer, Operation, Refused
from bot.demo.slack import faults as slack_faults
from bot.demo.world import BEN, CAT, OfflineWorld
from bot.domain.audit import KEYED
from bot.storage.engine import migrate

WHOLE_POLICY = """\
[approval]
approvers = ["S0DBA"]
channel = "C0OPS"
"""
SECRET = "8f742231b10e8888abcd99ff123485a5"  # as Slack's looks


@dataclass
class Scene:
    """Everything is in order until a fault is planted."""

    world: OfflineWorld
    folder: Path
    environ: dict[str, str]
    patch: pytest.MonkeyPatch
    config: str = WHOLE_POLICY
    http: bool = False
    port: int = 0
    closing: list[Callable[[], None]] = field(default_factory=list)

    @property
    def database(self) -> Path:
        return self.folder / "bot.db"

    def set(self, **variables: str) -> None:
        self.environ.update(variables)

    def drop(self, name: str) -> None:
        del self.environ[name]

    def slack(self, method: str, error: str) -> None:
        self.world.workspace.faults.always(slack_faults.refused(error), method)

    def rds(self, status: int, code: str, *operations: Operation) -> None:
        fault = rds_faults.refused(status, code)
        self.world.region.faults.always(fault, *(operations or (Operation.LIST_INSTANCES,)))

    def over_http(self) -> None:
        self.http = True
        self.set(SLACK_SIGNING_SECRET=SECRET)

    def manifest(self) -> dict[str, object]:
        """What the app's settings say, with a token that may read it."""
        self.set(SLACK_CONFIG_TOKEN=self.world.workspace.config_token)
        found: dict[str, object] = self.world.workspace.manifest
        return found

    def occupy(self, name: str) -> None:
        taken = socket.create_server(("127.0.0.1", 0))
        self.closing.append(taken.close)
        port = taken.getsockname()[1]
        if name == "HEALTH_PORT":
            self.set(HEALTH_PORT=str(port))
        else:
            self.port = port


Plant = Callable[[Scene], object]


def _all(*plants: Plant) -> Plant:
    def plant(scene: Scene) -> None:
        for one in plants:
            one(scene)

    return plant


def _without(name: str) -> Plant:
    return lambda scene: scene.drop(name)


def _refused(status: int, code: str, operation: Operation) -> Plant:
    return lambda scene: scene.rds(status, code, operation)


def _set(name: str, value: str) -> Plant:
    return lambda scene: scene.set(**{name: value})


def _around(name: str, before: str, after: str) -> Plant:
    return lambda scene: scene.set(**{name: f"{before}{scene.environ[name]}{after}"})


def _config(text: str) -> Plant:
    def plant(scene: Scene) -> None:
        scene.config = text

    return plant


def _more(text: str) -> Plant:
    return _config(WHOLE_POLICY + text)


def _swap(one: str, other: str) -> Plant:
    def plant(scene: Scene) -> None:
        env = scene.environ
        env[one], env[other] = env[other], env[one]

    return plant


def _lacks(scope: str) -> Plant:
    return lambda scene: scene.world.workspace.scopes.discard(scope)


def _changed(path: str, value: object) -> Plant:
    """Change one thing in the app's manifest."""

    def plant(scene: Scene) -> None:
        *parents, last = path.split(".")
        inside: dict[str, object] = scene.manifest()
        for name in parents:
            inside = inside[name]  # type: ignore[assignment]
        inside[last] = value

    return plant


def _command_unescaped(scene: Scene) -> None:
    (command,) = scene.manifest()["features"]["slash_commands"]  # type: ignore[index]
    command["should_escape"] = False


def _wrong_urls(scene: Scene) -> None:
    scene.over_http()
    settings = scene.manifest()["settings"]
    settings["socket_mode_enabled"] = False  # type: ignore[index]


def _socket_mode_on_over_http(scene: Scene) -> None:
    scene.over_http()
    scene.manifest()


def _typo(name: str, misspelled: str) -> Plant:
    def plant(scene: Scene) -> None:
        scene.environ[misspelled] = scene.environ.pop(name)

    return plant


def _clock(hours: float) -> Plant:
    def plant(scene: Scene) -> None:
        region = scene.world.region
        real = region.clock.now
        region.clock.now = lambda: real() + timedelta(hours=hours)  # type: ignore[method-assign]

    return plant


def _said(message: str) -> Plant:
    refusal = Refused(401, "APIGW.0301", f"Incorrect IAM authentication information: {message}")
    fault = rds_faults.Fault(rds_faults.When.BEFORE, rds_faults.How.ANSWER, refusal)
    return lambda scene: scene.world.region.faults.always(fault, Operation.LIST_INSTANCES)


def _without_agency(scene: Scene) -> None:
    scene.drop("HUAWEICLOUD_SDK_AK")
    scene.drop("HUAWEICLOUD_SDK_SK")
    scene.set(RDS_KEYS="agency", METADATA_ENDPOINT="http://127.0.0.1:9")


def _other_project(scene: Scene) -> None:
    scene.set(HUAWEICLOUD_SDK_PROJECT_ID="f" * 32)


def _portal(scene: Scene) -> None:
    page = Answer(200, "<html>Sign in</html>", content_type="text/html")
    fault = rds_faults.Fault(rds_faults.When.BEFORE, rds_faults.How.ANSWER, page)
    scene.world.region.faults.always(fault)


def _folder_is_a_file(scene: Scene) -> None:
    (scene.folder / "data").write_text("")
    scene.set(DATABASE_URL=f"sqlite:///{scene.folder}/data/bot.db")


def _read_only_folder(scene: Scene) -> None:
    """As for a user who isn't root, which may write everywhere."""
    read_only = scene.folder / "read-only"
    read_only.mkdir()
    real = os.access

    def access(path: Path, mode: int) -> bool:
        return real(path, mode) and not (path == read_only and mode & os.W_OK)

    scene.patch.setattr(os, "access", access)
    scene.set(DATABASE_URL=f"sqlite:///{read_only}/bot.db")


def _socket_mode_off(scene: Scene) -> None:
    scene.world.workspace.sockets.is_enabled = False


def _text_file(scene: Scene) -> None:
    scene.database.write_text("name,size\norders,3\n")


def _damaged(scene: Scene) -> None:
    scene.database.write_bytes(b"SQLite format 3\0" + os.urandom(4096))


def _another_application(scene: Scene) -> None:
    with sqlite3.connect(scene.database) as connection:
        connection.execute("CREATE TABLE invoices (id INTEGER)")
    connection.close()


def _newer_release(scene: Scene) -> None:
    migrate(f"sqlite:///{scene.database}")
    with sqlite3.connect(scene.database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()


def _sealed_with_a_key(scene: Scene) -> None:
    migrate(f"sqlite:///{scene.database}")
    with sqlite3.connect(scene.database) as connection:
        _insert_sealed_entry(connection)
    connection.close()


def _insert_sealed_entry(connection: sqlite3.Connection) -> None:
    """Only its hash is looked at."""
    kinds = {row[1]: row[2] for row in connection.execute("PRAGMA table_info(audit)")}
    values = {name: 1 if "INT" in kind else "2026-01-01 00:00:00" for name, kind in kinds.items()}
    values["hash"] = f"{KEYED}:abcd1234:{'0' * 64}"
    marks = ", ".join("?" * len(values))
    columns = ", ".join(values)
    insert = f"INSERT INTO audit ({columns}) VALUES ({marks})"  # noqa: S608, our own names
    connection.execute(insert, list(values.values()))


def _another_key(scene: Scene) -> None:
    _sealed_with_a_key(scene)
    scene.set(AUDIT_KEY="another-key-of-16-characters")


def _full_disk(scene: Scene) -> None:
    usage = shutil.disk_usage(scene.folder)._replace(free=3 * 1024**2)
    scene.patch.setattr(shutil, "disk_usage", lambda _: usage)


def _no_certificate(scene: Scene) -> None:
    scene.set(RDS_ENDPOINT=scene.environ["RDS_ENDPOINT"].replace("http://", "https://"))


def _dead_heartbeat(scene: Scene) -> None:
    scene.config = f'{WHOLE_POLICY}[heartbeat]\nurl = "http://127.0.0.1:1/beat"\n'


def _left(scene: Scene) -> None:
    scene.world.workspace.users[BEN].deleted = True
    scene.config = '[approval]\napprovers = ["S0DBA"]\nbreak_glass = ["U0BEN"]\n'


def _group_left(scene: Scene) -> None:
    for person in (BEN, CAT):
        scene.world.workspace.users[person].deleted = True


def _private_channel(scene: Scene) -> None:
    scene.world.workspace.add_channel("C0DBA", "dba", [BEN], private=True)
    scene.config = f'{WHOLE_POLICY}[[watch]]\ninstances = ["*"]\nchannel = "C0DBA"\n'


def _archived_channel(scene: Scene) -> None:
    scene.world.workspace.add_channel("C0OLD", "old", ["U0BOT"], archived=True)
    scene.config = f'{WHOLE_POLICY}[[channel]]\nid = "C0OLD"\n'


def _http_secret(value: str) -> Plant:
    def plant(scene: Scene) -> None:
        scene.over_http()
        scene.set(SLACK_SIGNING_SECRET=value)

    return plant


def _no_instances(scene: Scene) -> None:
    region = scene.world.region
    for instance in list(region.instances):
        region.remove_instance(instance)


def _http_port_taken(scene: Scene) -> None:
    scene.over_http()
    scene.occupy("--port")


def _lost_socket(scene: Scene) -> None:
    scene.world.workspace.sockets.refuse_tickets(1)


def _other_cloud(scene: Scene) -> None:
    scene.rds(404, "APIGW.0101", *Operation)


def _organized(*added_to: str, config: str = "") -> Plant:
    """The app is installed in the organization, and was added to these workspaces."""

    def plant(scene: Scene) -> None:
        scene.world.workspace.organize("E0ACME", is_org_wide=True, added_to=added_to)
        scene.config = config + WHOLE_POLICY

    return plant


@dataclass(frozen=True)
class Planted:
    """A fault, the code that names it, and what its line has to say."""

    name: str
    plant: Plant
    code: Code
    says: str = ""


FAULTS = [
    # How values get into the environment.
    Planted(
        "no bot token",
        _without("SLACK_BOT_TOKEN"),
        Code.SETTING_MISSING,
        "SLACK_BOT_TOKEN",
    ),
    Planted(
        "no app token",
        _without("SLACK_APP_TOKEN"),
        Code.SETTING_MISSING,
        "connections:write",
    ),
    Planted(
        "empty key", _set("HUAWEICLOUD_SDK_AK", '""'), Code.SETTING_MISSING, "HUAWEICLOUD_SDK_AK"
    ),
    Planted(
        "no region",
        _all(_without("HUAWEICLOUD_REGION"), _without("RDS_ENDPOINT")),
        Code.SETTING_MISSING,
        "HUAWEICLOUD_REGION",
    ),
    Planted(
        "no signing secret",
        _all(Scene.over_http, _without("SLACK_SIGNING_SECRET")),
        Code.SETTING_MISSING,
        "SLACK_SIGNING_SECRET",
    ),
    Planted("quotes", _around("SLACK_BOT_TOKEN", '"', '"'), Code.SETTING_WRONG, "quotes"),
    Planted(
        "curly quotes",
        _around("HUAWEICLOUD_SDK_SK", "\u201c", "\u201d"),
        Code.SETTING_WRONG,
        "quotes",
    ),
    Planted(
        "a blank inside",
        _set("HUAWEICLOUD_SDK_SK", "half anotherhalf"),
        Code.SETTING_WRONG,
        "space",
    ),
    Planted("not ASCII", _around("SLACK_APP_TOKEN", "", "\u200b"), Code.SETTING_WRONG, "ASCII"),
    Planted(
        "tokens swapped",
        _swap("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"),
        Code.SETTING_WRONG,
        "belongs in SLACK_APP_TOKEN",
    ),
    Planted(
        "keys swapped",
        _swap("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"),
        Code.SETTING_WRONG,
        "swapped",
    ),
    Planted("user token", _set("SLACK_BOT_TOKEN", "xoxp-123"), Code.SETTING_WRONG, "user token"),
    Planted(
        "placeholder",
        _set("SLACK_BOT_TOKEN", "xoxb-your-token"),
        Code.SETTING_WRONG,
        "placeholder",
    ),
    Planted(
        "name repeated",
        _set("SLACK_BOT_TOKEN", "SLACK_BOT_TOKEN=xoxb-1"),
        Code.SETTING_WRONG,
        "repeats its name",
    ),
    Planted("Bearer", _set("SLACK_BOT_TOKEN", "Bearer xoxb-1"), Code.SETTING_WRONG, "Bearer"),
    Planted(
        "export",
        lambda s: s.set(**{"export SLACK_BOT_TOKEN": "xoxb-1"}),
        Code.SETTING_WRONG,
        "before the name",
    ),
    Planted(
        "name misspelled",
        _typo("HUAWEICLOUD_REGION", "HUAWEICLOUD_REGON"),
        Code.SETTING_UNKNOWN,
        "did you mean HUAWEICLOUD_REGION",
    ),
    Planted(
        "region's display name",
        _set("HUAWEICLOUD_REGION", "AP-Singapore"),
        Code.SETTING_WRONG,
        "ap-southeast-1",
    ),
    Planted(
        "password not encoded",
        _set("DATABASE_URL", "postgresql+psycopg://bot:p@ss@db/bot"),
        Code.SETTING_WRONG,
        "%40",
    ),
    Planted(
        "another driver",
        _set("DATABASE_URL", "postgres://bot@db/bot"),
        Code.SETTING_WRONG,
        "postgresql+psycopg://",
    ),
    Planted(
        "two slashes", _set("DATABASE_URL", "sqlite://bot.db"), Code.SETTING_WRONG, "three slashes"
    ),
    Planted("port in words", _set("HEALTH_PORT", "http"), Code.SETTING_WRONG, "65535"),
    Planted(
        "command without slash",
        _set("BACKUP_BOT_COMMAND", "backup"),
        Code.SETTING_WRONG,
        "/backup",
    ),
    Planted("audit key too short", _set("AUDIT_KEY", "short"), Code.SETTING_WRONG, "AUDIT_KEY"),
    Planted(
        "endpoint with a path",
        _set("RDS_ENDPOINT", "https://rds.example.com/v3"),
        Code.SETTING_WRONG,
        "without a path",
    ),
    Planted(
        "plain HTTP",
        _set("CES_ENDPOINT", "http://ces.example.com"),
        Code.ADDRESS_NOT_ENCRYPTED,
        "CES_ENDPOINT",
    ),
    # The file.
    Planted(
        "unknown key",
        _config('[approval]\naprovers = ["S0DBA"]\n'),
        Code.FILE_WRONG,
        "did you mean approvers",
    ),
    Planted("not TOML", _config("[approval\n"), Code.FILE_WRONG, "isn't valid TOML"),
    Planted(
        "no such file",
        _set("BACKUP_BOT_CONFIG", "/nowhere/policy.toml"),
        Code.FILE_WRONG,
        "can't be read",
    ),
    Planted(
        "rule never matches",
        _more('[[rule]]\ninstances = ["*"]\n[[rule]]\ninstances = ["orders-*"]\n'),
        Code.FILE_WRONG,
        "can never match",
    ),
    Planted(
        "rule for nothing",
        _more('[[rule]]\ninstances = ["future-*"]\n'),
        Code.RULE_UNMATCHED,
        "rule 1",
    ),
    Planted(
        "watch for nothing",
        _more('[[watch]]\ninstances = ["future-*"]\nchannel = "C0OPS"\n'),
        Code.WATCH_UNMATCHED,
        "watch 1",
    ),
    Planted("alias for nothing", _more('[aliases]\nold = "gone"\n'), Code.ALIAS_UNUSED, "old"),
    Planted(
        "alias over a real name",
        _more('[aliases]\nbilling-prod = "orders-prod"\n'),
        Code.ALIAS_UNUSED,
        "never used",
    ),
    Planted(
        "watch shorter than a day",
        _more('[[watch]]\ninstances = ["*"]\nchannel = "C0OPS"\nfresh_within = "12h"\n'),
        Code.WATCH_TOO_SHORT,
        "fresh_within is 12 h",
    ),
    Planted(
        "archive where a file is",
        _more('[store]\nkeep = "400d"\narchive = "policy.toml"\n'),
        Code.ARCHIVE_NOT_WRITABLE,
        "policy.toml isn't a folder",
    ),
    # The database.
    Planted(
        "database below a file", _folder_is_a_file, Code.DATABASE_NOT_WRITABLE, "isn't a folder"
    ),
    Planted(
        "database in a read-only folder",
        _read_only_folder,
        Code.DATABASE_NOT_WRITABLE,
        "read-only",
    ),
    Planted(
        "database is a folder",
        lambda s: s.database.mkdir(),
        Code.DATABASE_NOT_WRITABLE,
        "is not a file",
    ),
    Planted(
        "database is a text file", _text_file, Code.DATABASE_FOREIGN, "isn't an SQLite database"
    ),
    Planted("database is damaged", _damaged, Code.DATABASE_FOREIGN),
    Planted(
        "database of another application",
        _another_application,
        Code.DATABASE_FOREIGN,
        "another application",
    ),
    Planted("database of a newer release", _newer_release, Code.DATABASE_NEWER, "9999"),
    Planted("audit key lost", _sealed_with_a_key, Code.AUDIT_KEY_MISSING, "abcd1234"),
    Planted(
        "PostgreSQL away",
        _set("DATABASE_URL", "postgresql+psycopg://bot:hunter2@127.0.0.1:1/bot"),
        Code.DATABASE_UNREACHABLE,
    ),
    Planted("another audit key", _another_key, Code.AUDIT_KEY_CHANGED, "abcd1234"),
    Planted("disk almost full", _full_disk, Code.DATABASE_LITTLE_SPACE, "3 MB"),
    Planted(
        "endpoint in another region",
        _set("CES_ENDPOINT", "https://ces.eu-west-101.myhuaweicloud.eu"),
        Code.ENDPOINT_REGION,
        "CES_ENDPOINT is in eu-west-101",
    ),
    # This machine.
    Planted(
        "health port taken", lambda s: s.occupy("HEALTH_PORT"), Code.PORT_TAKEN, "HEALTH_PORT"
    ),
    Planted("HTTP port taken", _http_port_taken, Code.PORT_TAKEN, "--port"),
    Planted(
        "foreign address",
        lambda s: s.set(HEALTH_HOST="192.0.2.1", HEALTH_PORT="8080"),
        Code.HOST_WRONG,
        "192.0.2.1",
    ),
    Planted("heartbeat away", _dead_heartbeat, Code.HEARTBEAT_UNREACHABLE, "127.0.0.1"),
    # Slack.
    Planted(
        "Slack away",
        _set("SLACK_API_URL", "http://127.0.0.1:1/api/"),
        Code.SLACK_UNREACHABLE,
        "refuses the connection",
    ),
    Planted(
        "no such host",
        _set("SLACK_API_URL", "https://slack.invalid/api/"),
        Code.SLACK_UNREACHABLE,
        "no host",
    ),
    Planted(
        "a portal before Slack",
        lambda s: s.world.workspace.faults.always(
            slack_faults.garbled(b"<html>Sign in</html>", "text/html"), "auth.test"
        ),
        Code.SLACK_UNREADABLE,
        "doesn't answer as Slack does",
    ),
    Planted(
        "Slack has trouble",
        lambda s: s.world.workspace.faults.always(slack_faults.ERROR, "auth.test"),
        Code.SLACK_FAILED,
        "http_500",
    ),
    Planted(
        "unknown token",
        _set("SLACK_BOT_TOKEN", "xoxb-unknown"),
        Code.SLACK_TOKEN_REJECTED,
        "invalid_auth",
    ),
    Planted(
        "revoked token",
        lambda s: s.slack("auth.test", "token_revoked"),
        Code.SLACK_TOKEN_REVOKED,
        "token_revoked",
    ),
    Planted(
        "uninstalled app",
        lambda s: s.slack("auth.test", "account_inactive"),
        Code.SLACK_TOKEN_REVOKED,
        "account_inactive",
    ),
    Planted(
        "app not approved",
        lambda s: s.slack("auth.test", "team_access_not_granted"),
        Code.SLACK_ACCESS_DENIED,
        "team_access_not_granted",
    ),
    Planted(
        "an org-wide app that was added to no workspace",
        _organized(),
        Code.SLACK_NOT_ADDED,
        "the app was added to none",
    ),
    Planted(
        "a workspace that an org-wide app wasn't added to",
        _organized("T0DEMO", config='[slack]\nworkspaces = ["T0DEMO", "T0LAB"]\n'),
        Code.SLACK_WORKSPACE_UNKNOWN,
        "workspace T0LAB: the app wasn't added to it",
    ),
    Planted(
        "a sister of a workspace that is in no organization",
        _config(f'[slack]\nworkspaces = ["T0LAB"]\n{WHOLE_POLICY}'),
        Code.SLACK_WORKSPACE_UNKNOWN,
        "in no organization",
    ),
    Planted("no chat:write", _lacks("chat:write"), Code.SLACK_SCOPE_MISSING, "chat:write"),
    Planted("no commands", _lacks("commands"), Code.SLACK_SCOPE_MISSING, "commands"),
    Planted(
        "no usergroups:read",
        _lacks("usergroups:read"),
        Code.SLACK_SCOPE_MISSING,
        "usergroups:read",
    ),
    Planted("no users:read", _lacks("users:read"), Code.SLACK_SCOPE_MISSING, "users:read"),
    Planted(
        "odd signing secret",
        _http_secret("client-secret-by-mistake"),
        Code.SLACK_SECRET_ODD,
        "SLACK_SIGNING_SECRET",
    ),
    Planted(
        "unknown app token",
        _set("SLACK_APP_TOKEN", "xapp-unknown"),
        Code.APP_TOKEN_REJECTED,
        "SLACK_APP_TOKEN",
    ),
    Planted(
        "app token without scope",
        lambda s: s.slack("apps.connections.open", "missing_scope"),
        Code.APP_TOKEN_SCOPE,
        "connections:write",
    ),
    Planted(
        "app token of another app",
        _set("SLACK_APP_TOKEN", "xapp-1-A0OTHER-1-abc"),
        Code.APP_TOKEN_OF_ANOTHER_APP,
        "A0OTHER",
    ),
    Planted(
        "Socket Mode off",
        _socket_mode_off,
        Code.SOCKET_MODE_OFF,
        "off",
    ),
    Planted("sockets blocked", _lost_socket, Code.SOCKETS_BLOCKED, "doesn't open"),
    Planted(
        "no command", _changed("features.slash_commands", []), Code.MANIFEST_COMMAND, "/backup"
    ),
    Planted(
        "another command",
        _all(Scene.manifest, _set("BACKUP_BOT_COMMAND", "/dbbackup")),
        Code.MANIFEST_COMMAND,
        "it has /backup",
    ),
    Planted("mentions not escaped", _command_unescaped, Code.MANIFEST_COMMAND, "escape"),
    Planted(
        "no interactivity",
        _changed("settings.interactivity", {"is_enabled": False}),
        Code.MANIFEST_INTERACTIVITY,
        "off",
    ),
    Planted(
        "no shortcuts",
        _changed("features.shortcuts", []),
        Code.MANIFEST_SHORTCUTS,
        "Back up a database",
    ),
    Planted(
        "no home tab",
        _changed("features.app_home", {"home_tab_enabled": False}),
        Code.MANIFEST_HOME,
        "home tab is off",
    ),
    Planted(
        "no events",
        _changed("settings.event_subscriptions", {}),
        Code.MANIFEST_HOME,
        "app_home_opened",
    ),
    Planted(
        "manifest without sockets",
        _changed("settings.socket_mode_enabled", None),
        Code.MANIFEST_SOCKET_MODE,
        "off",
    ),
    Planted("sockets and HTTP", _socket_mode_on_over_http, Code.MANIFEST_SOCKET_MODE, "over HTTP"),
    Planted("no request URLs", _wrong_urls, Code.MANIFEST_URLS, "interactivity"),
    Planted(
        "channel that isn't there",
        _more('[[watch]]\ninstances = ["*"]\nchannel = "C0NONE"\n'),
        Code.CHANNEL_UNREACHABLE,
        "C0NONE",
    ),
    Planted("bot not in the channel", _private_channel, Code.CHANNEL_UNREACHABLE, "C0DBA"),
    Planted("archived channel", _archived_channel, Code.CHANNEL_ARCHIVED, "C0OLD"),
    Planted(
        "channel only for some",
        lambda s: s.slack("chat.scheduleMessage", "restricted_action"),
        Code.CHANNEL_REFUSED,
        "restricted_action",
    ),
    Planted(
        "unknown group",
        _config('[approval]\napprovers = ["S0DBA"]\nauditors = ["S0GONE"]\n'),
        Code.PERSON_UNKNOWN,
        "S0GONE",
    ),
    Planted("approver left", _left, Code.PERSON_GONE, "U0BEN"),
    Planted("whole group left", _group_left, Code.POLICY_IMPOSSIBLE, "approve"),
    Planted(
        "more approvals than people",
        _config('[approval]\napprovers = ["S0DBA"]\napprovals = 3\n'),
        Code.POLICY_IMPOSSIBLE,
        "3 approvals",
    ),
    # RDS.
    Planted(
        "RDS away",
        _set("RDS_ENDPOINT", "http://127.0.0.1:1"),
        Code.RDS_UNREACHABLE,
        "no one listens",
    ),
    Planted(
        "no such region",
        _set("RDS_ENDPOINT", "https://rds.no-such-1.invalid"),
        Code.RDS_UNREACHABLE,
        "no host",
    ),
    Planted("not HTTPS", _no_certificate, Code.RDS_UNREACHABLE, "else than HTTPS"),
    Planted("clock behind", _clock(2), Code.RDS_CLOCK, "120 minutes behind"),
    Planted("clock ahead", _clock(-2), Code.RDS_CLOCK, "120 minutes ahead"),
    Planted("clock a little off", _clock(0.05), Code.RDS_CLOCK, "3 minutes behind"),
    Planted(
        "unknown access key",
        _set("HUAWEICLOUD_SDK_AK", "EXAMPLEAK9999999999Z"),
        Code.RDS_KEY_UNKNOWN,
        "HUAWEICLOUD_SDK_AK",
    ),
    Planted(
        "wrong secret key",
        _set("HUAWEICLOUD_SDK_SK", "AnotherSecretKeyForUnitTestsOnly01234567"),
        Code.RDS_KEY_REJECTED,
        "HUAWEICLOUD_SDK_SK",
    ),
    Planted(
        "locked key",
        _said("AK access failed to reach the limit,forbidden."),
        Code.RDS_KEY_LOCKED,
        "locked",
    ),
    Planted("no agency", _without_agency, Code.RDS_AGENCY, "agency"),
    Planted(
        "token of a permanent key",
        _set("HUAWEICLOUD_SDK_SECURITY_TOKEN", "t0ken"),
        Code.RDS_TOKEN_REJECTED,
        "SECURITY_TOKEN",
    ),
    Planted(
        "temporary key expired",
        _said("calc ak sk signature fail:signature expired"),
        Code.RDS_TOKEN_REJECTED,
        "SECURITY_TOKEN",
    ),
    Planted(
        "another project", _other_project, Code.RDS_PROJECT, "0483b6b16e954cb88930a360d2c4e663"
    ),
    Planted(
        "no project",
        _without("HUAWEICLOUD_SDK_PROJECT_ID"),
        Code.RDS_PROJECT,
        "0483b6b16e954cb88930a360d2c4e663",
    ),
    Planted("endpoint of another service", _other_cloud, Code.RDS_ENDPOINT, "no RDS API"),
    Planted("a portal before RDS", _portal, Code.RDS_ENDPOINT, "doesn't answer as RDS does"),
    Planted(
        "may not list instances",
        lambda s: s.rds(403, "DBS.280015"),
        Code.RDS_CANNOT_READ,
        "list instances",
    ),
    Planted(
        "may not list backups",
        lambda s: s.rds(403, "DBS.280015", Operation.LIST_BACKUPS),
        Code.RDS_CANNOT_READ,
        "list backups",
    ),
    Planted(
        "may not create",
        lambda s: s.rds(403, "DBS.280015", Operation.CREATE_BACKUP),
        Code.RDS_CANNOT_CREATE,
        "start backups",
    ),
    Planted(
        "may not delete",
        lambda s: s.rds(403, "DBS.280015", Operation.DELETE_BACKUP),
        Code.RDS_CANNOT_DELETE,
        "delete backups",
    ),
    Planted(
        "key shared with scripts",
        lambda s: s.world.region.faults.always(rds_faults.throttled(60), Operation.LIST_INSTANCES),
        Code.RDS_BUSY,
        "no more calls",
    ),
    Planted(
        "RDS has trouble",
        lambda s: s.world.region.faults.always(rds_faults.ERROR, Operation.LIST_INSTANCES),
        Code.RDS_FAILED,
        "error",
    ),
    Planted("empty project", _no_instances, Code.RDS_NO_INSTANCES, "no instances"),
    Planted(
        "no rights for Cloud Eye",
        _all(
            _config(f"{WHOLE_POLICY}[rds]\ncloud_eye = true\n"),
            _refused(403, "APIGW.0302", Operation.LIST_EVENTS),
        ),
        Code.CLOUD_EYE,
        "refuses",
    ),
]
