"""The pages of list-instances that were last read, by any replica."""

import zlib
from contextlib import suppress
from json import JSONDecodeError

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, RowMapping, delete, select

from bot.domain.instances import Instance, InstancePage
from bot.runtime.clock import Clock
from bot.storage.store import Store
from bot.storage.tables import instance_pages, upsert

CLAIM = 3.0  # seconds that a replica gets to read a page before another one does
# Seconds after which a page is written again if no other replica needs it: one that has changed,
# and one that hasn't.
KEPT, UNCHANGED = 60.0, 3600.0
MOST_PAGES = 1_000  # of a project; RDS lists at most 100,000 instances
SLOTS = 2_000_000  # of projects, so that every number fits into 32 bits
AHEAD = 60.0  # seconds; a time further ahead is of a clock that has been set back since
INSTANCES = TypeAdapter(list[Instance])


class InstancePages:
    """Keeps a project's pages in the database. Raises StoreUnavailable.

    The default project has no `project`. The pages of another one have their own numbers, and a
    form that a release before several projects can't read.
    """

    def __init__(self, store: Store, clock: Clock, project: str = "") -> None:
        self._store = store
        self._clock = clock
        self._project = project
        self._first = MOST_PAGES * (1 + zlib.crc32(project.encode()) % SLOTS) if project else 0
        self._is_shared = store.engine.dialect.name == "postgresql"
        self._saved: dict[int, InstancePage] = {}  # by number, as last written
        self._is_cut = False

    async def load(self) -> list[InstancePage]:
        """Return all pages, in order, except those that can't be read."""
        query = select(instance_pages).where(self._ours()).order_by(instance_pages.c.number)
        with suppress(JSONDecodeError):
            rows = await self._store.rows(query)
            return [page for row in rows if row["read_at"] and (page := self._page(row))]
        return []

    def _ours(self, count: int = 0) -> ColumnElement[bool]:
        """Select this project's pages from a number on."""
        return instance_pages.c.number.between(self._first + count, self._first + MOST_PAGES - 1)

    async def claim(self, number: int, after: float) -> InstancePage | None:
        """Return the page if it was read since that time, in Unix seconds.

        Else return None: the caller may read it, and no other replica does for a moment. If one
        is reading it now, waits for that.
        """
        if not self._is_shared:
            return None
        deadline = self._clock.monotonic() + CLAIM
        while True:
            claimed, page = await self._try(number, after)
            if page or claimed or self._clock.monotonic() >= deadline:
                return page
            await self._clock.sleep(CLAIM / 6)

    async def _try(self, number: int, after: float) -> tuple[bool, InstancePage | None]:
        """Return whether the caller is to read the page, or the page if it was read."""
        now = self._clock.now().timestamp()
        table = instance_pages.c
        is_new = (table.read_at > after) & (table.read_at <= now + AHEAD)
        row = self._first + number
        empty = {"number": row, "claimed_at": now, "read_at": 0.0, "instances": []}
        claim = upsert(self._store.engine.dialect, instance_pages).values(empty)
        claim = claim.on_conflict_do_update(
            index_elements=[table.number],
            set_={"claimed_at": now},
            where=~table.claimed_at.between(now - CLAIM, now + AHEAD) & ~is_new,
        )
        read = select(instance_pages).where(table.number == row, is_new)
        if await self._store.at_once(claim, table.number):
            return True, None
        rows = await self._store.rows(read)
        page = self._page(rows[0]) if rows else None
        return bool(rows) and page is None, page

    async def save(self, page: InstancePage) -> None:
        """Write a page; if no other replica needs it, only now and then."""
        if not self._is_shared and (last := self._saved.get(page.number)):
            kept = UNCHANGED if list(last.instances) == list(page.instances) else KEPT
            if 0 <= page.read_at - last.read_at < kept:
                return
        listed = [instance.model_dump(mode="json") for instance in page.instances]
        items = {self._project: listed} if self._project else listed
        number = self._first + page.number
        values = {"number": number, "read_at": page.read_at, "instances": items}
        read_at = instance_pages.c.read_at
        write = upsert(self._store.engine.dialect, instance_pages)
        write = write.values(values | {"claimed_at": 0.0})
        write = write.on_conflict_do_update(
            index_elements=[instance_pages.c.number],
            set_={"read_at": page.read_at, "instances": items, "claimed_at": 0.0},
            where=(read_at < page.read_at) | (read_at > self._clock.now().timestamp() + AHEAD),
        )
        if await self._store.at_once(write, instance_pages.c.number):
            self._saved[page.number] = page

    async def cut(self, count: int) -> None:
        """Delete the pages from this number on."""
        if self._is_cut and not any(number >= count for number in self._saved):
            return
        beyond = delete(instance_pages).where(self._ours(count))
        await self._store.at_once(beyond, instance_pages.c.number)
        self._is_cut = not self._is_shared  # another replica may have written more
        self._saved = {number: page for number, page in self._saved.items() if number < count}

    def _page(self, row: RowMapping) -> InstancePage | None:
        """Return the page of a row, or None if it isn't valid: another release wrote it."""
        listed = row["instances"]
        if self._project:
            listed = listed.get(self._project) if isinstance(listed, dict) else None
        try:
            instances = INSTANCES.validate_python(listed)
        except ValidationError:
            return None
        return InstancePage(row["number"] - self._first, instances, row["read_at"])
