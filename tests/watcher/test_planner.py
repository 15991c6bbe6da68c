"""The planner makes the call that tells most, within the budget, and leaves no backup alone."""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.progress import Expected
from bot.watcher.planner import (
    BURST,
    DEBT,
    LEAST_RATE,
    SLOW_CLOCK,
    SLOW_SHARE,
    Ask,
    Followed,
    Next,
    Planner,
    Sweep,
    ending_rate,
)

PER_MINUTE = 48.0
PACE = PER_MINUTE / 60
USUAL = Expected(480.0, 0.3)
ON_A_PAGE = 100
LATENCY = 0.3  # seconds of a call
MOMENT = 1e-6  # seconds; sums of floats are off by less

MEDIANS = st.sampled_from([1e-3, 1.0, 60.0, 480.0, 1e5, 1e9])
SPREADS = st.sampled_from([0.1, 0.3, 0.9, 3.0])
EXPECTED = st.builds(Expected, MEDIANS, SPREADS)


class World:
    """An RDS in virtual time, whose calls the planner chooses."""

    def __init__(
        self,
        expected: Sequence[Expected],
        *,
        ages: Sequence[float] = (),
        per_minute: float = PER_MINUTE,
        hint: "Hint | None" = None,
        start: float = 0.0,
    ) -> None:
        self.now = self.start = start
        self.size = len(expected)
        self.planner = Planner(per_minute)
        self.ends: dict[int, float] = {}  # when a backup ends, by its number
        self.told: dict[int, float] = {}  # when it was known
        self.asked: defaultdict[str, list[float]] = defaultdict(list)
        self.calls: list[tuple[float, Ask | Sweep]] = []
        self._hint = hint or World.is_running
        for number, usual in enumerate(expected):
            began = start - (ages[number % len(ages)] if ages else 0.0)
            self.planner.follow(Followed(f"b{number}", f"i{number}", began, usual))
        self.pages = [
            list(range(first, min(first + ON_A_PAGE, len(expected))))
            for first in range(0, len(expected), ON_A_PAGE)
        ]
        for page in range(len(self.pages)):
            self.show(page)

    def is_running(self, number: int) -> bool:
        """Return whether a backup runs now."""
        return self.now < self.ends.get(number, math.inf)

    def show(self, page: int) -> None:
        """Let the planner see a page, without a call."""
        shown = {f"i{n}": self._hint(self, n) for n in self._on(page)}
        statuses = {i: status for i, status in shown.items() if status is not None}
        self.planner.saw_page(page, statuses, self.now)

    def _on(self, page: int) -> Sequence[int]:
        return self.pages[page] if page < len(self.pages) else ()

    def passes(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        """Make the calls of this many seconds; `each` is called before each of them."""
        until = self.now + seconds
        while True:
            each()
            following = self.planner.next(self.now)
            if following is None or max(following.at, self.now) > until:
                self.now = until
                return
            assert math.isfinite(following.at)
            if following.at > self.now:  # plan again every five seconds, as the watcher does
                self.now = min(following.at, self.now + 5.0)
            else:
                self._make(following.call)

    def _make(self, call: Ask | Sweep) -> None:
        self.calls.append((self.now, call))
        self.planner.made(self.now)
        if isinstance(call, Sweep):
            self.show(call.page)
        else:
            self.asked[call.backup_id].append(self.now)
            number = int(call.backup_id[1:])
            if self.is_running(number):
                self.planner.saw_running(call.backup_id, self.now)
            else:
                self.told[number] = self.now
                self.planner.saw_end(call.backup_id, self.ends[number])
        self.now += LATENCY

    def longest_silence(self) -> float:
        """Return the most seconds that a followed backup wasn't asked about."""
        gaps = [0.0]
        for number in range(self.size):
            times = [self.start, *self.asked[f"b{number}"], self.told.get(number, self.now)]
            gaps += [after - before for before, after in pairwise(times)]
        return max(gaps)


Hint = Callable[[World, int], bool | None]  # what an instance shows; None if it is on no page


def _busy(_: World, __: int) -> bool:
    return True


def _idle(_: World, __: int) -> bool:
    return False


def _missing(_: World, __: int) -> None:
    return None


HINTS = st.sampled_from([_busy, _idle, _missing])


def _most_calls(times: Sequence[float], pace: float) -> float:
    """Return by how many the calls of any span exceed what the pace allows in it."""
    excess = least = 0.0
    for number, at in enumerate(times):
        ahead = number - pace * at
        least = ahead if number == 0 else min(least, ahead)
        excess = max(excess, ahead - least + 1)
    return excess


def _silence_allowed(followed: int, pace: float = PACE) -> float:
    return max(SLOW_CLOCK, followed / (pace * SLOW_SHARE)) * 1.25 + 20.0


# What to call


def test_without_backups_there_is_no_call() -> None:
    """Pages alone are not worth one."""
    planner = Planner(PER_MINUTE)
    planner.saw_page(0, {"i0": True}, 0.0)

    assert planner.next(1e6) is None


def test_a_backup_that_has_just_begun_is_left_alone() -> None:
    """It won't end for minutes, so the first call comes late."""
    planner = Planner(PER_MINUTE)
    planner.follow(Followed("b0", "i0", 0.0, USUAL))
    following = planner.next(0.0)

    assert following is not None
    assert following.call == Ask("b0")
    assert 30.0 < following.at <= SLOW_CLOCK


def test_many_backups_on_a_page_are_read_with_it() -> None:
    """A page tells of all of them for the price of one, most around their usual end."""
    world = World([USUAL] * 90)
    world.passes(420)
    world.calls.clear()
    world.passes(120)
    kinds = Counter(type(call) for _, call in world.calls)

    assert kinds[Sweep] > 20
    assert kinds[Ask] < 90


def test_the_nearer_to_its_usual_end_the_more_often_a_backup_is_asked_about() -> None:
    """A backup of eight minutes is asked about most around its eighth."""
    world = World([USUAL])
    world.passes(720)
    times = world.asked["b0"]

    assert len([at for at in times if at < 240]) < len([at for at in times if 360 < at < 600]) / 3


@given(st.integers(1, 300), EXPECTED, st.floats(0, 1e5))
@settings(max_examples=40)
def test_an_idle_instance_has_its_backup_confirmed_at_once(
    followed: int, expected: Expected, age: float
) -> None:
    """The next call after the page is the question, and it doesn't wait for the budget."""
    world = World([expected] * followed, ages=[age])
    world.passes(30)
    at = world.now
    world.planner.saw_page(0, {"i0": False}, at)
    following = world.planner.next(at)

    assert following == Next(Ask("b0"), at)


def test_an_old_page_confirms_nothing() -> None:
    """It was read before the backup began."""
    planner = Planner(PER_MINUTE)
    planner.follow(Followed("b0", "i0", 100.0, USUAL))
    planner.saw_page(0, {"i0": False}, 99.0)
    following = planner.next(100.0)

    assert following is not None
    assert following.at > 110.0


def test_an_earlier_backup_of_the_same_instance_is_asked_about() -> None:
    """RDS runs one at a time, so the first has ended when the second begins."""
    planner = Planner(PER_MINUTE)
    planner.follow(Followed("first", "i0", 0.0, USUAL))
    planner.follow(Followed("second", "i0", 50.0, USUAL))

    assert planner.next(50.0) == Next(Ask("first"), 50.0)
    assert set(planner.of_instance("i0")) == {"first", "second"}


# The budget


@given(
    st.integers(1, 250),
    st.lists(EXPECTED, min_size=1, max_size=5),
    st.lists(st.floats(0, 2000), min_size=1, max_size=8),
    st.sampled_from([1.0, 6.0, 48.0, 600.0]),
    HINTS,
)
@settings(max_examples=40)
def test_no_span_has_more_calls_than_the_pace_allows(
    followed: int, kinds: list[Expected], ages: list[float], per_minute: float, hint: Hint
) -> None:
    """Besides what was saved up, and what urgent calls may take before their time."""
    expected = (kinds * followed)[:followed]
    world = World(expected, ages=ages, per_minute=per_minute, hint=hint)
    world.passes(400)
    excess = _most_calls([at for at, _ in world.calls], per_minute / 60)

    assert excess <= BURST + DEBT + MOMENT


def test_many_ends_at_once_are_confirmed_within_the_budget() -> None:
    """A page shows that all have ended: the first few questions are made at once."""
    world = World([USUAL] * 100)
    world.passes(60)
    world.calls.clear()
    world.ends = dict.fromkeys(range(100), world.now)
    world.show(0)
    world.passes(30)
    times = [at for at, _ in world.calls]

    assert len([at for at in times if at < 64.0]) >= DEBT
    assert _most_calls(times, PACE) <= BURST + DEBT + MOMENT


def test_a_start_with_thousands_of_backups_brings_no_burst() -> None:
    """5,000 are in flight at all ages, and the first minutes look like any others."""
    world = World([USUAL] * 5000, ages=[60.0 * n for n in range(30)])
    world.passes(20)
    excess = _most_calls([at for at, _ in world.calls], PACE)

    assert excess <= BURST + MOMENT


def test_fewer_calls_are_planned_once_fewer_are_allowed() -> None:
    """The budget shrinks after a 429, and the plan with it."""
    world = World([USUAL] * 300, ages=[400.0])
    world.passes(60)
    world.calls.clear()
    world.planner.allow(6.0)
    world.passes(120)

    assert len(world.calls) <= 12 + BURST + DEBT


# Nothing is left alone


@given(
    st.integers(1, 60),
    st.lists(EXPECTED, min_size=1, max_size=5),
    st.lists(st.floats(0, 2000), min_size=1, max_size=8),
    st.sampled_from([12.0, 48.0]),
)
@settings(max_examples=20)
def test_each_backup_is_asked_about_however_busy_its_instance_looks(
    followed: int, kinds: list[Expected], ages: list[float], per_minute: float
) -> None:
    """At least every five minutes or, with many, with an eighth of the calls."""
    expected = (kinds * followed)[:followed]
    world = World(expected, ages=ages, per_minute=per_minute, hint=_busy)
    allowed = _silence_allowed(followed, per_minute / 60)
    world.passes(1.5 * allowed)

    assert world.longest_silence() <= allowed


def test_three_hundred_backups_are_all_asked_about() -> None:
    """The slow clock is slower for them, and forgets none."""
    world = World([USUAL] * 300, hint=_busy)
    allowed = _silence_allowed(300)
    world.passes(1.2 * allowed)

    assert world.longest_silence() <= allowed


def test_pages_that_are_shown_all_the_time_do_not_hide_a_backup() -> None:
    """Others read pages, too, and an instance can be on two of them."""
    world = World([USUAL] * 10, hint=_busy)
    world.pages.append([3])

    def show() -> None:
        world.show(0)
        world.show(1)

    world.passes(700, show)

    assert world.longest_silence() <= _silence_allowed(10)


# What RDS shows


@pytest.mark.parametrize("hint", [_busy, _idle, _missing])
def test_a_hint_that_lies_or_is_missing_is_unlearned(hint: Hint) -> None:
    """After some ends that it hid, the backups are asked about and the pages hardly read."""
    world = World([USUAL] * 200, hint=hint)
    for number in range(100):
        world.ends[number] = 4.0 * number
    world.passes(2400)
    world.calls.clear()
    world.passes(300)
    kinds = Counter(type(call) for _, call in world.calls)

    assert set(world.told) == set(range(100))
    assert kinds[Sweep] < kinds[Ask] / 4


def test_a_hint_that_is_right_is_used_for_all_ends() -> None:
    """A hundred backups end at all times, and each is known soon."""
    world = World([USUAL] * 100)
    for number in range(100):
        world.ends[number] = 300.0 + 4.0 * number
    world.passes(1200)
    delays = [world.told[number] - world.ends[number] for number in range(100)]

    assert sum(delays) / len(delays) < 10.0
    assert max(delays) < 60.0


def test_an_instance_that_moves_is_found_on_its_new_page() -> None:
    """The list shifts: until the other page was read, its backup is asked about directly."""
    planner = Planner(PER_MINUTE)
    planner.follow(Followed("b0", "i0", 0.0, USUAL))
    planner.saw_page(1, {"i0": True, "i1": False}, 1.0)
    planner.saw_page(1, {"i1": False, "i2": False}, 2.0)  # i0 is on page 0 now
    following = planner.next(2.0)
    assert following is not None
    assert following.call == Ask("b0")
    assert following.at > 10.0  # and it isn't believed to have ended

    planner.saw_page(0, {"i0": False}, 3.0)
    assert planner.next(3.0) == Next(Ask("b0"), 3.0)


def test_a_page_without_a_followed_instance_is_not_read() -> None:
    """All have moved away, so it would show nothing."""
    planner = Planner(PER_MINUTE)
    for number in range(50):
        planner.follow(Followed(f"b{number}", f"i{number}", 0.0, USUAL))
    planner.saw_page(1, {f"i{number}": True for number in range(50)}, 1.0)
    planner.saw_page(1, {"other": True}, 2.0)
    following = planner.next(480.0)

    assert following is not None
    assert isinstance(following.call, Ask)


def test_an_instance_that_shows_no_backup_is_no_longer_believed() -> None:
    """Its backup was asked about, and runs: what the instance shows next changes nothing."""
    planner = Planner(PER_MINUTE)
    planner.follow(Followed("b0", "i0", 0.0, USUAL))
    planner.saw_page(0, {"i0": False}, 5.0)
    assert planner.next(5.0) == Next(Ask("b0"), 5.0)
    planner.saw_running("b0", 5.0)
    planner.saw_page(0, {"i0": False}, 10.0)
    following = planner.next(10.0)

    assert following is not None
    assert following.at > 30.0


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.dictionaries(st.sampled_from([f"i{n}" for n in range(8)]), st.booleans()),
            st.floats(0, 30),
        ),
        max_size=40,
    )
)
@settings(max_examples=60)
def test_shifting_pages_forget_no_backup(
    shown: list[tuple[int, Mapping[str, bool], float]],
) -> None:
    """Whatever pages show, in whatever order: every backup is still followed and asked about."""
    world = World([USUAL] * 8)
    for page, statuses, pause in shown:
        world.passes(pause)
        world.planner.saw_page(page, statuses, world.now)
    world.asked.clear()
    world.passes(_silence_allowed(8))

    assert len(world.planner) == 8
    assert len(world.asked) == 8


