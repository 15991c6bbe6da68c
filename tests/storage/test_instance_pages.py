"""The pages of the instance list, kept in the database and shared by replicas."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, text
from structlog.testing import capture_logs

from bot.domain.errors import StoreUnavailable
from bot.domain.instances import Instance, InstancePage
from bot.rds.catalogue import InstanceCatalogue
from bot.storage.engine import open_engine
from bot.storage.instance_pages import CLAIM, KEPT, InstancePages
from bot.storage.store import Store
from bot.storage.tables import instance_pages
from tests.stepped_clock import SteppedClock

ORDERS = Instance(id="a" * 32 + "in01", name="örders-生产", status="ACTIVE", engine="MySQL")
REPLICA = Instance(
    id="b" * 32 + "in01", name="read", status="FROZEN", type="Replica", primary_id=ORDERS.id
)
NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"


@pytest.fixture
def clock() -> SteppedClock:
    """The clock of all replicas."""
    return SteppedClock()


@pytest.fixture
def pages(store: Store, clock: SteppedClock) -> InstancePages:
    """The pages of the only replica."""
    return InstancePages(store, clock)


@pytest.fixture
async def replicas(
    migrated_postgresql_url: str, clock: SteppedClock
) -> AsyncIterator[list[InstancePages]]:
    """The pages of two replicas, each with its own connections."""
    engines = [open_engine(migrated_postgresql_url) for _ in range(2)]
    yield [InstancePages(Store(engine), clock) for engine in engines]
    for engine in engines:
        await engine.dispose()


def _page(clock: SteppedClock, number: int = 0, *instances: Instance) -> InstancePage:
    return InstancePage(number, list(instances or [ORDERS]), clock.now().timestamp())


async def test_pages_are_loaded_as_they_were_saved(
    store: Store, pages: InstancePages, clock: SteppedClock
) -> None:
    """In their order, by this process and by the next."""
    second, first = _page(clock, 1, REPLICA), _page(clock, 0, ORDERS, REPLICA)
    await pages.save(second)
    await pages.save(first)

    assert await pages.load() == [first, second]
    assert await InstancePages(store, clock).load() == [first, second]


async def test_an_empty_page_is_a_page(pages: InstancePages, clock: SteppedClock) -> None:
    """The last page of a list can be empty."""
    page = InstancePage(0, [], clock.now().timestamp())
    await pages.save(page)

    assert await pages.load() == [page]


async def test_an_older_page_never_replaces_a_newer_one(
    store: Store, pages: InstancePages, clock: SteppedClock
) -> None:
    """Two processes read it, and the slower one saves last."""
    older = _page(clock)
    clock.advance(seconds=5)
    newer = _page(clock, 0, REPLICA)
    await pages.save(newer)
    await InstancePages(store, clock).save(older)

    assert await pages.load() == [newer]


async def test_a_newer_page_replaces_an_older_one(
    pages: InstancePages, clock: SteppedClock
) -> None:
    """A minute later, on both databases."""
    await pages.save(_page(clock))
    clock.advance(seconds=KEPT)
    newer = _page(clock, 0, REPLICA)
    await pages.save(newer)

    assert await pages.load() == [newer]


async def test_pages_beyond_the_end_are_cut(pages: InstancePages, clock: SteppedClock) -> None:
    """The list has become shorter; if it grows again, the page is written at once."""
    kept, cut = _page(clock, 0), _page(clock, 1)
    await pages.save(kept)
    await pages.save(cut)
    await pages.cut(1)
    assert await pages.load() == [kept]

    clock.advance(seconds=1)
    again = _page(clock, 1)
    await pages.save(again)
    assert await pages.load() == [kept, again]


@pytest.mark.parametrize(("changes", "times"), [(True, 3), (False, 1)])
async def test_sqlite_writes_a_page_seldom(
    migrated_database_url: str,
    clock: SteppedClock,
    changes: bool,  # noqa: FBT001, a column of the table
    times: int,
) -> None:
    """No other process needs it, and people's requests are written to the same file."""
    engine = open_engine(migrated_database_url)
    pages = InstancePages(Store(engine), clock)
    written: list[float] = []
    for second in range(180):
        page = _page(clock)
        if changes and second % 2:
            page = page._replace(instances=[])
        await pages.save(page)
        (page,) = await pages.load()
        if page.read_at not in written:
            written.append(page.read_at)
        clock.advance(seconds=1)
    await engine.dispose()

    assert len(written) == times


