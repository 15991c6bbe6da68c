"""A cache of one project's instances, so that a command is checked without a call.

The watcher reads page after page of list-instances; each page it reads is also news for the
cache. The pages are kept in the database: a bot that starts while RDS is away knows its
instances, and several replicas share what each of them reads.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import isfinite
from typing import Protocol

import structlog

from bot.domain.errors import RdsError, RdsUnreachable, StoreUnavailable
from bot.domain.instances import PAGE, Instance, InstancePage
from bot.domain.references import References
from bot.runtime.cache import Cache
from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)

INSTANCES = "instances"  # the only key in the cache
ANY_AGE = float("inf")
UNKNOWN_TTL = 10.0  # seconds that an error (unknown, ambiguous, a replica) is cached
CURRENT_TTL = 2.0  # seconds that callers who need the current state share an answer
STALE = 300.0  # seconds after which a list is refreshed in the background
LOOKS = 3  # lists that must agree that a known instance is gone

OnPage = Callable[[int, Sequence[Instance], float], None]


class Rds(Protocol):
    async def list_instances(self) -> list[Instance]: ...
    async def list_instance_page(self, number: int) -> list[Instance]: ...
    async def find_instance(self, instance_id: str) -> Instance | None: ...


class Pages(Protocol):
    """The pages of list-instances that any replica has read. Raises StoreUnavailable."""

    async def load(self) -> list[InstancePage]:
        """Return all pages, in order."""
        ...

    async def claim(self, number: int, after: float) -> InstancePage | None:
        """Return the page if another replica has read it since that time, in Unix seconds.

        Else return None, and keep other replicas from reading it for a moment.
        """
        ...

    async def save(self, page: InstancePage) -> None: ...
    async def cut(self, count: int) -> None:
        """Delete the pages from this number on; the list has become shorter."""
        ...


class InstanceCatalogue:
    """The cached list of instances, searched by name, ID, or alias."""

    def __init__(
        self,
        rds: Rds,
        clock: Clock,
        aliases: Mapping[str, str],
        on_listed: Callable[[Sequence[Instance]], None] = lambda _: None,
        pages: Pages | None = None,
        *,
        project: str = "",
        shared: References | None = None,
    ) -> None:
        """Cache a project's instances; what is `shared` also holds those of other projects."""
        self._rds = rds
        self._project = project
        self._shared = shared
        self._clock = clock
        self._aliases = aliases
        self._on_listed = on_listed
        self._pages = pages
        self._on_page: OnPage = lambda *_: None
        self._read_at: dict[int, float] = {}  # when each page was read, in Unix seconds
        self._references = shared or References(aliases=aliases)
        self._cache = Cache[str, list[Instance]](clock)
        self._saving: asyncio.Task[None] | None = None
        self._current = Cache[str, Instance | None](clock)  # by ID

    def listen(self, on_page: OnPage) -> None:
        """Call this with each page that is read: its number, its instances, and when.

        The time is on the clock's monotonic scale.
        """
        self._on_page = on_page

    async def find(self, reference: str, timeout_seconds: float) -> Instance:
        """Return the instance as last listed; reloads the list if it is unknown.

        Raises RdsUnreachable if RDS takes longer than `timeout_seconds` of real time, and what
        `References.find` raises.
        """
        ttl = ANY_AGE if self._references.has(reference) else UNKNOWN_TTL
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._list(ttl)
        except TimeoutError:
            raise RdsUnreachable("slow") from None
        return self._references.find(reference)

    async def known(self, timeout_seconds: float) -> Sequence[Instance]:
        """Return all instances as last listed, including read replicas.

        Waits at most `timeout_seconds` of real time for the first list, and returns none
        without it.
        """
        with suppress(TimeoutError, RdsError):
            async with asyncio.timeout(timeout_seconds):
                return await self._list(ANY_AGE)
        return []

    @property
    def is_listed(self) -> bool:
        """Whether a list was ever read, by any replica."""
        return self._cache.peek(INSTANCES) is not None

    async def reload(self) -> None:
        """Load the list again, unless it is a moment old. Raises RdsError."""
        await self._list(UNKNOWN_TTL)

    def freshen(self) -> None:
        """Load the list in the background if it is stale."""
        if self._cache.age(INSTANCES) >= STALE:
            self._cache.refresh(INSTANCES, self._read)

    async def current(self, instance_id: str) -> Instance | None:
        """Return the instance as RDS shows it now, or None once three answers lack it."""

        async def ask() -> Instance | None:
            return await self._rds.find_instance(instance_id)

        for ttl in (CURRENT_TTL, *[0.0] * (LOOKS - 1)):
            if found := await self._current.get(instance_id, ask, ttl=ttl):
                return found
        return None

    async def read_page(self, number: int) -> None:
        """Read a page of the list, unless another replica has; tell it to the listener.

        Raises RdsError.
        """
        page = await self._claimed(number)
        if page is None:
            at = self._clock.now().timestamp()
            page = InstancePage(number, await self._rds.list_instance_page(number), at)
            await self._save(page)
        self._learn(page)

    async def warm(self) -> None:
        """Load what was last known, then the list. A failure is only logged."""
        with suppress(StoreUnavailable):
            for page in await self._pages.load() if self._pages else ():
                self._learn(page)
        try:
            await self._list(0.0)
        except RdsError as error:
            log.warning("instances_unknown", code=error.code, request_id=error.request_id)
        if self._saving:
            await self._saving

    async def close(self) -> None:
        """Stop a refresh that is under way."""
        await self._cache.close()
        await self._current.close()
        if self._saving:
            self._saving.cancel()
            await asyncio.gather(self._saving, return_exceptions=True)

    @property
    def age(self) -> float:
        """Seconds since RDS listed all instances; 0 if it never has."""
        age = self._cache.age(INSTANCES)
        return age if isfinite(age) else 0.0

    def unread(self, after: float) -> Sequence[str]:  # noqa: ARG002, the port's
        """Return none: of a single project, `age` says enough."""
        return ()

    async def _list(self, ttl: float) -> list[Instance]:
        return await self._cache.get(INSTANCES, self._read, ttl=ttl, stale_after=STALE)

    async def _read(self) -> list[Instance]:
        at = self._clock.now().timestamp()
        listed = await self._rds.list_instances()
        for _ in range(LOOKS - 1):
            if listed or not self._cache.peek(INSTANCES):
                break
            listed = await self._rds.list_instances()  # an empty list is suspect
        if self._shared is None:
            self._references = References(listed, self._aliases)
        else:
            self._shared.replace(self._project, listed)
        self._on_listed(listed)
        chunks = [listed[start : start + PAGE] for start in range(0, len(listed), PAGE)]
        pages = [InstancePage(number, chunk, at) for number, chunk in enumerate(chunks)]
        for page in pages:
            self._tell(page)
        self._saving = asyncio.create_task(self._save_all(pages))  # no one waits for it
        return listed

    async def _save_all(self, pages: Sequence[InstancePage]) -> None:
        if self._pages:
            with suppress(StoreUnavailable):
                for page in pages:
                    await self._pages.save(page)
                await self._pages.cut(len(pages))

    async def _claimed(self, number: int) -> InstancePage | None:
        """Return the page if another replica has read it since we last saw it."""
        if self._pages is None:
            return None
        with suppress(StoreUnavailable):
            return await self._pages.claim(number, self._read_at.get(number, 0.0))
        return None

    async def _save(self, page: InstancePage) -> None:
        if self._pages:
            with suppress(StoreUnavailable):
                await self._pages.save(page)

    def _learn(self, page: InstancePage) -> None:
        """Take a page into the list. Only a whole list shows that an instance is gone."""
        page = page._replace(instances=[self._in_project(one) for one in page.instances])
        age = self._cache.age(INSTANCES)
        at = self._clock.monotonic() - (age if isfinite(age) else self._age_of(page))
        self._references.saw_page(self._project, page.instances)
        whole = self._references.instances
        if self._shared:
            whole = self._references.of_project(self._project)
        self._cache.put(INSTANCES, whole, at)
        self._tell(page)

    def _in_project(self, instance: Instance) -> Instance:
        """Return an instance that an older release may have listed with its project."""
        if instance.project == self._project:
            return instance
        return instance.model_copy(update={"project": self._project})

    def _tell(self, page: InstancePage) -> None:
        self._read_at[page.number] = page.read_at
        self._on_page(page.number, page.instances, self._clock.monotonic() - self._age_of(page))

    def _age_of(self, page: InstancePage) -> float:
        return max(0.0, self._clock.now().timestamp() - page.read_at)