def test_an_instance_on_two_pages_is_followed_on_the_later_one() -> None:
    """The list shifted between the two pages; the newer one counts."""
    planner = Planner(PER_MINUTE)
    for number in range(50):
        planner.follow(Followed(f"b{number}", f"i{number}", 0.0, USUAL))
    busy = {f"i{number}": True for number in range(50)}
    planner.saw_page(0, busy, 1.0)
    planner.saw_page(1, busy, 2.0)
    following = planner.next(500.0)

    assert following is not None
    assert following.call == Sweep(1)


# What is held


def test_a_call_that_is_held_is_not_made() -> None:
    """Neither a question nor a page, until its time."""
    world = World([USUAL] * 20, ages=[300.0])
    world.planner.hold(Sweep(0), 400.0)
    world.planner.hold(Ask("b3"), 300.0)
    world.planner.ask_soon(["b3"], 0.0)
    world.passes(200)
    assert world.calls
    assert {call for _, call in world.calls} <= {Ask(f"b{n}") for n in range(20)} - {Ask("b3")}

    world.passes(300)
    first = {call: at for at, call in reversed(world.calls)}
    assert first[Ask("b3")] >= 300.0
    assert first[Sweep(0)] >= 400.0


def test_a_held_backup_waits_alone() -> None:
    """With nothing else to do, its time is the next."""
    planner = Planner(PER_MINUTE)
    planner.follow(Followed("b0", "i0", 0.0, USUAL))
    planner.hold(Ask("b0"), 77.0)

    assert planner.next(10.0) == Next(Ask("b0"), 77.0)


