"""The README names everything that a person can type or set."""

import tomllib
from pathlib import Path

import pytest

from bot.config.file import ConfigFile, RdsTable, RuleTable
from bot.config.settings import Environment
from bot.demo.script import SCENARIOS
from bot.domain.verbs import VERBS

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def toml_example() -> str:
    """The config file that stands in the README."""
    return README.split("```toml")[1].split("```")[0]


@pytest.mark.parametrize("field", list(Environment.model_fields.values()), ids=lambda f: f.alias)
def test_every_variable_is_in_the_table(field: object) -> None:
    """A setting that nobody can find does not exist."""
    assert f"`{getattr(field, 'alias')}`" in README  # noqa: B009, mypy knows no FieldInfo here


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_table(verb: str) -> None:
    """`/backup <verb>`, one row each."""
    assert f"| `/backup {verb}" in README


@pytest.mark.parametrize("scenario", sorted(set(SCENARIOS) - {"completed"}))
def test_every_scenario_of_the_demo_is_named(scenario: str) -> None:
    """All the other endings can be played."""
    assert f"`{scenario}`" in README or f"--scenario {scenario}" in README


def test_the_example_file_is_valid_and_complete() -> None:
    """It can be copied as it stands, and shows every key."""
    document = tomllib.loads(toml_example())
    ConfigFile.model_validate(document)

    assert set(document) == set(ConfigFile.model_fields)
    assert set(document["rds"]) == set(RdsTable.model_fields)
    shown = {key for rule in document["rule"] for key in rule} | set(document["approval"])
    assert set(RuleTable.model_fields) <= shown
