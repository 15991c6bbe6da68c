"""What travels through Slack comes back as it went out, or is known to be of another release."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.messages import ids
from bot.slack.messages.ids import (
    BackupsPage,
    Carried,
    Deletion,
    InstancesPage,
    MadePage,
    Purpose,
    TypedCommand,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
numbers = st.integers(0, 10_000)
CARRIED: list[st.SearchStrategy[Carried]] = [
    st.builds(BackupsPage, number=numbers, instance=texts, every=st.booleans()),
    st.builds(MadePage, number=numbers),
    st.builds(InstancesPage, number=numbers, like=st.none() | texts),
    st.builds(TypedCommand, instance=texts, name=texts, description=texts, keep=texts),
    st.builds(Purpose, channel=texts, thread_ts=st.none() | texts, proposed=texts, turn=numbers),
    st.builds(Deletion, name=texts, instance=texts, channel=texts),
]


@given(st.one_of(CARRIED))
def test_what_is_carried_comes_back(carried: Carried) -> None:
    """Whatever people typed, blanks and quotes included."""
    assert type(carried).parse(carried.build()) == carried


@pytest.mark.parametrize(
    "text", ["", "2 all abcin01", "{}", "[]", '{"number": "2"}', '{"number": 1, "more": 2}']
)
def test_what_another_release_wrote_is_told_apart(text: str) -> None:
    """It is never half understood."""
    with pytest.raises(ValueError, match="MadePage"):
        MadePage.parse(text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Purpose, '{"channel": "C0OPS", "thread_ts": null, "proposed": "a-1", "turn": 2}'),
        (Deletion, '{"name": "a-1", "instance": "abcin01", "channel": "C0OPS"}'),
        (TypedCommand, '{"instance": "a", "name": "b", "description": "c", "keep": ""}'),
    ],
)
def test_forms_that_the_release_before_opened_are_read(kind: type[Carried], text: str) -> None:
    """Somebody may have one open while the bot is replaced."""
    assert kind.parse(text)


def test_two_links_to_cards_have_two_ids() -> None:
    """Slack wants each id once a message; one listener takes them all."""
    links = [ids.card_link(request_id) for request_id in ("r1", "r2")]

    assert len(set(links)) == len(links)
    assert all(map(ids.CARD_LINKS.match, links))