def test_a_held_backup_that_answers_is_planned_again() -> None:
    """Its failures are over."""
    planner = Planner(PER_MINUTE)
    planner.follow(Followed("b0", "i0", 0.0, USUAL))
    planner.hold(Ask("b0"), 77.0)
    planner.saw_running("b0", 77.0)
    following = planner.next(78.0)

    assert following is not None
    assert 78.0 < following.at < 78.0 + SLOW_CLOCK


def test_what_is_not_followed_can_be_held_seen_and_forgotten() -> None:
    """A call may outlive its follower."""
    planner = Planner(PER_MINUTE)
    planner.hold(Ask("gone"), 5.0)
    planner.saw_running("gone", 5.0)
    planner.saw_end("gone", None)
    planner.forget("gone")

    assert "gone" not in planner
    assert planner.next(10.0) is None


# Numbers


@given(
    st.sampled_from([1e-3, 1.0, 480.0, 1e9]),
    st.sampled_from([0.1, 0.3, 3.0]),
    st.one_of(st.floats(-1e9, 1e9), st.floats(0, 10), st.sampled_from([5e-324, 1e-300])),
)
def test_a_rate_is_a_finite_number(median: float, spread: float, elapsed: float) -> None:
    """No expectation and no age makes it zero, infinite, or an error."""
    rate = ending_rate(Expected(median, spread), elapsed)

    assert LEAST_RATE <= rate < math.inf


