"""How quantities are typed and read."""

from datetime import timedelta

import pytest

from bot.domain.keeping import keep_of
from bot.domain.quantities import counted, parse_duration


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("8h", timedelta(hours=8)),
        ("90m", timedelta(minutes=90)),
        ("1d 12h", timedelta(days=1, hours=12)),
        ("1d12h", timedelta(days=1, hours=12)),
        (" 2 weeks ", timedelta(weeks=2)),
        ("14 Days", timedelta(days=14)),
        ("1 hour 30 min", timedelta(minutes=90)),
        ("0s", timedelta(0)),
    ],
)
def test_a_duration_is_numbers_with_units(text: str, span: timedelta) -> None:
    """Short or in full, one or several."""
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    "text",
    ["", " ", "14", "d", "1.5d", "-1d", "soon", "3x", "14 hays", "1d, 2h", "\u0661d", "1d" * 33],
)
def test_anything_else_is_none(text: str) -> None:
    """Nothing is guessed."""
    assert parse_duration(text) is None


def test_a_duration_beyond_all_bounds_is_told_apart() -> None:
    """It is spelled right, and still no duration."""
    with pytest.raises(OverflowError):
        parse_duration("9999999999d")


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("24h", timedelta(days=1)),
        ("1d 12h", timedelta(hours=36)),
        ("3650d", timedelta(days=3650)),
        ("23h", None),
        ("3651d", None),
        ("9999999999d", None),
        ("1d 1m", None),  # `--keep` is written back in hours
    ],
)
def test_a_backup_is_kept_for_whole_hours(text: str, span: timedelta | None) -> None:
    """From a day to ten years."""
    assert keep_of(text) == span


def test_one_is_one_and_all_else_is_many() -> None:
    """Nothing says "1 problems"."""
    assert [counted(n, "rule") for n in (0, 1, 2)] == ["0 rules", "1 rule", "2 rules"]
    assert counted(2, "person", "people") == "2 people"
