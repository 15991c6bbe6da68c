"""Keys from the profile file of Huawei Cloud's SDKs."""

from pathlib import Path

import pytest

from bot.config import settings
from bot.domain.errors import SettingsError
from tests.config.test_projects import ENOUGH, EU

PROFILES = """\
[basic]
ak = OWN-AK
sk = very%secret
project_id = 0483b6b16e954cb88930a360d2c4e663

[eu]
ak = EU-AK
sk = also%secret
security_token = short-lived
"""
SWAPPED = (
    "ak in [basic] of credentials, sk in [basic] of credentials: they look swapped; "
    "the access key has 20 characters, the secret key 40."
)
PROJECT = {"HUAWEICLOUD_SDK_PROJECT_ID": "mine"}
WITHOUT_KEYS = {name: value for name, value in ENOUGH.items() if name[:15] != "HUAWEICLOUD_SDK"}


def loaded(tmp_path: Path, profiles: str, toml: str = "", **environ: str) -> settings.Settings:
    """The settings with files of these texts."""
    (tmp_path / "policy.toml").write_text(toml, "utf-8")
    (tmp_path / "credentials").write_text(profiles, "utf-8")
    given = {
        **WITHOUT_KEYS,
        "HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "BACKUP_BOT_CONFIG": str(tmp_path / "policy.toml"),
    }
    return settings.load({**given, **environ}, http=False)


def problems(tmp_path: Path, profiles: str, toml: str = "", **environ: str) -> list[str]:
    """All that is wrong, without the files' directory."""
    with pytest.raises(SettingsError) as raised:
        loaded(tmp_path, profiles, toml, **environ)
    return [problem.replace(f"{tmp_path}/", "") for problem in raised.value.problems]


def test_the_environments_project_has_the_keys_of_a_profile(tmp_path: Path) -> None:
    """Of [basic], as in the SDKs, with its project; a percent sign is one."""
    found = loaded(tmp_path, PROFILES, RDS_KEYS="profile")
    (only,) = found.projects

    assert only.keys
    assert only.keys.access_key.get_secret_value() == "OWN-AK"
    assert only.keys.secret_key.get_secret_value() == "very%secret"
    assert only.keys.security_token is None
    assert only.project_id == "0483b6b16e954cb88930a360d2c4e663"
    assert "very%secret" not in repr(found)


def test_each_project_can_have_a_profile(tmp_path: Path) -> None:
    """By the name of its section, also the environment's own; the project that is set stays."""
    toml = f'{EU}keys = "profile:eu"\n'
    home, eu = loaded(
        tmp_path,
        PROFILES,
        toml,
        RDS_KEYS="profile:basic",
        HUAWEICLOUD_SDK_PROJECT_ID="mine",
    ).projects

    assert home.keys
    assert eu.keys
    assert eu.keys.security_token
    assert eu.keys.security_token.get_secret_value() == "short-lived"
    assert (home.project_id, home.pool, eu.pool) == ("mine", "rds", "rds prod-eu")


def test_it_is_in_the_home_directory_if_it_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the SDKs look for it, too."""
    monkeypatch.setenv("HOME", str(tmp_path))
    there = tmp_path / ".huaweicloud"
    there.mkdir()
    (there / "credentials").write_text(PROFILES, "utf-8")
    found = settings.load({**WITHOUT_KEYS, "RDS_KEYS": "profile:eu"} | PROJECT, http=False)

    assert found.default_project.keys
    assert found.default_project.keys.access_key.get_secret_value() == "EU-AK"


@pytest.mark.parametrize(
    ("profiles", "problem"),
    [
        ("", "RDS_KEYS=profile: credentials has no section [basic]."),
        ("ak = very%secret", "RDS_KEYS=profile: credentials, line 1: it isn't an INI file."),
        (
            "[basic]\nak = a\nak = very%secret\n",
            "RDS_KEYS=profile: credentials, line 3: it isn't an INI file.",
        ),
        (
            "[basic]\nak = a\nvery%secret\n",
            "RDS_KEYS=profile: credentials, line 3: it isn't an INI file.",
        ),
        ("[basic]\nak = OWN-AK\n", "sk in [basic] of credentials is missing."),
        (
            '[basic]\nak = OWN-AK\nsk = "very%secret"\n',
            "sk in [basic] of credentials: remove the quotes around it.",
        ),
        (
            f"[basic]\nak = {'very%secret'.ljust(40, 'x')}\nsk = {'A' * 20}\n",
            SWAPPED,
        ),
    ],
)
def test_what_is_wrong_with_it_is_said_without_its_text(
    tmp_path: Path, profiles: str, problem: str
) -> None:
    """Once, with the file's name."""
    assert problems(tmp_path, profiles, RDS_KEYS="profile", **PROJECT) == [problem]


def test_a_file_that_is_missing_is_said_for_each_who_needs_it(tmp_path: Path) -> None:
    """Both name the file."""
    missing = {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(tmp_path / "nowhere"), **PROJECT}
    toml = f'{EU}keys = "profile:eu"\n'

    assert problems(tmp_path, "", toml, RDS_KEYS="profile", **missing) == [
        "RDS_KEYS=profile: nowhere doesn't exist.",
        "policy.toml, line 5: project 1: keys: nowhere doesn't exist.",
    ]


def test_a_projects_profile_lacks_a_key(tmp_path: Path) -> None:
    """It is named with its section."""
    toml = f'{EU}keys = "profile:eu"\n'
    keys = {"HUAWEICLOUD_SDK_AK": "AK", "HUAWEICLOUD_SDK_SK": "very-secret", **PROJECT}

    assert problems(tmp_path, "[eu]\nak = EU-AK\n", toml, **keys) == [
        "policy.toml, line 5: project 1: keys: sk in [eu] of credentials isn't set."
    ]


def test_keys_of_the_environment_beside_a_profile_are_a_mistake(tmp_path: Path) -> None:
    """Nobody could tell which are used."""
    (problem,) = problems(tmp_path, PROFILES, RDS_KEYS="profile", HUAWEICLOUD_SDK_AK="AK")

    assert problem == "HUAWEICLOUD_SDK_AK isn't used with RDS_KEYS=profile. Remove one of them."
