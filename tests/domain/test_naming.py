"""Names for backups that nobody named."""

import re
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.naming import default_name, free_name

AT = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
RULE = r"[A-Za-z][A-Za-z0-9_-]{3,63}"


def test_a_default_name_says_which_when_and_why() -> None:
    """Of the description, the first words."""
    assert default_name("orders-prod", AT) == "orders-prod-20261123-1405"
    assert (
        default_name("orders-prod", AT, "Before the 4.2 migration")
        == "orders-prod-20261123-1405-before-the-4"
    )
    assert default_name("orders-prod", AT, "don't") == "orders-prod-20261123-1405-dont"


def test_a_default_name_of_an_instance_that_begins_with_a_digit() -> None:
    """RDS wants a letter first."""
    assert default_name("42-orders", AT) == "orders-42-20261123-1405"


def test_default_names_of_instances_beyond_ascii_stay_apart() -> None:
    """What RDS does not take in a backup's name leaves a mark instead."""
    names = [
        "\u8ba2\u5355\u5e93-prod",
        "\u7528\u6237\u5e93-prod",
        "prod",
        "\u65e5\u672c",
        "Z\u00fcrich",
        "Zurich",
    ]
    made = [default_name(name, AT) for name in names]

    assert len(set(made)) == len(names)
    assert made[0].startswith("prod-")
    assert default_name("Zu\u0308rich", AT) == default_name("Z\u00fcrich", AT)


def test_the_moment_is_never_cut_off() -> None:
    """Two names of one long instance stay apart."""
    name = default_name("o" * 64, AT, "a" * 30 + " b")

    assert len(name) <= 64
    assert "-20261123-1405" in name


@given(st.text(max_size=80), st.text(max_size=80))
@settings(deadline=None)
def test_a_default_name_is_within_the_rule(instance: str, description: str) -> None:
    """Whatever the instance is called, and whatever it is for."""
    assert re.fullmatch(RULE, default_name(instance, AT, description))


@given(
    st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{3,63}", fullmatch=True),
    st.integers(min_value=0, max_value=30),
)
@settings(deadline=None)
def test_a_free_name_is_free(name: str, times: int) -> None:
    """Asked again and again, it gives a new name within the rule each time."""
    taken: set[str] = set()
    for _ in range(times):
        free = free_name(name, taken)
        assert free not in taken
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{3,63}", free)
        taken.add(free)


def test_a_free_name_counts_up() -> None:
    """The number behind a taken name is the lowest that is free."""
    assert free_name("nightly", {"other"}) == "nightly"
    assert free_name("nightly", ["nightly", "nightly-2"]) == "nightly-3"
    assert free_name("n" * 64, {"n" * 64}) == "n" * 62 + "-2"
