"""Finding the instance that somebody means in a form."""

import pytest

from bot.application.instance_search import RECENT, SUGGESTED
from bot.domain.errors import RdsUnreachable, StoreUnavailable
from bot.domain.instances import Instance
from tests.fakes import ANA, BEN, BILLING, ORDERS, REPLICA, UseCases

PATIENT = 5.0


def _instances(*names: str) -> list[Instance]:
    return [Instance(id=f"id-of-{name}", name=name, status="ACTIVE") for name in names]


async def _suggested(cases: UseCases, text: str = "") -> tuple[list[str], list[str]]:
    recent, others = await cases.instance_search.suggest(text, ANA, PATIENT)
    return [found.name for found in recent], [found.name for found in others]


async def test_without_a_text_all_are_suggested(cases: UseCases) -> None:
    """By name, and no read replicas: RDS can't back those up."""
    assert await _suggested(cases) == ([], ["billing-prod", "orders-prod"])


@pytest.mark.parametrize("text", ["ders", "ORDERS", "shop", ORDERS.id[:8]])
async def test_a_part_of_the_name_the_id_or_an_alias_is_enough(cases: UseCases, text: str) -> None:
    """Whatever its case."""
    assert await _suggested(cases, text) == ([], ["orders-prod"])


async def test_what_begins_with_the_text_comes_first(cases: UseCases) -> None:
    """Then what holds it; each by name."""
    cases.catalogue.instances = _instances("new-orders", "orders-2", "a-orders", "orders-1")

    assert (await _suggested(cases, "orders"))[1] == [
        "orders-1",
        "orders-2",
        "a-orders",
        "new-orders",
    ]


async def test_those_requested_lately_come_on_top(cases: UseCases) -> None:
    """This person's, the newest first, each once, and only if they match."""
    await cases.made(1, instance=BILLING)
    for number in (2, 3):
        await cases.made(number, instance=ORDERS)
    await cases.made(4, instance=BILLING, requester=BEN)

    assert await _suggested(cases) == (["orders-prod", "billing-prod"], [])
    assert await _suggested(cases, "bill") == (["billing-prod"], [])


async def test_only_a_few_come_on_top(cases: UseCases) -> None:
    """The others are where their name puts them."""
    cases.catalogue.instances = _instances(*(f"i{number}" for number in range(RECENT + 2)))
    for number, instance in enumerate(cases.catalogue.instances):
        await cases.made(number, instance=instance)

    assert await _suggested(cases) == (["i6", "i5", "i4", "i3", "i2"], ["i0", "i1"])


async def test_slack_takes_a_hundred(cases: UseCases) -> None:
    """Those on top are counted."""
    cases.catalogue.instances = _instances(*(f"i{number:03}" for number in range(SUGGESTED + 50)))
    await cases.made(1, instance=cases.catalogue.instances[-1])

    recent, others = await _suggested(cases)

    assert (len(recent), len(others)) == (1, SUGGESTED - 1)


async def test_while_rds_is_unreachable_nothing_is_suggested(cases: UseCases) -> None:
    """The form can be closed and opened again."""
    cases.catalogue.trouble = RdsUnreachable("slow")

    assert await _suggested(cases, "orders") == ([], [])
    assert list(await cases.instance_search.known(PATIENT)) == []


async def test_without_a_database_the_error_is_told(cases: UseCases) -> None:
    """A form that could not be sent anyway needs no suggestions."""
    cases.lose_database()
    with pytest.raises(StoreUnavailable):
        await cases.instance_search.suggest("", ANA, PATIENT)


@pytest.mark.parametrize("reference", ["orders-prod", ORDERS.id, "shop"])
async def test_a_reference_without_a_doubt_is_an_instance(cases: UseCases, reference: str) -> None:
    """Its id, its name or an alias."""
    known = await cases.instance_search.known(PATIENT)

    assert cases.instance_search.named(reference, known) == ORDERS


@pytest.mark.parametrize("reference", ["order", "nowhere", "", "orders-replica", "twin"])
async def test_a_doubtful_reference_is_none(cases: UseCases, reference: str) -> None:
    """A part of a name, a replica, and a name that two have."""
    twins = [found.model_copy(update={"name": "twin"}) for found in (ORDERS, BILLING)]

    assert cases.instance_search.named(reference, [ORDERS, REPLICA, *twins]) is None
