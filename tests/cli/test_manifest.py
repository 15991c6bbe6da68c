"""`backup-bot manifest` and the hooks of the Slack CLI."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from bot.checks.app_manifest import manifest_findings
from bot.cli.manifest import show
from bot.config import settings
from bot.domain.errors import SettingsError
from bot.slack.manifest import NEW_APP, manifest
from tests.config.test_settings import ENOUGH

ROOT = Path(__file__).parents[2]


def shown(capsys: pytest.CaptureFixture[str], **choices: str | None) -> tuple[str, str]:
    """Standard output, and the manifest that the link fills in."""
    defaults: dict[str, str | None] = {"command": None, "http": None, "optional": None}
    show(**{**defaults, **choices}, as_json=False)
    said = capsys.readouterr()
    return said.out, unquote(said.err.split(NEW_APP)[1].strip())


def test_without_choices_it_is_the_file_with_its_comments(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text, link = shown(capsys)

    assert text == (ROOT / "manifest.yml").read_text("utf-8")
    assert json.loads(link) == yaml.safe_load(text)


def test_choices_change_it_and_the_link(capsys: pytest.CaptureFixture[str]) -> None:
    text, link = shown(
        capsys, command="/dbbackup", http="https://bot.example.com/", optional="history"
    )
    found = yaml.safe_load(text)
    url = "https://bot.example.com/slack/events"

    assert json.loads(link) == found
    assert found["features"]["slash_commands"][0]["command"] == "/dbbackup"
    assert found["features"]["slash_commands"][0]["url"] == url
    assert found["settings"]["interactivity"]["request_url"] == url
    assert found["settings"]["event_subscriptions"]["request_url"] == url
    assert found["settings"]["socket_mode_enabled"] is False
    scopes = found["oauth_config"]["scopes"]["bot_optional"]
    assert scopes == ["channels:history", "groups:history", "im:history"]


def test_no_optional_scopes_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    text, _ = shown(capsys, optional="")

    assert "bot_optional" not in text


@pytest.mark.parametrize("http", [False, True])
def test_check_accepts_what_it_prints(*, http: bool) -> None:
    found = manifest(command="/db", http="https://bot.example.com" if http else None)

    assert list(manifest_findings(found, "/db", http=http)) == []


@pytest.mark.parametrize(
    ("choices", "why"),
    [
        ({"command": "backup"}, "--command: write it as in the manifest"),
        ({"http": "http://bot.example.com"}, "--http: "),
        ({"optional": "everything"}, "--optional: write one or both of public, history"),
    ],
)
def test_a_choice_that_slack_would_not_accept(choices: dict[str, str], why: str) -> None:
    defaults: dict[str, str | None] = {"command": None, "http": None, "optional": None}
    with pytest.raises(SettingsError, match=why):
        show(**{**defaults, **choices}, as_json=True)


def test_slack_run_finds_its_hooks() -> None:
    """Each prints what the Slack CLI reads: one JSON object on standard output."""
    hooks = json.loads((ROOT / ".slack" / "hooks.json").read_text("utf-8"))["hooks"]
    answers = {}
    for name in ("get-manifest", "doctor"):
        _, script = hooks[name].split("uv run --no-dev ")
        program, *words = shlex.split(script)
        python = [sys.executable, *(["-m", "bot"] if program == "backup-bot" else [])]
        done = subprocess.run(  # noqa: S603, our own words
            [*python, *words], cwd=ROOT, capture_output=True, text=True, check=True
        )
        answers[name] = json.loads(done.stdout)

    assert answers["get-manifest"] == manifest()
    assert {one["name"] for one in answers["doctor"]["versions"]} >= {"python", "backup-bot"}
    assert hooks["start"].endswith("backup-bot run")


def test_the_tokens_of_slack_run_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the environment has its own."""
    monkeypatch.chdir(tmp_path)
    environ = {name: value for name, value in ENOUGH.items() if not name.startswith("SLACK_")}
    from_cli = {"SLACK_CLI_XOXB": "xoxb-cli", "SLACK_CLI_XAPP": "xapp-cli"}
    loaded = settings.load({**environ, **from_cli}, http=False).environment
    own = settings.load({**ENOUGH, **from_cli}, http=False).environment

    assert loaded.bot_token.get_secret_value() == "xoxb-cli"
    assert settings.revealed(loaded.app_token) == "xapp-cli"
    assert own.bot_token.get_secret_value() == ENOUGH["SLACK_BOT_TOKEN"]
    assert os.environ.get("SLACK_CLI_XOXB") is None
