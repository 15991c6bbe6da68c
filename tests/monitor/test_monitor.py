"""Incidents open and end at the right time, once, whatever happens to the bot and to RDS."""

import random
from datetime import time, timedelta

import pytest
from sqlalchemy import select

from bot.application.incident_clicks import IncidentClicks, IncidentVerdict
from bot.application.ports import Change
from bot.demo.rds.records import Ending as BackupEnding
from bot.domain.channels import Channel, Quiet
from bot.domain.digests import Digest, Schedule
from bot.domain.errors import RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.incidents import Ending, Incident, IncidentKind
from bot.domain.watches import Limits
from bot.monitor import loop
from bot.storage.tables import outbox
from tests.monitor.conftest import DAY, START, WATCH, Ground

K = IncidentKind
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NIGHT = START.replace(hour=19)  # when the next automated backups begin, or up to an hour later


async def test_nothing_happens_while_all_is_well(ground: Ground) -> None:
    for name in ("orders-prod", "users-prod", "payments"):
        ground.instance(name)
    await ground.watches()
    await ground.passes(days=2)

    assert await ground.all() == []
    assert await ground.lines() == []
    assert ground.rds.calls <= 3 * 48 * 2.5


async def test_a_retry_that_succeeds_is_no_incident(ground: Ground) -> None:
    orders = ground.instance()
    await ground.watches()
    ground.region.fail_automated(orders)
    await ground.passes(days=2)

    assert await ground.all() == []


async def test_a_night_that_fails_is_told_after_the_hold_and_over_with_the_next_backup(
    ground: Ground,
) -> None:
    orders = ground.instance()
    await ground.watches()
    ground.region.fail_automated(orders, times=5)
    await ground.passes(hours=10)
    incident = await ground.only()
    first, *_ = [b for b in orders.backups if b.ending is BackupEnding.FAILED]

    assert incident.is_open
    assert incident.opened_at >= first.ended + 45 * MINUTE
    assert incident.opened_at <= first.ended + 2 * HOUR
    assert incident.noticed_at - incident.opened_at < HOUR

    await ground.passes(hours=24)
    over = await ground.only()
    good = max(
        (b for b in orders.backups if b.ending is BackupEnding.COMPLETED), key=lambda b: b.began
    )
    assert over.ended_at == good.ended
    assert await ground.lines() == ["card", "grew", "incident_ended"]


async def test_a_backup_that_never_comes_is_told_from_its_deadline_on(ground: Ground) -> None:
    orders = ground.instance()
    await ground.watches()
    last = max(orders.backups, key=lambda b: b.began)
    await ground.passes(hours=1)
    ground.region.set_status(orders, "FROZEN")
    await ground.passes(hours=20)
    incident = await ground.only()

    assert incident.kind is K.STALE
    assert incident.opened_at == last.began + 26 * HOUR
    assert incident.noticed_at - incident.opened_at <= 5 * timedelta(seconds=1)


async def test_a_policy_that_someone_switches_off(ground: Ground) -> None:
    orders = ground.instance()
    await ground.watches()
    await ground.passes(hours=2)
    ground.region.set_policy(orders, keep_days=0)
    await ground.passes(hours=2)
    assert (await ground.only()).kind is K.POLICY_OFF

    ground.region.set_policy(orders, keep_days=7)
    await ground.passes(hours=2)
    assert (await ground.of(K.POLICY_OFF)).ending is Ending.RECOVERED


async def test_logs_that_stop_are_a_gap_since_the_limit_was_passed(ground: Ground) -> None:
    orders = ground.instance()
    await ground.watches()
    await ground.passes(hours=2)
    ground.region.stop_logs(orders)
    stopped = ground.clock.now()
    await ground.passes(hours=4)
    incident = await ground.only()

    assert incident.kind is K.GAP
    assert abs(incident.opened_at - stopped - 3 * HOUR) <= 5 * MINUTE
    assert incident.noticed_at - incident.opened_at <= timedelta(seconds=5)

    ground.region.resume_logs(orders)
    await ground.passes(hours=24)
    assert (await ground.only()).ending is Ending.RECOVERED


