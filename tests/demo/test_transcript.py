"""What a reader sees of a message."""

import pytest

from bot.demo.slack.mrkdwn import as_read
from bot.demo.slack.records import Json
from bot.demo.slack.transcript import read
from tests.demo.slack_people import CARD

NAMES = {"U0ANA": "ana", "S0DBA": "dba", "C0OPS": "ops"}


@pytest.mark.parametrize(
    ("mrkdwn", "seen"),
    [
        ("<@U0ANA> asks <!subteam^S0DBA> in <#C0OPS|>", "@ana asks @dba in #ops"),
        ("<@U0X|xaver> and <!here>", "@xaver and @here"),
        ("*bold*, _it_, ~not~, 2 * 3 * 4, a_b_c", "bold, it, not, 2 * 3 * 4, a_b_c"),
        ("`*as* it is`", "`*as* it is`"),
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("<https://example.com|docs>, <https://example.com>", "docs, https://example.com"),
        (
            "<!date^1795442640^{date_short_pretty} at {time}|2026-11-23 14:04 UTC>",
            "Nov 23, 2026 at 14:04",
        ),
        ("<!date^1795442640^{ago}|a while ago>", "a while ago"),
    ],
)
def test_mrkdwn(mrkdwn: str, seen: str) -> None:
    """Names stand for ids, dates for tokens, and marks are not seen."""
    assert as_read(mrkdwn, NAMES) == seen


def test_a_card() -> None:
    """A plan is a list of marked steps, and buttons are in brackets."""
    states = ("complete", "in_progress", "pending", "error")
    plan: Json = {
        "type": "plan",
        "title": "Backing up",
        "tasks": [{"task_id": state, "title": state, "status": state} for state in states],
    }

    assert read([plan, {"type": "divider"}, *CARD], "unseen", NAMES) == [
        "Backing up",
        "✓ complete",
        "● in_progress",
        "◯ pending",
        "✗ error",
        "───",
        "Back up orders?",
        "[Approve]",
    ]


def test_rich_text_and_tables() -> None:
    """Lists have their marks, quotes theirs, and columns stand under each other."""

    def said(*elements: Json, kind: str = "rich_text_section", **more: object) -> Json:
        return {"type": kind, "elements": list(elements), **more}

    def words(text: str, **style: bool) -> Json:
        return {"type": "text", "text": text, "style": style}

    ana = {"type": "user", "user_id": "U0ANA"}
    point = said(words("orders", code=True))
    rich = {
        "type": "rich_text",
        "elements": [
            said(ana, words(" asks")),
            said(point, kind="rich_text_list", style="ordered"),
            said(words("why"), kind="rich_text_quote"),
        ],
    }
    rows = [[{"type": "raw_text", "text": text} for text in row] for row in ("ab", ("long", "c"))]

    assert read([rich, {"type": "table", "rows": rows}], "", NAMES) == [
        "@ana asks",
        "1. `orders`",
        "> why",
        "a    | b",
        "long | c",
    ]


def test_text_alone() -> None:
    """Without blocks the text is what is seen."""
    assert read([], "one\n*two*", NAMES) == ["one", "two"]
