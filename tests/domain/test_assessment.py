"""What is wrong with a watched instance, from its backups, and since when."""

from datetime import datetime

import pytest

from bot.domain.assessment import assess, assess_channel, ended_at, next_deadline
from bot.domain.incidents import Finding, Incident, IncidentKind
from bot.domain.instances import Instance
from bot.domain.observations import (
    Failing,
    Observed,
    Signal,
    declared_normal,
    first_seen,
    got_used_to,
    missing_manual,
    saw_automated,
    saw_gone,
    saw_instance,
    saw_manual,
    without_deletion,
)
from bot.domain.watches import Limits
from tests.domain.observed import (
    BUILDING,
    DAY,
    FAILED,
    HOUR,
    MINUTE,
    NOON,
    USUAL_KB,
    backup,
    nightly,
    observed,
)

K = IncidentKind
LIMITS = Limits()
NIGHT = NOON - 17 * HOUR  # 7 PM the day before


def only(known: Observed) -> Finding:
    (found,) = assess(known, LIMITS)
    return found


def kinds(known: Observed) -> list[IncidentKind]:
    return [found.kind for found in assess(known, LIMITS)]


def test_nothing_is_wrong_with_nightly_backups() -> None:
    assert assess(observed(nightly(7, NIGHT), NOON), LIMITS) == []


def test_a_missing_backup_is_an_incident_from_its_deadline_on() -> None:
    last = NOON - 30 * HOUR
    found = only(observed([backup(last)], NOON))

    assert (found.kind, found.since) == (K.STALE, last + 26 * HOUR)


def test_a_deadline_that_passed_since_the_last_look_says_nothing_yet() -> None:
    """The backup may have completed meanwhile."""
    last = NOON - 26 * HOUR
    known = observed([backup(last)], NOON - MINUTE)

    assert assess(known, LIMITS) == []
    assert next_deadline(known, LIMITS, NOON - MINUTE) == NOON


def test_an_instance_that_never_had_a_backup_gets_as_long_as_any() -> None:
    assert kinds(observed([], NOON, since=NOON - 25 * HOUR)) == []
    assert only(observed([], NOON, since=NOON - 27 * HOUR)).since == NOON - HOUR


def test_a_manual_backup_counts_as_one() -> None:
    known = observed([backup(NOON - 40 * HOUR), backup(NOON - HOUR, type="manual")], NOON)

    assert assess(known, LIMITS) == []


def failed_night(*others: object, read_at: datetime) -> Observed:
    failed = backup(NIGHT, FAILED)
    return observed([*others, failed, *nightly(3, NIGHT - DAY)], read_at)  # type: ignore[list-item]


def test_a_failed_automated_backup_is_told_once_rds_has_had_its_retry() -> None:
    ended = NIGHT + 7 * MINUTE

    assert kinds(failed_night(read_at=ended + 44 * MINUTE)) == []
    found = only(failed_night(read_at=ended + 45 * MINUTE))
    assert (found.kind, found.since) == (K.FAILED, ended + 45 * MINUTE)


def test_a_retry_that_succeeds_leaves_nothing_to_tell() -> None:
    retry = backup(NIGHT + 37 * MINUTE)

    assert kinds(failed_night(retry, read_at=NOON)) == []


def test_a_retry_that_runs_is_waited_for() -> None:
    retry = backup(NIGHT + 37 * MINUTE, BUILDING)

    assert kinds(failed_night(retry, read_at=NIGHT + 2 * HOUR)) == []


def test_a_retry_that_fails_later_is_when_it_is_told() -> None:
    retry = backup(NIGHT + 37 * MINUTE, FAILED, took=HOUR)
    found = only(failed_night(retry, read_at=NIGHT + 3 * HOUR))

    assert found.since == NIGHT + 97 * MINUTE
    assert found.facts.failures == 2


def test_nights_that_fail_one_after_the_other_are_one_incident_since_the_first() -> None:
    failures = [backup(NIGHT - night * DAY, FAILED) for night in range(3)]
    found = only(observed([*failures, *nightly(3, NIGHT - 3 * DAY)], NOON))

    assert found.kind is K.STALE
    assert found.facts.is_late
    assert found.facts.failures == 3
    assert found.since == NIGHT - 2 * DAY + 52 * MINUTE