async def test_a_backup_that_someone_deletes_behind_the_bots_back(ground: Ground) -> None:
    orders = ground.instance()
    mine = ground.region.add_backup(orders, "before-42", type="manual", began=START - 5 * DAY)
    ours = ground.region.add_backup(orders, "before-43", type="manual", began=START - 4 * DAY)
    await ground.watches()
    await ground.passes(hours=1)
    ground.own.deleted.add(ours.id)
    for backup in (mine, ours):
        ground.region.delete_backup(backup.id)
    await ground.passes(hours=4)
    incident = await ground.only()

    assert incident.kind is K.DELETED
    assert [backup.id for backup in incident.facts.deleted] == [mine.id]
    clicks = IncidentClicks(ground.incidents, ground.clock)
    await clicks.acknowledge(incident.id, "U0ANA")
    await ground.passes(hours=24)
    assert (await ground.only()).ending is Ending.KNOWN


async def test_three_hundred_deletions_are_one_incident(ground: Ground) -> None:
    """One that is noticed later is another; acknowledging one leaves the other open."""
    orders = ground.instance()
    made = [
        ground.region.add_backup(orders, f"m-{n}", type="manual", began=START - (n + 1) * HOUR)
        for n in range(300)
    ]
    last = ground.region.add_backup(orders, "last", type="manual", began=START - HOUR / 2)
    await ground.watches()
    await ground.passes(hours=1)
    for backup in made:
        ground.region.delete_backup(backup.id)
    await ground.passes(hours=4)
    first = await ground.only()
    assert (first.facts.deletions, len(first.facts.deleted)) == (299, 10)
    assert await ground.lines() == ["card"]

    ground.region.delete_backup(last.id)
    await ground.passes(hours=4)
    clicks = IncidentClicks(ground.incidents, ground.clock)
    await clicks.acknowledge(first.id, "U0ANA")
    await ground.passes(hours=4)
    settled, other = await ground.all()

    assert (settled.id, settled.ending) == (first.id, Ending.KNOWN)
    assert (other.is_open, other.facts.deletions) == (True, 1)
    assert [backup.id for backup in (await ground.knows(orders)).deleted] == [last.id]


async def test_a_retention_that_is_lowered_and_then_off_has_not_recovered(ground: Ground) -> None:
    orders = ground.instance()
    await ground.watches()
    await ground.passes(hours=1)
    ground.region.set_policy(orders, keep_days=3)
    await ground.passes(hours=2)
    ground.region.set_policy(orders, keep_days=0)
    await ground.passes(hours=2)
    shorter, off = await ground.of(K.KEPT_SHORTER), await ground.of(K.POLICY_OFF)

    assert (shorter.ending, off.is_open) == (Ending.SUPERSEDED, True)
    assert await ground.lines() == ["card", "card"]

    ground.region.set_policy(orders, keep_days=7)
    await ground.passes(hours=2)
    assert (await ground.of(K.POLICY_OFF)).ending is Ending.RECOVERED


async def test_where_backups_are_copied_to_is_asked_once_a_day(ground: Ground) -> None:
    orders = ground.instance()
    orders.copies_to = "ap-southeast-2"
    await ground.watches()
    await ground.passes(hours=30)
    assert ground.rds.asked_for_copies == 2
    assert (await ground.knows(orders)).copies_to == "ap-southeast-2"

    orders.copies_to = ""
    await ground.passes(hours=24)
    assert (await ground.knows(orders)).copies_to == ""


@pytest.mark.parametrize(
    ("error", "then"),
    [
        (RdsRefused(RefusalReason.NOT_PERMITTED, "DBS.200001"), None),
        (RdsUnreachable("HTTP 503"), "ap-southeast-2"),
    ],
)
async def test_no_answer_about_copies_hides_nothing_else(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, error: Exception, then: str | None
) -> None:
    orders = ground.instance()
    orders.copies_to = "ap-southeast-2"
    await ground.watches()
    await ground.passes(hours=1)

    async def fails(_: str) -> str:
        raise error

    monkeypatch.setattr(ground.rds, "copies_to", fails)
    await ground.passes(hours=26)
    known = await ground.knows(orders)

    assert known.copies_to == then
    assert known.read_at
    assert ground.clock.now() - known.read_at <= HOUR + 5 * MINUTE
    assert known.failing is None


