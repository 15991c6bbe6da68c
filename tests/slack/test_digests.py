"""The digest: Slack takes it, whatever instances are called and however many there are."""

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digests import Digest, DigestRow, Expiry
from bot.slack.messages.charts import LONGEST_LABEL, MOST_SERIES, line_names
from bot.slack.messages.digests import digest_message
from tests.domain.observed import DAY, NOON
from tests.slack.block_kit import check
from tests.slack.test_every_message import texts

SIZES = st.lists(st.integers(1, 2**40), min_size=7, max_size=7)


@given(name=texts(), sizes=st.lists(SIZES, max_size=12))
def test_slack_takes_any_digest(name: str, sizes: list[list[int]]) -> None:
    rows = [DigestRow(name=name, last_good=NOON, daily_kb=tuple(week)) for week in sizes]
    soon = Expiry(instance_name=name, name=name, at=NOON + DAY, size_kb=4, is_last_good=True)
    digest = Digest(
        id="d1",
        channel_id="C0OPS",
        due_at=NOON,
        made_at=NOON,
        rows=tuple(rows),
        expiring=(soon,) * len(rows),
    )
    for with_chart in (True, False):
        check(digest_message(digest, with_chart=with_chart, command="/backup"))


@given(st.lists(st.text(max_size=64), max_size=MOST_SERIES))
def test_lines_have_short_names_that_differ(names: list[str]) -> None:
    short = line_names(names)

    assert len(set(short)) == len(names)
    assert all(0 < len(name) <= LONGEST_LABEL for name in short)
