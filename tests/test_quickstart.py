"""The quick start, held against what it leads through."""

import json
import re
from pathlib import Path

import pytest

from bot.checks.codes import CURES
from bot.domain.verbs import VERBS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "quickstart.md").read_text("utf-8")


def test_the_custom_policy_is_what_check_asks_for() -> None:
    """Each right that `check` misses by name, and no other."""
    (found,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    (statement,) = json.loads(found)["Statement"]
    named = set(re.findall(r"`(rds:[a-z:]+)`", " ".join(cure.cure for cure in CURES.values())))

    assert statement["Effect"] == "Allow"
    assert set(statement["Action"]) == named


@pytest.mark.parametrize("command", ["manifest", "init", "check", "run", "demo"])
def test_every_command_is_there(command: str) -> None:
    assert f"backup-bot {command}" in PAGE


def test_what_is_typed_in_slack_exists() -> None:
    assert set(re.findall(r"/backup ([a-z]+)", PAGE)) <= set(VERBS)
