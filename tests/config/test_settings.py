"""Settings: what is right is taken, and everything wrong is said at once."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.config import settings
from bot.config.file import AS_WRITTEN, ApprovalTable, RuleTable
from bot.domain.errors import SettingsError
from bot.domain.policy import KINDS

ENOUGH = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_APP_TOKEN": "xapp-1",
    "HUAWEICLOUD_SDK_AK": "AK",
    "HUAWEICLOUD_SDK_SK": "very-secret",
    "HUAWEICLOUD_SDK_PROJECT_ID": "0483b6b16e954cb88930a360d2c4e663",
    "HUAWEICLOUD_REGION": "ap-southeast-1",
}


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts in a directory without a config file."""
    monkeypatch.chdir(tmp_path)


def written(text: str) -> dict[str, str]:
    """An environment that points at a config file with this text."""
    Path("policy.toml").write_text(text, "utf-8")
    return {**ENOUGH, "BACKUP_BOT_CONFIG": "policy.toml"}


def problems(environ: dict[str, str], *, http: bool = False) -> list[str]:
    """All that is wrong."""
    with pytest.raises(SettingsError) as raised:
        settings.load(environ, http=http)
    return list(raised.value.problems)


def test_the_environment_alone_is_enough() -> None:
    """Without a file there are defaults, and the policy is the built-in one."""
    loaded = settings.load(ENOUGH, http=False)

    assert loaded.environment.database_url == "sqlite:///backup-bot.db"
    assert loaded.environment.command == "/backup"
    assert loaded.rds_endpoint == "https://rds.ap-southeast-1.myhuaweicloud.com"
    assert loaded.cloud_eye_endpoint == "https://ces.ap-southeast-1.myhuaweicloud.com"
    assert not loaded.file.rds.cloud_eye
    assert str(loaded.file.policy.defaults.rule) == "the default policy"
    assert loaded.file.policy.defaults.expires_after == timedelta(hours=8)


def test_everything_is_kept_unless_the_file_says_otherwise() -> None:
    """And what it says is not so short that people lose what they work with."""
    assert settings.load(ENOUGH, http=False).file.store.keep is None
    kept = settings.load(written('[store]\nkeep = "400d"\narchive = "old"'), http=False).file.store

    assert (kept.keep, kept.archive) == (timedelta(days=400), "old")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('keep = "29d"', 'line 2: store.keep: write "30d" or more'),
        ('keep = "99999d"', 'line 2: store.keep: write "30d" or more, and at most "36500d"'),
        ('keep = "for ever"', 'line 2: store.keep: write a duration like "8h"'),
        ('archive = "old"', "line 1: store: archive does nothing without keep; add one, for"),
        ('kept = "400d"', "line 2: store.kept isn't a setting; did you mean keep?"),
    ],
)
def test_what_cannot_be_kept_is_said(text: str, problem: str) -> None:
    """With the line."""
    (found,) = problems(written(f"[store]\n{text}\n"))

    assert problem in found


def test_one_region_has_another_domain() -> None:
    """Huawei serves eu-west-101 under .eu."""
    loaded = settings.load({**ENOUGH, "HUAWEICLOUD_REGION": "eu-west-101"}, http=False)

    assert loaded.rds_endpoint == "https://rds.eu-west-101.myhuaweicloud.eu"
    assert loaded.cloud_eye_endpoint == "https://ces.eu-west-101.myhuaweicloud.eu"


def test_everything_missing_is_said_at_once() -> None:
    """An empty environment names all that is needed, in one go."""
    said = "\n".join(problems({}))

    for name in ENOUGH:
        assert f"{name} is missing" in said


def test_http_needs_the_signing_secret_and_no_app_token() -> None:
    """Each mode asks for its own secret only."""
    without = {name: value for name, value in ENOUGH.items() if name != "SLACK_APP_TOKEN"}

    assert problems(without, http=True) == [
        "SLACK_SIGNING_SECRET is missing: --http needs it to verify Slack's requests."
    ]
    settings.load({**without, "SLACK_SIGNING_SECRET": "secret"}, http=True)


