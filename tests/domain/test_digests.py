"""When digests are due, and what they hold."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest

from bot.domain.channels import Channel, Quiet
from bot.domain.digests import Digest, Schedule, digest_of
from bot.domain.instances import Instance
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.watches import Limits, Watch, is_too_short, span_of, watching
from bot.monitor.digests import latest_due
from tests.domain.observed import DAY, FAILED, HOUR, NOON, backup, nightly, observed
from tests.requests import asked

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


EMPTY = Digest(id="d1", channel_id="C0OPS", due_at=NOON, made_at=NOON)


def kept(days: int, instance_id: str = "in1") -> BackupRequest:
    """A completed request whose backup is kept for so many days."""
    instance = Instance(id=instance_id, name="orders-prod", status="ACTIVE")
    changes = {"state": RequestState.COMPLETED, "instance": instance, "finished_at": NOON - DAY}
    return asked(days, keep=days * DAY, **changes)


def test_a_digest_says_what_this_bot_deletes_next() -> None:
    """Soonest first, of watched instances only, and nothing that is far ahead."""
    well = [(observed(nightly(10, NOON - 17 * HOUR), NOON), Limits())]
    requests = [kept(9), kept(2), kept(40), kept(3, "elsewhere")]
    made = digest_of(EMPTY, well, [], NOON - DAY, requests)

    assert [(one.name, one.at) for one in made.expiring] == [
        ("before-2", NOON + DAY),
        ("before-9", NOON + 8 * DAY),
    ]


def test_a_deletion_that_is_announced_late_is_told_with_its_real_time() -> None:
    """The notice is given a day ahead, also when the bot was down."""
    announced = kept(2).model_copy(update={"warned_at": NOON + HOUR})
    known = [(observed([], NOON), Limits())]
    (one,) = digest_of(EMPTY, known, [], NOON - DAY, [announced]).expiring

    assert one.at == NOON + HOUR + DAY


def test_the_last_backup_that_rds_deletes_is_told_unless_there_is_a_newer_one() -> None:
    last = backup(NOON - 60 * HOUR)
    (one,) = digest_of(EMPTY, [(observed([last], NOON), Limits())], [], NOON - DAY).expiring

    assert (one.name, one.at, one.is_last_good) == (last.name, NOON - 60 * HOUR + 7 * DAY, True)
    for fine in (
        observed(nightly(2, NOON - HOUR), NOON),
        observed([last], NOON, keep_days=0),
        observed([backup(NOON - 60 * HOUR, type="manual")], NOON),
    ):
        assert digest_of(EMPTY, [(fine, Limits())], [], NOON - DAY).expiring == ()


def test_the_sizes_of_a_week_are_those_of_the_last_backup_as_of_each_day() -> None:
    """Without one on the first day there is no line to draw."""
    sized = [backup(NOON - HOUR - night * DAY, size_kb=70 - night) for night in (0, 1, 4, 6)]
    (row,) = digest_of(EMPTY, [(observed(sized, NOON), Limits())], [], NOON - DAY).rows
    (young,) = digest_of(EMPTY, [(observed(sized[:3], NOON), Limits())], [], NOON - DAY).rows

    assert row.daily_kb == (64, 64, 66, 66, 66, 69, 70)
    assert young.daily_kb == ()


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