def test_a_failed_manual_backup_is_told_at_once_unless_this_bot_made_it() -> None:
    failed = backup(NOON - HOUR, FAILED, type="manual", id="b1")
    known = observed([failed, *nightly(3, NIGHT)], NOON)

    assert only(known).since == NOON - HOUR + 7 * MINUTE
    assert assess(known, LIMITS, own=["b1"]) == []


def test_a_backup_that_ends_before_it_begins_does_no_harm() -> None:
    strange = backup(NIGHT, FAILED, took=-HOUR)

    assert kinds(observed([strange, *nightly(2, NIGHT - DAY)], NIGHT + HOUR)) == [K.FAILED]


def test_a_backup_that_runs_for_six_hours_hangs() -> None:
    running = backup(NOON - 7 * HOUR, BUILDING)
    found = only(observed([running, *nightly(3, NIGHT)], NOON))

    assert (found.kind, found.since) == (K.HUNG, NOON - HOUR)
    assert found.subject == running.id


def test_a_long_backup_that_runs_every_night_is_not_missing() -> None:
    """It takes ten hours, so there is none within 26 hours while tonight's is being made."""
    nights = [backup(NIGHT - night * DAY, took=10 * HOUR) for night in range(1, 10)]
    known = observed([backup(NIGHT, BUILDING), *nights], NIGHT + 9 * HOUR)

    assert kinds(known) == []


def test_recovery_that_lags_is_a_gap() -> None:
    newest = NOON - 4 * HOUR
    known = observed(nightly(3, NIGHT), NOON, recoverable_until=newest, recovery_read_at=NOON)

    assert (only(known).kind, only(known).since) == (K.GAP, NOON - HOUR)


def test_a_gap_is_not_told_beside_the_policy_that_causes_it() -> None:
    known = observed(
        nightly(3, NIGHT),
        NOON,
        recoverable_until=NOON - 4 * HOUR,
        recovery_read_at=NOON,
        keep_days=0,
        policy_at=NOON - HOUR,
    )
    assert kinds(known) == [K.POLICY_OFF]


def instance(keep_days: int | None) -> Instance:
    return Instance(id="in1", name="orders-prod", status="ACTIVE", keep_days=keep_days)


def test_a_policy_that_was_always_off_is_no_news() -> None:
    known = saw_automated(first_seen(instance(0), NOON), nightly(1, NOON - HOUR), NOON)

    assert kinds(saw_manual(known, [], NOON)) == []


def test_a_policy_that_is_switched_off_and_on_again() -> None:
    known = observed(nightly(3, NIGHT), NOON)
    off = saw_instance(known, instance(0), NOON)
    assert (only(off).kind, only(off).since) == (K.POLICY_OFF, NOON)

    later = saw_instance(off, instance(0), NOON + HOUR)
    assert only(later).since == NOON

    assert kinds(saw_instance(later, instance(7), NOON + HOUR)) == []


def test_backups_that_are_kept_for_fewer_days_until_someone_knows() -> None:
    known = saw_instance(observed(nightly(3, NIGHT), NOON), instance(3), NOON)

    assert only(known).kind is K.KEPT_SHORTER
    assert (only(known).facts.keep_days, only(known).facts.kept_days) == (3, 7)
    assert kinds(got_used_to(known)) == []


def test_a_backup_that_someone_deleted() -> None:
    mine = backup(NOON - 5 * DAY, type="manual", id="b1")
    known = saw_manual(observed([*nightly(3, NIGHT), mine], NOON), [], NOON, [mine])

    assert (only(known).kind, only(known).facts.deleted) == (K.DELETED, (mine,))
    assert kinds(saw_manual(known, [mine], NOON)) == []  # it was only missing from a list


