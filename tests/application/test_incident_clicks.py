"""What a click on an incident comes to, and what of it is on disk."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from sqlalchemy import select

from bot.application.incident_clicks import (
    LONGEST_SNOOZE,
    IncidentAnswer,
    IncidentClicks,
    IncidentVerdict,
)
from bot.application.ports import Change, Conflict
from bot.domain.assessment import assess
from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.incident_lines import IncidentLine
from bot.domain.incidents import ENDS_WHEN_KNOWN, Ending, Incident, IncidentKind
from bot.domain.observations import Observed, Signal
from bot.domain.thread_lines import CARD
from bot.domain.watches import Limits
from bot.storage.engine import open_engine
from bot.storage.incidents import Incidents
from bot.storage.store import Store
from bot.storage.tables import outbox
from tests.domain.observed import DAY, HOUR, MINUTE, NOON, backup, nightly, observed
from tests.stepped_clock import SteppedClock

ANA, BEN, CAT = "U0ANA", "U0BEN", "U0CAT"
K, V, A = IncidentKind, IncidentVerdict, AuditAction
CAN_BE_EXPECTED = {K.UNUSUAL_SIZE, K.UNUSUAL_DURATION, K.KEPT_SHORTER}


class Ground:
    """One instance with an incident of each kind that a test opens, and the clicks on them."""

    def __init__(self, store: Store, clock: SteppedClock) -> None:
        self.store, self.clock = store, clock
        self.incidents = Incidents(store)
        self.clicks = IncidentClicks(self.incidents, clock)

    async def opens(self, kind: IncidentKind, channel: str = "C0OPS", **changes: object) -> str:
        incident = Incident(
            id=f"{kind}-{channel}",
            channel_id=channel,
            instance_id="in1",
            instance_name="orders-prod",
            kind=kind,
            topic=kind.value,
            opened_at=NOON - HOUR,
            noticed_at=NOON - HOUR,
        ).model_copy(update=changes)
        await self.incidents.save([Change(None, incident)])
        return incident.id

    async def found(self, known: Observed, channel: str = "C0OPS") -> list[Incident]:
        """What a reading finds is open in the channel."""
        opened = [
            await self.opens(
                finding.kind,
                channel,
                subject=finding.subject,
                facts=finding.facts,
                opened_at=finding.since,
            )
            for finding in assess(known, Limits())
        ]
        return [await self.now(incident_id) for incident_id in opened]

    async def knows(self, known: Observed) -> None:
        """The instance was read."""
        await self.incidents.begin([known], NOON)

    async def learned(self) -> Observed:
        known = await self.incidents.observed("in1")
        assert known
        return known

    async def now(self, incident_id: str) -> Incident:
        incident = await self.incidents.load(incident_id)
        assert incident
        return incident

    async def recovers(self, incident_id: str) -> None:
        """As the monitor does it: what someone else changed meanwhile is read again."""
        while (before := await self.now(incident_id)).is_open:
            after = before.ended(self.clock.now(), Ending.RECOVERED)
            try:
                await self.incidents.save([Change(before, after, (), [_ended(after)])])
            except Conflict:
                continue

    async def trail(self) -> list[AuditEntry]:
        return list(await self.store.audit_trail())

    async def lines(self) -> list[str]:
        rows = await self.store.rows(select(outbox.c.line).order_by(outbox.c.number))
        return [row["line"] for row in rows]


def _ended(incident: Incident) -> AuditEntry:
    return AuditEntry(
        at=incident.ended_at or NOON,
        request_id=None,
        actor="backup-bot",
        action=A.INCIDENT_ENDED,
        instance=incident.instance_name,
    )


@pytest.fixture
async def ground(migrated_database_url: str) -> AsyncIterator[Ground]:
    """Nothing is wrong yet."""
    engine = open_engine(migrated_database_url)
    clock = SteppedClock(NOON)
    yield Ground(Store(engine, clock=clock), clock)
    await engine.dispose()


async def test_who_acknowledges_has_it(ground: Ground) -> None:
    """The message is drawn again, nothing is said below it, and the audit log has an entry."""
    incident_id = await ground.opens(K.STALE)
    answer = await ground.clicks.acknowledge(incident_id, ANA)

    now = await ground.now(incident_id)
    assert answer.verdict is V.DONE
    assert (now.acknowledged_by, now.acknowledged_at, now.is_open) == (ANA, NOON, True)
    assert await ground.lines() == [CARD]
    (entry,) = await ground.trail()
    assert (entry.action, entry.actor, entry.request_id) == (A.INCIDENT_ACKNOWLEDGED, ANA, None)
    assert (entry.instance, entry.instance_id) == ("orders-prod", "in1")
    assert entry.detail == {"incident": incident_id, "kind": "stale", "channel": "C0OPS"}


async def test_the_same_person_acknowledges_once(ground: Ground) -> None:
    """The second click changes nothing."""
    incident_id = await ground.opens(K.STALE)
    await ground.clicks.acknowledge(incident_id, ANA)
    again = await ground.clicks.acknowledge(incident_id, ANA)

    assert again.verdict is V.ALREADY
    assert len(await ground.trail()) == 1


async def test_someone_else_takes_over(ground: Ground) -> None:
    """And is told from whom."""
    incident_id = await ground.opens(K.STALE)
    await ground.clicks.acknowledge(incident_id, BEN)
    answer = await ground.clicks.acknowledge(incident_id, ANA)

    assert (answer.verdict, answer.before) == (V.TAKEN_OVER, BEN)
    assert (await ground.now(incident_id)).acknowledged_by == ANA


async def test_the_last_click_wins(ground: Ground) -> None:
    """A snooze ends an acknowledgment, and the other way round."""
    incident_id = await ground.opens(K.STALE)
    await ground.clicks.acknowledge(incident_id, ANA)
    snoozed = await ground.clicks.snooze(incident_id, BEN, HOUR)
    asleep = await ground.now(incident_id)
    await ground.clicks.acknowledge(incident_id, CAT)
    awake = await ground.now(incident_id)

    assert snoozed.verdict is V.DONE
    assert (asleep.snoozed_by, asleep.snoozed_until) == (BEN, NOON + HOUR)
    assert asleep.acknowledged_by is None
    assert (awake.acknowledged_by, awake.snoozed_by, awake.snoozed_until) == (CAT, None, None)
    assert [entry.detail.get("until") for entry in await ground.trail()] == [
        None,
        (NOON + HOUR).isoformat(),
        None,
    ]


@pytest.mark.parametrize(
    ("span", "verdict"),
    [
        (-HOUR, V.NOT_POSSIBLE),
        (timedelta(), V.NOT_POSSIBLE),
        (MINUTE, V.DONE),
        (LONGEST_SNOOZE, V.DONE),
        (LONGEST_SNOOZE + MINUTE, V.NOT_POSSIBLE),
    ],
)
async def test_every_snooze_ends(
    ground: Ground, span: timedelta, verdict: IncidentVerdict
) -> None:
    """In the future, and within 30 days."""
    incident_id = await ground.opens(K.STALE)
    answer = await ground.clicks.snooze(incident_id, ANA, span)

    assert answer.verdict is verdict
    assert (await ground.now(incident_id)).is_snoozed(NOON) is (verdict is V.DONE)


@pytest.mark.parametrize("kind", K)
async def test_what_has_ended_stays_ended(ground: Ground, kind: IncidentKind) -> None:
    """No click opens it again, whatever the button on an old screen says."""
    incident_id = await ground.opens(kind)
    await ground.recovers(incident_id)
    over = await ground.now(incident_id)
    clicks = ground.clicks
    answers = [
        await clicks.acknowledge(incident_id, ANA),
        await clicks.snooze(incident_id, ANA, HOUR),
    ]
    if kind in CAN_BE_EXPECTED:
        answers.append(await clicks.expect(incident_id, ANA))

    assert {answer.verdict for answer in answers} == {V.ENDED}
    assert await ground.now(incident_id) == over
    assert [entry.action for entry in await ground.trail()] == [A.INCIDENT_ENDED]


@pytest.mark.parametrize("kind", K)
async def test_only_what_does_not_recover_ends_when_acknowledged(
    ground: Ground, kind: IncidentKind
) -> None:
    """The rest stays open until RDS shows that it's over."""
    incident_id = await ground.opens(kind)
    await ground.clicks.acknowledge(incident_id, ANA)

    now = await ground.now(incident_id)
    ends = kind in ENDS_WHEN_KNOWN
    assert now.is_open is not ends
    assert now.ending is (Ending.KNOWN if ends else None)
    assert await ground.lines() == [CARD]


