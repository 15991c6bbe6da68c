"""The project's instances, kept in memory, so that a command is judged without a call."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from bot.domain.errors import RdsError, RdsUnreachable
from bot.domain.instances import Instance
from bot.domain.references import References
from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)

FRESH = 10.0  # seconds for which a refusal (unknown, ambiguous, a replica) is believed
STALE = 300.0  # seconds after which a list that still serves is renewed behind it
SHARED = 2.0  # seconds within which callers who want to know now share one answer
LOOKS = 3  # lists that must agree before an instance that was known is gone


class Rds(Protocol):
    async def list_instances(self) -> list[Instance]: ...


class InstanceCatalogue:
    """What list-instances said last. Refreshed one call at a time, whoever wants it."""

    def __init__(
        self,
        rds: Rds,
        clock: Clock,
        aliases: Mapping[str, str],
        on_listed: Callable[[Sequence[Instance]], None] = lambda _: None,
    ) -> None:
        self._rds = rds
        self._clock = clock
        self._aliases = aliases
        self._on_listed = on_listed
        self._instances: list[Instance] = []
        self._references = References()
        self._listed_at = float("-inf")
        self._refreshing: asyncio.Task[None] | None = None

    async def find(self, reference: str, timeout_seconds: float) -> Instance:
        """The instance as it was listed last; a refusal renews the list first.

        Waits at most `patience` seconds of real time for RDS, and raises RdsUnreachable if it
        did not answer by then; UnknownInstance, AmbiguousInstance and ReadReplica as
        `References.find`.
        """
        if self._references.has(reference):
            if self._age > STALE:
                self._refresh()
        elif self._age >= FRESH:
            try:
                async with asyncio.timeout(timeout_seconds):
                    await asyncio.shield(self._refresh())
            except TimeoutError:
                raise RdsUnreachable("slow") from None
        return self._references.find(reference)

    async def known(self, timeout_seconds: float) -> Sequence[Instance]:
        """All instances as they were listed last, read replicas too, and renewed behind it.

        Waits at most `patience` seconds of real time for a first list; without one there are
        none.
        """
        if self._listed_at == float("-inf"):
            with suppress(TimeoutError, RdsError):
                async with asyncio.timeout(timeout_seconds):
                    await asyncio.shield(self._refresh())
        elif self._age > STALE:
            self._refresh()
        return self._instances

    async def current(self, instance_id: str) -> Instance | None:
        """The instance as RDS shows it now, or None if it is gone: three lists have to say so."""
        if self._age > SHARED:
            await asyncio.shield(self._refresh())
        for look in range(LOOKS):
            if found := next((i for i in self._instances if i.id == instance_id), None):
                return found
            if look + 1 < LOOKS:
                await asyncio.shield(self._refresh())
        return None

    async def warm(self) -> None:
        """Fill the list before the first command; a failure is only logged."""
        try:
            await asyncio.shield(self._refresh())
        except RdsError as error:
            log.warning("instances_unknown", code=error.code, request_id=error.request_id)

    async def close(self) -> None:
        """Stop a refresh that is under way."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)

    @property
    def age(self) -> float:
        """Seconds since RDS listed the instances; 0 if it never has."""
        return self._age if self._listed_at != float("-inf") else 0.0

    @property
    def _age(self) -> float:
        return self._clock.monotonic() - self._listed_at

    def _refresh(self) -> asyncio.Task[None]:
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._list())
            self._refreshing.add_done_callback(_seen)
        return self._refreshing

    async def _list(self) -> None:
        asked_at = self._clock.monotonic()
        listed = await self._rds.list_instances()
        for _ in range(LOOKS - 1):
            if listed or not self._instances:
                break
            listed = await self._rds.list_instances()  # all at once are hardly ever deleted
        self._instances = listed
        self._references = References(listed, self._aliases)
        self._listed_at = asked_at
        self._on_listed(self._instances)


def _seen(refresh: asyncio.Task[None]) -> None:
    """A refresh that nobody waits for may fail without a word: the next one says it."""
    if not refresh.cancelled():
        refresh.exception()
