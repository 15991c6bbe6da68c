"""`backup-bot check`: all that is wrong, at once, before anybody asks for anything."""

import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.checks.findings import Finding, Level
from bot.cli.check import findings, run_check
from bot.demo.rds import faults as rds_faults
from bot.demo.rds.api import RdsServer
from bot.demo.rds.region import Region
from bot.demo.rds.wire import Operation
from bot.demo.slack import faults as slack_faults
from bot.demo.world import BEN, CAT, OfflineWorld, offline_world
from bot.runtime.clock import Clock
from tests.config.test_settings import ENOUGH

GOOD = """\
[approval]
approvers = ["S0DBA"]
channel = "C0OPS"
"""
COVERED = "can never match: rule 1 covers all of it, and the first match applies"


@pytest.fixture
async def world() -> AsyncIterator[OfflineWorld]:
    async with offline_world(Clock()) as world:
        yield world
        assert world.workspace.scheduled == {}
        assert world.workspace.violations == []


async def found(
    world: OfflineWorld, tmp_path: Path, config: str, *, offline: bool = False
) -> list[str]:
    """Everything but what is in order, and what can't be found out."""
    file = tmp_path / "policy.toml"
    file.write_text(config, "utf-8")
    environ = world.environ | {
        "BACKUP_BOT_CONFIG": str(file),
        "DATABASE_URL": f"sqlite:///{tmp_path}/bot.db",
    }
    everything = [f async for f in findings(environ, offline=offline, address=None)]
    wrong = (Level.PROBLEM, Level.WARNING)
    return [text(f, file) for f in everything if f.level in wrong]


def text(finding: Finding, file: Path) -> str:
    return f"{finding.level:<8} {finding.text}".replace(str(file), "policy.toml")


async def test_all_is_well(world: OfflineWorld, tmp_path: Path) -> None:
    """Nothing to say, nothing posted, nothing created."""
    assert await found(world, tmp_path, GOOD) == []
    assert world.workspace.messages("C0OPS") == []
    assert not (tmp_path / "bot.db").exists()


async def test_everything_in_the_file_is_said_with_its_line(
    world: OfflineWorld, tmp_path: Path
) -> None:
    """Unknown keys, a rule that can never match, too many approvals: one list."""
    wrong = '[approval]\naprovers = ["S0DBA"]\n[[rule]]\ninstances = ["*"]\nchannel = "ops"\n'
    never = (
        f'{GOOD}[[rule]]\ninstances = ["orders-*"]\n[[rule]]\ninstances = ["orders-prod"]\n'
        'approvals = 2\napprovers = ["U0BEN"]\n'
    )

    assert [
        line.removeprefix("problem  policy.toml, ")
        for line in (
            *await found(world, tmp_path, wrong),
            *await found(world, tmp_path, never),
        )
    ] == [
        "line 2: approval.aprovers isn't a setting; did you mean approvers?",
        "line 5: rule 1: channel: 'ops' isn't a channel ID (C…).",
        f"line 7: rule 2: instances: {COVERED}.",
        "line 8: rule 2: approvals: requires 2 approvals, but only 1 person can approve.",
    ]


async def test_who_is_not_there(world: OfflineWorld, tmp_path: Path) -> None:
    """A group Slack does not know, one that left, more approvals than living members."""
    world.workspace.users[CAT].deleted = True
    config = (
        '[approval]\napprovers = ["S0DBA"]\napprovals = 2\nbreak_glass = ["U0CAT"]\n'
        'auditors = ["S0GONE"]\n'
    )
    said = await found(world, tmp_path, config)

    assert said == [
        "problem  S0GONE: Slack can't say who that is (no_such_subteam)",
        (
            "problem  policy.toml, line 3: [approval]: requires 2 approvals, but only 1 person "
            "can approve."
        ),
        "problem  policy.toml, line 4: [approval]: U0CAT left Slack or is a bot.",
    ]


async def test_where_the_bot_may_not_post(world: OfflineWorld, tmp_path: Path) -> None:
    """Not in the approval channel, an archived one, none at all."""
    world.workspace.add_channel("C0DBA", "dba", [BEN], private=True)
    world.workspace.add_channel("C0OLD", "old", ["U0BOT"], archived=True)
    rules = "".join(
        f'[[rule]]\ninstances = ["{name}"]\nchannel = "{channel}"\n'
        for name, channel in (("orders-*", "C0DBA"), ("dev-*", "C0OLD"), ("billing-*", "C0NONE"))
    )
    said = await found(world, tmp_path, GOOD + rules)

    assert [line.split(":")[0] for line in said] == [
        "problem  channel C0DBA",
        "problem  channel C0NONE",
        "problem  channel C0OLD",
    ]