def test_what_one_reading_finds_missing_is_one_deletion() -> None:
    """One that a release before noted without a time keeps the incident that it has."""
    mine = [backup(NOON - day * DAY, type="manual", id=f"b{day}") for day in range(1, 15)]
    known = observed([*nightly(3, NIGHT), *mine], NOON, deleted=(mine[13],))
    known = saw_manual(known, [mine[0]], NOON, mine[1:13])
    later = saw_manual(known, [], NOON + 3 * HOUR, mine[:1])
    found = {one.subject: one for one in assess(later, Limits()) if one.kind is K.DELETED}
    first, second = NOON.isoformat(), (NOON + 3 * HOUR).isoformat()

    assert found.keys() == {first, second, "b14"}
    assert (found[first].since, found[first].facts.deletions) == (NOON, 12)
    assert found[first].facts.deleted == tuple(mine[1:11])
    assert without_deletion(later, first).deleted == (mine[13], mine[0])


def test_an_instance_that_is_gone_is_one_incident_whatever_else_is_wrong() -> None:
    left = [backup(NOON - DAY, type="manual")]
    known = saw_gone(observed([backup(NOON - 5 * DAY)], NOON), NOON, left)

    assert only(known).kind is K.GONE
    assert only(known).facts.remaining == 1


SHRUNK = backup(NIGHT, size_kb=int(1.8 * 2**20))


def test_a_backup_that_shrank() -> None:
    found = only(observed([SHRUNK, *nightly(10, NIGHT - DAY)], NOON))

    assert (found.kind, found.since) == (K.UNUSUAL_SIZE, NIGHT + 7 * MINUTE)
    assert found.facts.usual_size_kb == USUAL_KB
    assert found.facts.runs == 10


def test_a_size_that_someone_expects_is_no_longer_unusual() -> None:
    known = observed([SHRUNK, *nightly(10, NIGHT - DAY)], NOON)

    assert kinds(declared_normal(known, Signal.SIZE, SHRUNK.size_kb or 0)) == []
    assert kinds(declared_normal(known, Signal.SIZE, 3 * 2**20)) == [K.UNUSUAL_SIZE]


def test_a_backup_that_took_much_longer() -> None:
    slow = backup(NIGHT, took=40 * MINUTE)

    assert kinds(observed([slow, *nightly(10, NIGHT - DAY)], NOON)) == [K.UNUSUAL_DURATION]


def test_slow_growth_is_nothing_unusual() -> None:
    grown = [
        backup(NIGHT - night * DAY, size_kb=int(USUAL_KB * 1.05 ** (30 - night)))
        for night in range(30)
    ]
    for newest in range(27):
        read_at = (grown[newest].begin_time or NOON) + HOUR
        assert kinds(observed(grown[newest:], read_at)) == []


@pytest.mark.parametrize("size_kb", [0, 10**15])
def test_sizes_that_cannot_be_true_are_ignored(size_kb: int) -> None:
    odd = [backup(NIGHT, size_kb=size_kb), *nightly(10, NIGHT - DAY)]

    assert K.UNUSUAL_DURATION not in kinds(observed(odd, NOON))


def test_two_backups_are_too_few_to_say_what_is_unusual() -> None:
    assert kinds(observed([SHRUNK, *nightly(2, NIGHT - DAY)], NOON)) == []


def incident(found: Finding) -> Incident:
    return Incident(
        id="i1",
        channel_id="C0OPS",
        instance_id="in1",
        kind=found.kind,
        topic=found.key[0],
        opened_at=found.since,
        noticed_at=NOON,
    )


def test_it_is_over_when_the_backup_ended_not_when_that_was_seen() -> None:
    stale = incident(only(observed([backup(NOON - 30 * HOUR)], NOON)))
    good = backup(NOON + HOUR)
    known = observed([good, backup(NOON - 30 * HOUR)], NOON + 3 * HOUR)

    assert ended_at(stale, known, NOON + 3 * HOUR) == NOON + HOUR + 7 * MINUTE


def failing(since: datetime, *, refused: bool = False) -> Failing:
    return Failing(since=since, code="APIGW.0301", refused=refused)


def test_a_key_that_rds_rejects_is_one_incident_for_all() -> None:
    refused = failing(NOON - 6 * MINUTE, refused=True)
    watched = [observed([], NOON - HOUR, failing=refused), observed([], NOON - HOUR)]
    (found,) = assess_channel(watched, NOON - DAY, NOON)

    assert (found.kind, found.since) == (K.REFUSED, NOON - MINUTE)
    assert found.facts.watched == 2


