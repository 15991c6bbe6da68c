"""What `watches --test` claims."""

from bot.application.watches import WatchTest
from bot.slack.messages.watches import watch_test
from tests.requests import NOON
from tests.slack.catalogue_of_incidents import COMMAND, ORDERS, WATCH


def test_nothing_is_well_before_it_was_checked() -> None:
    """No news is no good news."""
    unknown = watch_test(WatchTest(ORDERS, [(WATCH, [])], None), COMMAND).text
    known = watch_test(WatchTest(ORDERS, [(WATCH, [])], NOON), COMMAND).text

    assert "Nothing is wrong" not in unknown
    assert "I don't know yet whether anything is wrong." in unknown
    assert "Nothing is wrong right now." in known
