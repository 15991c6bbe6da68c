"""Random runs with deaths and clock jumps, checked against the promises: `--runs 1000`.

Prints a JSON line for each run that broke a promise, with its seed, and one for all.
"""

import argparse
import asyncio
import json
import logging
import multiprocessing
import os
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import structlog

from tests.history.checker import Violation, check
from tests.history.runs import play, template


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=int(os.environ.get("RUNS", "1000")))
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--jobs", type=int, default=int(os.environ.get("JOBS", "2")), help="processes"
    )
    parser.add_argument("--store-away", type=float, default=0.0, help="how likely each time")
    parser.add_argument(
        "--readable", action="store_true", help="let the bot look for what it may have posted"
    )
    given = parser.parse_args()
    began, broken, events = time.perf_counter(), 0, Counter[str]()
    with tempfile.TemporaryDirectory(prefix="backup-bot-bench-") as directory:
        migrated = template(Path(directory))
        one = partial(checked, Path(directory), migrated, given.store_away, given.readable)
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(given.jobs, mp_context=spawn) as pool:
            seeds = range(given.first, given.first + given.runs)
            for seed, (counted, violations) in zip(seeds, pool.map(one, seeds), strict=True):
                events.update(counted)
                broken += len(violations)
                if violations:
                    say(seed=seed, violations=[f"{v.promise}: {v.about}" for v in violations])
    seconds = round(time.perf_counter() - began, 1)
    say(runs=given.runs, violations=broken, seconds=seconds, events=dict(events))


def checked(
    directory: Path,
    migrated: Path,
    store_away: float,
    is_readable: bool,  # noqa: FBT001, `map` hands the seed over last
    seed: int,
) -> tuple[Counter[str], list[Violation]]:
    """How much happened in a run, and what it broke."""
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)
    playing = play(seed, directory, migrated, store_away=store_away, is_readable=is_readable)
    history = asyncio.run(playing)
    return Counter(type(event).__name__ for event in history.events), check(history)


def say(**found: object) -> None:
    print(json.dumps({"bench": "history", **found}), flush=True)  # noqa: T201, its output


if __name__ == "__main__":
    main()
