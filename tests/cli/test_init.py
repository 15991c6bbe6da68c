"""`backup-bot init`: what is asked, and what is written."""

import asyncio
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli.init import config_text, env_text, start
from bot.config import settings
from bot.demo.world import offline_world
from bot.domain.errors import SettingsError
from bot.runtime.clock import Clock
from tests.config.test_settings import ENOUGH


class Person:
    """Answers from a list, and remembers what was said."""

    def __init__(self, *answers: str) -> None:
        self._answers: Iterator[str] = iter(answers)
        self.asked: list[tuple[str, bool]] = []
        self.heard: list[str] = []

    def say(self, text: str) -> None:
        self.heard.append(text)

    def ask(self, question: str, *, secret: bool) -> str:
        self.asked.append((question, secret))
        try:
            return next(self._answers)
        except StopIteration:
            raise EOFError from None


def answers(world: dict[str, str], *more: str) -> list[str]:
    keys = (
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
        "HUAWEICLOUD_REGION",
        "HUAWEICLOUD_SDK_AK",
        "HUAWEICLOUD_SDK_SK",
    )
    return [*(world[key] for key in keys), *more]


def loaded(directory: Path) -> settings.Settings:
    """Both files, as `run` reads them."""
    lines = (directory / ".env").read_text("utf-8").splitlines()
    environ = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    environ["BACKUP_BOT_CONFIG"] = str(directory / "backup-bot.toml")
    return settings.load(environ, http=False)


@pytest.fixture
def no_iam(monkeypatch: pytest.MonkeyPatch) -> None:
    """IAM can't be reached."""
    monkeypatch.setenv("IAM_ENDPOINT", "http://127.0.0.1:1")


@pytest.mark.usefixtures("no_iam")
def test_the_answers_become_settings_that_work(tmp_path: Path) -> None:
    person = Person(
        *answers(ENOUGH, ENOUGH["HUAWEICLOUD_SDK_PROJECT_ID"], "S0DBA, U0BEN", "C0OPS")
    )

    assert start(tmp_path, person) == 0
    read = loaded(tmp_path)
    assert read.environment.region == "ap-southeast-1"
    assert read.file.policy.defaults.approvers == ("S0DBA", "U0BEN")
    assert read.file.policy.defaults.channel == "C0OPS"
    assert read.file.policy.rules == ()
    assert read.file.watches == ()
    assert "backup-bot check" in person.heard[-1]


@pytest.mark.usefixtures("no_iam")
def test_without_answers_anyone_approves_in_the_channel_of_the_request(tmp_path: Path) -> None:
    person = Person(*answers(ENOUGH, ENOUGH["HUAWEICLOUD_SDK_PROJECT_ID"], "", ""))
    start(tmp_path, person)

    defaults = loaded(tmp_path).file.policy.defaults
    assert (defaults.approvers, defaults.channel) == ((), None)


@pytest.mark.usefixtures("no_iam")
def test_secrets_are_not_shown_while_they_are_typed_nor_readable_by_others(tmp_path: Path) -> None:
    person = Person(*answers(ENOUGH, ENOUGH["HUAWEICLOUD_SDK_PROJECT_ID"], "", ""))
    start(tmp_path, person)

    hidden = [
        question.split(" (")[0].split(" [")[0] for question, secret in person.asked if secret
    ]
    assert hidden == ["Bot token", "App-level token", "Secret access key: "]
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert "very-secret" not in "".join(person.heard)


@pytest.mark.usefixtures("no_iam")
def test_a_wrong_answer_is_asked_again_with_the_reason(tmp_path: Path) -> None:
    person = Person(
        "xapp-1", "", *answers(ENOUGH, "0483b6b16e954cb88930a360d2c4e663", "dba", "S0DBA", "")
    )
    start(tmp_path, person)

    said = "\n".join(person.heard)
    assert "It's an app-level token, which belongs in SLACK_APP_TOKEN; use the bot token" in said
    assert "An answer is needed." in said
    assert "Write IDs like S0DBA." in said


@pytest.mark.parametrize("name", [".env", "backup-bot.toml"])
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(SettingsError, match="exists already"):
        start(tmp_path, Person())

    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_who_stops_in_between_leaves_nothing(tmp_path: Path) -> None:
    assert start(tmp_path, Person("xoxb-1")) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_the_example_with_everything_else_as_a_comment() -> None:
    document = tomllib.loads(config_text("S0DBA", ""))

    assert {name for name, table in document.items() if table} == {"approval"}
    assert document["approval"]["approvers"] == ["S0DBA"]


def test_the_env_file_keeps_the_comments() -> None:
    text = env_text({"SLACK_BOT_TOKEN": "xoxb-1"})

    assert "\nSLACK_BOT_TOKEN=xoxb-1\n" in text
    assert "# Slack:" in text


async def test_the_project_is_found_by_its_region(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IAM knows it, so nobody has to look it up."""
    async with offline_world(Clock()) as world:
        monkeypatch.setenv("IAM_ENDPOINT", world.environ["IAM_ENDPOINT"])
        person = Person(*answers(world.environ, "", ""))

        assert await asyncio.to_thread(start, tmp_path, person) == 0
        assert loaded(tmp_path).environment.project_id == world.region.gateway.project_id
