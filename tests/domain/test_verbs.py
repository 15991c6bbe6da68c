"""A verb is one value: what is typed, what help says about it, and how it is read."""

import pytest

from bot.domain.commands import Command, Help
from bot.domain.grammar import parse
from bot.domain.verbs import VERBS, Verb


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_what_help_says_about_a_verb_is_true(verb: Verb) -> None:
    """Its usage names it and its flags, and its example can be sent."""
    assert verb.usage.split()[0] == verb.name
    assert all(f"--{flag}" in verb.usage for flag in verb.flags)
    assert verb.example.split()[0] == verb.name
    assert isinstance(parse(verb.example), Command)
    assert verb.summary
    assert not verb.summary.endswith(".")


@pytest.mark.parametrize("verb", VERBS)
def test_help_knows_a_verb_by_its_name(verb: str) -> None:
    """Misspelled, too."""
    assert parse(f"help {verb}") == Help(verb)
    assert parse(f"help {verb}x") == Help(verb)
