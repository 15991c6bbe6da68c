"""Cards, and what is said in their threads."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from bot.domain.attempts import Attempt
from bot.domain.errors import GaveUp, NameTaken
from bot.domain.policy import Terms
from bot.domain.progress import History
from bot.domain.requests import BackupRequest, Choice, Refusal
from bot.domain.states import RequestState, Retention
from bot.domain.thread_lines import ThreadLine
from bot.slack.messages.cards import request_card
from bot.slack.messages.mrkdwn import Message, said
from bot.slack.messages.replies import finished, pointer, thread_line, wanted
from tests.slack.samples import (
    DECIDED_AT,
    LEARNING,
    TERMS,
    asked,
    deletion_in_every_state,
    expiring,
    half_approved,
    in_every_state,
    odd_outcomes,
    voted,
)

S = RequestState
NOW = DECIDED_AT + timedelta(minutes=3)
PEOPLE = ("U0BEN", "U0CYD")
POLICIES = {
    "anyone": Terms(),
    "two of many, who are not mentioned": Terms(
        approvals=2, approvers=PEOPLE, notify=(), break_glass=PEOPLE, rule="rule 1 (orders-*)"
    ),
    "some mentioned": Terms(
        approvers=("S0DBA", "U0BEN"), notify=("U0BEN",), break_glass=("U0BEN",), rule="[approval]"
    ),
    "mentioned, and everyone can": Terms(notify=("U0BEN",), self_approval=True),
}
ATTEMPT = Attempt(since=DECIDED_AT, give_up_at=DECIDED_AT + timedelta(hours=2), tries=4)
OVERDUE_AT = DECIDED_AT + timedelta(minutes=25)


def cards() -> Iterator[tuple[str, Message]]:
    for state, request in in_every_state(asked()).items():
        if state not in (S.DELETING, S.DELETED):
            yield f"Backup, {state}", request_card(request, now=NOW)
    for name, terms in POLICIES.items():
        waits = in_every_state(asked(), terms, History())[S.AWAITING_APPROVAL]
        yield f"Waiting; approvers: {name}; first backup", request_card(waits, now=NOW)
    yield "One of two approved", request_card(half_approved(_two()), now=NOW)
    free = in_every_state(asked(), Terms(approvals=0, rule="rule 1 (dev-*)"))
    yield "Running, no approval needed", request_card(free[S.RUNNING], now=NOW)
    glass = in_every_state(asked(), glass=True)
    yield "Starting without approval", request_card(glass[S.APPROVED], now=NOW)
    yield "Running without approval", request_card(glass[S.RUNNING], now=NOW)
    running = in_every_state(asked())[S.RUNNING]
    yield "Running longer than usual", request_card(running, now=OVERDUE_AT)
    learning = running.model_copy(update={"history": LEARNING})
    yield "Running after a single earlier backup", request_card(learning, now=NOW)
    for name, odd in odd_outcomes().items():
        yield f"Completed, {name}", request_card(odd, now=NOW)
    for retention in (None, *Retention):
        kept = expiring(retention=retention, kept_by="U0BEN")
        yield f"Completed, {retention or 'kept for a while'}", request_card(kept, now=NOW)
    without_plan = request_card(running, now=NOW, with_plan=False)
    yield "Running, where Slack shows no plan", without_plan


def deletion_cards() -> Iterator[tuple[str, Message]]:
    for state, request in deletion_in_every_state().items():
        yield f"Deletion, {state}", request_card(request, now=NOW)


def notifications() -> Iterator[tuple[str, Message]]:
    """What a phone shows of a card."""
    for request in (*in_every_state(asked()).values(), *deletion_in_every_state().values()):
        text = request_card(request, now=NOW).text
        yield f"{request.kind}, {request.state}", said(text)


def lines() -> Iterator[tuple[str, Message]]:
    every = in_every_state(asked())
    waits = every[S.AWAITING_APPROVAL]
    yield "In the thread of the request", pointer(waits, "https://acme.example/p1")
    yield "To an approver who wants to hear it", wanted(waits, "https://acme.example/p1")
    for states in (in_every_state(asked()), deletion_in_every_state()):
        for state, request in states.items():
            if state.is_final and state is not S.WITHDRAWN:
                told = finished(request, "https://acme.example/p1")
                yield f"To a requester who wants to hear the end, {state}", told
    yield "First of two approvals", _line(half_approved(_two()), ThreadLine.COUNTED, "U0BEN")
    yield (
        "Reminder",
        thread_line(
            waits, ThreadLine.REMINDER, now=waits.asked_at + timedelta(hours=1), call=PEOPLE
        ),
    )
    yield (
        "Reminder after one approval, to the channel",
        thread_line(
            half_approved(_two()), ThreadLine.REMINDER, now=waits.asked_at + timedelta(hours=1)
        ),
    )
    yield (
        "Started without approval",
        _line(in_every_state(asked(), glass=True)[S.APPROVED], ThreadLine.BREAK_GLASS),
    )
    yield from _sending(every[S.APPROVED])
    running = every[S.RUNNING]
    yield "Started", _line(running, ThreadLine.STARTED)
    late = running.model_copy(
        update={"votes": (*running.votes, voted(Choice.WITHDRAW, user="U0ANA"))}
    )
    yield "Started in spite of a withdrawal", _line(late, ThreadLine.STARTED)
    found = running.model_copy(update={"adopted": True})
    yield "Found started after an unclear answer", _line(found, ThreadLine.STARTED)
    yield "RDS away while it runs", _line(running, ThreadLine.RDS_AWAY)
    yield "Keys refused while it runs", _line(running, ThreadLine.KEYS_REFUSED)
    yield "RDS is back", _line(running, ThreadLine.RDS_BACK)
    overdue = thread_line(running, ThreadLine.OVERDUE, now=OVERDUE_AT)
    yield "Longer than usual", overdue
    first = in_every_state(asked(), history=History())[S.RUNNING]
    long = thread_line(first, ThreadLine.OVERDUE, now=OVERDUE_AT)
    yield "Long, with nothing to compare", long
    for name, odd in odd_outcomes().items():
        yield f"Completed, {name}", _line(odd, ThreadLine.ENDED)
    yield from _with_an_end()


def _sending(approved: BackupRequest) -> Iterator[tuple[str, Message]]:
    tried = approved.model_copy(update={"attempt": ATTEMPT})
    yield "Approved", _line(approved, ThreadLine.APPROVED)
    free = in_every_state(asked(), Terms(approvals=0, rule="rule 1 (dev-*)"))[S.APPROVED]
    yield "No approval needed", _line(free, ThreadLine.APPROVED)
    deletion = deletion_in_every_state()[S.APPROVED]
    yield "Deletion approved", _line(deletion, ThreadLine.APPROVED)
    yield "Instance busy", _line(tried, ThreadLine.BUSY)
    yield "Instance busy, deletion", _line(deletion, ThreadLine.BUSY)
    yield "No answer to the start", _line(tried, ThreadLine.OUTCOME_UNKNOWN)
    yield "RDS away before it started", _line(tried, ThreadLine.RDS_AWAY)
    yield "RDS away, deletion", _line(deletion, ThreadLine.RDS_AWAY)
    yield "Keys refused before it started", _line(tried, ThreadLine.KEYS_REFUSED)
    yield "Keys refused, deletion", _line(deletion, ThreadLine.KEYS_REFUSED)


def _with_an_end() -> Iterator[tuple[str, Message]]:
    yield "Notice a day before deletion", _line(expiring(), ThreadLine.EXPIRING)
    kept = expiring(retention=Retention.KEPT, kept_by="U0BEN")
    yield "Kept", _line(kept, ThreadLine.KEPT)
    deleted = expiring(retention=Retention.DELETED)
    yield "Deleted as requested", _line(deleted, ThreadLine.BACKUP_DELETED)
    for error in (NameTaken("before-42", "before-42-2"), GaveUp(7200, 20)):
        stays = expiring(retention=Retention.STAYS, refusal=Refusal.of(error))
        yield f"Not deleted: {type(error).__name__}", _line(stays, ThreadLine.STAYS)


def endings() -> Iterator[tuple[str, Message]]:
    every = in_every_state(asked())
    for state, request in every.items():
        if state.is_final and state is not S.DELETED:
            yield f"Backup, {state}", _line(request, ThreadLine.ENDED)
    glass = in_every_state(asked(), glass=True)[S.COMPLETED]
    yield "Completed without approval", _line(glass, ThreadLine.ENDED)
    yield "Completed, kept for a while", _line(expiring(warned_at=None), ThreadLine.ENDED)
    half = half_approved(_two()).moved(S.EXPIRED, decided_at=DECIDED_AT)
    yield "Expired with one of two approvals", _line(half, ThreadLine.ENDED)
    no_answer = Refusal.of(GaveUp(7200, 20))
    for in_doubt in (None, DECIDED_AT):
        gave_up = every[S.REFUSED].model_copy(
            update={
                "refusal": no_answer,
                "attempt": ATTEMPT.model_copy(update={"in_doubt_since": in_doubt}),
            }
        )
        doubt = "in doubt" if in_doubt else "certainly not started"
        yield f"Given up, {doubt}", _line(gave_up, ThreadLine.ENDED)
    for state, request in deletion_in_every_state().items():
        if state.is_final:
            yield f"Deletion, {state}", _line(request, ThreadLine.ENDED)


def _line(request: BackupRequest, line: ThreadLine, subject: str = "") -> Message:
    return thread_line(request, line, now=NOW, subject=subject)


def _two() -> Terms:
    return TERMS.model_copy(update={"approvals": 2})


SCREENS: dict[str, Callable[[], Iterator[tuple[str, Message]]]] = {
    "Cards of backups": cards,
    "Cards of deletions": deletion_cards,
    "Notifications of cards": notifications,
    "Thread: on the way": lines,
    "Thread: how it ended": endings,
}
