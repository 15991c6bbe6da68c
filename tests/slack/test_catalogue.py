"""`docs/messages.md` shows every message as the code draws it now, and Slack takes each."""

import pytest

from bot.slack.messages.mrkdwn import Message
from tests.slack.block_kit import check, check_view
from tests.slack.catalogue import PAGE, SCREENS, UPDATE, catalogue


def test_the_catalogue_of_messages_is_up_to_date() -> None:
    """Whoever changes a text sees the difference in the page, too."""
    assert PAGE.read_text("utf-8") == catalogue(), f"run `{UPDATE}`"


@pytest.mark.parametrize("screen", SCREENS)
def test_slack_takes_every_message_of_the_catalogue(screen: str) -> None:
    for heading, shown in SCREENS[screen]():
        try:
            check(shown) if isinstance(shown, Message) else check_view(shown)
        except AssertionError as error:
            error.add_note(heading)
            raise
