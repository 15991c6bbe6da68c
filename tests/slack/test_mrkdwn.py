"""Names, people, times, sizes and spans, as a reader sees them."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.slack.messages.mrkdwn import (
    between,
    channel,
    code,
    date,
    duration,
    listed,
    mention,
    people,
    plain,
    rough,
    said,
    size,
    spoken,
)

AT = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kilobytes", "shown"),
    [
        (0, "0 KB"),
        (512, "512 KB"),
        (1024, "1 MB"),
        (40_265_318, "38.4 GB"),
        (1024**2 - 1, "1 GB"),
        (1024**3 * 5, "5 TB"),
        (1024**4 * 3, "3072 TB"),
    ],
)
def test_sizes_count_in_1024(kilobytes: int, shown: str) -> None:
    """A KB of RDS is 1024 bytes, and no unit is ever shown as 1024 of the one below."""
    assert size(kilobytes) == shown


@pytest.mark.parametrize(
    ("seconds", "exact", "about"),
    [
        (0, "0 s", "0 s"),
        (-5, "0 s", "0 s"),
        (45, "45 s", "45 s"),
        (432, "7 min 12 s", "7 min"),
        (3600, "1 h", "60 min"),
        (3605, "1 h", "60 min"),
        (75_600, "21 h", "21 h"),
        (266_400, "3 d 2 h", "3 d"),
    ],
)
def test_spans_are_exact_or_rough(seconds: int, exact: str, about: str) -> None:
    """An outcome is told in two units, an expectation in one."""
    assert duration(timedelta(seconds=seconds)) == exact
    assert rough(timedelta(seconds=seconds)) == about


@pytest.mark.parametrize(
    ("quick", "slow", "shown"),
    [(360, 540, "6–9 min"), (420, 425, "7 min"), (50, 130, "50 s to 2 min")],  # noqa: RUF001, a range
)
def test_what_is_usual_is_a_range(quick: int, slow: int, shown: str) -> None:
    """The unit is said once if it is one."""
    assert between(timedelta(seconds=quick), timedelta(seconds=slow)) == shown


def test_a_moment_is_told_in_the_readers_time_zone() -> None:
    """A date token, with UTC for whoever cannot read it."""
    shown = "<!date^1795442700^{date_short_pretty} at {time}|2026-11-23 14:05 UTC>"

    assert date(AT) == shown
    assert said(f"*until* {date(AT)}").text == "until 2026-11-23 14:05 UTC"


@pytest.mark.parametrize(
    ("slack_id", "shown"),
    [
        ("U0ANA", "<@U0ANA>"),
        ("W0ANA", "<@W0ANA>"),
        ("S0DBA", "<!subteam^S0DBA>"),
        ("!channel", "`!channel`"),
        ("U0ANA> <!here", "`U0ANA&gt; &lt;!here`"),
    ],
)
def test_only_an_id_becomes_a_mention(slack_id: str, shown: str) -> None:
    """What is no user's and no group's id is shown, not called."""
    assert mention(slack_id) == shown


def test_only_an_id_becomes_a_channel() -> None:
    """The same for where things are said."""
    assert channel("C0OPS") == "<#C0OPS>"
    assert channel("!here> <!channel") == "`!here&gt; &lt;!channel`"


def test_a_star_in_a_code_span_is_spoken() -> None:
    """Marks are silent; what stands in a span is what somebody has to type."""
    assert spoken("*Only* rule 2, `orders-*`\nsays *so*") == "Only rule 2, orders-* says so"


def test_who_is_called_is_not_cut_at_ten() -> None:
    """Unless there are more than the caller wants."""
    ids = [f"U{number}" for number in range(12)]

    assert people(ids).endswith("and 2 more")
    assert people(ids, most=12).endswith("<@U10> and <@U11>")


def test_a_long_list_is_cut() -> None:
    """Ten are named, the rest counted."""
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"], "or") == "a, b or c"
    assert listed([*"abcdefghijkl"]) == "a, b, c, d, e, f, g, h, i, j and 2 more"


def test_the_words_of_others_stay_words() -> None:
    """Markup becomes look-alikes or entities, and no cut leaves half an entity."""
    assert plain("a *b*\n`c` <!channel>") == "a ∗b∗ 'c' &lt;!channel&gt;"  # noqa: RUF001, look-alikes
    assert plain("aa&&", 8) == "aa&amp;…"
    assert code("a`b*") == "`ab*`"