@pytest.mark.parametrize("kind", K)
async def test_only_some_can_be_expected(ground: Ground, kind: IncidentKind) -> None:
    """A failed backup is never normal."""
    incident_id = await ground.opens(kind)
    answer = await ground.clicks.expect(incident_id, ANA)

    now, can = await ground.now(incident_id), kind in CAN_BE_EXPECTED
    assert answer.verdict is (V.DONE if can else V.NOT_POSSIBLE)
    assert now.ending is (Ending.EXPECTED if can else None)
    assert await ground.lines() == ([CARD, IncidentLine.ENDED] if can else [])


async def test_expecting_what_someone_else_acknowledged_takes_nothing_over(
    ground: Ground,
) -> None:
    """It is over, so nobody has it."""
    incident_id = await ground.opens(K.UNUSUAL_SIZE)
    await ground.clicks.acknowledge(incident_id, BEN)
    answer = await ground.clicks.expect(incident_id, ANA)

    assert (answer.verdict, answer.before) == (V.DONE, None)


async def test_clicks_on_nothing(ground: Ground) -> None:
    """An incident that was deleted, or never was."""
    for answer in (
        await ground.clicks.acknowledge("gone", ANA),
        await ground.clicks.snooze("gone", ANA, HOUR),
        await ground.clicks.expect("gone", ANA),
    ):
        assert answer.verdict is V.UNKNOWN


