"""What can go wrong on the way to the simulated RDS and back, as values that a test queues."""

from collections import defaultdict, deque
from dataclasses import dataclass
from enum import Enum, auto

from bot.demo.rds.wire import Answer, Operation, Refused


class When(Enum):
    """Whether the call is carried out first."""

    BEFORE = auto()
    AFTER = auto()


class How(Enum):
    """What the client gets."""

    PROPERLY = auto()  # what it asked for: only the delay is wrong
    DROP = auto()  # the connection breaks
    HANG = auto()  # nothing, until one side closes the connection
    ANSWER = auto()  # the fault's own answer


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong with one call, after `delay` seconds of real time.

    A fault BEFORE keeps the call from being carried out, unless it is answered PROPERLY: then it
    is only carried out late, even if the client has gone meanwhile.
    """

    when: When = When.AFTER
    how: How = How.PROPERLY
    answer: Answer | Refused | None = None  # of How.ANSWER
    delay: float = 0.0


def _page(status: int, title: str) -> Answer:
    return Answer(status, f"<html><h1>{status} {title}</h1></html>", content_type="text/html")


def slow(seconds: float, when: When = When.AFTER) -> Fault:
    """The right answer, late; with BEFORE also carried out late."""
    return Fault(when, delay=seconds)


def refused(status: int, code: str) -> Fault:
    """A refusal of RDS or its gateway, without carrying anything out."""
    refusal = Refused(status, code, f"Refused with {code}.")
    return Fault(When.BEFORE, How.ANSWER, refusal)


def throttled(retry_after: int) -> Fault:
    """429 with Retry-After in seconds."""
    refusal = Refused(429, "APIGW.0308", "Throttled.", {"Retry-After": str(retry_after)})
    return Fault(When.BEFORE, How.ANSWER, refusal)


NONE = Fault()
DROPPED = Fault(When.BEFORE, How.DROP)
ERROR = Fault(When.BEFORE, How.ANSWER, _page(500, "Internal Server Error"))
UNAVAILABLE = Fault(When.BEFORE, How.ANSWER, _page(503, "Service Unavailable"))
# What is not RDS answers for it: a proxy that cannot route, a portal that wants a log-in.
UNROUTED = Fault(When.BEFORE, How.ANSWER, _page(404, "Not Found"))
PORTAL = Fault(When.BEFORE, How.ANSWER, Answer(200, "OK", content_type="text/plain"))
QUERY_FAILED = refused(400, "DBS.200203")
LOST_ANSWER = Fault(When.AFTER, How.DROP)
NO_ANSWER = Fault(When.AFTER, How.HANG)
ERROR_AFTERWARDS = Fault(When.AFTER, How.ANSWER, _page(500, "Internal Server Error"))
GARBAGE = Fault(When.AFTER, How.ANSWER, Answer(200, '{"backup": {"id": "cb21'))


class Faults:
    """Which fault meets which call: a queue for each operation, else what always holds."""

    def __init__(self) -> None:
        self._next: defaultdict[Operation, deque[Fault]] = defaultdict(deque)
        self._always: dict[Operation, Fault] = {}

    def next(self, operation: Operation, *faults: Fault) -> None:
        """Meet the next calls of the operation with these faults, one each, in order."""
        self._next[operation].extend(faults)

    def waiting(self, operation: Operation) -> int:
        """How many faults are still queued for the operation."""
        return len(self._next[operation])

    def next_create(self, *faults: Fault) -> None:
        """Meet the next create-backup calls with these faults."""
        self.next(Operation.CREATE_BACKUP, *faults)

    def always(self, fault: Fault, *operations: Operation) -> None:
        """Meet every call of these operations (default: all, an outage) until `clear`."""
        self._always.update(dict.fromkeys(operations or Operation, fault))

    def forget(self, operation: Operation) -> None:
        """Take back what is queued for the operation."""
        self._next[operation].clear()

    def clear(self) -> None:
        """All is well again."""
        self._next.clear()
        self._always.clear()

    def take(self, operation: Operation) -> Fault:
        """The fault that meets this call; NONE if all is well."""
        queue = self._next[operation]
        return queue.popleft() if queue else self._always.get(operation, NONE)