def test_what_was_not_read_for_three_hours_is_unknown() -> None:
    away = failing(NOON - 4 * HOUR)
    watched = [observed([], NOON - 4 * HOUR, failing=away), observed([], NOON - HOUR)]
    (found,) = assess_channel(watched, NOON - DAY, NOON)

    assert (found.kind, found.since) == (K.UNREAD, NOON - HOUR)
    assert found.facts.instances == ("orders-prod",)


def test_nothing_is_unread_because_the_bot_was_down() -> None:
    watched = [observed([], NOON - 9 * HOUR)]

    assert assess_channel(watched, NOON - MINUTE, NOON) == []
    assert assess_channel(watched, NOON - 3 * HOUR, NOON) != []


def test_what_was_not_read_while_the_bot_was_down_is_not_unread_at_once() -> None:
    """The first read fails after a long pause; only hours of failures are told."""
    hiccup = failing(NOON - MINUTE)
    watched = [observed([], NOON - 9 * HOUR, failing=hiccup)]

    assert assess_channel(watched, NOON - 2 * MINUTE, NOON) == []
    assert assess_channel(watched, NOON - 2 * MINUTE, NOON + 3 * HOUR) != []


def test_one_instance_that_is_refused_while_others_are_read_is_not_the_key() -> None:
    refused = failing(NOON - HOUR, refused=True)
    watched = [observed([], NOON - 90 * MINUTE, failing=refused), observed([], NOON - MINUTE)]

    assert assess_channel(watched, NOON - DAY, NOON) == []


def test_a_backup_that_was_seen_being_deleted_is_missed_too() -> None:
    going = backup(NOON - DAY, type="manual").model_copy(update={"status": "DELETING"})

    assert missing_manual(observed([going], NOON), []) == [going]
    failed = going.model_copy(update={"size_kb": None})
    assert missing_manual(observed([failed], NOON), []) == []


def test_a_deletion_that_someone_knows_of_is_not_found_by_a_slower_read() -> None:
    gone = backup(NOON - DAY, type="manual")
    known = saw_manual(observed([], NOON), [], NOON + MINUTE, [gone])

    assert known.deleted == ()


def test_times_that_are_far_ahead_are_ignored() -> None:
    """Else nothing would be missing for years."""
    ahead = backup(NOON + 900 * DAY)
    last = backup(NOON - 30 * HOUR)
    known = saw_automated(observed([], NOON), [ahead, last], NOON)

    assert kinds(known) == [K.STALE]
    soon = backup(NOON + 10 * MINUTE)
    assert kinds(saw_automated(observed([], NOON), [soon, last], NOON)) == []


def test_a_backup_of_which_only_the_end_is_known_counts() -> None:
    good = backup(NOON - 3 * HOUR).model_copy(update={"begin_time": None})
    known = saw_automated(observed([], NOON, since=NOON - 9 * DAY), [good], NOON)

    assert kinds(known) == []


def test_nothing_is_missing_before_both_lists_were_read() -> None:
    """Someone may have made a backup by hand meanwhile."""
    known = observed([backup(NOON - 30 * HOUR)], NOON, manual_read_at=NOON - 5 * HOUR)

    assert kinds(known) == []
    failed = [backup(NOON - 2 * HOUR, FAILED), backup(NOON - 20 * HOUR)]
    assert kinds(observed(failed, NOON, manual_read_at=NOON - 2 * HOUR)) == []


def test_it_is_not_too_old_before_the_newer_backups_were_gone() -> None:
    """RDS deletes all automated backups when someone switches them off."""
    nights = nightly(7, NIGHT)
    known = saw_automated(observed(nights, NOON - HOUR, last_good_at=NIGHT), nights, NOON - HOUR)
    gone = saw_automated(known, [], NOON)

    assert only(gone).since == NOON
    assert only(saw_automated(gone, [], NOON + DAY)).since == NOON
    assert kinds(saw_automated(gone, [backup(NOON + HOUR)], NOON + 2 * HOUR)) == []
