"""Guesses about a running backup, and how often to look at it."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.instances import Backup
from bot.domain.progress import (
    History,
    Oddity,
    expected,
    fraction_done,
    history_of,
    overdue_after,
    time_left,
    unusual,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
USUAL = History(quick=6 * MINUTE, usual=7 * MINUTE, slow=9 * MINUTE)


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


spans = st.timedeltas(timedelta(0), timedelta(days=3))
any_span = st.none() | st.timedeltas() | spans
any_number = st.none() | st.integers()
any_time = st.none() | st.datetimes(timezones=st.just(UTC))
histories = st.one_of(
    st.just(History()),
    st.tuples(spans, spans, spans)
    .map(sorted)
    .map(lambda three: History(quick=three[0], usual=three[1], slow=three[2])),
    st.builds(
        History,
        quick=any_span,
        usual=any_span,
        slow=any_span,
        runs=any_number,
        spread=st.none() | st.floats(),
        usual_size_kb=any_number,
        size_spread=st.none() | st.floats(),
    ),
)
odd_backups = st.lists(
    st.builds(
        Backup,
        id=st.sampled_from("abc"),
        instance_id=st.just("i"),
        name=st.just("n"),
        status=st.just("COMPLETED"),
        begin_time=any_time,
        end_time=any_time,
        size_kb=any_number,
    ),
    max_size=12,
)
usual_backups = st.lists(
    st.builds(
        backup,
        st.integers(0, 20),
        st.floats(-1, 100),
        size_kb=st.none() | st.integers(0, 2000),
    ),
    max_size=15,
)
elapsed_spans = st.timedeltas(timedelta(hours=-1), timedelta(days=7))


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

    assert (history.runs, history.usual) == (10, 20 * MINUTE)
    assert history.last_finished == NOON + timedelta(days=20)
    assert (history.last_size_kb, history.last_took) == (20_000, 20 * MINUTE)


def test_one_backup_is_a_start() -> None:
    """The first one is the usual, in a wide range until there are three."""
    history = history_of([backup(1, minutes=4, type="manual")])

    assert history.usual == 4 * MINUTE
    assert expected(history) == (240, 0.5)
    assert history.is_learning


def test_deleted_backups_count_by_the_bots_own_records() -> None:
    """What RDS lists wins; a backup that is gone is no last successful one."""
    records = [backup(day, minutes=60, size_kb=None) for day in range(1, 4)]
    listed = backup(2, minutes=60 * 24, size_kb=5000)
    failed = backup(3, status="FAILED")

    history = history_of([listed, failed], records)

    assert history.runs == 2
    assert history.last_finished == listed.end_time
    assert history_of([], records) == history_of(records).model_copy(
        update={"last_finished": None, "last_took": None}
    )


def test_a_first_backup_gets_a_wide_guess() -> None:
    """Five minutes, or one, or half an hour."""
    assert expected(History()) == expected(history_of([])) == (300, 1.5)
    assert not History().is_learning


def test_the_spread_shrinks_with_every_backup() -> None:
    """The same duration each time makes the range narrow, but never a single minute."""
    spreads = [
        expected(history_of([backup(day, size_kb=None) for day in range(count)])).spread
        for count in range(1, 11)
    ]

    assert spreads[:2] == [0.5, 0.5]
    assert spreads == sorted(spreads, reverse=True)
    assert 0.1 <= spreads[-1] < spreads[2] < 0.25


def test_the_range_is_one_spread_to_either_side() -> None:
    """What the card says is what everything else goes by."""
    history = history_of([backup(day, minutes=5 + day, size_kb=None) for day in range(5)])
    median, spread = expected(history)

    assert median == 7 * 60
    assert history.quick
    assert history.slow
    assert history.quick.total_seconds() == pytest.approx(median / math.exp(spread))
    assert history.slow.total_seconds() == pytest.approx(median * math.exp(spread))


def test_the_history_of_an_older_release_is_read() -> None:
    """It stored a median and quartiles, which lie closer together than one spread."""
    stored = '{"quick": "PT6M", "usual": "PT7M", "slow": "PT9M", "last_size_kb": 5}'
    history = History.model_validate_json(stored)

    assert expected(history).median == 420
    assert expected(history).spread == pytest.approx(0.30, abs=0.01)
    assert not history.is_learning


@pytest.mark.parametrize(
    "absurd",
    [
        {"begin_time": NOON + timedelta(days=21)},  # ends at once
        {"begin_time": NOON + timedelta(days=22)},  # ends before it begins
        {"begin_time": NOON - timedelta(days=365)},
        {"size_kb": 0},
        {"size_kb": -1},
        {"size_kb": 2**53},
    ],
)
def test_an_absurd_value_changes_nothing(absurd: dict[str, object]) -> None:
    """What can't be true is left out, even from the newest backup."""
    backups = [backup(day, size_kb=1000) for day in range(20)]

    odd = expected(history_of([*backups, backup(21).model_copy(update=absurd)]))

    assert odd.median == 420
    assert odd.spread == pytest.approx(expected(history_of(backups)).spread, abs=0.02)


def test_durations_grow_with_the_size() -> None:
    """The newest size counts, not that most backups were of a smaller database."""
    growing = [backup(day, minutes=day, size_kb=day * 1000) for day in range(1, 11)]
    grown = [*[backup(day, minutes=5, size_kb=1000) for day in range(9)], backup(9, 10)]

    assert expected(history_of(growing)).median == pytest.approx(600)
    assert expected(history_of([*grown[:-1], backup(9, 10, size_kb=2000)])).median == 600


