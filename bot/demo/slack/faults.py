"""What can go wrong between an app and the simulated Slack, as values that a test queues."""

from collections import defaultdict, deque
from dataclasses import dataclass

RESPONSE_URL = "response_url"  # stands for a method, as far as faults and calls go


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong with one call, after `delay` seconds of real time.

    A `status`, an `error` or a raw `body` is answered instead of the truth; `dropped` breaks the
    connection.
    """

    is_carried_out: bool = False
    is_dropped: bool = False
    status: int = 200
    error: str | None = None
    retry_after: int | None = None  # seconds, as a header
    delay: float = 0.0
    body: bytes | None = None  # what something between Slack and the app answers
    content_type: str = "application/json"

    @property
    def is_answered(self) -> bool:
        """Whether the client gets this fault's answer, not Slack's own."""
        is_refused = self.error is not None or self.status != 200  # noqa: PLR2004, HTTP's yes
        return is_refused or self.body is not None


def slow(seconds: float) -> Fault:
    """Carried out and answered as it should be, but late."""
    return Fault(is_carried_out=True, delay=seconds)


def refused(error: str) -> Fault:
    """An error code of Slack's, without carrying anything out."""
    return Fault(error=error)


def throttled(retry_after: int) -> Fault:
    """429 with Retry-After in seconds."""
    return Fault(status=429, error="ratelimited", retry_after=retry_after)


def garbled(body: bytes, content_type: str = "application/json", status: int = 200) -> Fault:
    """Something that isn't Slack's JSON, as a proxy on the way answers."""
    return Fault(body=body, content_type=content_type, status=status)


GARBAGE = [
    garbled(b""),
    garbled(b"null"),
    garbled(b"[]"),
    garbled(b'"ok"'),
    garbled(b"{}"),
    garbled(b'{"ok": '),
    garbled(b'{"ok": "yes"}'),
    garbled(b'{"ok": true}'),
    garbled(b'{"ok": false, "error": {"message": "<b>no</b>"}}'),
    garbled(b"[" * 100_000),
    garbled(b"\xff\xfe\x00", "application/json; charset=utf-16"),
    garbled(b'{"ok": true}', "application/json; charset=klingon"),
    garbled(b"OK", "text/plain"),
    garbled(b"<html>Sign in</html>", "text/html"),
    garbled(b"\x1f\x8b\x08", "application/gzip"),
    garbled(b"upstream error", "text/plain", 502),
    garbled(b"", "text/html", 302),
]

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
