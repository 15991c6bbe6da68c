"""`docs/messages.md` shows every message as the code draws it now."""

from tests.slack.catalogue import PAGE, UPDATE, catalogue


def test_the_catalogue_of_messages_is_up_to_date() -> None:
    """Whoever changes a text sees the difference in the page, too."""
    assert PAGE.read_text("utf-8") == catalogue(), f"run `{UPDATE}`"
