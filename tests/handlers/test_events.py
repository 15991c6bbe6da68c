"""Events: somebody looks at their home tab."""

from typing import Any

import pytest

from handlers import events
from tests.fakes import ANA, UseCases


@pytest.mark.parametrize(
    ("event", "is_drawn"),
    [({}, True), ({"tab": "home"}, True), ({"tab": "messages"}, False)],
)
async def test_only_the_home_tab_is_drawn(
    cases: UseCases, event: dict[str, str], *, is_drawn: bool
) -> None:
    """Slack tells of the messages tab, too."""
    slack: Any = cases.slack()
    await events.opened(cases.services, slack.ack, {"user": ANA, **event})

    assert slack.happened == ["acked"]
    assert cases.homes.opened_by == [ANA] * is_drawn
