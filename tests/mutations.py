"""Texts and payloads as they could be, but should not: seeded, so that each run is the same."""

import copy
import random
from collections.abc import Iterator
from typing import Any

WORDS = """
create delete list withdraw policy status instances help audit pending page all
orders orders-prod dev-sandbox before-42 --keep --keep=14d -- —keep -x 14d 9999999d
* ` ``` <@U0BEN> <!channel> &lt; <https://x|y> “ ' " \\ %s {} ${x} ../.. ';--
"""
PIECES = [
    *WORDS.split(),
    *("\n", "\t", "\x00", "\x1b[31m", "\u202e", "\u200b", "订单库", "ß", "🔥", "٣", "½", "İ"),
    "é" * 50,
    "a" * 300,
]
ODD: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 10**30),
    *("", " ", "x", "null", "🔥" * 50, "\ud800", "\x00", "a" * 5000),
    *([], {}, [None], [[]], {"type": None}, {"id": 7}, [{"action_id": 7}], {"text": {"text": []}}),
]
MOST_WORDS = 40


def texts(count: int, seed: int = 1) -> Iterator[str]:
    """What somebody may type behind the command."""
    chance = random.Random(seed)  # noqa: S311, nothing is secret
    for _ in range(count):
        words = chance.choices(PIECES, k=chance.randint(0, MOST_WORDS))
        yield chance.choice([" ", " ", "", "  "]).join(words)[:8000]


def mutated(payloads: list[dict[str, Any]], count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Copies of real payloads, each with a few of their parts gone or something else."""
    chance = random.Random(seed)  # noqa: S311, nothing is secret
    for number in range(count):
        payload = copy.deepcopy(payloads[number % len(payloads)])
        for _ in range(chance.randint(1, 3)):
            _mutate(payload, chance)
        yield payload


def _mutate(payload: dict[str, Any], chance: random.Random) -> None:
    holders = list(_holders(payload))
    holder = chance.choice(holders)
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    key = chance.choice(keys)
    match chance.randrange(4):
        case 0:
            del holder[key]
        case 1:
            holder[key] = copy.deepcopy(holder[chance.choice(keys)])
        case _:
            holder[key] = copy.deepcopy(chance.choice(ODD))


def _holders(value: Any) -> Iterator[Any]:
    parts = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list) and value:
        yield value
        for part in parts:
            yield from _holders(part)
