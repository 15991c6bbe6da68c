"""Which instance a word means, and how few calls it takes to know."""

import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from bot.config.file import Source
from bot.connections import AliasWarnings
from bot.domain.errors import (
    AmbiguousInstance,
    RdsError,
    RdsUnreachable,
    ReadReplica,
    StoreUnavailable,
    UnknownInstance,
)
from bot.domain.instances import PAGE, Instance, InstancePage
from bot.domain.references import References
from bot.rds.catalogue import InstanceCatalogue
from tests.stepped_clock import SteppedClock

Heard = tuple[int, Sequence[Instance], float]  # a page: its number, its instances, and when

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
    """An RDS that counts the catalogue's calls, and answers when it is let."""

    def __init__(self, instances: Sequence[Instance] = ALL) -> None:
        self.instances = list(instances)
        self.calls = 0  # for the whole list
        self.asked: list[str] = []  # instance IDs
        self.pages: list[int] = []  # page numbers
        self.answers = asyncio.Event()
        self.answers.set()
        self.error: RdsError | None = None
        self.lacking = 0  # how many more answers lack an instance

    async def list_instances(self) -> list[Instance]:
        self.calls += 1
        await self._answer()
        return list(self.instances)

    async def list_instance_page(self, number: int) -> list[Instance]:
        self.pages.append(number)
        await self._answer()
        return self.instances[number * PAGE : (number + 1) * PAGE]

    async def find_instance(self, instance_id: str) -> Instance | None:
        self.asked.append(instance_id)
        await self._answer()
        if self.lacking:
            self.lacking -= 1
            return None
        return next((i for i in self.instances if i.id == instance_id), None)

    async def _answer(self) -> None:
        await self.answers.wait()
        if self.error:
            raise self.error


class Kept:
    """Pages in a database that other replicas write to, too."""

    def __init__(self) -> None:
        self.pages: dict[int, InstancePage] = {}
        self.claims: list[tuple[int, float]] = []
        self.is_away = False

    async def load(self) -> list[InstancePage]:
        self._check()
        return [self.pages[number] for number in sorted(self.pages)]

    async def claim(self, number: int, after: float) -> InstancePage | None:
        self._check()
        self.claims.append((number, after))
        page = self.pages.get(number)
        return page if page and page.read_at > after else None

    async def save(self, page: InstancePage) -> None:
        self._check()
        self.pages[page.number] = page

    async def cut(self, count: int) -> None:
        self._check()
        self.pages = {n: page for n, page in self.pages.items() if n < count}

    def _check(self) -> None:
        if self.is_away:
            raise StoreUnavailable


def _fleet(size: int) -> list[Instance]:
    return [Instance(id=f"{n:032x}in01", name=f"db-{n}", status="ACTIVE") for n in range(size)]


def _busy(instance: Instance) -> Instance:
    return instance.model_copy(update={"status": "BACKING UP"})


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
    """A hundred callers at once cost one call about one instance, and none gets an old answer."""
    listing, clock = Listing(), SteppedClock()
    catalogue = InstanceCatalogue(listing, clock, {})
    await asyncio.gather(*(catalogue.current(ORDERS.id) for _ in range(100)))
    clock.advance(seconds=1)
    await catalogue.current(ORDERS.id)
    assert listing.asked == [ORDERS.id]

    listing.instances[0] = _busy(ORDERS)
    clock.advance(seconds=2)

    assert await catalogue.current(ORDERS.id) == _busy(ORDERS)
    assert listing.asked == [ORDERS.id] * 2
    assert listing.calls == 0
    await catalogue.close()


async def test_an_instance_is_gone_once_three_answers_say_so() -> None:
    """One answer that lacks it must not refuse what someone requested."""
    listing, clock = Listing(), SteppedClock()
    catalogue = InstanceCatalogue(listing, clock, {})
    assert await catalogue.current("gone") is None
    assert listing.asked == ["gone"] * 3

    listing.lacking = 2
    assert await catalogue.current(ORDERS.id) == ORDERS


async def test_the_current_state_is_never_a_guess() -> None:
    """If RDS isn't responding, that is the answer, even if the list is known."""
    listing = Listing()
    catalogue = InstanceCatalogue(listing, SteppedClock(), {})
    await catalogue.warm()
    listing.error = RdsUnreachable(status=503)

    with pytest.raises(RdsUnreachable):
        await catalogue.current(ORDERS.id)


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


async def _soon(instances: Sequence[Instance]) -> list[Instance]:
    return list(instances)


async def test_each_list_is_shown_to_who_wants_to_know() -> None:
    """An alias may lead somewhere else from one list to the next."""
    listing, clock = Listing(), SteppedClock()
    shown: list[Sequence[Instance]] = []
    catalogue = InstanceCatalogue(listing, clock, {}, shown.append)
    await catalogue.warm()

    assert shown == [ALL]
    assert await catalogue.known(1) == ALL


async def test_each_page_is_told_to_the_listener() -> None:
    """Those of a whole list and single ones, with when RDS was asked for them."""
    listing, clock, heard = Listing(_fleet(150)), SteppedClock(), list[Heard]()
    catalogue = InstanceCatalogue(listing, clock, {})
    catalogue.listen(lambda *page: heard.append(page))
    clock.advance(seconds=5)
    await catalogue.warm()
    clock.advance(seconds=10)
    await catalogue.read_page(1)

    fleet = listing.instances
    assert heard == [(0, fleet[:100], 5.0), (1, fleet[100:], 5.0), (1, fleet[100:], 15.0)]
    assert listing.pages == [1]


