"""Listing instances and backups, a page at a time."""

from datetime import timedelta

import pytest

from bot.application.inventory import PAGE, Page
from bot.domain.decisions import AskVerdict
from bot.domain.errors import RdsRefused, RdsUnreachable, RefusalReason, UnknownInstance
from bot.domain.instances import Instance
from bot.domain.policy import Terms
from bot.domain.requests import Kind
from bot.domain.states import RequestState
from tests.fakes import BILLING, DBAS, HERE, ORDERS, TYPED, UseCases

PATIENT = 5.0


@pytest.mark.parametrize(("items", "count"), [(0, 1), (1, 1), (10, 1), (11, 2), (100, 10)])
def test_a_list_has_at_least_one_page(items: int, count: int) -> None:
    """And no empty one behind the last."""
    assert Page(0, items).count == count


async def test_manual_backups_come_newest_first(cases: UseCases) -> None:
    """Automated ones only where every backup is wanted."""
    for name, type_ in (("first", "manual"), ("nightly", "auto"), ("second", "manual")):
        cases.backup(name, type=type_)
        cases.clock.advance(hours=1)

    manual = await cases.inventory.backups(
        "shop", HERE, every=False, number=0, timeout_seconds=PATIENT
    )
    every = await cases.inventory.backups(
        "shop", HERE, every=True, number=0, timeout_seconds=PATIENT
    )

    assert (manual.instance, manual.page) == (ORDERS, Page(0, 2))
    assert [backup.name for backup in manual.backups] == ["second", "first"]
    assert [backup.name for backup in every.backups] == ["second", "nightly", "first"]


async def test_those_that_the_bot_made_carry_their_request(cases: UseCases) -> None:
    """They are told apart by RDS's id: the same name may have been used before."""
    older = await cases.made(1, name="again", backup_id="gone")
    request = await cases.made(2, name="again", backup_id="id-of-again")
    cases.backup("again")
    cases.backup("by-hand")

    view = await cases.inventory.backups(
        "shop", HERE, every=False, number=0, timeout_seconds=PATIENT
    )

    assert view.made["id-of-again"] == request
    assert "id-of-by-hand" not in view.made
    assert view.made.get("gone") == older


@pytest.mark.parametrize(("number", "shown"), [(-1, 0), (0, 0), (1, 1), (2, 2), (9, 2)])
async def test_a_page_that_does_not_exist_is_the_nearest(
    cases: UseCases, number: int, shown: int
) -> None:
    """Also when backups were deleted between two clicks."""
    for index in range(2 * PAGE + 1):
        cases.backup(f"before-{index}")
        cases.clock.advance(minutes=1)

    view = await cases.inventory.backups(
        "shop", HERE, every=False, number=number, timeout_seconds=PATIENT
    )

    assert view.page == Page(shown, 2 * PAGE + 1)
    assert len(view.backups) == (1 if shown == 2 else PAGE)


async def test_backups_of_an_unknown_instance(cases: UseCases) -> None:
    """RDS is not asked for them."""
    with pytest.raises(UnknownInstance):
        await cases.inventory.backups(
            "nowhere", HERE, every=False, number=0, timeout_seconds=PATIENT
        )

    assert cases.rds.calls == []


async def test_backups_while_rds_fails(cases: UseCases) -> None:
    """Both an error and a silence reach whoever asked."""
    cases.rds.trouble = RdsRefused(RefusalReason.CREDENTIALS)
    with pytest.raises(RdsRefused):
        await cases.inventory.backups("shop", HERE, every=False, number=0, timeout_seconds=PATIENT)
    cases.rds.hangs = True
    with pytest.raises(TimeoutError):
        await cases.inventory.backups("shop", HERE, every=False, number=0, timeout_seconds=0.01)


async def test_what_the_bot_made_comes_newest_first(cases: UseCases) -> None:
    """A page at a time; what is open, failed or a deletion is no backup that it made."""
    for number in range(PAGE + 1):
        await cases.made(number)
    await cases.has(50)
    await cases.has(51, state=RequestState.FAILED)
    await cases.has(52, kind=Kind.DELETE)

    first, second = [await cases.inventory.made(number, HERE) for number in (0, 1)]

    assert [request.name for request in first.requests] == [
        f"before-{number}" for number in range(PAGE, 0, -1)
    ]
    assert (first.has_more, second.has_more) == (True, False)
    assert [request.name for request in second.requests] == ["before-0"]