async def test_what_matches_nothing_is_a_warning(world: OfflineWorld, tmp_path: Path) -> None:
    """A rule and an alias for instances that are not there yet."""
    config = f'{GOOD}[[rule]]\ninstances = ["future-*"]\n[aliases]\nold = "gone"\n'

    assert await found(world, tmp_path, config) == [
        "warning  policy.toml, line 5: rule 1: it matches no existing instance.",
        "warning  policy.toml, line 7: alias old: no instance is named gone.",
    ]


async def test_an_alias_that_an_instance_is_named_is_a_warning(
    world: OfflineWorld, tmp_path: Path
) -> None:
    """The instance wins, so the alias is for nothing; and RDS backs up no replica."""
    config = f'{GOOD}[aliases]\nbilling-prod = "orders-prod"\nread = "orders-replica"\n'
    said = await found(world, tmp_path, config)

    assert [line.split(": ")[0] for line in said] == [
        "warning  policy.toml, line 5",
        "warning  policy.toml, line 6",
    ]
    assert "so the alias is never used" in said[0]
    assert "is a read replica" in said[1]


async def test_outages_hide_nothing_else(world: OfflineWorld, tmp_path: Path) -> None:
    """Slack is down and RDS rejects the key: both are said."""
    world.workspace.faults.always(slack_faults.ERROR, "auth.test")
    world.region.faults.always(rds_faults.refused(403, "APIGW.0301"), Operation.LIST_INSTANCES)
    said = "\n".join(await found(world, tmp_path, GOOD))

    assert "Slack: it answered http_500" in said
    assert "RDS: it rejects the access key (APIGW.0301" in said


async def test_cloud_eye_is_asked_for_both_of_its_answers(
    world: OfflineWorld, tmp_path: Path
) -> None:
    """If it is enabled: the list and the details have a permission each."""
    config = f"{GOOD}[rds]\ncloud_eye = true\n"
    assert await found(world, tmp_path, config) == []
    for operation in (Operation.LIST_EVENTS, Operation.SHOW_EVENT):
        world.region.faults.next(operation, rds_faults.refused(403, "APIGW.0302"))
        (said,) = await found(world, tmp_path, config)

        assert said.startswith("problem  Cloud Eye: http://")
        assert "refuses the call (APIGW.0302, request " in said


async def test_offline_makes_no_calls(world: OfflineWorld, tmp_path: Path) -> None:
    """Settings and file alone."""
    assert await found(world, tmp_path, GOOD, offline=True) == []
    assert world.workspace.calls == []
    assert world.region.calls == []