async def test_a_deletion_that_is_seen_under_way_is_still_told(ground: Ground) -> None:
    """RDS lists the backup as DELETING for a while."""
    orders = ground.instance()
    mine = ground.region.add_backup(orders, "before-42", type="manual", began=START - 5 * DAY)
    await ground.watches()
    await ground.passes(hours=3, minutes=-1)
    ground.region.delete_backup(mine.id)
    await ground.incidents.hurry([orders.id], ground.clock.now())
    known = await ground.knows(orders)
    old = known.model_copy(update={"manual_read_at": START - DAY})
    await ground.incidents.save([], old)
    await ground.monitor.step()
    assert [b.status for b in (await ground.knows(orders)).manual] == ["DELETING"]

    await ground.passes(hours=4)
    assert (await ground.only()).kind is K.DELETED


async def test_a_backup_that_only_a_list_lacks_was_not_deleted(ground: Ground) -> None:
    orders = ground.instance()
    mine = ground.region.add_backup(orders, "before-42", type="manual", began=START - 5 * DAY)
    await ground.watches()
    await ground.passes(hours=1)
    ground.rds.hidden.add(mine.id)
    await ground.passes(hours=8)

    assert await ground.all() == []


async def test_an_instance_that_is_gone_leaves_its_manual_backups(ground: Ground) -> None:
    orders = ground.instance()
    ground.region.add_backup(orders, "before-42", type="manual", began=START - 5 * DAY)
    await ground.watches()
    await ground.passes(hours=1)
    ground.region.remove_instance(orders)
    await ground.passes(hours=30)
    incident = await ground.only()

    assert (incident.kind, incident.facts.remaining) == (K.GONE, 1)


async def test_an_instance_that_is_made_again_with_its_name_is_another_one(ground: Ground) -> None:
    orders = ground.instance()
    await ground.watches()
    await ground.passes(hours=1)
    ground.region.remove_instance(orders)
    ground.instance()
    await ground.passes(days=2)

    assert [i.kind for i in await ground.all()] == [K.GONE]
    assert len(await ground.incidents.pulses()) == 2


async def test_new_instances_that_match_are_watched(ground: Ground) -> None:
    await ground.watches(WATCH.model_copy(update={"instances": ("orders-*",)}))
    await ground.passes(hours=1)
    ground.instance("orders-new")
    ground.instance("users-new")
    await ground.passes(hours=1)

    assert [pulse.name for pulse in await ground.incidents.pulses()] == ["orders-new"]


async def test_a_backup_that_hangs(ground: Ground) -> None:
    orders = ground.instance()
    await ground.watches()
    await ground.passes(hours=1)
    hangs = ground.region.add_backup(orders, "auto", takes=timedelta(hours=9))
    await ground.passes(hours=8)
    incident = await ground.of(K.HUNG)

    assert incident.opened_at == hangs.began + 6 * HOUR
    await ground.passes(hours=3)
    assert (await ground.of(K.HUNG)).ended_at == hangs.ended


async def test_a_backup_that_shrinks_until_someone_expects_it(ground: Ground) -> None:
    orders = ground.instance()
    await ground.watches()
    await ground.passes(hours=1)
    orders.size_kb //= 3
    await ground.passes(hours=12)
    incident = await ground.only()
    assert incident.kind is K.UNUSUAL_SIZE

    clicks = IncidentClicks(ground.incidents, ground.clock)
    await clicks.expect(incident.id, "U0ANA")
    await ground.passes(days=2)
    assert (await ground.only()).ending is Ending.EXPECTED