async def test_sqlite_shares_no_page(migrated_database_url: str, clock: SteppedClock) -> None:
    """There is one process only, so it always reads the page from RDS."""
    engine = open_engine(migrated_database_url)
    pages = InstancePages(Store(engine), clock)
    await pages.save(_page(clock))

    assert await pages.claim(0, 0.0) is None
    await engine.dispose()


# Replicas


async def _claimed(
    pages: InstancePages, clock: SteppedClock, after: float = 0.0
) -> tuple[InstancePage | None, float]:
    """Return what a claim brings, and after how many seconds."""
    began = clock.monotonic()
    claiming = asyncio.create_task(pages.claim(0, after))
    while not claiming.done():
        await asyncio.wait([claiming], timeout=0.01)
        if clock.is_waited_for:  # not the database, however slow it is
            clock.advance(seconds=0.25)
    return await claiming, clock.monotonic() - began


async def test_one_replica_reads_and_the_other_takes_it(
    replicas: list[InstancePages], clock: SteppedClock
) -> None:
    """The first may read at once; the second waits, and gets the page without a call."""
    first, second = replicas
    assert await first.claim(0, 0.0) is None
    waiting = asyncio.create_task(second.claim(0, 0.0))
    await asyncio.sleep(0.1)
    assert not waiting.done()

    page = _page(clock, 0, ORDERS, REPLICA)
    await first.save(page)
    clock.advance(seconds=1)
    assert await asyncio.wait_for(waiting, 5) == page


async def test_replicas_that_claim_at_the_same_moment_get_one_reader(
    replicas: list[InstancePages], clock: SteppedClock
) -> None:
    """The first of them in the database reads, and the others wait."""
    claims = [asyncio.create_task(pages.claim(0, 0.0)) for pages in replicas * 3]
    await asyncio.wait(claims, timeout=0.5)
    assert sum(claim.done() for claim in claims) == 1

    page = _page(clock)
    await replicas[0].save(page)
    clock.advance(seconds=1)
    found = await asyncio.wait_for(asyncio.gather(*claims), 5)
    assert sorted(claim is None for claim in found) == [False] * 5 + [True]


async def test_a_page_that_is_new_to_a_replica_is_taken_at_once(
    replicas: list[InstancePages], clock: SteppedClock
) -> None:
    """And only once: then it's the replica's turn to read."""
    first, second = replicas
    page = _page(clock)
    await first.save(page)
    clock.advance(seconds=10)

    assert await _claimed(second, clock) == (page, 0.0)
    assert await _claimed(second, clock, page.read_at) == (None, 0.0)


async def test_the_other_replica_goes_on_when_the_reader_dies(
    replicas: list[InstancePages], clock: SteppedClock
) -> None:
    """It waits for three seconds, and then reads the page itself."""
    first, second = replicas
    assert await first.claim(0, 0.0) is None
    found, waited = await _claimed(second, clock)

    assert found is None
    assert CLAIM <= waited <= CLAIM + 1.5


async def test_a_claim_alone_is_no_page(replicas: list[InstancePages]) -> None:
    """The reader died before it had read anything: nothing is known of the page."""
    await replicas[0].claim(3, 0.0)

    assert await replicas[1].load() == []


async def test_a_reader_that_is_overtaken_replaces_nothing(
    replicas: list[InstancePages], clock: SteppedClock
) -> None:
    """It was frozen, and the other one has read the page since."""
    first, second = replicas
    await first.claim(0, 0.0)
    late = _page(clock)
    clock.advance(seconds=300)
    await second.claim(0, 0.0)
    newer = _page(clock, 0, REPLICA)
    await second.save(newer)
    await first.save(late)

    assert await first.load() == [newer]


async def test_a_page_of_a_clock_that_was_set_back_is_replaced(
    pages: InstancePages, clock: SteppedClock
) -> None:
    """It is dated an hour ahead, and would count as the newest until then."""
    await pages.save(_page(clock))
    clock.set_back(hours=1)
    newer = _page(clock, 0, REPLICA)
    await pages.save(newer)

    assert await pages.load() == [newer]


async def test_a_page_that_is_dated_ahead_is_not_taken(
    replicas: list[InstancePages], clock: SteppedClock
) -> None:
    """Nor is a claim: the clock of their writer was set back since."""
    first, second = replicas
    await first.save(_page(clock))
    clock.set_back(hours=1)
    assert await _claimed(second, clock) == (None, 0.0)

    clock.set_back(hours=1)
    assert await _claimed(first, clock) == (None, 0.0)


# A database that is away, or holds nonsense


