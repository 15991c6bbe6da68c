"""Channels that want to hear of successful backups hear of each, once."""

import random
from collections import Counter
from datetime import time, timedelta

import pytest
from sqlalchemy import select

from bot.domain.channels import Channel, Quiet
from bot.domain.digests import Schedule
from bot.domain.errors import RdsUnreachable, StoreUnavailable
from bot.domain.successes import SUCCESS, SuccessDay, Successes
from bot.storage.successes import load_successes
from bot.storage.tables import outbox, successes
from tests.monitor.conftest import DAY, START, WATCH, Ground

HOUR = timedelta(hours=1)


async def begins(ground: Ground, way: Successes = "channel", **ways: object) -> None:
    ground.channels.append(Channel(id="C0OPS", successes=way).model_copy(update=ways))
    ground.restarts()
    await ground.watches()


async def days(ground: Ground) -> list[SuccessDay]:
    """What the channel is told, a day's in each."""
    rows = await ground.store.rows(select(successes.c.topic_id).distinct())
    found = [await load_successes(ground.store, row["topic_id"]) for row in rows]
    return sorted(filter(None, found), key=lambda day: day.id)


async def test_a_channel_is_told_nothing_unless_it_wants_to_be(ground: Ground) -> None:
    ground.channels.append(Channel(id="C0OPS"))
    ground.restarts()
    ground.instance()
    await ground.watches()
    await ground.passes(days=1)

    assert await days(ground) == []


async def test_a_night_of_many_instances_is_one_message(ground: Ground) -> None:
    for number in range(8):
        ground.instance(f"orders-{number}")
    await begins(ground)
    await ground.passes(days=1)
    (night,) = await days(ground)

    assert sorted(one.instance_name for one in night.successes) == [
        f"orders-{number}" for number in range(8)
    ]
    ends = [one.backup.end_time for one in night.successes]
    assert ends == sorted(ends, key=str, reverse=True)
    assert await ground.lines() == ["card"]


async def test_in_a_thread_each_is_a_reply(ground: Ground) -> None:
    ground.instance("orders-prod")
    ground.instance("users-prod")
    await begins(ground, "thread")
    await ground.passes(days=1)

    assert await ground.lines() == ["card", SUCCESS, SUCCESS]


async def test_what_is_there_when_a_watch_begins_is_no_news(ground: Ground) -> None:
    orders = ground.instance()
    ground.region.add_backup(orders, "made-before", type="manual", began=START - HOUR)
    await begins(ground)
    await ground.passes(hours=4)

    assert await days(ground) == []


async def test_a_manual_backup_is_told_unless_this_bot_made_it(ground: Ground) -> None:
    """A request says in its own thread how it ended."""
    orders = ground.instance()
    await begins(ground)
    await ground.passes(hours=1)
    ours = ground.region.add_backup(orders, "ours", type="manual", began=ground.clock.now())
    ground.region.add_backup(orders, "from-the-console", type="manual", began=ground.clock.now())
    ground.own.made.add(ours.id)
    await ground.passes(hours=4)
    (day,) = await days(ground)

    assert [one.backup.name for one in day.successes] == ["from-the-console"]


async def test_the_evening_and_the_night_are_told_together_after_the_quiet_hours(
    ground: Ground,
) -> None:
    nights = Quiet(begin=time(18), end=time(7))
    await begins(ground, quiet=nights)
    ground.instance("orders-prod")
    ground.instance("users-prod")
    await ground.passes(hours=16)
    (night,) = await days(ground)
    (row,) = await ground.store.rows(select(outbox.c.due_at))

    assert len(night.successes) == 2
    assert row["due_at"] == (START + DAY).replace(hour=7)


async def test_a_day_is_one_of_the_channel_s_time_zone(ground: Ground) -> None:
    """The night of October 20 in UTC is already the 21st in Auckland."""
    ground.instance()
    await begins(ground, digest=Schedule(timezone="Pacific/Auckland"))
    await ground.passes(days=1)
    (night,) = await days(ground)

    assert night.id == "s-C0OPS-2026-10-21-channel"