def test_a_blank_value_is_a_missing_one() -> None:
    """`SLACK_BOT_TOKEN=` in an env file means that nobody filled it in."""
    assert problems({**ENOUGH, "SLACK_BOT_TOKEN": " "}) == ["SLACK_BOT_TOKEN is missing."]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://root@db/bot"),
        ("DATABASE_URL", "not a url"),
        ("SLACK_API_URL", "slack.com/api"),
        ("RDS_ENDPOINT", "ftp://rds"),
        ("CES_ENDPOINT", "ftp://ces"),
        ("BACKUP_BOT_COMMAND", "backup"),
        ("LOG_FORMAT", "xml"),
        ("AUDIT_KEY", "too short"),
        ("BACKUP_BOT_CONFIG", "nowhere.toml"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    """One sentence says which variable, or file, is wrong."""
    (problem,) = problems({**ENOUGH, name: value})

    assert problem.startswith((name, value))


def test_secrets_stay_out_of_every_message() -> None:
    """Neither a problem nor a repr shows a secret."""
    wrong = {**ENOUGH, "LOG_FORMAT": "very-secret", "AUDIT_KEY": "very-secret"}

    assert "very-secret" not in "\n".join(problems(wrong))
    assert "very-secret" not in repr(settings.load(ENOUGH, http=False))


def test_the_file_becomes_the_policy() -> None:
    """The tables of the README are read as they stand there."""
    loaded = settings.load(
        written(
            """
            [rds]
            calls_per_minute = 30
            [approval]
            approvers = ["S0DBA", "U0BEN"]
            expires_after = "1d 12h"
            remind_after = "1h"
            [[rule]]
            instances = ["orders-*"]
            approvals = 2
            [aliases]
            orders = "orders-prod"
            """
        ),
        http=False,
    )

    policy = loaded.file.policy
    assert policy.terms_for("billing", "1").expires_after == timedelta(hours=36)
    assert str(policy.terms_for("billing", "1").rule) == "[approval]"
    assert policy.terms_for("orders-prod", "1").approvals == 2
    assert policy.terms_for("orders-prod", "1").approvers == ("S0DBA", "U0BEN")
    assert loaded.file.aliases == {"orders": "orders-prod"}


def test_the_default_file_is_read_where_it_exists() -> None:
    """`backup-bot.toml` in the working directory needs no variable."""
    Path("backup-bot.toml").write_text("[rds]\npoll_seconds = 5\n", "utf-8")

    assert settings.load(ENOUGH, http=False).file.rds.poll_seconds == 5


def test_every_problem_of_a_file_is_said_at_once() -> None:
    """Unknown keys, wrong ids, wrong durations, wrong numbers: one list."""
    said = problems(
        written(
            """
            [approval]
            aprovers = ["S0DBA"]
            approvers = ["@dba"]
            expires_after = "soon"
            [[rule]]
            instances = []
            approvals = -1
            """
        )
    )

    assert len(said) == 5
    assert [problem.split(": ")[0] for problem in said] == [
        f"policy.toml, line {line}" for line in (3, 4, 5, 7, 8)
    ]
    assert any("approval.aprovers isn't a setting" in problem for problem in said)
    assert any("'@dba' isn't a Slack user ID" in problem for problem in said)


def test_every_alias_that_cannot_work_is_said_with_its_line() -> None:
    """Two that differ only in case, one of another, one with a blank, one of nothing."""
    said = problems(
        written(
            """
            [aliases]
            shop = "orders-prod"
            Shop = "billing-prod"
            store = "shop"
            "my shop" = "orders-prod"
            empty = ""
            """
        )
    )

    assert [problem.split(": ")[:2] for problem in said] == [
        ["policy.toml, line 4", "alias Shop"],
        ["policy.toml, line 5", "alias store"],
        ["policy.toml, line 6", "alias my shop"],
        ["policy.toml, line 7", "alias empty"],
    ]


def test_a_huge_duration_is_refused_in_a_moment() -> None:
    """However many digits it has."""
    (problem,) = problems(written(f"[approval]\nexpires_after = '{'1' * 40_000}'\n"))

    assert "write a duration" in problem


def test_a_file_that_is_not_toml_says_where() -> None:
    """The line and column are in the message."""
    (problem,) = problems(written("[approval\n"))

    assert "policy.toml isn't valid TOML" in problem
    assert "line 1" in problem


@pytest.mark.parametrize(
    ("content", "cure"),
    [
        ("[rds]\n".encode("utf-16"), "save it as UTF-8"),
        ("[rds]\n".encode("utf-16-le"), "save it as UTF-8"),
        ("[rds]\n# für später\n".encode("latin-1"), "line 2 isn't UTF-8; save it as UTF-8"),
        (b"a = " + b"[" * 5_000, "isn't valid TOML"),
        (b"a = " + b"9" * 5_000, "isn't valid TOML"),
        (b'[approval]\nexpires_after = "99999999999999999999d"\n', "line 2: "),
    ],
)
def test_a_file_that_no_editor_should_have_left(content: bytes, cure: str) -> None:
    """Another encoding, or beyond all bounds."""
    Path("policy.toml").write_bytes(content)
    (problem,) = problems({**ENOUGH, "BACKUP_BOT_CONFIG": "policy.toml"})

    assert problem.startswith("policy.toml")
    assert cure in problem


def test_a_byte_order_mark_is_no_part_of_the_file() -> None:
    """Windows editors put one there."""
    Path("policy.toml").write_bytes(b"\xef\xbb\xbf[rds]\r\npoll_seconds = 5\r\n")
    loaded = settings.load({**ENOUGH, "BACKUP_BOT_CONFIG": "policy.toml"}, http=False)

    assert loaded.file.rds.poll_seconds == 5
    assert loaded.source.read


def test_without_a_file_it_is_known_where_it_was_looked_for() -> None:
    """So that `run` and `check` can say it."""
    source = settings.load(ENOUGH, http=False).source

    assert not source.read
    assert source.path == Path("backup-bot.toml").absolute()


def test_every_key_of_the_policy_can_be_written_in_the_file() -> None:
    """In [approval] and in each rule, as a key of its kind is written."""
    assert set(ApprovalTable.model_fields) == set(KINDS)
    assert set(RuleTable.model_fields) == {"instances", *KINDS}
    assert set(KINDS.values()) - {bool} <= set(AS_WRITTEN)


def test_cloud_eye_needs_an_address() -> None:
    """Its own or a region; only if it is enabled."""
    Path("policy.toml").write_text("[rds]\ncloud_eye = true\n", "utf-8")
    without = {name: value for name, value in ENOUGH.items() if name != "HUAWEICLOUD_REGION"}
    given = without | {"RDS_ENDPOINT": "https://rds.internal"}
    enabled = given | {"BACKUP_BOT_CONFIG": "policy.toml"}

    settings.load(given, http=False)
    assert problems(enabled) == [
        "CES_ENDPOINT or HUAWEICLOUD_REGION is missing: cloud_eye = true needs one."
    ]
    loaded = settings.load(enabled | {"CES_ENDPOINT": "https://ces.internal/"}, http=False)
    assert loaded.cloud_eye_endpoint == "https://ces.internal"


def test_the_file_names_the_workspaces_of_an_organization() -> None:
    """By default none, and they share nothing."""
    table = settings.load(
        written(
            """
            [slack]
            workspaces = ["T0HQ", "T0LAB"]
            share = true
            """
        ),
        http=False,
    ).file.slack
    none = settings.load(ENOUGH, http=False).file.slack

    assert (table.workspaces, table.share) == (("T0HQ", "T0LAB"), True)
    assert (none.workspaces, none.share) == ((), False)


def test_only_a_workspace_has_the_id_of_one() -> None:
    """An organization's begins with E; a name isn't an ID."""
    for wrong in ("E0ACME", "acme"):
        (problem,) = problems(written(f'[slack]\nworkspaces = ["{wrong}"]\n'))

        assert f"slack.workspaces: {wrong!r} isn't a workspace ID (T…)" in problem


ROTATION = {
    "SLACK_REFRESH_TOKEN": "xoxe-1-refresh",
    "SLACK_CLIENT_ID": "123.456",
    "SLACK_CLIENT_SECRET": "very-secret",
}


def test_token_rotation_is_off_unless_all_of_it_is_set() -> None:
    """A part of it would fail in twelve hours."""
    assert settings.load(ENOUGH, http=False).environment.refresh_token is None
    assert settings.load({**ENOUGH, **ROTATION}, http=False).environment.client_id == "123.456"
    for name in ROTATION:
        rest = {key: value for key, value in ROTATION.items() if key != name}
        (problem,) = problems({**ENOUGH, **rest})

        assert problem.startswith(f"{name} is missing: tokens rotate only with")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK_REFRESH_TOKEN", "xoxb-1-token"),
        ("SLACK_REFRESH_TOKEN", "xoxe.xoxb-1-token"),
        ("SLACK_CLIENT_ID", "A0DEMO"),
        ("SLACK_CLIENT_SECRET", "xoxe-1-refresh"),
    ],
)
def test_the_parts_of_rotation_are_told_apart(name: str, value: str) -> None:
    (problem,) = problems({**ENOUGH, **ROTATION, name: value})

    assert problem.startswith(f"{name}: ")
