"""What can go wrong between an app and the simulated Slack, as values that a test queues."""

from collections import defaultdict, deque
from dataclasses import dataclass

RESPONSE_URL = "response_url"  # stands for a method, as far as faults and calls go


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong with one call, after `delay` seconds of real time.

    A `status` or an `error` is answered instead of the truth; `dropped` breaks the connection.
    """

    is_carried_out: bool = False
    is_dropped: bool = False
    status: int = 200
    error: str | None = None
    retry_after: int | None = None  # seconds, as a header
    delay: float = 0.0

    @property
    def is_answered(self) -> bool:
        """Whether the client gets this fault's answer, not Slack's own."""
        return self.error is not None or self.status != 200  # noqa: PLR2004, HTTP's yes


def slow(seconds: float) -> Fault:
    """Carried out and answered as it should be, but late."""
    return Fault(is_carried_out=True, delay=seconds)


def refused(error: str) -> Fault:
    """An error code of Slack's, without carrying anything out."""
    return Fault(error=error)


def throttled(retry_after: int) -> Fault:
    """429 with Retry-After in seconds."""
    return Fault(status=429, error="ratelimited", retry_after=retry_after)


NONE = Fault(is_carried_out=True)
ERROR = Fault(status=500)
ERROR_AFTERWARDS = Fault(is_carried_out=True, status=500)
DROPPED = Fault(is_dropped=True)
LOST_ANSWER = Fault(is_carried_out=True, is_dropped=True)


class Faults:
    """Which fault meets which call: a queue for each method, else what always holds."""

    def __init__(self) -> None:
        self._next: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._always: dict[str, Fault] = {}

    def next(self, method: str, *faults: Fault) -> None:
        """Meet the next calls of the method with these faults, one each, in order."""
        self._next[method].extend(faults)

    def always(self, fault: Fault, *methods: str) -> None:
        """Meet every call of these methods until `clear`."""
        self._always.update(dict.fromkeys(methods, fault))

    def clear(self) -> None:
        """All is well again."""
        self._next.clear()
        self._always.clear()

    def take(self, method: str) -> Fault:
        """The fault that meets this call; NONE if all is well."""
        queue = self._next[method]
        return queue.popleft() if queue else self._always.get(method, NONE)