SHRUNK = backup(NOON - HOUR, size_kb=2**20)
SLOW = backup(NOON - HOUR, took=50 * MINUTE)
BY_HAND = backup(NOON - 9 * DAY, type="manual")
USUAL = nightly(12, NOON - DAY)
NEWS = {  # what a reading shows, for each kind that a person can settle for good
    K.UNUSUAL_SIZE: observed([SHRUNK, *USUAL], NOON),
    K.UNUSUAL_DURATION: observed([SLOW, *USUAL], NOON),
    K.KEPT_SHORTER: observed(nightly(9, NOON - HOUR), NOON, keep_days=3, policy_at=NOON),
    K.DELETED: observed(nightly(9, NOON - HOUR), NOON, deleted=(BY_HAND,)),
}


@pytest.mark.parametrize("kind", NEWS)
async def test_what_a_person_settled_is_not_found_again(
    ground: Ground, kind: IncidentKind
) -> None:
    """The next reading shows the same, and nothing is wrong with it."""
    await ground.knows(NEWS[kind])
    (incident,) = await ground.found(NEWS[kind])
    if kind is K.DELETED:
        await ground.clicks.acknowledge(incident.id, ANA)
    else:
        await ground.clicks.expect(incident.id, ANA)

    learned = await ground.learned()
    assert incident.kind is kind
    assert assess(learned, Limits()) == []
    assert learned.version == 1


async def test_acknowledging_a_shorter_retention_settles_it(ground: Ground) -> None:
    """It ends as known, and three days are what backups are kept for from now on."""
    await ground.knows(NEWS[K.KEPT_SHORTER])
    (incident,) = await ground.found(NEWS[K.KEPT_SHORTER])
    await ground.clicks.acknowledge(incident.id, ANA)

    learned = await ground.learned()
    assert (learned.kept_days, learned.policy_at) == (3, None)
    assert (await ground.now(incident.id)).ending is Ending.KNOWN


async def test_what_is_normal_is_the_measure_of_this_backup(ground: Ground) -> None:
    """In KB, or in seconds."""
    await ground.knows(NEWS[K.UNUSUAL_SIZE])
    (size,) = await ground.found(NEWS[K.UNUSUAL_SIZE])
    (slow,) = await ground.found(NEWS[K.UNUSUAL_DURATION])
    await ground.clicks.expect(size.id, ANA)
    await ground.clicks.expect(slow.id, ANA)

    expected = {Signal.SIZE: 2.0**20, Signal.DURATION: 50 * 60.0}
    assert (await ground.learned()).expected == expected


