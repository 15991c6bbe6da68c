"""Replicas, restarts, wrong clocks, and garbage: no incident is false, missed, or doubled."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from bot.demo.rds.records import RdsInstance
from bot.domain.channels import Channel
from bot.domain.digests import Schedule
from bot.domain.errors import RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.incidents import IncidentKind
from bot.domain.observations import first_seen
from bot.storage.tables import digests, watched_instances
from tests.monitor.conftest import DAY, START, WATCH, Ground

K = IncidentKind
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ELSEWHERE = WATCH.model_copy(update={"id": "w2", "channel_id": "C0DB"})


async def test_a_watch_that_is_added_during_a_look_is_seen_at_once(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = ground.rds.known

    async def adds_one(timeout_seconds: float) -> Any:
        monkeypatch.undo()
        await ground.watches(ELSEWHERE)
        return await known(timeout_seconds)

    ground.instance("users-prod")
    await ground.watches(WATCH.model_copy(update={"instances": ("orders-*",)}))
    monkeypatch.setattr(ground.rds, "known", adds_one)
    await ground.passes(seconds=30)

    assert [pulse.name for pulse in await ground.incidents.pulses()] == ["users-prod"]


async def test_an_event_that_comes_while_another_is_noted_is_not_lost(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = ground.instance("first"), ground.instance("second")
    await ground.watches()
    await ground.passes(minutes=10)
    hurry = ground.incidents.hurry

    async def meanwhile(instance_ids: Any, now: Any) -> None:
        monkeypatch.undo()
        await hurry(instance_ids, now)
        ground.monitor.hurry(second.id)

    monkeypatch.setattr(ground.incidents, "hurry", meanwhile)
    ground.monitor.hurry(first.id)
    since = ground.clock.now()
    await ground.passes(minutes=1)

    for instance in (first, second):
        read_at = (await ground.knows(instance)).read_at
        assert read_at
        assert read_at >= since


async def test_a_replica_that_does_not_know_a_new_watch_yet_ends_none_of_its_incidents(
    ground: Ground,
) -> None:
    orders = ground.instance()
    other = ground.new_monitor()
    await ground.watches()
    await ground.passes(hours=1)
    ground.region.set_status(orders, "FROZEN")
    await ground.passes(other, hours=20)
    await other.step()
    await ground.watches(ELSEWHERE)
    ground.monitor.hurry(orders.id)
    await ground.monitor.step()
    await ground.monitor.step()
    other.hurry(orders.id)
    await other.step()
    await other.step()

    assert [(i.channel_id, i.is_open) for i in await ground.all()] == [
        ("C0OPS", True),
        ("C0DB", True),
    ]


async def test_a_replica_that_does_not_know_a_new_watch_yet_tells_what_it_reads(
    ground: Ground,
) -> None:
    """Whoever reads an instance first tells what is wrong with it."""
    orders = ground.instance("orders-prod")
    users = ground.instance("users-prod")
    other = ground.new_monitor()
    await ground.watches(WATCH.model_copy(update={"instances": ("users-*",)}))
    await ground.passes(other, hours=1)
    ground.region.set_policy(users, keep_days=0)
    ground.region.set_status(orders, "FROZEN")
    ground.clock.advance(hours=30)
    await other.step()
    await ground.watches(ELSEWHERE.model_copy(update={"instances": ("orders-*",)}))
    now = ground.clock.now()
    new = [first_seen(one, now) for one in await ground.rds.known(0) if one.id == orders.id]
    await ground.incidents.begin(new, now)
    for _ in range(3):
        await other.step()

    assert "C0DB" in [i.channel_id for i in await ground.all()]


async def test_a_slow_reading_takes_back_nothing_that_another_replica_read_since(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = ground.instance()
    other = ground.new_monitor()
    await ground.watches()
    await ground.passes(other, hours=1)
    ground.region.set_status(orders, "FROZEN")
    await ground.passes(other, hours=10)
    assert (await ground.of(K.STALE)).is_open
    quick = ground.rds.list_backups

    async def slow(instance_id: str, **query: Any) -> Any:
        listed = await quick(instance_id, **query)
        monkeypatch.undo()
        ground.region.add_backup(orders, "by-hand", type="auto", takes=MINUTE)
        ground.clock.advance(minutes=2)
        ground.monitor.hurry(orders.id)
        await ground.monitor.step()
        return listed

    monkeypatch.setattr(ground.rds, "list_backups", slow)
    other.hurry(orders.id)
    await other.step()
    stale = await ground.of(K.STALE)

    assert (stale.is_open, stale.times) == (False, 1)


async def test_an_incident_whose_instance_is_no_longer_watched_ends(ground: Ground) -> None:
    """Another replica opened it just before the instance was forgotten."""
    orders = ground.instance()
    await ground.watches()
    await ground.passes(hours=1)
    ground.region.set_policy(orders, keep_days=0)
    await ground.passes(hours=2)
    assert (await ground.of(K.POLICY_OFF)).is_open
    await ground.incidents.remove_watches([WATCH])
    async with ground.store.transaction() as transaction:
        await transaction.execute(delete(watched_instances))
    await ground.passes(minutes=10)

    assert not (await ground.of(K.POLICY_OFF)).is_open


async def test_a_restart_does_not_make_an_instance_readable(ground: Ground) -> None:
    bad = ground.instance("bad")
    ground.instance("good")
    await ground.watches()
    await ground.passes(hours=1)
    ground.rds.of[bad.id] = RuntimeError("poison")  # type: ignore[assignment]
    await ground.passes(hours=5)
    assert (await ground.only()).is_open

    ground.restarts()
    await ground.passes(minutes=20)
    assert (await ground.only()).is_open
    ground.rds.of.clear()
    await ground.passes(hours=2)
    assert not (await ground.only()).is_open


async def test_an_instance_that_the_key_may_not_read_holds_up_no_other(ground: Ground) -> None:
    bad, good = ground.instance("bad"), ground.instance("good")
    await ground.watches()
    await ground.passes(hours=1)
    ground.rds.of[bad.id] = RdsRefused(RefusalReason.NOT_PERMITTED, "DBS.200022")
    await ground.passes(hours=3)
    ground.region.set_status(good, "FROZEN")
    await ground.passes(hours=16)
    stale = await ground.of(K.STALE)

    assert stale.noticed_at - stale.opened_at <= timedelta(seconds=5)
    assert not any(i.is_open for i in await ground.all() if i.kind is K.REFUSED)
    assert (await ground.of(K.UNREAD)).facts.instances == ("bad",)


async def test_an_empty_list_deletes_nothing(ground: Ground) -> None:
    orders = ground.instance()
    mine = [
        ground.region.add_backup(
            orders, f"before-{number}", type="manual", began=START - (number + 2) * DAY
        )
        for number in range(12)
    ]
    await ground.watches()
    await ground.passes(hours=1)
    ground.rds.hidden.update(backup.id for backup in mine)
    await ground.passes(hours=8)
    assert await ground.all() == []

    ground.region.delete_backup(mine[0].id)
    await ground.passes(hours=8)
    assert [b.id for b in (await ground.only()).facts.deleted] == [mine[0].id]


async def test_a_clock_that_was_ahead_for_a_moment_stops_no_reading(ground: Ground) -> None:
    orders = ground.instance()
    await ground.watches()
    await ground.passes(hours=1)
    ground.clock.set_back(hours=-30)
    await ground.passes(minutes=10)
    ground.clock.set_back(hours=30)
    await ground.passes(hours=3)
    read_at = (await ground.knows(orders)).read_at

    assert read_at
    assert timedelta() <= ground.clock.now() - read_at <= HOUR


async def test_a_clock_that_was_ahead_stops_no_digest(ground: Ground) -> None:
    ground.channels.append(Channel(id="C0OPS", digest=Schedule(pace="daily", at=time(9))))
    ground.restarts()
    ground.instance()
    await ground.watches()
    await ground.passes(hours=2)
    ground.clock.set_back(days=-20)
    await ground.passes(minutes=10)
    ground.clock.set_back(days=20)
    await ground.passes(days=3)
    rows = await ground.store.rows(select(digests.c.due_at).order_by(digests.c.due_at))

    assert [row["due_at"].day for row in rows if row["due_at"] < START + 10 * DAY] == [21, 22, 23]


async def test_a_digest_that_cannot_be_made_holds_up_no_reading(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def falls_over() -> list[Any]:
        raise ValueError("poison")

    ground.channels.append(Channel(id="C0OPS", digest=Schedule(pace="daily", at=time(13))))
    ground.restarts()
    monkeypatch.setattr(ground.incidents, "all_observed", falls_over)
    orders = ground.instance()
    await ground.watches()
    await ground.passes(hours=2)

    read_at = (await ground.knows(orders)).read_at
    assert read_at
    assert ground.clock.now() - read_at <= HOUR


async def test_a_list_of_all_types_holds_up_nothing(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RDS ignores the type that was asked for; a backup that someone made by hand hangs."""
    orders = ground.instance()
    hangs = ground.region.add_backup(orders, "by-hand", type="manual", takes=timedelta(hours=90))
    listed = ground.rds.backups

    async def all_types(instance_id: str, **_: Any) -> Any:
        return listed(instance_id)

    monkeypatch.setattr(ground.rds, "list_backups", all_types)
    await ground.watches()
    await ground.passes(hours=8)

    assert (await ground.of(K.HUNG)).subject == hangs.id


