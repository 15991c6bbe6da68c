"""A cache of the project's instances, so that a command is checked without a call."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import isfinite
from typing import Protocol

import structlog

from bot.domain.errors import RdsError, RdsUnreachable
from bot.domain.instances import Instance
from bot.domain.references import References
from bot.runtime.cache import Cache
from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)

INSTANCES = "instances"  # the only key in the cache
ANY_AGE = float("inf")
UNKNOWN_TTL = 10.0  # seconds that an error (unknown, ambiguous, a replica) is cached
CURRENT_TTL = 2.0  # seconds that callers who need the current state share a list
STALE = 300.0  # seconds after which a list is refreshed in the background
LOOKS = 3  # lists that must agree that a known instance is gone


class Rds(Protocol):
    async def list_instances(self) -> list[Instance]: ...


class InstanceCatalogue:
    """The cached list of instances, searched by name, ID, or alias."""

    def __init__(
        self,
        rds: Rds,
        clock: Clock,
        aliases: Mapping[str, str],
        on_listed: Callable[[Sequence[Instance]], None] = lambda _: None,
    ) -> None:
        self._rds = rds
        self._aliases = aliases
        self._on_listed = on_listed
        self._references = References()
        self._cache = Cache[str, list[Instance]](clock)

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

    async def current(self, instance_id: str) -> Instance | None:
        """Return the instance as RDS shows it now, or None once three lists lack it."""
        for ttl in (CURRENT_TTL, *[0.0] * (LOOKS - 1)):
            for instance in await self._list(ttl):
                if instance.id == instance_id:
                    return instance
        return None

    async def warm(self) -> None:
        """Load the list before the first command. A failure is only logged."""
        try:
            await self._list(0.0)
        except RdsError as error:
            log.warning("instances_unknown", code=error.code, request_id=error.request_id)

    async def close(self) -> None:
        """Stop a refresh that is under way."""
        await self._cache.close()

    @property
    def age(self) -> float:
        """Seconds since RDS listed the instances; 0 if it never has."""
        age = self._cache.age(INSTANCES)
        return age if isfinite(age) else 0.0

    async def _list(self, ttl: float) -> list[Instance]:
        return await self._cache.get(INSTANCES, self._read, ttl=ttl, stale_after=STALE)

    async def _read(self) -> list[Instance]:
        listed = await self._rds.list_instances()
        for _ in range(LOOKS - 1):
            if listed or not self._cache.peek(INSTANCES):
                break
            listed = await self._rds.list_instances()  # an empty list is suspect
        self._references = References(listed, self._aliases)
        self._on_listed(listed)
        return listed