async def test_what_the_bot_also_deleted_is_marked(cases: UseCases) -> None:
    """By RDS's id: a newer backup of the same name is still there."""
    gone = await cases.made(1, name="again")
    await cases.deleted(2, gone)
    await cases.made(3, name="again")

    view = await cases.inventory.made(0, HERE)

    assert view.deleted == {gone.backup_id}
    assert len(view.requests) == 2


async def test_instances_come_by_name_without_replicas(cases: UseCases) -> None:
    """Each with its last good backup and what this person can do."""
    backup = cases.backup()
    view = await cases.inventory.instances(None, TYPED, number=0, timeout_seconds=PATIENT)

    billing, orders = view.rows
    assert (billing.instance, billing.looked, billing.last_good) == (BILLING, True, None)
    assert (orders.instance, orders.looked, orders.last_good) == (ORDERS, True, backup)
    assert orders.decision.verdict is AskVerdict.NEEDS_APPROVAL
    assert view.page == Page(0, 2)


@pytest.mark.parametrize("like", ["orders", "ORDERS", "shop", ORDERS.id[:32]])
async def test_instances_are_searched_by_name_id_or_alias(cases: UseCases, like: str) -> None:
    """Part of one is enough."""
    view = await cases.inventory.instances(like, TYPED, number=0, timeout_seconds=PATIENT)

    assert [row.instance for row in view.rows] == [ORDERS]
    assert [instance_id for instance_id, _ in cases.rds.calls] == [ORDERS.id]


async def test_only_the_instances_of_the_page_are_looked_up(cases: UseCases) -> None:
    """RDS allows few calls a minute."""
    cases.catalogue.instances = [
        Instance(id=f"id-{n:02}", name=f"i{n:02}", status="ACTIVE") for n in range(3 * PAGE)
    ]
    view = await cases.inventory.instances(None, TYPED, number=1, timeout_seconds=PATIENT)

    assert [row.instance.name for row in view.rows] == [f"i{n}" for n in range(10, 20)]
    assert len(cases.rds.calls) == PAGE


async def test_instances_while_rds_is_silent(cases: UseCases) -> None:
    """The list comes, and the backups are left open."""
    cases.rds.hangs = True
    view = await cases.inventory.instances(None, TYPED, number=0, timeout_seconds=0.01)

    assert [(row.looked, row.last_good) for row in view.rows] == [(False, None)] * 2


async def test_instances_while_rds_is_unreachable(cases: UseCases) -> None:
    """Nothing is known, and nothing is raised."""
    cases.catalogue.trouble = RdsUnreachable("slow")
    view = await cases.inventory.instances(None, TYPED, number=3, timeout_seconds=PATIENT)

    assert (list(view.rows), view.page) == ([], Page(0, 0))


async def test_what_one_can_do_follows_the_policy(cases: UseCases) -> None:
    """Of people in no named group, and outside the named channels."""
    cases.under(Terms(requesters=(DBAS,), channels=("C0ELSE",)))
    outside = await cases.inventory.instances("orders", TYPED, number=0, timeout_seconds=PATIENT)
    cases.under(Terms(requesters=(DBAS,)))
    inside = await cases.inventory.instances("orders", TYPED, number=0, timeout_seconds=PATIENT)

    assert outside.rows[0].decision.verdict is AskVerdict.OTHER_CHANNEL
    assert inside.rows[0].decision.verdict is AskVerdict.MAY_NOT_ASK


async def test_stale_are_those_without_a_recent_good_backup(cases: UseCases) -> None:
    """The longest without one first; of what nobody has looked up nothing is said."""
    day = timedelta(days=1)
    fresh = Instance(id="fresh", name="fresh", status="ACTIVE")
    unseen = Instance(id="unseen", name="unseen", status="ACTIVE")
    cases.catalogue.instances += [fresh, unseen]
    old = cases.backup(begin_time=cases.clock.now() - 2 * day)
    cases.backup("recent", instance_id=fresh.id)
    for instance in (ORDERS, BILLING, fresh):
        await cases.cache.of(instance.id, PATIENT)

    assert await cases.inventory.stale(day) == [(BILLING, None), (ORDERS, old)]


async def test_looking_around_leaves_replicas_out(cases: UseCases) -> None:
    """RDS has no backups of them."""
    await cases.inventory.look_around()

    assert {instance_id for instance_id, _ in cases.rds.calls} == {ORDERS.id, BILLING.id}