async def test_a_database_that_is_away_is_unavailable(clock: SteppedClock) -> None:
    """Each call says so in the one way that the bot understands."""
    engine = open_engine(NOWHERE)
    pages = InstancePages(Store(engine), clock)
    for call in (pages.load(), pages.claim(0, 0.0), pages.save(_page(clock)), pages.cut(0)):
        with pytest.raises(StoreUnavailable):
            await call
    await engine.dispose()


async def test_people_notice_nothing_of_a_database_without_pages(clock: SteppedClock) -> None:
    """The list is read from RDS, and no page is shared."""
    engine = open_engine(NOWHERE)
    catalogue = InstanceCatalogue(Rds(), clock, {}, pages=InstancePages(Store(engine), clock))
    with capture_logs() as logs:
        await catalogue.warm()
        await catalogue.read_page(0)

    assert await catalogue.find(ORDERS.name, 1) == ORDERS
    assert logs == []
    await engine.dispose()


class Rds:
    """Lists one instance."""

    async def list_instances(self) -> list[Instance]:
        return [ORDERS]

    async def list_instance_page(self, number: int) -> list[Instance]:
        return [] if number else [ORDERS]

    async def find_instance(self, instance_id: str) -> Instance | None:
        return ORDERS if instance_id == ORDERS.id else None


GARBLED = [
    '[{"id": "x"}]',
    '[{"id": "x", "name": null, "status": "ACTIVE"}]',
    '["x"]',
    '{"id": "x"}',
    '"x"',
    "7",
    "null",
]


async def _garble(store: Store, number: int, instances: str) -> None:
    query = text("UPDATE instance_page SET instances = :instances WHERE number = :number")
    async with store.engine.begin() as connection:
        await connection.execute(query, {"instances": instances, "number": number})


@pytest.mark.parametrize("instances", GARBLED)
async def test_a_page_that_is_not_valid_is_left_out(
    store: Store, pages: InstancePages, clock: SteppedClock, instances: str
) -> None:
    """Another release may have written it; the others are loaded, and the bot starts."""
    await pages.save(_page(clock, 0))
    await pages.save(whole := _page(clock, 1))
    await _garble(store, 0, instances)

    assert await pages.load() == [whole]
    assert await asyncio.wait_for(pages.claim(0, 0.0), 5) is None


@pytest.mark.parametrize("instances", ["", "[", "[1, "])
async def test_text_that_is_no_json_does_not_stop_the_start(
    migrated_database_url: str, clock: SteppedClock, instances: str
) -> None:
    """SQLite keeps any text; the instances are read from RDS instead."""
    engine = open_engine(migrated_database_url)
    store, pages = Store(engine), InstancePages(Store(engine), clock)
    await pages.save(_page(clock, 0))
    await _garble(store, 0, instances)
    catalogue = InstanceCatalogue(Rds(), clock, {}, pages=InstancePages(Store(engine), clock))
    await catalogue.warm()
    assert await catalogue.find(ORDERS.name, 1) == ORDERS

    clock.advance(seconds=KEPT)
    await catalogue.warm()  # and the page is written again
    assert [page.instances for page in await pages.load()] == [[ORDERS]]
    await engine.dispose()


async def test_each_project_has_pages_of_its_own(
    store: Store, pages: InstancePages, clock: SteppedClock
) -> None:
    """One project's list neither shows up in another's nor shortens it."""
    eu = InstancePages(store, clock, "prod-eu")
    other = InstancePages(store, clock, "prod-us")
    await pages.save(_page(clock, 0, ORDERS))
    await eu.save(_page(clock, 0, REPLICA))
    await eu.save(_page(clock, 1, ORDERS))
    await pages.cut(0)

    assert await pages.load() == []
    assert await eu.load() == [_page(clock, 0, REPLICA), _page(clock, 1, ORDERS)]
    assert await other.load() == []
    await eu.cut(1)
    assert await eu.load() == [_page(clock, 0, REPLICA)]


async def test_a_release_before_several_projects_reads_only_its_own_pages(
    store: Store, pages: InstancePages, clock: SteppedClock
) -> None:
    """It reads every row, so those of other projects have a form that it leaves out."""
    await InstancePages(store, clock, "prod-eu").save(_page(clock, 0, REPLICA))
    await pages.save(_page(clock, 0, ORDERS))
    rows = await store.rows(select(instance_pages).order_by(instance_pages.c.number))

    assert [type(row["instances"]) for row in rows] == [list, dict]
    assert rows[1]["number"] < 2**31
