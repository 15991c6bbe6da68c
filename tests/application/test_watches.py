"""Channels watch instances, and see what is watched and how well it is protected."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.application.watches import WatchAdded
from bot.domain.commands import UnwatchInstances, WatchInstances
from bot.domain.errors import UnknownInstance
from bot.domain.posture import Control, Verdict
from tests.domain.observed import nightly
from tests.fakes import ANA, OF_FILE, OPS, ORDERS, TYPED, UseCases

HOUR = timedelta(hours=1)
HERE = TYPED


async def watch(cases: UseCases, text: str, span: timedelta | None = None) -> WatchAdded:
    return await cases.watches.add(WatchInstances(text, span), HERE, 1.0)


async def test_a_name_or_an_alias_has_to_exist(cases: UseCases) -> None:
    with pytest.raises(UnknownInstance):
        await watch(cases, "no-such-instance")
    assert await cases.incidents.watches() == []

    added = await watch(cases, ORDERS.name)
    assert [one.name for one in added.covered] == [ORDERS.name]
    assert cases.monitor.woken == 1


async def test_a_pattern_may_match_nothing_yet(cases: UseCases) -> None:
    added = await watch(cases, "nothing-*")

    assert added.covered == []
    assert len(await cases.incidents.watches()) == 1


async def test_the_same_watch_again_replaces_the_first(cases: UseCases) -> None:
    await watch(cases, "orders-*")
    again = await watch(cases, "orders-*", 12 * HOUR)

    assert again.before
    (kept,) = await cases.incidents.watches()
    assert kept.limits.fresh_within == 12 * HOUR


async def test_a_limit_that_the_schedule_cannot_keep_is_pointed_out(cases: UseCases) -> None:
    assert (await watch(cases, "orders-*")).too_short == []
    assert (await watch(cases, "orders-*", 12 * HOUR)).too_short == [ORDERS.name]
    cases.rds.days = (1, 4)
    assert (await watch(cases, "orders-*")).too_short == [ORDERS.name]


async def test_a_watch_does_not_wait_for_rds(
    cases: UseCases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.application.watches.POLICY_TIMEOUT", 0.05)
    cases.rds.hangs = True

    assert (await watch(cases, "orders-*")).too_short == []


async def test_a_watch_of_the_file_stays(cases: UseCases) -> None:
    removed = await cases.watches.remove(UnwatchInstances("billing-*"), HERE)

    assert removed.of_file == OF_FILE
    assert removed.removed == []


async def test_a_watch_ends_only_in_its_own_channel(cases: UseCases) -> None:
    await watch(cases, "orders-*")
    elsewhere = replace(HERE, channel_id="C0ELSE")
    assert (await cases.watches.remove(UnwatchInstances("orders-*"), elsewhere)).removed == []

    (removed,) = (await cases.watches.remove(UnwatchInstances("orders-*"), HERE)).removed
    assert removed.created_by == ANA
    assert await cases.incidents.watches() == []


async def test_who_hears_about_an_instance(cases: UseCases) -> None:
    await watch(cases, "orders-*")
    found = await cases.watches.test(ORDERS.name, 1.0)

    assert [w.channel_id for w, _ in found.covering] == [OPS]
    assert found.read_at is None


async def test_the_watches_of_a_channel_with_those_of_the_file(cases: UseCases) -> None:
    await watch(cases, "orders-*")
    view = await cases.watches.of_channel(HERE)

    assert [w.instances for w, _ in view.watches] == [("billing-*",), ("orders-*",)]


async def test_an_instance_that_nobody_watches_is_read_for_its_posture(cases: UseCases) -> None:
    cases.rds.lists[ORDERS.id] = nightly(3, cases.clock.now() - HOUR)
    posture = await cases.watches.posture(ORDERS.name, 1.0)
    verdicts = {check.control: check.verdict for check in posture.checks}

    assert verdicts[Control.FRESH] is Verdict.PASS
    assert verdicts[Control.WATCHED] is Verdict.FAIL
    assert verdicts[Control.AUTOMATED] is Verdict.UNKNOWN


async def test_every_watch_is_on_the_audit_log(cases: UseCases) -> None:
    await watch(cases, "orders-*")
    await cases.watches.remove(UnwatchInstances("orders-*"), HERE)

    actions = [str(entry.action) for entry in await cases.store.audit_trail()]
    assert actions == ["watch_added", "watch_removed"]