async def test_without_a_file_it_is_said_who_may_do_what(
    world: OfflineWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it was looked for, and that anyone may then."""
    monkeypatch.chdir(tmp_path)
    (first,) = [f async for f in findings(world.environ, offline=True, address=None)][:1]

    assert first.level is Level.WARNING
    assert f"{tmp_path}/backup-bot.toml doesn't exist, so anyone can request" in first.text


async def test_which_file_was_read_is_said(world: OfflineWorld, tmp_path: Path) -> None:
    """By its whole path."""
    (tmp_path / "policy.toml").write_text(GOOD)
    environ = world.environ | {"BACKUP_BOT_CONFIG": str(tmp_path / "policy.toml")}
    (first,) = [f async for f in findings(environ, offline=True, address=None)][:1]

    assert first.text == f"settings: read from {tmp_path}/policy.toml, 0 rules"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 0),
        ({"HEALTH_PORT": "many\x1b"}, 2),
        ({"DATABASE_URL": "postgresql+psycopg://bot:hunter2@127.0.0.1:1/bot"}, 1),
    ],
    ids=["well", "settings", "outside"],
)
def test_the_exit_code_tells_settings_from_the_outside(
    change: dict[str, str], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """0, 2 or 1."""
    environ = ENOUGH | {"DATABASE_URL": f"sqlite:///{tmp_path}/bot.db"} | change

    assert run_check(environ, offline=True, address=None, as_json=False) == code
    said = capsys.readouterr().out
    assert "hunter2" not in said
    assert "\x1b" not in said
    problems = "1 problem, " if code else "0 problems, "
    assert said.splitlines()[-1].startswith(problems)


EU = """
[[project]]
name = "prod-eu"
region = "eu-west-0"
project_id = "ffffb6b16e954cb88930a360d2c4e663"
endpoint = "{endpoint}"
keys = "EU"
"""


@asynccontextmanager
async def two_projects(world: OfflineWorld) -> AsyncIterator[tuple[Region, str]]:
    """Another project's region, and the table for it."""
    access_key, secret_key = "EXAMPLEAKOFEU456789A", "S" * 40
    eu = Region(
        world.region.clock,
        project_id="ffffb6b16e954cb88930a360d2c4e663",
        access_key=access_key,
        secret_key=secret_key,
    )
    eu.add_instance("orders-eu")
    world.environ.update(EU_AK=access_key, EU_SK=secret_key)
    async with RdsServer(eu) as server:
        yield eu, GOOD + EU.format(endpoint=server.endpoint)


async def test_each_project_is_checked_like_the_only_one(
    world: OfflineWorld, tmp_path: Path
) -> None:
    """What is wrong with one says which, and which variable to set."""
    async with two_projects(world) as (eu, config):
        assert await found(world, tmp_path, config) == []

        world.environ["EU_SK"] = "T" * 40
        wrong = await found(world, tmp_path, config)
        calls = len(eu.calls)

    assert [line.partition(" (")[0] for line in wrong] == [
        "problem  prod-eu: RDS: EU_SK isn't the secret of EU_AK"
    ]
    assert sum(call.signed_ok is False for call in eu.calls[:calls]) <= 1


async def test_the_keys_of_a_profile_are_named_as_they_are_in_its_file(
    world: OfflineWorld, tmp_path: Path
) -> None:
    """Of the environment's project and of another; Cloud Eye is asked where RDS takes the key."""
    environ = world.environ
    profiles = tmp_path / "credentials"
    environ.update(RDS_KEYS="profile", HUAWEICLOUD_SDK_CREDENTIALS_FILE=str(profiles))
    own = environ.pop("HUAWEICLOUD_SDK_AK"), environ.pop("HUAWEICLOUD_SDK_SK")
    async with two_projects(world) as (eu, tables):
        theirs = environ.pop("EU_AK"), environ.pop("EU_SK")
        endpoint = tomllib.loads(tables)["project"][0]["endpoint"]
        keys = f'"profile:eu"\ncloud_eye_endpoint = "{endpoint}"'
        config = tables.replace('"EU"', keys) + "[rds]\ncloud_eye = true\n"
        eu.faults.always(rds_faults.refused(403, "APIGW.0302"), Operation.LIST_EVENTS)
        home = world.region.calls

        async def said(own_secret: str, their_secret: str) -> list[str]:
            text = "[basic]\nak = {}\nsk = {}\n[eu]\nak = {}\nsk = {}\n"
            profiles.write_text(text.format(own[0], own_secret, theirs[0], their_secret))
            lines = await found(world, tmp_path, config)
            return [line.partition(" (")[0] for line in lines]

        refused = f"problem  prod-eu: Cloud Eye: {endpoint} refuses the call"
        assert await said(own[1], theirs[1]) == [refused]
        home.clear()
        assert await said("T" * 40, "T" * 40) == [
            "problem  ap-southeast-1: RDS: sk in [basic] isn't the secret of ak in [basic]",
            "problem  prod-eu: RDS: sk in [eu] isn't the secret of ak in [eu]",
        ]
        assert not any(call.operation is Operation.LIST_EVENTS for call in home)


async def test_a_rule_may_match_in_any_project(world: OfflineWorld, tmp_path: Path) -> None:
    """It matches nothing only if no project has such an instance, and all could be read."""
    rules = "".join(
        f'[[rule]]\ninstances = ["{glob}"]\napprovals = 2\n'
        for glob in ("orders-eu", "prod-eu/*", "ap-southeast-1/orders-*", "prod-us/*")
    )
    async with two_projects(world) as (eu, config):
        said = await found(world, tmp_path, config.replace("[[project]]", f"{rules}[[project]]"))
        eu.faults.always(rds_faults.UNAVAILABLE)
        away = await found(world, tmp_path, config.replace("[[project]]", f"{rules}[[project]]"))

    assert [line.partition(", ")[2] for line in said] == [
        "line 15: rule 4: it matches no existing instance."
    ]
    assert [line.partition(" (")[0] for line in away] == [
        "problem  prod-eu: RDS: it answers with an error"
    ]
