"""Every metric that the bot serves, with its labels, under the name that Prometheus reads."""

import asyncio
from types import SimpleNamespace
from typing import Any

from prometheus_client import Counter, Histogram, Info

from bot.runtime import metrics
from bot.runtime.clock import Clock
from bot.runtime.health import Health
from bot.runtime.installation import Installation
from tests.runtime.test_health import ONE, WATCHED, Database

SUFFIXES: dict[type, str] = {Counter: "_total", Histogram: "", Info: "_info"}
OF_BUILD = ("version", "python")


def counted() -> dict[str, tuple[str, ...]]:
    """Those that the process counts."""
    found = [m for m in vars(metrics).values() if isinstance(m, Counter | Histogram | Info)]
    return {
        f"{m._name}{SUFFIXES[type(m)]}": OF_BUILD if isinstance(m, Info) else m._labelnames  # noqa: SLF001, it has no public one
        for m in found
    }


def read_at_a_scrape() -> dict[str, tuple[str, ...]]:
    """Those that are read from the bot's parts."""
    parts: Any = SimpleNamespace(trouble=None, queued=0, share=None, connections=2)
    looks = Health(Database(), parts, parts, parts, Clock(), parts, WATCHED, Installation(), ONE)
    return {gauge.name: tuple(gauge._labelnames) for gauge in asyncio.run(looks.gauges())}  # noqa: SLF001


def served() -> dict[str, tuple[str, ...]]:
    return counted() | read_at_a_scrape()