async def test_a_page_is_as_old_as_its_question() -> None:
    """RDS took a minute to answer, and a backup may have begun meanwhile."""
    listing, clock, heard = Listing(), SteppedClock(), list[Heard]()
    catalogue = InstanceCatalogue(listing, clock, {})
    catalogue.listen(lambda *page: heard.append(page))
    listing.answers.clear()
    reading = asyncio.create_task(catalogue.read_page(0))
    await asyncio.sleep(0)
    clock.advance(seconds=60)
    listing.answers.set()
    await reading

    assert heard == [(0, ALL, 0.0)]


async def test_a_page_updates_names_and_states_without_a_list() -> None:
    """What it shows is known at once, the old name of an instance no longer."""
    listing, clock = Listing(), SteppedClock()
    catalogue = InstanceCatalogue(listing, clock, {})
    await catalogue.warm()
    renamed = _busy(ORDERS).model_copy(update={"name": "orders-main"})
    new = Instance(id="e" * 32 + "in01", name="brand-new", status="BUILD")
    listing.instances = [renamed, *ALL[1:], new]
    await catalogue.read_page(0)

    assert await catalogue.find("orders-main", 1) == renamed
    assert await catalogue.find("brand-new", 1) == new
    assert await catalogue.known(1) == listing.instances
    assert listing.calls == 1
    with pytest.raises(UnknownInstance):
        await catalogue.find("orders-prod", 1)


async def test_an_instance_only_goes_with_a_whole_list() -> None:
    """It may have moved to a page that isn't read again."""
    listing, clock = Listing(_fleet(150)), SteppedClock()
    catalogue = InstanceCatalogue(listing, clock, {})
    await catalogue.warm()
    del listing.instances[0], listing.instances[120]
    await catalogue.read_page(0)
    await catalogue.read_page(1)
    assert (await catalogue.find("db-0", 1)).name == "db-0"
    assert (await catalogue.find("db-121", 1)).name == "db-121"

    await catalogue.warm()
    clock.advance(seconds=11)
    for gone in ("db-0", "db-121"):
        with pytest.raises(UnknownInstance):
            await catalogue.find(gone, 1)


async def test_pages_do_not_make_the_list_young() -> None:
    """One page says nothing about the others: the whole list is still read when it is due."""
    listing, clock = Listing(_fleet(150)), SteppedClock()
    catalogue = InstanceCatalogue(listing, clock, {})
    await catalogue.warm()
    clock.advance(seconds=400)
    await catalogue.read_page(0)
    assert catalogue.age == 400.0

    await catalogue.find("db-7", 1)
    await asyncio.sleep(0)
    assert listing.calls == 2
    await catalogue.close()


async def test_a_page_that_rds_refuses_is_an_error() -> None:
    """Its reader is told, and what was known stays."""
    listing = Listing()
    catalogue = InstanceCatalogue(listing, SteppedClock(), {})
    await catalogue.warm()
    listing.error = RdsUnreachable(status=503)
    with pytest.raises(RdsUnreachable):
        await catalogue.read_page(0)

    assert await catalogue.known(1) == ALL


async def test_a_bot_that_starts_while_rds_is_away_knows_its_instances() -> None:
    """They come from the database, with the age that they have."""
    kept, clock, heard = Kept(), SteppedClock(), list[Heard]()
    before = InstanceCatalogue(Listing(_fleet(150)), clock, {}, pages=kept)
    await before.warm()
    clock.advance(seconds=100)
    listing = Listing()
    listing.error = RdsUnreachable(status=503, request_id="r-1")
    catalogue = InstanceCatalogue(listing, clock, {"first": "db-0"}, pages=kept)
    catalogue.listen(lambda *page: heard.append(page))
    with capture_logs() as logs:
        await catalogue.warm()

    assert [line["event"] for line in logs] == ["instances_unknown"]
    assert (await catalogue.find("first", 1)).name == "db-0"
    assert len(await catalogue.known(1)) == 150
    assert catalogue.age == 100.0
    assert [(number, at) for number, _, at in heard] == [(0, 0.0), (1, 0.0)]


async def test_a_list_that_has_become_shorter_leaves_no_page() -> None:
    """Or its instances would be known again after the next start."""
    kept, clock, listing = Kept(), SteppedClock(), Listing(_fleet(250))
    catalogue = InstanceCatalogue(listing, clock, {}, pages=kept)
    await catalogue.warm()
    assert list(kept.pages) == [0, 1, 2]

    del listing.instances[120:]
    await catalogue.warm()
    assert [len(page.instances) for page in kept.pages.values()] == [100, 20]


async def test_a_page_that_another_replica_has_read_costs_no_call() -> None:
    """It is taken once; the next time, RDS is asked."""
    kept, clock, heard = Kept(), SteppedClock(), list[Heard]()
    listing = Listing()
    catalogue = InstanceCatalogue(listing, clock, {}, pages=kept)
    catalogue.listen(lambda *page: heard.append(page))
    await catalogue.warm()
    heard.clear()
    clock.advance(seconds=10)
    await kept.save(InstancePage(0, [_busy(ORDERS)], clock.now().timestamp()))
    clock.advance(seconds=2)
    await catalogue.read_page(0)
    assert heard == [(0, [_busy(ORDERS)], 10.0)]
    assert await catalogue.find("orders-prod", 1) == _busy(ORDERS)
    assert listing.pages == []

    await catalogue.read_page(0)
    assert listing.pages == [0]


async def test_a_database_that_is_away_shares_nothing_and_breaks_nothing() -> None:
    """Lists and pages are read from RDS, as without a database."""
    kept, listing = Kept(), Listing()
    kept.is_away = True
    catalogue = InstanceCatalogue(listing, SteppedClock(), {}, pages=kept)
    await catalogue.warm()
    await catalogue.read_page(0)

    assert await catalogue.find("orders-prod", 1) == ORDERS
    assert (listing.calls, listing.pages) == (1, [0])


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