async def test_rds_away_for_five_hours_is_one_incident_and_no_false_one(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backups go on meanwhile, and one fails and is retried."""
    monkeypatch.setattr(loop, "ROUND", 600.0)
    fleet = [ground.instance(f"orders-{number}") for number in range(8)]
    await ground.watches()
    await ground.passes(hours=5)
    ground.rds.error = RdsUnreachable("HTTP 503")
    away = ground.clock.now()
    ground.region.fail_automated(fleet[0])
    await ground.passes(hours=5)
    ground.rds.error = None
    await ground.passes(hours=12)
    incident = await ground.only()

    assert incident.kind is K.UNREAD
    assert 2 * HOUR <= incident.opened_at - away <= 3 * HOUR
    assert incident.ending is Ending.RECOVERED
    assert incident.ended_at
    assert incident.ended_at - away <= 5 * HOUR + 15 * MINUTE


async def test_a_key_that_is_rejected_is_one_incident(ground: Ground) -> None:
    for number in range(8):
        ground.instance(f"orders-{number}")
    await ground.watches()
    await ground.passes(hours=1)
    ground.rds.error = RdsRefused(RefusalReason.CREDENTIALS, "APIGW.0301")
    await ground.passes(hours=6)
    assert [i.kind for i in await ground.all()] == [K.REFUSED]

    ground.rds.error = None
    await ground.passes(hours=2)
    assert (await ground.only()).ending is Ending.RECOVERED


async def test_a_poisoned_instance_delays_no_other(ground: Ground) -> None:
    bad, good = ground.instance("bad"), ground.instance("good")
    ground.rds.of[bad.id] = RuntimeError("poison")  # type: ignore[assignment]
    await ground.watches()
    await ground.passes(hours=3)

    assert (await ground.knows(good)).read_at
    assert (await ground.knows(bad)).read_at is None


async def test_two_replicas_open_one_incident_and_share_the_reading(ground: Ground) -> None:
    fleet = [ground.instance(f"orders-{number}") for number in range(6)]
    other = ground.new_monitor()
    await ground.watches()
    other.wake()
    for orders in fleet:
        ground.region.fail_automated(orders, times=5)
    await ground.passes(other, hours=34)

    assert len(await ground.all()) == 6
    assert all(incident.ending is Ending.RECOVERED for incident in await ground.all())
    assert ground.rds.calls <= 6 * 34 * 4


async def test_a_restart_forgets_nothing_and_repeats_nothing(ground: Ground) -> None:
    orders = ground.instance()
    await ground.watches()
    ground.region.fail_automated(orders, times=5)
    for _ in range(20):
        await ground.passes(hours=1)
        ground.restarts()
    before = await ground.only()
    await ground.passes(hours=20)

    assert before.is_open
    assert (await ground.only()).ending is Ending.RECOVERED


async def test_a_bot_that_was_down_opens_with_the_time_of_the_deadline(ground: Ground) -> None:
    orders = ground.instance()
    await ground.watches()
    await ground.passes(hours=1)
    last = max(orders.backups, key=lambda b: b.began)
    ground.region.set_status(orders, "FROZEN")
    ground.clock.advance(hours=48)
    ground.restarts()
    await ground.passes(minutes=5)

    assert (await ground.only()).opened_at == last.began + 26 * HOUR


async def test_an_unwatched_instance_has_no_open_incidents(ground: Ground) -> None:
    orders = ground.instance()
    await ground.watches()
    ground.region.set_policy(orders, keep_days=0)
    ground.region.set_status(orders, "FROZEN")
    await ground.passes(hours=30)
    assert any(i.is_open for i in await ground.all())

    await ground.incidents.remove_watches([WATCH])
    ground.monitor.wake()
    await ground.passes(minutes=2)
    assert {i.ending for i in await ground.all()} == {Ending.UNWATCHED}
    assert await ground.incidents.pulses() == []


async def test_each_channel_has_its_own_limit_and_incident(ground: Ground) -> None:
    orders = ground.instance()
    loose = WATCH.model_copy(
        update={"id": "w2", "channel_id": "C0DB", "limits": Limits(fresh_within=3 * DAY)}
    )
    await ground.watches()
    await ground.watches(loose)
    ground.region.set_status(orders, "FROZEN")
    await ground.passes(days=2)
    assert [i.channel_id for i in await ground.all()] == ["C0OPS"]

    await ground.passes(days=2)
    assert [i.channel_id for i in await ground.all()] == ["C0OPS", "C0DB"]


async def test_a_snooze_is_quiet_and_then_says_so(ground: Ground) -> None:
    orders = ground.instance()
    await ground.watches()
    ground.region.set_status(orders, "FROZEN")
    await ground.passes(hours=12)
    incident = await ground.only()
    clicks = IncidentClicks(ground.incidents, ground.clock)
    answer = await clicks.snooze(incident.id, "U0ANA", 4 * HOUR)
    assert answer.verdict is IncidentVerdict.DONE

    await ground.passes(hours=3)
    assert "snooze_over" not in await ground.lines()
    await ground.passes(hours=1, minutes=2)
    assert (await ground.lines())[-1] == "snooze_over"
    assert (await ground.only()).snoozed_until is None


async def test_a_clock_that_is_set_back_stops_nothing(ground: Ground) -> None:
    ground.instance()
    await ground.watches()
    await ground.passes(hours=3)
    ground.clock.set_back(days=10)
    calls = ground.rds.calls
    await ground.passes(hours=3)

    assert ground.rds.calls > calls


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_clicked_the_last_click_wins_and_nothing_reopens(
    ground: Ground, seed: int
) -> None:
    """Acknowledge, snooze, and recovery in random order: 60 times with each seed."""
    dice = random.Random(seed)  # noqa: S311, no secret
    orders = ground.instance()
    await ground.watches()
    ground.region.set_status(orders, "FROZEN")
    await ground.passes(hours=12)
    incident = await ground.only()
    clicks = IncidentClicks(ground.incidents, ground.clock)
    for _ in range(60):
        await ground.incidents.save(
            [_change(await ground.only(), incident.model_copy(update={"version": 0}))]
        )
        last = ""
        for action in dice.sample(["ack", "snooze", "recover", "ack", "snooze"], 5):
            who = dice.choice(["U0ANA", "U0BEN"])
            if action == "recover":
                now = await ground.only()
                over = now.ended(ground.clock.now(), Ending.RECOVERED)
                await ground.incidents.save([_change(now, over)])
                break
            if action == "ack":
                await clicks.acknowledge(incident.id, who)
            else:
                await clicks.snooze(incident.id, who, HOUR)
            last = f"{action} {who}"
        after = await ground.only()
        late = await clicks.acknowledge(incident.id, "U0CYD")

        assert late.verdict is IncidentVerdict.ENDED
        assert await ground.only() == after
        shown = f"ack {after.acknowledged_by}" if after.acknowledged_by else ""
        shown = f"snooze {after.snoozed_by}" if after.snoozed_by else shown
        assert shown == last


def _change(before: Incident, after: Incident) -> Change:
    return Change(before, after.model_copy(update={"version": before.version}))


async def test_what_can_wait_is_posted_after_the_quiet_hours(ground: Ground) -> None:
    nights = Quiet(begin=time(18), end=time(7))
    ground.channels.append(Channel(id="C0OPS", quiet=nights))
    ground.restarts()
    orders = ground.instance()
    await ground.watches()
    await ground.passes(hours=1)
    orders.size_kb //= 3
    await ground.passes(hours=9)
    assert (await ground.only()).kind is K.UNUSUAL_SIZE

    (row,) = await ground.store.rows(select(outbox.c.due_at))
    assert row["due_at"] == (START + DAY).replace(hour=7)


async def test_digests_come_once_from_two_replicas_and_late_after_a_pause(ground: Ground) -> None:
    ground.channels.append(Channel(id="C0OPS", digest=Schedule(pace="daily", at=time(9))))
    ground.restarts()
    other = ground.new_monitor()
    ground.instance()
    await ground.watches()
    other.wake()
    await ground.passes(other, hours=46)
    assert len(await ground.lines()) == 2

    ground.clock.advance(days=3)
    ground.restarts()
    await ground.passes(minutes=10)
    made = [Digest.model_validate(row["content"]) for row in await ground.digests()]
    assert len(made) == 3
    assert [digest.is_late for digest in made] == [False, False, True]
    assert [digest.fresh for digest in made[:2]] == [1, 1]


async def test_the_bot_is_well_only_while_everything_is_read(ground: Ground) -> None:
    ground.instance()
    await ground.watches()
    await ground.passes(hours=1)
    assert await ground.monitor.is_well()

    ground.rds.error = RdsUnreachable("HTTP 503")
    await ground.passes(hours=5)
    assert not await ground.monitor.is_well()


async def test_a_policy_that_is_switched_off_again_and_again_flaps(ground: Ground) -> None:
    """The third time, the channel hears so; after that, only when it has been over for a while."""
    orders = ground.instance()
    await ground.watches()
    await ground.passes(hours=1)
    for _ in range(5):
        ground.region.set_policy(orders, keep_days=0)
        await ground.passes(hours=2)
        ground.region.set_policy(orders, keep_days=7)
        await ground.passes(hours=3)
    ground.restarts()
    first, second = [one for one in await ground.all() if one.kind is K.POLICY_OFF]
    assert not first.is_open
    assert (second.is_open, second.times) == (True, 5)
    assert second.calm_since

    await ground.passes(hours=10)
    first, second = [one for one in await ground.all() if one.kind is K.POLICY_OFF]
    told = select(outbox.c.line).where(outbox.c.topic_id == second.id).order_by(outbox.c.number)
    assert [row["line"] for row in await ground.store.rows(told)] == [
        "card",
        "incident_ended",
        "flapping",
        "incident_ended",
    ]
    assert second.ending is Ending.RECOVERED
