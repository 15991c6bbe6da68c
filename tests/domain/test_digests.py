"""When digests are due, and what they hold."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest

from bot.domain.channels import Channel, Quiet
from bot.domain.digests import Digest, Schedule, digest_of
from bot.domain.watches import Limits, Watch, is_too_short, span_of, watching
from bot.monitor.digests import latest_due
from tests.domain.observed import DAY, FAILED, HOUR, NOON, backup, nightly, observed

BERLIN = Schedule(pace="daily", at=time(9), timezone="Europe/Berlin")


def utc(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_a_daily_digest_comes_at_the_same_local_time_all_year() -> None:
    assert BERLIN.next_after(utc(2026, 7, 1, 6, 59)) == utc(2026, 7, 1, 7)
    assert BERLIN.next_after(utc(2026, 7, 1, 7)) == utc(2026, 7, 2, 7)
    assert BERLIN.next_after(utc(2026, 12, 1, 7)) == utc(2026, 12, 1, 8)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Shanghai", "UTC"])
@pytest.mark.parametrize("at", [time(0), time(1, 30), time(2, 30), time(9)])
def test_there_is_one_digest_a_day_also_when_the_clocks_change(zone: str, at: time) -> None:
    schedule = Schedule(pace="daily", at=at, timezone=zone)
    due, found = utc(2026, 1, 1), []
    while due < utc(2027, 1, 1):
        due = schedule.next_after(due) or due
        found.append(due)

    gaps = {later - before for before, later in pairwise(found)}
    assert 365 <= len(found) <= 366
    assert gaps <= {timedelta(hours=23), timedelta(hours=24), timedelta(hours=25)}


def test_a_weekly_digest_comes_on_its_day() -> None:
    friday = Schedule(pace="weekly", day=5, at=time(17))

    assert friday.next_after(NOON) == utc(2026, 11, 27, 17)
    assert Schedule().next_after(NOON) is None


def test_after_a_pause_only_the_latest_digest_is_due() -> None:
    daily = Schedule(pace="daily", at=time(9))

    assert latest_due(daily, NOON - 5 * DAY, NOON) == utc(2026, 11, 23, 9)
    assert latest_due(daily, utc(2026, 11, 23, 9), NOON) is None


def test_quiet_hours_over_midnight() -> None:
    nights = Quiet(begin=time(22), end=time(7))
    channel = Channel(id="C0OPS", quiet=nights, digest=Schedule(timezone="Europe/Berlin"))

    assert channel.not_before(utc(2026, 11, 23, 20, 59)) is None
    assert channel.not_before(utc(2026, 11, 23, 21)) == utc(2026, 11, 24, 6)
    assert channel.not_before(utc(2026, 11, 24, 5, 59)) == utc(2026, 11, 24, 6)
    assert channel.not_before(utc(2026, 11, 24, 6)) is None


def test_a_digest_puts_first_what_is_not_backed_up() -> None:
    good = observed(nightly(10, NOON - 17 * HOUR), NOON)
    old = [backup(NOON - 100 * DAY, type="manual", id="m1")]
    late = observed([backup(NOON - 2 * HOUR, FAILED), backup(NOON - 60 * HOUR), *old], NOON)
    late = late.model_copy(update={"name": "users-prod"})
    made = digest_of(
        Digest(id="d1", channel_id="C0OPS", due_at=NOON, made_at=NOON + 2 * HOUR),
        [(good, Limits()), (late, Limits())],
        [],
        NOON - DAY,
    )

    assert [row.name for row in made.rows] == ["users-prod", "orders-prod"]
    assert made.fresh == 1
    assert made.is_late
    assert (made.rows[0].failed, made.rows[0].old_manual) == (1, 1)
    assert len(made.rows[1].sizes_kb) == 10


def test_two_watches_of_one_channel_are_as_strict_as_the_stricter() -> None:
    loose = Watch(id="1", channel_id="C0OPS", instances=("*",), created_by="U0ANA")
    strict = Watch(
        id="2",
        channel_id="C0OPS",
        instances=("orders-*",),
        limits=Limits(fresh_within=12 * HOUR),
        mention=("U0BEN",),
    )
    elsewhere = Watch(id="3", channel_id="C0DB", instances=("orders-prod",))
    here, there = watching([loose, strict, elsewhere], "orders-prod", "in1")

    assert (here.channel_id, here.limits.fresh_within) == ("C0OPS", 12 * HOUR)
    assert (here.owner, here.mention) == ("U0ANA", ("U0BEN",))
    assert there.channel_id == "C0DB"
    assert watching([strict], "users-prod", "in2") == []


def test_a_limit_that_no_schedule_can_keep() -> None:
    assert is_too_short(Limits(), range(1, 8)) is None
    assert is_too_short(Limits(), [1, 4]) == 4 * DAY
    assert is_too_short(Limits(fresh_within=20 * HOUR), range(1, 8)) == DAY


@pytest.mark.parametrize(("text", "span"), [("26h", 26 * HOUR), ("2d", 2 * DAY), ("59m", None)])
def test_a_typed_limit(text: str, span: timedelta | None) -> None:
    assert span_of(text) == span
    assert span_of("999999999999999d") is None
