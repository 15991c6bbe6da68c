"""The checker finds each promise that was broken, and nothing where none was."""

from dataclasses import replace

import pytest

from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.decisions import Verdict
from bot.domain.policy import Terms
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import RequestState
from tests.history.checker import check
from tests.history.events import (
    Accepted,
    Answered,
    Ended,
    Event,
    History,
    Killed,
    Left,
    Looked,
    Posted,
    Pressed,
    Rules,
    Sent,
)
from tests.requests import NOON, asked

ANA, BEN, CAT, EVE = "U0ANA", "U0BEN", "U0CAT", "U0EVE"
ID, NAME = "request1", "before-1"
YES = Choice.APPROVE
_A = AuditAction

ASKED = Accepted(ID, "trigger1", ANA, "orders", NAME)
APPROVALS: tuple[Event, ...] = (
    Pressed(1, ID, YES, BEN),
    Answered(1, Verdict.COUNTED),
    Pressed(2, ID, YES, CAT),
    Answered(2, Verdict.DECIDED),
)
SENT, DONE = Sent(NAME, made=True), Ended(NAME, "COMPLETED")
CARD = Posted("1.0", "C0OPS", "request1/card/", "card")
END = Posted("2.0", "C0OPS", "request1/ended/", "completed")
DOUBLE = replace(END, ts="3.0")
POINTLESS = Posted("3.0", "C0OPS", "request1/reminder/1", "waiting")


def entry(action: AuditAction, actor: str = "backup-bot") -> AuditEntry:
    return asked().on_trail(action, at=NOON, actor=actor, detail={})


def left(
    state: RequestState = RequestState.COMPLETED, *, has_card: bool = True
) -> dict[str, BackupRequest]:
    return {ID: asked(state=state, terms=Terms() if has_card else None)}


GOOD = History(
    rules={"orders": Rules(2, frozenset({BEN, CAT}), break_glass=frozenset({CAT}))},
    events=(ASKED, CARD, *APPROVALS, SENT, DONE, END),
    requests=left(),
    trail=(
        entry(_A.SUBMITTED, ANA),
        entry(_A.APPROVED, BEN),
        entry(_A.APPROVED, CAT),
        entry(_A.CREATE_SENT),
        entry(_A.CREATE_ACCEPTED),
        entry(_A.COMPLETED),
    ),
    notes={(ID, "card"): "1.0", (ID, "ended"): "2.0"},
)
NEVER_SHOWN = History(  # withdrawn before there was a card
    rules=GOOD.rules,
    events=(ASKED, Pressed(1, ID, Choice.WITHDRAW, ANA), Answered(1, Verdict.DECIDED)),
    requests=left(RequestState.WITHDRAWN, has_card=False),
    trail=(entry(_A.SUBMITTED, ANA), entry(_A.WITHDRAWN, ANA)),
)
REFUSED_AS_BUSY = Sent(NAME, made=False)
WITHDRAWAL = Pressed(3, ID, Choice.WITHDRAW, ANA), Answered(3, Verdict.DECIDED)
REFUSED = entry(_A.CLICK_REFUSED, EVE)


def events(*more: Event) -> History:
    """Up to the approvals all is well."""
    return replace(GOOD, events=(ASKED, CARD, *APPROVALS, *more, DONE, END))


def withdrawn(*more: Event) -> History:
    """After its approval, while RDS is busy; nothing is made."""
    return replace(
        GOOD,
        events=(ASKED, CARD, *APPROVALS, *more, END),
        requests=left(RequestState.WITHDRAWN),
        trail=(*GOOD.trail[:4], entry(_A.WITHDRAWN, ANA)),
    )


def instead(*before: Event) -> History:
    """From the create on all is well; no click is answered."""
    return replace(GOOD, events=(ASKED, CARD, *before, SENT, DONE, END))


def promises(history: History) -> set[str]:
    return {violation.promise for violation in check(history)}


