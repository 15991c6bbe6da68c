"""`backup-bot run` that dies of SIGKILL at one point: `python -m tests.crash.dying POINT`.

A point is a boundary, before or after it, and how the manyth time: "after ack 1",
"before rds POST 1", "after slack chat.postMessage 2", "before Lifecycle.wake 1",
"after Transaction.move 3", "before Outbox.sent 2" (a post), "after Outbox.begin edit 1".
Slack's pace is set aside, and what may be gone or made is looked for at a tenth of the usual
gaps: both would only make all of this long.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

import aiohttp
import httpx
from sqlalchemy.engine.default import DefaultDialect


class Death:
    """Counts what is passed, and kills the process at its point."""

    def __init__(self, point: str) -> None:
        self._point = point
        self._passed: Counter[str] = Counter()

    def passes(self, boundary: str) -> None:
        self._passed[boundary] += 1
        if f"{boundary} {self._passed[boundary]}" == self._point:
            os.kill(os.getpid(), signal.SIGKILL)


def waylay(owner: Any, method: str, death: Death, named: Callable[..., str | None]) -> None:
    """Let a method pass the point before and after it."""
    original = getattr(owner, method)

    @contextmanager
    def passing(name: str | None) -> Iterator[None]:
        if name:
            death.passes(f"before {name}")
        yield
        if name:
            death.passes(f"after {name}")

    async def later(*args: Any, **options: Any) -> Any:
        with passing(named(*args, **options)):
            return await original(*args, **options)

    def at_once(*args: Any, **options: Any) -> Any:
        with passing(named(*args, **options)):
            return original(*args, **options)

    setattr(owner, method, later if iscoroutinefunction(original) else at_once)


def waylay_ours(death: Death) -> None:
    """Where the bot itself goes from one thing to the next."""
    from bot.domain import absence  # noqa: PLC0415, the same
    from bot.slack.transport import pace  # noqa: PLC0415, the same
    from bot.storage.outbox import Outbox  # noqa: PLC0415, the same
    from bot.storage.transaction import Transaction  # noqa: PLC0415, the same
    from bot.watcher.loop import Watcher  # noqa: PLC0415, the same
    from bot.workflow import creation, deletion  # noqa: PLC0415, the same
    from bot.workflow.workflow import Lifecycle  # noqa: PLC0415, after what they import

    absence.LOOK_AGAIN, creation.LOOKS, deletion.LOOK = (0.5, 1.0), (0.1, 0.4, 1.0), 0.5
    pace.BURST, pace.EDITS = 1000, 100_000
    for owner, method in (
        (Lifecycle, "start"),
        (Lifecycle, "wake"),
        (Lifecycle, "carry_on"),
        (Transaction, "move"),
        (Watcher, "follow"),
    ):
        name = f"{owner.__name__}.{method}"
        waylay(owner, method, death, lambda *_, name=name, **__: name)
    waylay(Outbox, "begin", death, partial(_message, "Outbox.begin"))
    waylay(Outbox, "sent", death, partial(_message, "Outbox.sent"))


def waylay_commits(death: Death) -> None:
    """The bot's own commits and those of its journal."""
    original: Callable[..., None] = DefaultDialect.do_commit

    def commit(self: DefaultDialect, connection: Any) -> None:
        death.passes("before commit")
        original(self, connection)
        death.passes("after commit")

    DefaultDialect.do_commit = commit  # type: ignore[method-assign]  # to die there


def _message(name: str, _: Any, message: Any, *__: Any, **___: Any) -> str:
    return f"{name} edit" if message.is_edit else name


def _slack(_: Any, __: str, url: Any, **___: Any) -> str:
    last = str(url).rstrip("/").rsplit("/", 1)[-1]
    return f"slack {last}" if "." in last else "slack response_url"


def _ack(_: Any, data: str, *__: Any, **___: Any) -> str | None:
    return "ack" if "envelope_id" in data else None


def _rds(_: Any, request: httpx.Request, **__: Any) -> str:
    return f"rds {request.method}"


def main() -> None:
    death = Death(sys.argv.pop(1))
    waylay_commits(death)
    waylay(aiohttp.ClientSession, "_request", death, _slack)
    waylay(aiohttp.ClientWebSocketResponse, "send_str", death, _ack)
    waylay(httpx.AsyncClient, "send", death, _rds)

    waylay_ours(death)

    from bot.__main__ import main as run  # noqa: PLC0415, what it imports is waylaid by now

    sys.argv[1:] = ["run"]
    run()


if __name__ == "__main__":
    main()
