"""`backup-bot doctor`: what is stuck, why, and what helps."""

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime

from bot.config.settings import database_url
from bot.domain.printable import printable
from bot.domain.quantities import counted
from bot.domain.stuck import Stuck
from bot.runtime.clock import Clock
from bot.storage.diagnosis import stuck_in

FINE, STUCK = 0, 1  # exit codes


def examine(*, as_json: bool) -> int:
    """Print everything that is stuck, and return the exit code.

    With `as_json`, one object: `stuck` with `kind`, `what`, `since`, `why` and `cure`.
    """
    found = stuck_in(database_url(os.environ), Clock().now())
    if as_json:
        shown = [asdict(one) | {"since": _iso(one.since)} for one in found]
        print(printable(json.dumps({"stuck": shown}, ensure_ascii=False)))
    elif not found:
        print("Nothing is stuck.")
    else:
        print(f"{counted(len(found), 'thing is', 'things are')} stuck.")
        for one in found:
            _print(one)
    return STUCK if found else FINE


def _print(one: Stuck) -> None:
    since = f", since {one.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if one.since else ""
    print(f"\n{one.kind}: {printable(one.what)}{since}")
    print(f"  Why:  {printable(one.why)}.")
    print(f"  Cure: {printable(one.cure)}")


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None
