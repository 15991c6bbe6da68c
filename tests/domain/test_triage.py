"""Which incidents open, change, and end."""

import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assessment import assess
from bot.domain.incident_lines import BROADCAST
from bot.domain.incidents import Ending, Facts, Finding, Incident, IncidentKind
from bot.domain.observations import Observed
from bot.domain.owed_by_incidents import owed_by_incident
from bot.domain.thread_lines import CARD
from bot.domain.triage import Step, awake, triage, unwatched
from bot.domain.watches import Limits, Watching
from tests.domain.observed import DAY, HOUR, MINUTE, NOON, backup, observed

K = IncidentKind
HERE = Watching(channel_id="C0OPS", limits=Limits(), owner="U0ANA", mention=("S0DBA",))
STALE = Finding(kind=K.STALE, since=NOON - HOUR)


def steps(
    findings: list[Finding],
    incidents: list[Incident],
    now: datetime = NOON,
    known: Observed | None = None,
) -> list[Step]:
    return list(triage(HERE, findings, incidents, known or observed([], now), now))


def opened(finding: Finding = STALE, now: datetime = NOON) -> Incident:
    ((before, after),) = steps([finding], [], now)
    assert before is None
    return after


def test_what_is_wrong_opens_an_incident_since_its_deadline() -> None:
    incident = opened()

    assert (incident.opened_at, incident.noticed_at) == (NOON - HOUR, NOON)
    assert (incident.channel_id, incident.owner, incident.mention) == (
        "C0OPS",
        "U0ANA",
        ("S0DBA",),
    )


def test_what_is_still_wrong_changes_nothing() -> None:
    assert steps([STALE], [opened()]) == []


def test_an_incident_of_another_channel_is_another_one() -> None:
    elsewhere = opened().model_copy(update={"channel_id": "C0DB"})
    ((before, after),) = steps([STALE], [elsewhere])

    assert before is None
    assert after.channel_id == "C0OPS"


def test_what_ended_it_is_known() -> None:
    """The message names the new backup."""
    good = backup(NOON - 20 * MINUTE)
    ((_, after),) = steps([], [opened()], NOON, observed([good], NOON))

    assert after.facts.last_good == good


def test_an_instance_that_is_gone_has_recovered_from_nothing() -> None:
    """Nothing else is found wrong with it; it's not well, either."""
    known = observed([], NOON, gone_at=NOON)
    found = steps(assess(known, Limits()), [opened()], NOON, known)
    ends = {after.kind: after.ending for _, after in found}

    assert ends == {K.GONE: None, K.STALE: Ending.UNWATCHED}


def test_what_is_no_longer_wrong_has_recovered() -> None:
    incident = opened()
    good = observed([backup(NOON - 20 * MINUTE)], NOON)
    ((_, after),) = steps([], [incident], NOON, good)

    assert after.ending is Ending.RECOVERED
    assert after.ended_at == NOON - 13 * MINUTE
    assert after.lasted == 47 * MINUTE


def test_failing_backups_become_missing_ones_in_one_incident() -> None:
    failing = opened(Finding(kind=K.FAILED, since=NOON - 2 * HOUR))
    ((before, after),) = steps([STALE], [failing])

    assert before == failing
    assert (after.id, after.kind, after.opened_at) == (failing.id, K.STALE, NOON - 2 * HOUR)


def test_what_comes_back_soon_is_the_same_incident() -> None:
    over = opened().acknowledged("U0ANA", NOON).ended(NOON, Ending.RECOVERED)
    again = Finding(kind=K.STALE, since=NOON + HOUR)
    ((before, after),) = steps([again], [over], NOON + HOUR)

    assert before == over
    assert after.is_open
    assert after.times == 2
    assert after.acknowledged_by is None


def test_what_comes_back_later_is_another_incident() -> None:
    over = opened().ended(NOON, Ending.RECOVERED)
    ((before, after),) = steps([Finding(kind=K.STALE, since=NOON + DAY)], [over], NOON + DAY)

    assert before is None
    assert after.id != over.id


def flap(*states: bool, every: timedelta = 3 * HOUR) -> Iterator[tuple[Step, datetime]]:
    """Yield each change of something that is wrong, or not, at every look."""
    incidents: dict[str, Incident] = {}
    for place, is_wrong in enumerate(states):
        now = NOON + place * every
        known = observed([], now)
        found = [Finding(kind=K.GAP, since=now)] if is_wrong else []
        for before, after in triage(HERE, found, list(incidents.values()), known, now):
            incidents[after.id] = after
            yield (before, after), now


def told(changes: Iterable[tuple[Step, datetime]]) -> list[tuple[str, datetime]]:
    """What the channel reads of it, apart from edits and replies that only the thread shows."""
    owed = [
        (message, before is None, now)
        for (before, after), now in changes
        for message in owed_by_incident(before, after, now)
    ]
    return [
        (message.line, now)
        for message, is_new, now in owed
        if (message.line == CARD and is_new) or message.line in BROADCAST
    ]


def test_what_opens_three_times_in_a_day_is_told_once_as_flapping() -> None:
    """The same message stays open until it has been fine for twelve hours."""
    changes = list(flap(*[True, False] * 8, *[False] * 5))
    lines = [line for line, _ in told(changes)]
    ((_, last), now) = changes[-1]

    assert lines == [CARD, "incident_ended", CARD, "incident_ended", "flapping", "incident_ended"]
    assert (last.times, last.flapping_since) == (8, NOON)
    assert (last.ending, last.ended_at) == (Ending.RECOVERED, NOON + 45 * HOUR)
    assert now == NOON + 57 * HOUR