async def test_two_channels_are_told_as_each_wants(ground: Ground) -> None:
    ground.instance()
    ground.channels.append(Channel(id="C0DB", successes="thread"))
    await ground.incidents.add_watch(WATCH.model_copy(update={"id": "w2", "channel_id": "C0DB"}))
    await begins(ground)
    await ground.passes(days=1)

    assert [day.in_thread for day in await days(ground)] == [True, False]


async def test_nothing_is_lost_while_the_bot_is_down(ground: Ground) -> None:
    ground.instance()
    await begins(ground)
    await ground.passes(hours=1)
    ground.clock.advance(days=3)
    ground.restarts()
    await ground.passes(minutes=20)
    (day,) = await days(ground)

    assert len(day.successes) == 3


async def test_a_backup_that_a_list_lacked_for_a_while_is_told_once(ground: Ground) -> None:
    orders = ground.instance()
    await begins(ground)
    await ground.passes(hours=12)
    last = max(orders.backups, key=lambda backup: backup.began)
    ground.rds.hidden.add(last.id)
    await ground.passes(hours=2)
    ground.rds.hidden.clear()
    await ground.passes(hours=2)
    told = [one.backup.id for day in await days(ground) for one in day.successes]

    assert told == [last.id]


async def test_an_older_backup_that_comes_into_view_is_no_news(ground: Ground) -> None:
    """The bot remembers the last 40; when newer ones are deleted, it sees older ones again."""
    orders = ground.region.add_instance("orders-prod")
    for night in range(60):
        ground.region.add_backup(orders, f"auto-{night}", began=START - (night + 1) * DAY)
    await begins(ground)
    await ground.passes(hours=1)
    newest = sorted(orders.backups, key=lambda backup: backup.began)[-20:]
    ground.rds.hidden |= {backup.id for backup in newest}
    await ground.passes(hours=2)

    assert await days(ground) == []


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_each_backup_is_told_once(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Two replicas, restarts, outages of RDS and of the database, and lists that lack some."""
    chance = random.Random(seed)  # noqa: S311, no secret
    all_made = [ground.instance(f"orders-{number}") for number in range(4)]
    await begins(ground, chance.choice(["thread", "channel"]))
    other = ground.new_monitor()
    await ground.passes(other, hours=2)
    before = {backup.id for instance in all_made for backup in instance.backups}
    save = ground.incidents.save

    async def fails_now_and_then(*args: object, **kwargs: object) -> None:
        if chance.random() < 0.2:
            raise StoreUnavailable
        await save(*args, **kwargs)  # type: ignore[arg-type]
        if chance.random() < 0.1:
            raise StoreUnavailable  # after it was committed

    for _ in range(12):
        monkeypatch.setattr(ground.incidents, "save", fails_now_and_then)
        ground.rds.error = chance.choice([None, None, RdsUnreachable("HTTP 503")])
        shown = [b.id for instance in all_made for b in instance.backups]
        ground.rds.hidden = set(chance.sample(shown, 2))
        for _ in range(20):
            for monitor in (ground.monitor, other):
                try:
                    await monitor.step()
                except StoreUnavailable:
                    ground.restarts()
            ground.clock.advance(minutes=chance.uniform(1, 20))
    monkeypatch.undo()
    ground.rds.error, ground.rds.hidden = None, set()
    await ground.passes(hours=3)
    made = {b.id for instance in all_made for b in instance.backups if b.ended} - before
    told = Counter(one.backup.id for day in await days(ground) for one in day.successes)

    assert made
    assert set(told) == made
    assert set(told.values()) == {1}
    rows = await ground.store.rows(select(outbox.c.subject).where(outbox.c.line == SUCCESS))
    is_in_thread = (await days(ground))[0].in_thread
    assert Counter(row["subject"] for row in rows) == (told if is_in_thread else {})