def test_one_odd_size_does_not_stretch_the_duration_beyond_double() -> None:
    """A size that fits none of the others may be RDS's mistake."""
    steady = [backup(day, size_kb=1000) for day in range(9)]

    assert expected(history_of([*steady, backup(9, size_kb=10**9)])).median == 840


def test_durations_that_do_not_follow_the_size_are_taken_as_they_are() -> None:
    """A small database takes a minute however small it is."""
    small = [backup(day, minutes=1, size_kb=100 * 2**day) for day in range(10)]

    assert expected(history_of(small)).median == 60


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
    assert (minutes * MINUTE > overdue_after(history)) is overdue


@given(histories, elapsed_spans)
@settings(deadline=None)
def test_guesses_are_total(history: History, elapsed: timedelta) -> None:
    """Whatever is known, and however long it has been running."""
    assert fraction_done(history, elapsed) is None or (
        0 <= (fraction_done(history, elapsed) or 0) <= 0.95
    )
    assert (time_left(history, elapsed) or MINUTE) > timedelta(0)
    assert overdue_after(history) > timedelta(0)


GB = 1024 * 1024
SEVEN_MINUTES = history_of([backup(day, size_kb=4 * GB) for day in range(5)])


@pytest.mark.parametrize(
    ("minutes", "size_kb", "odd"),
    [
        (7, 4 * GB, ()),
        (14, 8 * GB, ()),
        (2.4, 2 * GB, ()),
        (14.1, None, (Oddity.SLOWER,)),
        (2.3, 0, (Oddity.FASTER,)),
        (None, 1.8 * GB, (Oddity.SMALLER,)),
        (7, 9 * GB, (Oddity.LARGER,)),
        (1, 1, (Oddity.SMALLER, Oddity.FASTER)),
        (10_000, 2**53, (Oddity.LARGER, Oddity.SLOWER)),
        (0, None, ()),
        (-5, -5, ()),
    ],
)
def test_what_is_far_from_the_usual_is_unusual(
    minutes: float | None, size_kb: float | None, odd: tuple[Oddity, ...]
) -> None:
    """Beyond half or double the size, or a third or double the duration."""
    took = None if minutes is None else minutes * MINUTE
    size = None if size_kb is None else int(size_kb)

    assert unusual(SEVEN_MINUTES, took, size) == odd


def test_nothing_is_unusual_before_the_third_backup() -> None:
    """Two say nothing about what is usual, and an older release stored no spread."""
    two = history_of([backup(day, size_kb=4 * GB) for day in range(2)])

    assert unusual(two, 90 * MINUTE, 1000) == ()
    assert unusual(USUAL, 90 * MINUTE, 1000) == ()


def test_small_differences_are_never_unusual() -> None:
    """A tiny database doubles easily."""
    tiny = history_of([backup(day, minutes=0.5, size_kb=1000) for day in range(5)])

    assert unusual(tiny, 2 * MINUTE, 50_000) == ()


def test_where_everything_varies_nothing_is_unusual() -> None:
    """Three times the usual is nothing new where that happens every other day."""
    factors = [3 ** (day % 3) for day in range(9)]
    varying = [
        backup(day, minutes=7 * factor, size_kb=factor * GB) for day, factor in enumerate(factors)
    ]

    assert unusual(history_of(varying), 63 * MINUTE, 9 * GB) == ()


@given(histories | st.builds(history_of, odd_backups), any_span, any_number)
@settings(deadline=None)
def test_any_outcome_can_be_judged(
    history: History, took: timedelta | None, size_kb: int | None
) -> None:
    """At most one word on its size and one on its duration, whatever RDS reports."""
    odd = unusual(history, took, size_kb)

    assert not {Oddity.SMALLER, Oddity.LARGER} <= {*odd}
    assert not {Oddity.FASTER, Oddity.SLOWER} <= {*odd}


@given(histories | st.builds(history_of, odd_backups), elapsed_spans)
@settings(deadline=None)
def test_any_history_gives_a_guess(history: History, elapsed: timedelta) -> None:
    """Whatever is stored, or listed by RDS: a finite expectation, and never more than 95 %."""
    median, spread = expected(history)

    assert 1 <= median <= 7 * 86400
    assert 0.1 <= spread <= 1.5
    assert 0 <= (fraction_done(history, elapsed) or 0) <= 0.95
    assert (time_left(history, elapsed) or MINUTE) > timedelta(0)
    assert overdue_after(history) > timedelta(0)


@given(
    st.integers(5, 9),
    st.integers(-1, 10),
    st.timedeltas(timedelta(0), timedelta(days=400)),
    st.none() | st.integers(0, 2**60),
)
@settings(deadline=None)
def test_one_backup_alone_never_rules(
    steady: int, day: int, took: timedelta, size_kb: int | None
) -> None:
    """However long or large: the others keep the expectation within half and double."""
    odd = backup(day, took / MINUTE, size_kb=size_kb).model_copy(update={"id": "odd"})
    history = history_of([odd, *(backup(number, size_kb=GB) for number in range(steady))])

    assert 210 <= expected(history).median <= 840


@given(st.data(), odd_backups | usual_backups)
@settings(deadline=None)
def test_the_order_of_the_backups_does_not_matter(
    data: st.DataObject, backups: list[Backup]
) -> None:
    """RDS lists them in any order."""
    assert history_of(data.draw(st.permutations(backups))) == history_of(backups)
