"""When people are reminded, and who."""

from datetime import timedelta

import pytest

from bot.domain.policy import Members, Terms
from bot.domain.reminders import can_still_act, reminders
from bot.domain.states import RequestState
from tests.requests import NOON, asked

HOUR = timedelta(hours=1)
GROUPS: Members = {
    "S0DBA": frozenset({"U0BEN", "U0CAT"}),
    "S0BIG": frozenset(f"U{n}" for n in range(20)),
    "S0OPS": None,
}


@pytest.mark.parametrize(
    ("first", "lasts", "hours"),
    [
        (HOUR, 8 * HOUR, [1, 3, 7]),
        (2 * HOUR, 8 * HOUR, [2, 6]),
        (HOUR, HOUR, []),
        (timedelta(0), 8 * HOUR, []),
        (HOUR / 2, 2 * HOUR, [0.5, 1.5]),
    ],
)
def test_the_gaps_grow_until_it_expires(
    first: timedelta, lasts: timedelta, hours: list[float]
) -> None:
    """Each gap is twice the one before; zero is never."""
    request = asked(
        state=RequestState.AWAITING_APPROVAL,
        terms=Terms(remind_after=first, expires_after=lasts),
        expires_at=NOON + lasts,
    )

    assert [(at - NOON) / HOUR for at in reminders(request)] == hours


def test_who_did_not_have_to_wait_is_not_reminded() -> None:
    """Nothing waits for people before RDS was asked."""
    assert reminders(asked()) == ()


@pytest.mark.parametrize(
    ("approvers", "approved_by", "called"),
    [
        (("S0DBA",), (), ("S0DBA",)),
        (("S0DBA",), ("U0BEN",), ("U0CAT",)),
        (("S0DBA", "U0CAT"), ("U0BEN",), ("U0CAT",)),
        (("S0BIG",), ("U1",), ("S0BIG",)),
        (("S0OPS", "U0BEN"), ("U0BEN",), ("S0OPS",)),
        (("U0ANA", "U0BEN"), (), ("U0BEN",)),
        (("S0DBA",), ("U0BEN", "U0CAT"), ()),
        ((), ("U0BEN",), ()),
    ],
)
def test_only_those_who_can_still_act_are_called(
    approvers: tuple[str, ...], approved_by: tuple[str, ...], called: tuple[str, ...]
) -> None:
    """Not who approved, and not the requester; a big group stays one mention."""
    members = {**GROUPS, "U0CAT": frozenset({"U0CAT"})}
    still = can_still_act(
        Terms(approvers=approvers), requester="U0ANA", approved_by=approved_by, members=members
    )

    assert still == called


def test_the_requester_is_called_where_they_may_approve() -> None:
    """With self-approval they are one of those."""
    terms = Terms(approvers=("U0ANA",), self_approval=True)

    assert can_still_act(terms, requester="U0ANA", approved_by=(), members={}) == ("U0ANA",)


def test_who_is_to_be_notified_is_called_instead_of_all() -> None:
    """Silent approvers may decide, and are left in peace."""
    terms = Terms(approvers=("S0DBA", "U0EVE"), notify=("U0EVE",))

    assert can_still_act(terms, requester="U0ANA", approved_by=(), members=GROUPS) == ("U0EVE",)
