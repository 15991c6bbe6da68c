"""Which instance a word means, and how few calls it takes to know."""

import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from bot.config.file import Source
from bot.connections import AliasWarnings
from bot.domain.errors import (
    AmbiguousInstance,
    RdsUnreachable,
    ReadReplica,
    UnknownInstance,
)
from bot.domain.instances import Instance
from bot.domain.references import References
from bot.rds.catalogue import InstanceCatalogue
from tests.stepped_clock import SteppedClock

ORDERS = Instance(id="a" * 32 + "in01", name="orders-prod", status="ACTIVE")
REPLICA = Instance(
    id="b" * 32 + "in01",
    name="orders-read",
    status="ACTIVE",
    type="Replica",
    primary_id=ORDERS.id,
)
TWIN = Instance(id="c" * 32 + "in01", name="twin", status="ACTIVE")
OTHER_TWIN = Instance(id="d" * 32 + "in01", name="twin", status="ACTIVE")
ALL = [ORDERS, REPLICA, TWIN, OTHER_TWIN]
ALIASES = {"orders": "orders-prod", "second": OTHER_TWIN.id}


@pytest.mark.parametrize(
    ("reference", "instance"),
    [
        (ORDERS.id, ORDERS),
        ("orders-prod", ORDERS),
        ("orders", ORDERS),
        ("second", OTHER_TWIN),
        (TWIN.id, TWIN),
    ],
)
def test_an_id_a_name_or_an_alias_means_an_instance(reference: str, instance: Instance) -> None:
    """An alias may stand for a name or an id."""
    assert References(ALL, ALIASES).find(reference) == instance


def test_a_misspelt_name_gets_suggestions() -> None:
    """Names and aliases, the nearest first, but no replica."""
    with pytest.raises(UnknownInstance) as raised:
        References(ALL, ALIASES).find("order-prod")

    assert raised.value.suggestions[0] == "orders-prod"
    assert "orders-read" not in raised.value.suggestions


def test_an_alias_that_leads_nowhere_is_not_suggested() -> None:
    """Nobody is helped by being told that orders is unknown, and to try orders."""
    with pytest.raises(UnknownInstance) as raised:
        References([TWIN], ALIASES).find("orders")

    assert raised.value.suggestions == ()


def test_a_name_that_two_bear_is_ambiguous() -> None:
    """The ids tell them apart."""
    with pytest.raises(AmbiguousInstance) as raised:
        References(ALL, ALIASES).find("twin")

    assert set(raised.value.instance_ids) == {TWIN.id, OTHER_TWIN.id}


def test_a_replica_names_its_primary() -> None:
    """RDS backs up the primary only."""
    with pytest.raises(ReadReplica) as raised:
        References(ALL, ALIASES).find("orders-read")

    assert raised.value.primary == "orders-prod"


class Listing:
    """RDS, as far as the catalogue asks it: counts, and answers when it is let."""

    def __init__(self) -> None:
        self.instances = list(ALL)
        self.calls = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def list_instances(self) -> list[Instance]:
        self.calls += 1
        await self.answers.wait()
        return list(self.instances)


async def test_a_hit_costs_no_call() -> None:
    """After the first list a known name is found in memory."""
    listing = Listing()
    catalogue = InstanceCatalogue(listing, SteppedClock(), {})
    for _ in range(5):
        assert await catalogue.find("orders-prod", 1) == ORDERS

    assert listing.calls == 1


async def test_a_hundred_misses_at_once_cost_one_call() -> None:
    """Whoever misses waits for the same list."""
    listing = Listing()
    catalogue = InstanceCatalogue(listing, SteppedClock(), {})
    found = await asyncio.gather(*(catalogue.find("orders-prod", 1) for _ in range(100)))

    assert len(found) == 100
    assert listing.calls == 1


async def test_a_new_instance_is_found_after_a_moment() -> None:
    """That an instance does not exist is believed for ten seconds, then looked up again."""
    listing, clock = Listing(), SteppedClock()
    catalogue = InstanceCatalogue(listing, clock, {})
    with pytest.raises(UnknownInstance):
        await catalogue.find("brand-new", 1)
    listing.instances.append(Instance(id="e" * 32 + "in01", name="brand-new", status="ACTIVE"))
    with pytest.raises(UnknownInstance):
        await catalogue.find("brand-new", 1)
    clock.advance(seconds=11)

    assert (await catalogue.find("brand-new", 1)).name == "brand-new"
    assert listing.calls == 2