async def test_acknowledging_an_unusual_size_declares_nothing_normal(ground: Ground) -> None:
    """Someone has it; it's as unusual as before."""
    await ground.knows(NEWS[K.UNUSUAL_SIZE])
    (size,) = await ground.found(NEWS[K.UNUSUAL_SIZE])
    await ground.clicks.acknowledge(size.id, ANA)

    assert (await ground.learned()).version == 0


@pytest.mark.parametrize("kind", NEWS)
async def test_what_is_settled_in_one_channel_has_not_recovered_in_another(
    ground: Ground, kind: IncidentKind
) -> None:
    """The next reading finds it in neither, so both say who settled it."""
    known = NEWS[kind]
    await ground.knows(known)
    (here,), (there,) = await ground.found(known), await ground.found(known, "C0DB")
    if kind is K.DELETED:
        await ground.clicks.acknowledge(here.id, ANA)
    else:
        await ground.clicks.expect(here.id, ANA)

    ends = [await ground.now(one.id) for one in (here, there)]
    assert {(one.ending, one.ended_by) for one in ends} == {
        (Ending.KNOWN if kind is K.DELETED else Ending.EXPECTED, ANA)
    }
    assert [entry.detail["channel"] for entry in await ground.trail()] == ["C0OPS", "C0DB"]


async def test_an_instance_that_is_gone_is_closed_in_every_channel(ground: Ground) -> None:
    """It doesn't come back, so who has seen that has seen it for all; each says who it was."""
    here, there = await ground.opens(K.GONE), await ground.opens(K.GONE, "C0DB")
    await ground.clicks.acknowledge(here, ANA)

    ends = [await ground.now(one) for one in (here, there)]
    assert {(one.ending, one.ended_by) for one in ends} == {(Ending.KNOWN, ANA)}


async def test_an_acknowledgment_is_only_for_its_channel(ground: Ground) -> None:
    """Of what nobody can settle: the others still have to know."""
    here, there = await ground.opens(K.STALE), await ground.opens(K.STALE, "C0DB")
    await ground.clicks.acknowledge(here, ANA)

    assert (await ground.now(there)).acknowledged_by is None


async def test_a_reading_meanwhile_is_not_undone(ground: Ground) -> None:
    """What a person said is added to what RDS has shown since."""
    known = NEWS[K.DELETED]
    await ground.knows(known)
    (incident,) = await ground.found(known)
    later = known.model_copy(update={"read_at": NOON + HOUR})

    class Read(Incidents):
        """Read again while someone clicks."""

        async def observed(self, instance_id: str) -> Observed | None:
            before = await super().observed(instance_id)
            if before and before.version == 0:
                await self.save([], later)
            return before

    await IncidentClicks(Read(ground.store), ground.clock).acknowledge(incident.id, ANA)

    learned = await ground.learned()
    assert (learned.read_at, learned.deleted, learned.version) == (NOON + HOUR, (), 2)


async def test_who_is_always_overtaken_gives_up(ground: Ground) -> None:
    """Rather than to go round for ever; nothing is written."""
    incident_id = await ground.opens(K.STALE)

    class Busy(Incidents):
        """Someone is always faster."""

        async def save(self, *_: object, **__: object) -> None:
            raise Conflict

    with pytest.raises(Conflict):
        await IncidentClicks(Busy(ground.store), ground.clock).acknowledge(incident_id, ANA)
    assert await ground.trail() == []


# Races.


class Saved(NamedTuple):
    """A change that was written."""

    action: AuditAction
    after: Incident


class InMemory:
    """Versioned rows, as in the database; every call lets others go first, at random."""

    def __init__(self, incident: Incident, dice: random.Random) -> None:
        self.row = incident
        self.saved: list[Saved] = []
        self.conflicts = 0
        self._dice = dice

    async def _others(self) -> None:
        for _ in range(self._dice.randrange(4)):
            await asyncio.sleep(0)

    async def load(self, incident_id: str) -> Incident | None:
        await self._others()
        return self.row if self.row.id == incident_id else None

    async def recent(self, instance_id: str, since: datetime) -> list[Incident]:  # noqa: ARG002, the port's
        return [self.row]

    async def observed(self, instance_id: str) -> Observed | None:  # noqa: ARG002, the port's
        return None

    async def save(
        self,
        changes: Sequence[Change] = (),
        observed: Observed | None = None,
        due_at: datetime | None = None,
    ) -> None:
        assert (observed, due_at) == (None, None)
        await self._others()
        (change,) = changes
        if change.after.version != self.row.version:
            self.conflicts += 1
            raise Conflict
        self.row = change.after.model_copy(update={"version": self.row.version + 1})
        (entry,) = change.entries
        self.saved.append(Saved(entry.action, self.row))