def test_what_opens_twice_in_a_day_does_not_flap() -> None:
    changes = list(flap(*[True, False] * 4, every=8 * HOUR))

    assert not any(after.flapping_since for (_, after), _ in changes)


def test_who_acknowledged_what_flaps_still_has_it_when_it_opens_again() -> None:
    *_, ((_, flapping), now) = flap(*[True, False, True, False, True])
    taken = flapping.acknowledged("U0ANA", now)
    ((_, calm),) = steps([], [taken], now + HOUR)
    ((_, again),) = steps([Finding(kind=K.GAP, since=now)], [calm], now + 2 * HOUR)

    assert calm.calm_since == now + HOUR
    assert (again.calm_since, again.acknowledged_by) == (None, "U0ANA")


def test_what_flaps_ends_at_once_when_no_one_watches_it_or_it_is_gone() -> None:
    *_, ((_, flapping), now) = flap(*[True, False] * 3)
    ((_, left),) = unwatched([flapping], now)
    gone = observed([], now, gone_at=now)
    ((_, missing),) = steps([], [flapping], now, gone)

    assert flapping.calm_since
    assert left.ending is missing.ending is Ending.UNWATCHED


def test_what_comes_back_recovers_with_what_mended_it_then() -> None:
    """Not with the backup that had ended it before."""
    again = (
        opened()
        .ended(NOON, Ending.RECOVERED)
        .again(Finding(kind=K.STALE, since=NOON + HOUR), NOON + HOUR)
    )
    backups = [backup(NOON + 90 * MINUTE), backup(NOON - 30 * MINUTE)]
    later = NOON + 2 * HOUR
    ((_, after),) = steps([], [again], later, observed(backups, later))

    assert after.ended_at == NOON + 97 * MINUTE


@given(st.lists(st.tuples(st.booleans(), st.integers(10, 600)), max_size=80))
def test_however_it_flaps_a_channel_reads_little_and_the_truth(
    looks: list[tuple[bool, int]],
) -> None:
    """At most eight messages in 24 hours; it is open while it's wrong and half a day longer."""
    incidents: dict[str, Incident] = {}
    changes: list[tuple[Step, datetime]] = []
    now, wrong_until, since = NOON, NOON - 100 * DAY, None
    for is_wrong, minutes in looks:
        now += minutes * MINUTE
        since = (since or now) if is_wrong else None
        found = [Finding(kind=K.GAP, since=since)] if since else []
        wrong_until = now if is_wrong else wrong_until
        for before, after in triage(HERE, found, list(incidents.values()), observed([], now), now):
            incidents[after.id] = after
            changes.append(((before, after), now))
        still_open = [incident for incident in incidents.values() if incident.is_open]

        assert len(still_open) <= 1
        assert not is_wrong or (still_open and still_open[0].calm_since is None)
        assert is_wrong or all(incident.calm_since for incident in still_open)
        assert not still_open or now - (still_open[0].calm_since or now) < 12 * HOUR
    times = [at for _, at in told(changes)]
    assert all(sum(at <= other < at + DAY for other in times) <= 8 for at in times)


def test_what_someone_acknowledged_for_good_is_not_found_again() -> None:
    gone = Finding(kind=K.GONE, since=NOON)
    known = opened(gone).acknowledged("U0ANA", NOON + HOUR)

    assert not known.is_open
    assert steps([gone], [known], NOON + 2 * HOUR) == []


def test_two_deleted_backups_are_two_incidents() -> None:
    deleted = [
        Finding(kind=K.DELETED, since=NOON, subject=name, facts=Facts()) for name in ("b1", "b2")
    ]
    assert len(steps(deleted, [])) == 2


def test_what_is_no_longer_watched_ends() -> None:
    ((_, after),) = unwatched([opened()], NOON + HOUR)

    assert after.ending is Ending.UNWATCHED


def test_a_snooze_ends_when_its_time_is_up() -> None:
    asleep = opened().snoozed("U0ANA", NOON + HOUR)

    assert list(awake([asleep], NOON + 59 * MINUTE)) == []
    ((_, after),) = awake([asleep], NOON + HOUR)
    assert after.snoozed_until is None


def test_acknowledging_and_snoozing_replace_each_other() -> None:
    asleep = opened().acknowledged("U0ANA", NOON).snoozed("U0BEN", NOON + HOUR)
    assert asleep.acknowledged_by is None
    assert asleep.is_snoozed(NOON)

    taken = asleep.acknowledged("U0CYD", NOON)
    assert not taken.is_snoozed(NOON)


def test_whatever_happens_each_problem_is_open_once() -> None:
    """Random backups: at any time, every problem that is found has one open incident."""
    dice = random.Random(7)  # noqa: S311, no secret
    for _ in range(50):
        incidents: dict[str, Incident] = {}
        backups, now = [backup(NOON)], NOON
        for _ in range(60):
            now += dice.choice([HOUR, 3 * HOUR, 9 * HOUR])
            if dice.random() < 0.3:
                backups.insert(0, backup(now - 30 * MINUTE, dice.choice(["COMPLETED", "FAILED"])))  # type: ignore[arg-type]
            known = observed(backups[:20], now)
            found = assess(known, Limits())
            for _, after in triage(HERE, found, list(incidents.values()), known, now):
                incidents[after.id] = after
            now_open = [i.key for i in incidents.values() if i.is_open and not i.calm_since]
            assert sorted(now_open) == sorted(f.key for f in found)
