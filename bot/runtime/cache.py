"""A cache for a remote system's answers: single-flight, with a TTL and stale-while-revalidate.

cachetools has no single-flight and no stale-while-revalidate, and one TTL for all readers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from bot.runtime.clock import Clock

K = TypeVar("K")
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Values by key, each with its age. Concurrent callers share one load."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._values: dict[K, tuple[float, V]] = {}
        self._loading: dict[K, asyncio.Task[V]] = {}

    def age(self, key: K) -> float:
        """Return the seconds since the value was requested; infinite if there is none."""
        at, _ = self._values.get(key, (float("-inf"), None))
        return self._clock.monotonic() - at

    def peek(self, key: K) -> V | None:
        """Return the value, however old; None if there is none."""
        _, value = self._values.get(key, (0.0, None))
        return value

    def put(self, key: K, value: V, at: float) -> None:
        """Store a value that was requested at that time of the monotonic clock."""
        self._values[key] = at, value

    def is_loading(self, key: K) -> bool:
        """Return whether the value is being loaded."""
        return key in self._loading

    async def get(
        self,
        key: K,
        read: Callable[[], Coroutine[Any, Any, V]],
        *,
        ttl: float,
        stale_after: float = float("inf"),
    ) -> V:
        """Return the value if it is younger than `ttl` seconds, else load it.

        A value at least `stale_after` seconds old is returned immediately and reloaded in the
        background. Raises what `read` raises, if the caller has to wait for it.
        """
        age = self.age(key)
        if key not in self._values or age >= ttl:
            return await self.load(key, read)
        if age >= stale_after:
            self.refresh(key, read)
        return self._values[key][1]

    async def load(
        self,
        key: K,
        read: Callable[[], Coroutine[Any, Any, V]],
        *,
        turn: Callable[[], Awaitable[None]] | None = None,
    ) -> V:
        """Load the value now, or join a load under way. A caller who gives up doesn't stop it."""
        return await asyncio.shield(self.refresh(key, read, turn=turn))

    def refresh(
        self,
        key: K,
        read: Callable[[], Coroutine[Any, Any, V]],
        *,
        turn: Callable[[], Awaitable[None]] | None = None,
    ) -> asyncio.Task[V]:
        """Load the value in the background, unless that is under way.

        `turn` is awaited before `read`, and doesn't count towards the value's age.
        """
        if key not in self._loading:
            self._loading[key] = task = asyncio.create_task(self._load(key, read, turn))
            task.add_done_callback(lambda done: self._loaded(key, done))
        return self._loading[key]

    async def close(self) -> None:
        """Stop all loading."""
        loading = list(self._loading.values())
        for task in loading:
            task.cancel()
        await asyncio.gather(*loading, return_exceptions=True)

    async def _load(
        self,
        key: K,
        read: Callable[[], Coroutine[Any, Any, V]],
        turn: Callable[[], Awaitable[None]] | None,
    ) -> V:
        if turn:
            await turn()
        at = self._clock.monotonic()
        value = await read()
        self.put(key, value, at)
        return value

    def _loaded(self, key: K, task: asyncio.Task[V]) -> None:
        del self._loading[key]
        if not task.cancelled():
            task.exception()  # mark it as seen: the next caller loads again