async def _recovers(rows: InMemory, clock: SteppedClock) -> None:
    while (before := rows.row).is_open:
        await asyncio.sleep(0)
        after = before.ended(clock.now(), Ending.RECOVERED)
        try:
            await rows.save([Change(before, after, (), [_ended(after)])])
        except Conflict:
            continue


def _check(last: AuditAction, now: Incident) -> None:
    """Fail unless the incident is as the last change that was written left it."""
    assert now.is_open is (last is not A.INCIDENT_ENDED)
    if last is A.INCIDENT_ACKNOWLEDGED:
        assert now.acknowledged_by in (ANA, CAT)
        assert (now.snoozed_by, now.snoozed_until) == (None, None)
    elif last is A.INCIDENT_SNOOZED:
        assert now.acknowledged_by is None
        assert (now.snoozed_by, now.snoozed_until) == (BEN, NOON + HOUR)
    else:
        assert now.ending is Ending.RECOVERED


def _check_answers(answers: Sequence[IncidentAnswer], actions: Sequence[AuditAction]) -> None:
    """Fail unless exactly the clicks that were said to count have been written."""
    counted = Counter(answer.verdict in (V.DONE, V.TAKEN_OVER) for answer in answers)
    assert counted[True] == sum(action is not A.INCIDENT_ENDED for action in actions)
    assert A.INCIDENT_ENDED not in actions[:-1]  # nothing happens after the end


async def test_a_thousand_interleavings() -> None:
    """Whoever comes last wins, unless it is over; no one is told something else."""
    conflicts, ends = 0, Counter[AuditAction]()
    for seed in range(1000):
        dice, clock = random.Random(seed), SteppedClock(NOON)  # noqa: S311, a test's
        new = Incident(
            id="i1",
            channel_id="C0OPS",
            instance_id="in1",
            kind=K.STALE,
            topic="backup",
            opened_at=NOON - HOUR,
            noticed_at=NOON - HOUR,
        )
        rows = InMemory(new, dice)
        clicks = IncidentClicks(rows, clock)
        people = [
            clicks.acknowledge("i1", ANA),
            clicks.acknowledge("i1", CAT),
            clicks.snooze("i1", BEN, HOUR),
            clicks.snooze("i1", BEN, HOUR),
        ]
        dice.shuffle(people)
        recovery = [_recovers(rows, clock)] if dice.random() < 0.5 else []
        answers = (await asyncio.gather(*people, *recovery))[: len(people)]

        actions = [saved.action for saved in rows.saved]
        _check(actions[-1], rows.row)
        _check_answers([answer for answer in answers if answer], actions)
        conflicts += rows.conflicts
        ends[actions[-1]] += 1

    assert conflicts > 500
    assert min(ends.values()) > 100


async def test_races_on_a_real_database(ground: Ground) -> None:
    """The same, as the monitor and the clicks meet in SQLite."""
    for seed in range(25):
        dice = random.Random(seed)  # noqa: S311, a test's
        incident_id = await ground.opens(K.STALE, id=f"i{seed}", channel_id=f"C{seed}")
        told = len(await ground.trail())
        people = [
            ground.clicks.acknowledge(incident_id, ANA),
            ground.clicks.snooze(incident_id, BEN, HOUR),
            ground.clicks.acknowledge(incident_id, CAT),
        ]
        dice.shuffle(people)
        recovery = [ground.recovers(incident_id)] if dice.random() < 0.5 else []
        answers = (await asyncio.gather(*people, *recovery))[: len(people)]

        actions = [entry.action for entry in (await ground.trail())[told:]]
        _check(actions[-1], await ground.now(incident_id))
        _check_answers([answer for answer in answers if answer], actions)