async def test_no_answer_about_recovery_ends_no_gap(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(_: str) -> Any:
        raise RdsRefused(RefusalReason.OTHER, "DBS.200019")

    orders = ground.instance()
    await ground.watches()
    await ground.passes(hours=2)
    ground.region.stop_logs(orders)
    await ground.passes(hours=4)
    assert (await ground.only()).kind is K.GAP
    monkeypatch.setattr(ground.rds, "restore_windows", refused)
    await ground.passes(hours=1)

    assert (await ground.only()).is_open


async def test_an_instance_that_is_gone_is_not_asked_about_again(ground: Ground) -> None:
    orders = ground.instance()
    await ground.watches()
    await ground.passes(hours=1)
    ground.rds.unlisted.add(orders.id)
    await ground.passes(hours=3)
    calls = ground.rds.calls
    await ground.passes(hours=5)
    assert ground.rds.calls == calls

    ground.rds.unlisted.clear()
    await ground.passes(hours=2)
    assert not (await ground.of(K.GONE)).is_open


async def test_garbage_about_one_instance_holds_up_no_other(ground: Ground) -> None:
    """Only when RDS fails for two in a row is it away."""
    fleet = [ground.instance(f"orders-{number}") for number in range(4)]
    ground.rds.of[fleet[0].id] = RdsUnreachable("garbled")
    await ground.watches()
    await ground.passes(seconds=5)
    assert all([(await ground.knows(one)).read_at for one in fleet[1:]])
    assert ground.monitor.trouble is None

    ground.rds.error = RdsUnreachable("HTTP 503")
    await ground.passes(hours=2)
    assert ground.monitor.trouble == "HTTP 503"


async def test_a_project_that_is_away_holds_up_no_other(ground: Ground) -> None:
    """Its instances are read again when it is back."""
    fleet = [ground.instance(f"orders-{number}") for number in range(6)]
    eu, us = fleet[:3], fleet[3:]
    ground.rds.projects = {one.id: "eu" if one in eu else "us" for one in fleet}
    ground.monitor = ground.new_monitor(["us", "eu"])
    away = RdsUnreachable("HTTP 503")
    both = WATCH.model_copy(update={"instances": ("eu/*", "us/*")})
    await ground.watches(both)
    await ground.passes(hours=1)

    ground.rds.of = {one.id: away for one in eu}
    went = ground.clock.now()
    await ground.passes(hours=4)
    assert ground.monitor.trouble == "eu: HTTP 503"
    assert min([await _read_at(ground, one) for one in us]) > went + 3 * HOUR
    assert max([await _read_at(ground, one) for one in eu]) <= went

    ground.rds.of = {}
    await ground.passes(hours=1)
    assert ground.monitor.trouble is None
    assert min([await _read_at(ground, one) for one in eu]) > went


async def _read_at(ground: Ground, instance: RdsInstance) -> datetime:
    known = await ground.knows(instance)
    assert known.read_at
    return known.read_at
