"""What people type into commands, as the app gets it."""

import pytest

from bot.demo.slack.records import Delivery
from bot.demo.slack.typed import as_sent
from tests.demo.slack_people import ANA, OPS, small_workspace


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("policy @ben", "policy <@U0BEN|ben>"),
        ("@ana, @ben.", "<@U0ANA|ana>, <@U0BEN|ben>."),
        ("@backup-bot for @dba", "<@U0BOT|backup-bot> for <!subteam^S0DBA|@dba>"),
        ("#ops or #secret", "<#C0OPS|ops> or <#C0SECRET|>"),
        ("@benny @zoe #nowhere ben@ben.org", "@benny @zoe #nowhere ben@ben.org"),
        (
            "see https://example.com/a?b=1&c=2#ops now",
            "see <https://example.com/a?b=1&amp;c=2#ops> now",
        ),
        ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
        ("<b> <!>", "&lt;b&gt; &lt;!&gt;"),
        ("<@U0BEN> <@U0BEN|ben> <#C0OPS|>", "<@U0BEN> <@U0BEN|ben> <#C0OPS|>"),
        ("<!here> <!channel|channel>", "<!here> <!channel|channel>"),
        (
            "<https://example.com|docs> <!subteam^S0DBA>",
            "<https://example.com|docs> <!subteam^S0DBA>",
        ),
    ],
)
def test_mentions_links_and_signs(typed: str, sent: str) -> None:
    """Names that somebody has become ids; what is markup already stays."""
    assert as_sent(typed, small_workspace()) == sent


@pytest.mark.parametrize(
    ("should_escape", "sent"), [(True, "<@U0BEN|ben> &amp;"), (False, "@ben &")]
)
async def test_the_manifest_decides(*, should_escape: bool, sent: str) -> None:
    """Without should_escape the app gets the bare text."""
    workspace = small_workspace()
    workspace.should_escape = should_escape
    await workspace.command(ANA, OPS, "/backup", "@ben &")

    assert [_text(delivery) for delivery in workspace.deliveries] == [sent]


def _text(delivery: Delivery) -> str:
    return str(delivery.payload["text"])
