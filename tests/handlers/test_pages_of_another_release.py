"""A button that turns a page, drawn by a release that wrote its value differently."""

from typing import Any, cast

import pytest

from handlers import Services, actions
from handlers.origin import Outdated

TURNS = [actions.turn_backups, actions.turn_made]


async def _never(*_: object, **__: object) -> None:
    raise AssertionError("nothing may be acked, looked up or answered")


NEVER: Any = _never


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("value", ["", "2 all abcin01", '{"number": "2"}', "[]"])
async def test_it_is_told_apart_before_the_ack(turn: Any, value: str) -> None:
    """So that the person hears in the ack that the button is outdated."""
    with pytest.raises(Outdated):
        await turn(cast("Services", None), NEVER, NEVER, {"value": value}, {})


async def test_the_instances_too() -> None:
    """Their page also takes who clicked."""
    with pytest.raises(Outdated):
        await actions.turn_instances(
            cast("Services", None), NEVER, NEVER, {"value": "1 orders"}, {}
        )