@given(
    st.lists(EXPECTED, min_size=1, max_size=30),
    st.lists(st.one_of(st.floats(-1e6, 1e9), st.floats(-1, 1)), min_size=1, max_size=5),
    st.sampled_from([0.0, 1e-3, 1e6, 4e9, -1e6]),
    st.sampled_from([0.5, 48.0, 6000.0]),
)
@settings(max_examples=60)
def test_absurd_expectations_and_clocks_give_finite_times(
    expected: list[Expected], ages: list[float], start: float, per_minute: float
) -> None:
    """A backup that began in the future, or a century ago, still gets a time of its own."""
    world = World(expected, ages=ages, start=start, per_minute=per_minute)
    world.passes(60)
    following = world.planner.next(world.now)

    assert following is not None
    assert math.isfinite(following.at)


def test_planning_takes_time_in_proportion_to_the_backups() -> None:
    """Eight times as many take about eight times as long, not sixty-four times."""
    few, many = (World([USUAL] * n, ages=[100.0, 300.0, 500.0]) for n in (500, 4000))
    seconds = [(_to_plan(few, turn), _to_plan(many, turn)) for turn in range(1, 31)]

    # In turns, and the best of each: what else the machine does slows down both.
    assert min(many for _, many in seconds) / min(few for few, _ in seconds) < 16


def _to_plan(world: World, turn: int) -> float:
    began = time.process_time()
    world.planner.next(10.0 * turn)
    return time.process_time() - began
