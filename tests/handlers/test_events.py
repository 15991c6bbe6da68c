"""Events: somebody looks at their home tab."""

from typing import Any

import pytest

from handlers import events
from tests.fakes import ANA, TEAM, UseCases


@pytest.mark.parametrize(
    ("event", "is_drawn"),
    [({}, True), ({"tab": "home"}, True), ({"tab": "messages"}, False)],
)
async def test_only_the_home_tab_is_drawn(
    cases: UseCases, event: dict[str, str], *, is_drawn: bool
) -> None:
    """Slack tells of the messages tab, too."""
    slack: Any = cases.slack()
    await events.opened(cases.services, slack.ack, {"user": ANA, **event}, {"team_id": TEAM})

    assert slack.happened == ["acked"]
    assert cases.homes.opened_by == [ANA] * is_drawn
    assert cases.homes.opened_in == [TEAM] * is_drawn
    assert cases.homes.greeted == [ANA] * (not is_drawn)


async def test_an_uninstalled_app_is_noted(cases: UseCases) -> None:
    slack: Any = cases.slack()
    await events.uninstalled(cases.services, slack.ack)

    assert "the app was uninstalled; install it again" in (cases.installation.trouble or "")
    assert slack.happened == ["acked"]


@pytest.mark.parametrize(
    ("tokens", "is_ours"), [({"bot": ["U0BOT"]}, True), ({"oauth": ["U1"]}, False)]
)
async def test_only_the_revoked_token_of_the_bot_counts(
    cases: UseCases, tokens: dict[str, list[str]], *, is_ours: bool
) -> None:
    """Slack tells of people's tokens, too."""
    slack: Any = cases.slack()
    await events.revoked(cases.services, slack.ack, {"tokens": tokens})

    assert (cases.installation.trouble is not None) == is_ours