@pytest.mark.parametrize(
    "history",
    [
        GOOD,
        events(Sent(NAME, made=False, answered=False), Looked("orders"), SENT),
        events(Sent(NAME, made=False), SENT),  # RDS was busy, and said so
        events(Sent(NAME, made=False), Killed(), SENT),  # and that was saved before the end
        withdrawn(REFUSED_AS_BUSY, *WITHDRAWAL),
        withdrawn(WITHDRAWAL[0], REFUSED_AS_BUSY, Killed()),  # it was under way; no answer
        events(Sent(NAME, made=True, answered=False), Looked("orders")),
        events(SENT, DOUBLE, Killed()),  # the post's ts was not on disk before the end
        events(SENT, replace(DOUBLE, answered=False)),
        NEVER_SHOWN,  # who withdrew it was answered directly
        replace(events(SENT, POINTLESS, Killed()), readable=frozenset({"C0OPS"})),
        instead(Pressed(1, ID, Choice.BREAK_GLASS, CAT)),
        instead(*APPROVALS[:3], Left(BEN)),  # who left after the last click was counted by it
        replace(GOOD, trail=(*GOOD.trail, REFUSED), events=(
            *GOOD.events, Pressed(3, ID, YES, EVE), Answered(3, Verdict.ALREADY_DECIDED)
        )),
        replace(GOOD, events=(*GOOD.events, Pressed(3, ID, YES, EVE), Killed())),
        replace(GOOD, events=(*GOOD.events, ASKED)),
    ],
)  # fmt: skip
def test_what_keeps_its_promises_is_no_violation(history: History) -> None:
    """Also where things were lost on the way, and somebody died."""
    assert check(history) == []


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (events(SENT, SENT), "no create after one that was accepted"),
        (events(SENT, Killed(), SENT), "at most one backup a request"),
        (events(SENT, Killed(), SENT), "after an unknown outcome the name is looked up"),
        (
            events(Sent(NAME, made=False, answered=False), Looked("billing"), SENT),
            "after an unknown outcome the name is looked up",
        ),
        (instead(), "approved by enough people before the create"),
        (
            instead(Pressed(1, ID, YES, BEN), Pressed(2, ID, YES, BEN)),
            "approved by enough people before the create",
        ),
        (
            instead(Pressed(1, ID, YES, BEN), Pressed(2, ID, YES, ANA)),
            "approved by enough people before the create",
        ),
        (
            instead(Pressed(1, ID, YES, BEN), Left(BEN), Pressed(2, ID, YES, CAT)),
            "approved by enough people before the create",
        ),
        (
            instead(Pressed(1, ID, Choice.BREAK_GLASS, BEN)),
            "approved by enough people before the create",
        ),
        (
            replace(GOOD, requests=left(RequestState.WITHDRAWN)),
            "nothing is created once it ended otherwise",
        ),
        (
            withdrawn(*WITHDRAWAL, REFUSED_AS_BUSY),
            "nothing is created once it ended otherwise",
        ),
        (
            withdrawn(*WITHDRAWAL, Pressed(4, ID, Choice.WITHDRAW, ANA), REFUSED_AS_BUSY),
            "nothing is created once it ended otherwise",
        ),
        (
            withdrawn(WITHDRAWAL[0], REFUSED_AS_BUSY, REFUSED_AS_BUSY),
            "nothing is created once it ended otherwise",
        ),
        (
            events(Pressed(3, ID, Choice.WITHDRAW, ANA), Answered(3, Verdict.IN_DOUBT), SENT),
            "every answered click is on the trail",
        ),
        (
            replace(GOOD, requests=left(RequestState.EXPIRED)),
            "nothing is created once it ended otherwise",
        ),
        (
            events(SENT, Pressed(3, ID, Choice.REJECT, BEN), Answered(3, Verdict.DECIDED)),
            "one click decides",
        ),
        (
            events(SENT, Pressed(3, ID, YES, ANA), Answered(3, Verdict.COUNTED)),
            "only who may approves",
        ),
        (
            events(SENT, Pressed(3, ID, YES, EVE), Answered(3, Verdict.COUNTED)),
            "only who may approves",
        ),
        (
            events(SENT, Pressed(3, ID, Choice.WITHDRAW, EVE), Answered(3, Verdict.DECIDED)),
            "only who asked withdraws",
        ),
        (
            events(SENT, Pressed(3, ID, Choice.BREAK_GLASS, BEN), Answered(3, Verdict.DECIDED)),
            "only who may breaks the glass",
        ),
        (
            events(SENT, Pressed(3, ID, YES, EVE), Answered(3, Verdict.ALREADY_DECIDED)),
            "every answered click is on the trail",
        ),
        (
            replace(GOOD, trail=GOOD.trail[:1] + GOOD.trail[2:]),
            "every answered click is on the trail",
        ),
        (replace(GOOD, requests={}), "what was accepted is on disk"),
        (replace(GOOD, requests=left(RequestState.RUNNING)), "every accepted request ends"),
        (
            replace(GOOD, events=(*GOOD.events, replace(ASKED, request_id="request2"))),
            "the same command twice is one request",
        ),
        (replace(GOOD, notes={(ID, "card"): "1.0"}), "each outcome is told"),
        (replace(GOOD, notes={(ID, "ended"): "9.0"}), "each outcome is told"),
        (replace(GOOD, notes={(ID, "ended"): ""}), "each outcome is told"),
        (replace(NEVER_SHOWN, requests=left(RequestState.WITHDRAWN)), "each outcome is told"),
        (replace(GOOD, requests=left(RequestState.FAILED)), "only what RDS says is said"),
        (
            replace(GOOD, requests=left(RequestState.REFUSED)),
            "what was made is not said to be refused",
        ),
        (events(SENT, DOUBLE), "each thing is said once"),
        (
            replace(events(SENT, DOUBLE, Killed()), readable=frozenset({"C0OPS"})),
            "each thing is said once",
        ),
        (
            replace(events(SENT, replace(DOUBLE, answered=False)), readable=frozenset({"C0OPS"})),
            "each thing is said once",
        ),
        (replace(GOOD, chain="entry 3 is missing"), "the trail is whole"),
        (
            replace(GOOD, trail=(GOOD.trail[0], GOOD.trail[3], *GOOD.trail[1:3])),
            "the trail says who let it, and then that it was sent",
        ),
    ],
)
def test_a_broken_promise_is_found(broken: History, promise: str) -> None:
    """Each by its own name."""
    assert promise in promises(broken)
