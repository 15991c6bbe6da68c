"""`[[project]]`: which projects there are, how each is reached, and whose calls count together."""

from pathlib import Path

import pytest

from bot.config import settings
from bot.domain.errors import SettingsError
from bot.domain.instances import Instance

ENOUGH = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_APP_TOKEN": "xapp-1",
    "HUAWEICLOUD_SDK_AK": "AK",
    "HUAWEICLOUD_SDK_SK": "very-secret",
    "HUAWEICLOUD_SDK_PROJECT_ID": "0483b6b16e954cb88930a360d2c4e663",
    "HUAWEICLOUD_REGION": "ap-southeast-1",
}
EU = """[[project]]
name = "prod-eu"
region = "eu-west-101"
project_id = "ffff"
"""
KEYS = {"EU_AK": "EU-AK", "EU_SK": "also-secret"}


def loaded(tmp_path: Path, text: str, **environ: str) -> settings.Settings:
    """The settings with a file of this text."""
    file = tmp_path / "policy.toml"
    file.write_text(text, "utf-8")
    return settings.load({**ENOUGH, **environ, "BACKUP_BOT_CONFIG": str(file)}, http=False)


def problems(tmp_path: Path, text: str, **environ: str) -> list[str]:
    """All that is wrong, without the file's directory."""
    with pytest.raises(SettingsError) as raised:
        loaded(tmp_path, text, **environ)
    return [problem.replace(f"{tmp_path}/", "") for problem in raised.value.problems]


def test_without_tables_there_is_the_environments_project(tmp_path: Path) -> None:
    """Its name is its region."""
    (only,) = loaded(tmp_path, "").projects

    assert (only.name, only.pool, only.calls_per_minute) == ("ap-southeast-1", "rds", 60)
    assert only.endpoint == "https://rds.ap-southeast-1.myhuaweicloud.com"


def test_without_a_region_its_name_is_default(tmp_path: Path) -> None:
    """An endpoint alone doesn't say which region it is of."""
    own = {"HUAWEICLOUD_REGION": "", "RDS_ENDPOINT": "https://rds.example.com"}

    assert loaded(tmp_path, "", **own).projects[0].name == "default"


def test_a_project_has_its_own_region_and_keys(tmp_path: Path) -> None:
    """Its calls are counted for themselves, since its user is another one."""
    found = loaded(tmp_path, f'{EU}keys = "EU"\ncalls_per_minute = 90\n', **KEYS)
    home, eu = found.projects

    assert eu.endpoint == "https://rds.eu-west-101.myhuaweicloud.eu"
    assert eu.keys
    assert eu.keys.access_key.get_secret_value() == "EU-AK"
    assert (eu.pool, eu.calls_per_minute) == ("rds prod-eu", 90)
    assert (home.pool, home.calls_per_minute) == ("rds", 60)
    assert "also-secret" not in repr(found)


@pytest.mark.parametrize("keys", ["", 'keys = "EU"\n'])
def test_projects_with_one_access_key_share_its_calls(tmp_path: Path, keys: str) -> None:
    """RDS counts them per user, so the smallest limit holds, however the key is named."""
    home, eu = loaded(
        tmp_path, f"{EU}{keys}calls_per_minute = 30\n", EU_AK="AK", EU_SK="very-secret"
    ).projects

    assert home.pool == eu.pool == "rds"
    assert home.calls_per_minute == eu.calls_per_minute == 30


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (EU + EU, "policy.toml, line 6: project 2: name: project 1 has the name prod-eu, too."),
        (
            EU.replace("prod-eu", "ap-southeast-1"),
            "line 2: project 1: name: the environment's project has the name ap-southeast-1, too",
        ),
        (EU.replace("prod-eu", "prod/eu"), "project 1: name: use letters, digits, and . _ - only"),
        (f'{EU}keys = "eu"\n', "line 5: project 1: keys: write what the names of the variables"),
        (f"{EU}calls_per_minute = 3\n", "line 5: project 1: calls_per_minute: "),
        (f'{EU}key = "EU"\n', "project 1: key isn't a setting; did you mean keys?"),
        ('[[project]]\nname = "prod-eu"\n', "project 1: project_id is missing."),
    ],
)
def test_a_wrong_table_is_said_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    """Every problem names the project and the key."""
    assert any(problem in found for found in problems(tmp_path, text))


def test_a_project_without_its_keys_is_said_with_both_names(tmp_path: Path) -> None:
    """Each variable that is missing, or can't be right, without its value."""
    text = f'{EU}keys = "EU"\n'

    assert problems(tmp_path, text) == [
        "policy.toml, line 5: project 1: keys: EU_AK isn't set.",
        "policy.toml, line 5: project 1: keys: EU_SK isn't set.",
    ]
    (problem,) = problems(tmp_path, text, EU_AK="EU-AK", EU_SK="xoxb-secret")
    assert problem.startswith("policy.toml, line 5: project 1: keys: EU_SK: it's a bot token")


def test_each_projects_instances_are_shown_in_its_console(tmp_path: Path) -> None:
    """The address of the default project would lead nowhere."""
    console = loaded(tmp_path, EU.replace("eu-west-101", "cn-north-4")).console
    theirs = Instance(id="i1", name="a", status="ACTIVE", project="prod-eu")
    ours = Instance(id="i1", name="a", status="ACTIVE", project="ap-southeast-1")

    assert "region=cn-north-4" in str(console.link(theirs))
    assert "region=ap-southeast-1" in str(console.link(ours))


def test_a_rule_about_the_default_project_holds_for_older_requests(tmp_path: Path) -> None:
    """They were stored without a project, when there was only one."""
    rule = '[[rule]]\ninstances = ["ap-southeast-1/*"]\napprovals = 0\n'
    policy = loaded(tmp_path, rule).policy

    assert policy.terms_for("orders", "i1").approvals == 0
    assert policy.terms_for("orders", "i1", "prod-eu").approvals == 1


AGENCY = {"RDS_KEYS": "agency", "HUAWEICLOUD_SDK_AK": "", "HUAWEICLOUD_SDK_SK": ""}


def test_an_agency_needs_no_keys_in_the_environment(tmp_path: Path) -> None:
    """A project can have keys of its own all the same."""
    home, eu = loaded(tmp_path, f'{EU}keys = "EU"\n', **AGENCY, **KEYS).projects

    assert home.keys is None
    assert home.metadata_endpoint == "http://169.254.169.254"
    assert eu.keys
    assert (home.pool, eu.pool) == ("rds", "rds prod-eu")


def test_projects_of_one_agency_share_its_calls(tmp_path: Path) -> None:
    """It is one user to RDS, whatever its key is at the moment."""
    home, eu = loaded(tmp_path, EU, **AGENCY).projects
    _, other = loaded(tmp_path, f'{EU}keys = "agency"\n').projects

    assert eu.keys is other.keys is None
    assert (home.pool, eu.pool, other.pool) == ("rds", "rds", "rds prod-eu")


def test_keys_beside_an_agency_are_a_mistake(tmp_path: Path) -> None:
    """One of them wouldn't be used, and which one isn't obvious."""
    assert problems(tmp_path, "", RDS_KEYS="agency") == [
        "HUAWEICLOUD_SDK_AK isn't used with RDS_KEYS=agency. Remove one of them.",
        "HUAWEICLOUD_SDK_SK isn't used with RDS_KEYS=agency. Remove one of them.",
    ]
