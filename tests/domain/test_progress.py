"""Guesses about a running backup, and how often to look at it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.instances import Backup
from bot.domain.progress import (
    History,
    fraction_done,
    history_of,
    is_overdue,
    next_look,
    time_left,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
USUAL = History(quick=6 * MINUTE, usual=7 * MINUTE, slow=9 * MINUTE)
spans = st.timedeltas(timedelta(0), timedelta(days=3))
histories = st.one_of(
    st.just(History()),
    st.tuples(spans, spans, spans)
    .map(sorted)
    .map(lambda three: History(quick=three[0], usual=three[1], slow=three[2])),
)
elapsed_spans = st.timedeltas(timedelta(hours=-1), timedelta(days=7))


def backup(number: int, minutes: float = 7, **changes: object) -> Backup:
    """The backup of day `number`."""
    end = NOON + timedelta(days=number)
    values = Backup(
        id=f"{number}",
        instance_id="i",
        name=f"day-{number}",
        status="COMPLETED",
        type="auto",
        begin_time=end - minutes * MINUTE,
        end_time=end,
        size_kb=number * 1000,
    )
    return values.model_copy(update=changes)


def test_no_backups_are_no_history() -> None:
    """Nothing is guessed from nothing."""
    assert history_of([]) == History()


def test_history_is_the_last_ten_full_backups() -> None:
    """Older ones, running and failed ones, and partial ones say nothing; order does not matter."""
    backups = [backup(day, minutes=day) for day in range(11, 21)]
    ignored = [
        backup(1, minutes=500),
        backup(30, status="FAILED"),
        backup(31, status="BUILDING", end_time=None),
        backup(32, type="incremental"),
        backup(33, type="fragment"),
        backup(34, end_time=None),
    ]

    history = history_of([*ignored, *reversed(backups)])

    assert (history.quick, history.usual, history.slow) == (
        13.25 * MINUTE,
        15.5 * MINUTE,
        17.75 * MINUTE,
    )
    assert history.last_finished == NOON + timedelta(days=20)
    assert (history.last_size_kb, history.last_took) == (20_000, 20 * MINUTE)


def test_one_backup_is_a_history() -> None:
    """Where there is only one, it is the usual."""
    history = history_of([backup(1, minutes=4, type="manual")])

    assert history.quick == history.usual == history.slow == 4 * MINUTE


def test_a_backup_without_a_beginning_has_no_length() -> None:
    """It is the last good one all the same."""
    history = history_of([backup(1, begin_time=None)])

    assert (history.last_finished, history.usual) == (NOON + timedelta(days=1), None)


@pytest.mark.parametrize(
    ("minutes", "fraction", "left"),
    [
        (-1, 0.0, 7 * MINUTE),
        (0, 0.0, 7 * MINUTE),
        (3.5, 0.5, 3.5 * MINUTE),
        (6.9, 0.95, 0.1 * MINUTE),
        (7, 0.95, None),
        (60, 0.95, None),
    ],
)
def test_progress_is_a_guess(minutes: float, fraction: float, left: timedelta | None) -> None:
    """It never says that it is done, nor that no time is left."""
    assert fraction_done(USUAL, minutes * MINUTE) == fraction
    assert time_left(USUAL, minutes * MINUTE) == left


def test_without_a_history_there_is_no_guess() -> None:
    """No number is better than a made-up one."""
    assert fraction_done(History(), MINUTE) is None
    assert time_left(History(), MINUTE) is None


@pytest.mark.parametrize(
    ("history", "minutes", "overdue"),
    [
        (USUAL, 14, False),
        (USUAL, 14.1, True),
        (History(quick=MINUTE, usual=MINUTE, slow=MINUTE), 6, False),
        (History(quick=MINUTE, usual=MINUTE, slow=MINUTE), 6.1, True),
        (History(), 60, False),
        (History(), 60.1, True),
    ],
)
def test_overdue_is_well_past_the_slow_ones(
    history: History,
    minutes: float,
    overdue: bool,  # noqa: FBT001, a column of the table
) -> None:
    """Twice the usual and five minutes over the slow ones; an hour where nothing is known."""
    assert is_overdue(history, minutes * MINUTE) is overdue


@pytest.mark.parametrize(
    ("minutes", "seconds"),
    [(0, 180), (3, 90), (5.5, 15), (6, 10), (8, 10), (9, 10), (10, 15), (19, 150), (60, 300)],
)
def test_looks_come_closer_around_the_expected_end(minutes: float, seconds: float) -> None:
    """Half the way there, then every ten seconds, then with the delay."""
    assert next_look(USUAL, minutes * MINUTE, 10) == seconds


def test_looks_at_an_unknown_backup_grow_apart() -> None:
    """By half each time, to a minute in the first hour and to five minutes after it."""
    moments = [0.0]
    while moments[-1] < 3 * 3600:
        moments.append(moments[-1] + next_look(History(), timedelta(seconds=moments[-1]), 10))
    gaps = [after - before for before, after in pairwise(moments)]

    assert gaps[:5] == [10, 15, 22.5, 33.75, 50.625]
    assert gaps == sorted(gaps)
    assert {gap for at, gap in zip(moments, gaps, strict=False) if 200 < at < 3600} == {60}
    assert gaps[-1] == 300


@given(histories, elapsed_spans, st.floats(0.01, 300))
@settings(deadline=None)
def test_a_look_is_never_too_soon_nor_too_late(
    history: History, elapsed: timedelta, shortest: float
) -> None:
    """At least `shortest` seconds, at most five minutes, whatever is known; guesses are total."""
    assert shortest <= next_look(history, elapsed, shortest) <= 300
    assert fraction_done(history, elapsed) is None or (
        0 <= (fraction_done(history, elapsed) or 0) <= 0.95
    )
    assert (time_left(history, elapsed) or MINUTE) > timedelta(0)
    assert is_overdue(history, elapsed) in (True, False)