async def test_a_refusal_is_not_taken_from_an_old_list() -> None:
    """When one of two namesakes is deleted, the name means the other."""
    listing, clock = Listing(), SteppedClock()
    catalogue = InstanceCatalogue(listing, clock, {})
    with pytest.raises(AmbiguousInstance):
        await catalogue.find("twin", 1)
    listing.instances.remove(OTHER_TWIN)
    clock.advance(seconds=11)

    assert await catalogue.find("twin", 1) == TWIN
    assert listing.calls == 2


async def test_an_old_list_still_serves_while_it_is_renewed() -> None:
    """A known name never waits for RDS, even if the list is an hour old."""
    listing, clock = Listing(), SteppedClock()
    catalogue = InstanceCatalogue(listing, clock, {})
    await catalogue.find("orders-prod", 1)
    listing.answers.clear()
    clock.advance(hours=1)

    assert await catalogue.find("orders-prod", 1) == ORDERS
    await asyncio.sleep(0)
    assert listing.calls == 2
    await catalogue.close()


async def test_the_age_of_a_list_is_known() -> None:
    """None that never came is old; the age counts from the last that did."""
    listing, clock = Listing(), SteppedClock()
    catalogue = InstanceCatalogue(listing, clock, {})
    assert catalogue.age == 0.0

    await catalogue.known(1)
    clock.advance(hours=1)

    assert catalogue.age == 3600.0


async def test_a_slow_rds_is_not_waited_for() -> None:
    """The asker is told to go on; the list comes in behind, for the next one."""
    listing = Listing()
    listing.answers.clear()
    catalogue = InstanceCatalogue(listing, SteppedClock(), {})
    with pytest.raises(RdsUnreachable):
        await catalogue.find("orders-prod", 0.01)
    listing.answers.set()

    assert await catalogue.find("orders-prod", 1) == ORDERS
    assert listing.calls == 1


async def test_the_current_state_is_shared_for_a_moment() -> None:
    """A hundred who want to know now cost one call, and nobody gets an old answer."""
    listing, clock = Listing(), SteppedClock()
    catalogue = InstanceCatalogue(listing, clock, {})
    await asyncio.gather(*(catalogue.current(ORDERS.id) for _ in range(100)))
    assert listing.calls == 1

    listing.instances[0] = ORDERS.model_copy(update={"status": "BACKING UP"})
    clock.advance(seconds=3)
    now = await catalogue.current(ORDERS.id)

    assert now is not None
    assert now.status == "BACKING UP"
    assert await catalogue.current("gone") is None


async def test_an_instance_is_gone_once_three_lists_say_so() -> None:
    """One list that is cut must not refuse what somebody asked for."""
    listing, clock = Listing(), SteppedClock()
    catalogue = InstanceCatalogue(listing, clock, {})
    await catalogue.current(ORDERS.id)
    cut = iter([[TWIN], ALL])
    listing.list_instances = lambda: _soon(next(cut))  # type: ignore[method-assign]
    clock.advance(seconds=3)

    assert await catalogue.current(ORDERS.id) == ORDERS


async def test_an_empty_list_after_a_full_one_is_read_again() -> None:
    """RDS that lists nothing once must not make every instance unknown."""
    listing, clock = Listing(), SteppedClock()
    catalogue = InstanceCatalogue(listing, clock, {})
    await catalogue.warm()
    said: list[list[Instance]] = [[], [], ALL]
    listing.list_instances = lambda: _soon(said.pop(0))  # type: ignore[method-assign]
    clock.advance(seconds=400)
    await catalogue.warm()

    assert await catalogue.find("orders-prod", 1) == ORDERS


async def _soon(instances: list[Instance]) -> list[Instance]:
    return list(instances)


async def test_each_list_is_shown_to_who_wants_to_know() -> None:
    """An alias may lead somewhere else from one list to the next."""
    listing, clock = Listing(), SteppedClock()
    shown: list[Sequence[Instance]] = []
    catalogue = InstanceCatalogue(listing, clock, {}, shown.append)
    await catalogue.warm()

    assert shown == [ALL]
    assert await catalogue.known(1) == ALL


async def test_an_alias_that_is_hidden_is_logged_once_with_its_line() -> None:
    """As soon as the instances are known, and again only if there is something new."""
    source = Source(name="policy.toml", lines={("aliases", "twin"): 7})
    warn = AliasWarnings(source, {"twin": "orders-prod", "gone": "nowhere"})
    with capture_logs() as logged:
        warn([ORDERS])
        warn(ALL)
        warn(ALL)

    problems = [line["problem"] for line in logged]
    assert problems[0] == "policy.toml: alias gone: no instance is named nowhere."
    assert problems[1].startswith("policy.toml, line 7: alias twin: instance ")
    assert len(problems) == 2
