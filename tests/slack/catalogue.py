"""Every message that people read in Slack, drawn from fixed samples: `docs/messages.md`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bot.demo.slack.transcript import read, read_view
from bot.slack.messages.mrkdwn import Message
from tests.slack import (
    catalogue_of_answers,
    catalogue_of_incidents,
    catalogue_of_screens,
    catalogue_of_threads,
)

PAGE = Path(__file__).parents[2] / "docs" / "messages.md"
UPDATE = "uv run poe messages"
NAMES = {
    "U0ANA": "ana",
    "U0BEN": "ben",
    "U0CYD": "cyd",
    "S0DBA": "dba",
    "C0OPS": "ops",
    "C0DB": "db-approvals",
}
INTRO = f"""# Every message

Everything the bot says in Slack, grouped by screen, as a reader in UTC sees it. `{UPDATE}` writes
this page from the code, and a test fails while the two differ. Of messages that read the same,
only the first is listed.
"""

Shown = Message | dict[str, Any]
SCREENS: dict[str, Callable[[], Iterator[tuple[str, Shown]]]] = {
    **catalogue_of_threads.SCREENS,
    **catalogue_of_answers.SCREENS,
    **catalogue_of_screens.SCREENS,
    **catalogue_of_incidents.SCREENS,  # type: ignore[dict-item]  # of messages and forms
}


def catalogue() -> str:
    """The whole page."""
    return "\n".join([INTRO, *(_screen(title, shown()) for title, shown in SCREENS.items())])


def _screen(title: str, entries: Iterator[tuple[str, Shown]]) -> str:
    drawn: dict[str, str] = {}  # what is read → the heading of the first that reads so
    for heading, shown in entries:
        drawn.setdefault(_read(shown), heading)
    messages = [f"{heading.replace('_', ' ')}:\n\n{text}\n" for text, heading in drawn.items()]
    return "\n".join([f"## {title}\n", *messages])


def _read(shown: Shown) -> str:
    if isinstance(shown, Message):
        sent = shown.as_slack()
        lines = read(sent["blocks"], sent["text"], NAMES)
    else:
        blocks = [{"block_id": "", **block} for block in shown["blocks"]]
        lines = read_view({**shown, "blocks": blocks}, {}, NAMES)
    return "\n".join(f"    {line}".rstrip() for line in lines)


def main() -> None:
    """Write the page."""
    PAGE.write_text(catalogue(), "utf-8")


if __name__ == "__main__":
    main()
