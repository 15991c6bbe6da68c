"""How long Slack is waited for when it is asked who is in a group."""

import pytest

import bot.application.deadlines as deadlines_module
from bot.application.deadlines import everybody_within, members_within
from tests.fakes import ANA, BEN, CAT, DBAS, FakePeople

PATIENT, HURRIED = 5.0, 0.01


@pytest.fixture
def people() -> FakePeople:
    """Slack's user groups."""
    return FakePeople()


async def test_slack_is_believed(people: FakePeople) -> None:
    """A person is behind their own id."""
    people.left = {CAT}
    for told in (
        await members_within(PATIENT, people, (DBAS, ANA)),
        await everybody_within(PATIENT, people, (DBAS, ANA)),
    ):
        assert told == {DBAS: frozenset({BEN}), ANA: frozenset({ANA})}


async def test_of_what_is_not_told_in_time_nothing_is_known(people: FakePeople) -> None:
    """So no group decides."""
    people.hangs = True

    assert await members_within(HURRIED, people, (DBAS,)) == {}


async def test_who_left_is_left_open_if_slack_is_slow_to_tell(people: FakePeople) -> None:
    """The groups as they are remembered are better than nothing."""
    people.hangs_on_everybody = True

    assert await everybody_within(HURRIED, people, (i for i in (DBAS,))) == {
        DBAS: frozenset({BEN, CAT})
    }


async def test_a_silent_slack_tells_nothing_at_all(
    people: FakePeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both waits end."""
    monkeypatch.setattr(deadlines_module, "FORM_TIMEOUT", HURRIED)
    people.hangs = True

    assert await everybody_within(HURRIED, people, (DBAS,)) == {}
