"""Watched instances and incidents, on both databases."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.application.ports import Change, Conflict
from bot.domain.digests import Digest
from bot.domain.incidents import Ending, Incident, IncidentKind
from bot.domain.observations import Observed, could_not_read
from bot.domain.states import RequestState, Retention
from bot.domain.successes import NewSuccess, Success
from bot.storage.digests import Digests
from bot.storage.incidents import Incidents
from bot.storage.store import Store
from bot.storage.successes import load_successes
from bot.storage.tables import outbox
from tests.domain.observed import DAY, HOUR, MINUTE, NOON, backup, nightly, observed
from tests.requests import asked


def known(number: int) -> dict[str, object]:
    return {"instance_id": f"in{number}", "name": f"orders-{number}"}


def incident(name: str = "i1") -> Incident:
    return Incident(
        id=name,
        channel_id="C0OPS",
        instance_id="in1",
        kind=IncidentKind.STALE,
        topic="backup",
        opened_at=NOON,
        noticed_at=NOON,
    )


async def test_each_instance_that_is_due_is_claimed_by_one(store: Store) -> None:
    """Whoever asks, at the same time: the one that is due for longest comes first."""
    incidents = Incidents(store)
    for number in range(30):
        new = observed([], NOON, **known(number))
        await incidents.begin([new], NOON + timedelta(seconds=number))
    now = NOON + MINUTE
    claimed: list[Observed] = []
    while len(claimed) < 30:
        found = await asyncio.gather(*(incidents.claim(now) for _ in range(4)))
        assert any(found)
        claimed += [one for one in found if one]

    assert sorted(one.instance_id for one in claimed) == sorted(f"in{n}" for n in range(30))
    assert await incidents.claim(now) is None
    assert await incidents.claim(now + 5 * MINUTE)


async def test_pulses_are_what_is_known(store: Store) -> None:
    incidents = Incidents(store)
    one = observed(nightly(3, NOON - HOUR), NOON, **known(1))
    two = could_not_read(observed([], NOON, **known(2), gone_at=NOON), "x", NOON, refused=True)
    await incidents.begin([one, two], NOON)
    await incidents.begin([one, two], NOON + DAY)  # nothing: they are
    first, second = sorted(await incidents.pulses(), key=lambda pulse: pulse.name)

    assert (first.read_at, first.failing, first.gone_at) == (NOON, None, None)
    assert second.failing == two.failing
    assert second.gone_at == NOON
    assert await incidents.observed("in1") == one


async def test_what_is_due_far_ahead_is_due_now(store: Store) -> None:
    """A clock was ahead for a moment."""
    incidents = Incidents(store)
    await incidents.begin([observed([], NOON, **known(1))], NOON + 30 * HOUR)

    assert await incidents.next_due(NOON) == NOON
    assert await incidents.claim(NOON)


async def test_an_incident_is_open_once_whoever_notices(store: Store) -> None:
    incidents = Incidents(store)
    await incidents.save([Change(None, incident())])
    with pytest.raises(Conflict):
        await incidents.save([Change(None, incident("i2"))])
    (before,) = await incidents.open()
    over = before.ended(NOON + HOUR, Ending.RECOVERED)
    await incidents.save([Change(before, over)])
    with pytest.raises(Conflict):
        await incidents.save([Change(before, over)])
    await incidents.save([Change(None, incident("i3"))])

    assert [one.id for one in await incidents.recent("in1", NOON)] == ["i1", "i3"]
    assert [one.id for one in await incidents.recent("in1", NOON + DAY)] == ["i3"]


async def test_a_success_is_told_once_in_each_channel(store: Store) -> None:
    incidents = Incidents(store)
    made = Success(instance_name="orders-prod", backup=backup(NOON))
    new = NewSuccess("C0OPS", NOON.date(), in_thread=True, success=made)
    later = new._replace(day=NOON.date() + DAY)
    elsewhere = new._replace(channel_id="C0DB", in_thread=False)
    await incidents.save(successes=[new, elsewhere])
    await incidents.save(successes=[new, later])
    here, there = [await load_successes(store, one.topic_id) for one in (new, elsewhere)]

    assert here
    assert there
    assert (here.in_thread, here.successes) == (True, (made,))
    assert (there.in_thread, there.successes) == (False, (made,))
    assert await load_successes(store, later.topic_id) is None
    rows = await store.rows(select(outbox.c.destination).order_by(outbox.c.number))
    assert [row["destination"] for row in rows] == ["C0OPS", "C0OPS", "C0DB"]


async def test_backups_that_this_bot_deletes_later(store: Store) -> None:
    kept = {"state": RequestState.COMPLETED, "keep": 2 * DAY, "finished_at": NOON}
    async with store.transaction() as transaction:
        await transaction.insert(
            asked(1, **kept),
            asked(2, **kept, retention=Retention.WARNED, warned_at=NOON),
            asked(3, **kept, retention=Retention.KEPT),
            asked(4, state=RequestState.COMPLETED),
            asked(5, keep=2 * DAY),
        )
    found = await Digests(store).kept_for_a_while()

    assert sorted(request.name for request in found) == ["before-1", "before-2"]


async def test_a_digest_is_made_once(store: Store) -> None:
    made = Digests(store)
    digest = Digest(id="d1", channel_id="C0OPS", due_at=NOON, made_at=NOON)
    ahead = digest.model_copy(update={"id": "d2", "due_at": NOON + 20 * DAY})

    assert await made.save(digest)
    assert not await made.save(digest.model_copy(update={"id": "d3"}))
    assert await made.save(ahead)
    assert await made.last(NOON + DAY) == {"C0OPS": NOON}
