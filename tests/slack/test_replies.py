"""The lines in the thread, word by word."""

from datetime import timedelta

import pytest

from bot.domain.attempts import Attempt
from bot.domain.errors import GaveUp, RdsRefused, RefusalReason
from bot.domain.policy import Terms
from bot.domain.progress import History
from bot.domain.requests import BackupRequest, Choice, Refusal
from bot.domain.states import RequestState, Retention
from bot.domain.thread_lines import ThreadLine
from bot.slack.messages.replies import is_broadcast, thread_line
from tests.slack.block_kit import seen
from tests.slack.samples import (
    ASKED_AT,
    BACKUP_ID,
    DECIDED_AT,
    GB,
    LEARNING,
    TERMS,
    asked,
    expiring,
    half_approved,
    in_every_state,
    voted,
)

S = RequestState
STATES = in_every_state(asked())
RUNNING = STATES[S.RUNNING]
AGAIN = (
    "To request it again: "
    "`/backup create orders-prod before-migration-42 before the 4.2 migration`"
)
UNDER_A_NEW_NAME = AGAIN.replace("migration-42", "migration-42-2")


TWO = Terms(approvers=("S0DBA",), approvals=2)
HALF = half_approved(TWO)
GLASS = in_every_state(asked(), TERMS, reason="the disk is dying", glass=True)
BY_2204 = "by <!date^1795471440^{date_short_pretty} at {time}|2026-11-23 22:04 UTC>"


def line(request: BackupRequest, which: ThreadLine) -> str:
    return seen(thread_line(request, which, now=DECIDED_AT + timedelta(minutes=18)))


def test_approval_names_who_approved() -> None:
    """Or says that nobody had to."""
    unasked = in_every_state(asked(), Terms(approvals=0, rule="rule 3 (dev-*)"))[S.APPROVED]

    assert line(STATES[S.APPROVED], ThreadLine.APPROVED) == (
        "Approved by <@U0BEN>. Starting the backup now."
    )
    assert line(unasked, ThreadLine.APPROVED) == (
        "No approval needed (rule 3, `dev-*`). Starting the backup now."
    )


def test_accepted_names_the_backup() -> None:
    """Its id is what RDS support asks for; an adopted one is told apart."""
    adopted = RUNNING.model_copy(update={"adopted": True})

    assert (
        line(RUNNING, ThreadLine.STARTED)
        == f"The backup has started. RDS backup ID: `{BACKUP_ID}`."
    )
    assert line(adopted, ThreadLine.STARTED) == (
        "RDS had started the backup, so I won't send the request again. "
        f"RDS backup ID: `{BACKUP_ID}`."
    )


def test_an_unanswered_create_is_told() -> None:
    """Before the bot asks again, it looks."""
    assert line(STATES[S.CREATING], ThreadLine.OUTCOME_UNKNOWN) == (
        "RDS didn't respond when I asked it to start the backup. "
        "I'm checking whether it started before I try again."
    )


def test_an_outage_tells_what_was_tried_and_until_when() -> None:
    """And how to take the request back meanwhile."""
    attempt = Attempt(since=DECIDED_AT, give_up_at=DECIDED_AT + timedelta(hours=2), tries=4)
    creating = STATES[S.CREATING].model_copy(update={"attempt": attempt})
    shown = line(creating, ThreadLine.RDS_AWAY)

    assert shown.startswith(
        "RDS isn't responding (4 tries so far). I'll keep trying until <!date^"
    )
    assert shown.endswith(
        "The backup won't be started twice. To cancel: `/backup withdraw before-migration-42`"
    )


def test_an_outcome_that_rds_never_confirmed_is_not_claimed() -> None:
    """Refused or withdrawn, with a create whose outcome was never told."""
    doubt = Attempt(since=DECIDED_AT, give_up_at=DECIDED_AT, tries=9, in_doubt_since=DECIDED_AT)
    known = doubt.doubted(None)
    refusal = Refusal.of(GaveUp(7200, 9))
    for state in (S.REFUSED, S.WITHDRAWN):
        ended = STATES[state].model_copy(update={"refusal": refusal, "attempt": doubt})
        shown = line(ended, ThreadLine.ENDED)
        assert "RDS never confirmed whether it started the backup `before-migration-42`" in shown
        assert ("Only if it isn't there, request it again: `/" in shown) is (state is S.REFUSED)
        assert "before you request" not in shown.lower()
        assert "Nothing was started" not in shown
        sure = ended.model_copy(update={"attempt": known})
        assert "Nothing was started." in line(sure, ThreadLine.ENDED)


def test_a_long_backup_is_held_against_what_is_usual() -> None:
    """Without a history there is nothing to hold it against."""
    first = RUNNING.model_copy(update={"history": History()})
    second = RUNNING.model_copy(update={"history": LEARNING})

    assert line(RUNNING, ThreadLine.OVERDUE) == (
        "This is taking longer than usual: 18 min so far, usually 6–9 min. "  # noqa: RUF001, a range
        "RDS still reports it as running."
    )
    assert "There's no earlier backup to compare with." in line(first, ThreadLine.OVERDUE)
    assert line(second, ThreadLine.OVERDUE) == (
        "This is taking longer than expected: 18 min so far, "
        "estimated 4–12 min, based on 1 backup. RDS still reports it as running."  # noqa: RUF001, a range
    )


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, ""),
        ({"size_kb": 18 * GB}, "Check it: at 18 GB it's much smaller than usual (38 GB). "),
        ({"size_kb": 80 * GB}, "Check it: at 80 GB it's much larger than usual (38 GB). "),
        ({"took": timedelta(minutes=31)}, "It took 31 min; usually 6–9 min. "),  # noqa: RUF001, a range
        ({"took": timedelta(seconds=40)}, "It took only 40 s; usually 6–9 min. "),  # noqa: RUF001, a range
        (
            {"size_kb": GB, "took": timedelta(seconds=40)},
            (
                "Check it: at 1 GB it's much smaller than usual (38 GB). "
                "It took only 40 s; usually 6–9 min. "  # noqa: RUF001, a range
            ),
        ),
        (
            {"size_kb": None},
            "Before you rely on it, check its size with `/backup list orders-prod`. ",
        ),
        ({"size_kb": GB, "took": timedelta(hours=2), "history": LEARNING}, ""),
    ],
)
def test_an_unusual_outcome_is_said_at_the_end(changes: dict[str, object], shown: str) -> None:
    """After the outcome, with the usual beside it; nothing while the usual is being learned."""
    said = line(STATES[S.COMPLETED].model_copy(update=changes), ThreadLine.ENDED)

    assert f". {shown}`before-migration-42` is kept until" in said
    assert ("usual" in said or "no size" in said) == bool(shown)


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (
            S.COMPLETED,
            (
                "<@U0ANA> Your backup is complete: 38.4 GB in 7 min 12 s. "
                "`before-migration-42` is kept until someone runs "
                "`/backup delete before-migration-42`. "
                "Requested by <@U0ANA>, approved by <@U0BEN>."
            ),
        ),
        (
            S.FAILED,
            "<@U0ANA> The backup `before-migration-42` of orders-prod *failed*: RDS reported "
            "`FAILED` after 3 min. No backup was kept. RDS doesn't say why: check the instance's "
            "events. " + UNDER_A_NEW_NAME,
        ),
        (
            S.LOST,
            "<@U0ANA> The backup `before-migration-42` of orders-prod has *disappeared*: RDS "
            f"accepted it as `{BACKUP_ID}` but no longer lists it. Don't rely on it. RDS doesn't "
            "say why: check the RDS console to see whether someone deleted it. "
            + UNDER_A_NEW_NAME,
        ),
        (
            S.REFUSED,
            (
                "<@U0ANA> Your request to back up orders-prod as `before-migration-42` was "
                "*refused*. "
                "The instance's storage is full. Nothing was started. "
                "Free up or add storage, then try again. "
                f"RDS: `DBS.200316`, request `9f1c`. {AGAIN}"
            ),
        ),
        (
            S.REJECTED,
            "<@U0ANA> Your request to back up orders-prod as `before-migration-42` was "
            '*rejected* by <@U0BEN>: "not tonight". Nothing was started. ' + AGAIN,
        ),
        (
            S.WITHDRAWN,
            (
                "<@U0ANA> withdrew the request to back up orders-prod as `before-migration-42`. "
                "Nothing was started."
            ),
        ),
        (
            S.EXPIRED,
            "<@U0ANA> Your request to back up orders-prod as `before-migration-42` *expired*: "
            "nobody responded by "
            "<!date^1795471440^{date_short_pretty} at {time}|2026-11-23 22:04 UTC>. "
            "Nothing was started. " + AGAIN,
        ),
    ],
)
def test_every_end_has_its_own_words(state: RequestState, shown: str) -> None:
    """The requester is called, hears what is not true too, and what to do next."""
    assert line(STATES[state], ThreadLine.ENDED) == shown


def test_a_failure_quotes_the_request_if_rds_gave_one() -> None:
    """Support asks for it."""
    failed = STATES[S.FAILED].model_copy(update={"rds_request_id": "9f1c"})

    assert "and quote request `9f1c` to support." in line(failed, ThreadLine.ENDED)


def test_a_taken_name_is_not_offered_again() -> None:
    """The command to copy must be one that can work."""
    refusal = Refusal.of(RdsRefused(RefusalReason.NAME_TAKEN, "DBS.201201"))
    taken = STATES[S.REFUSED].model_copy(update={"refusal": refusal})

    assert line(taken, ThreadLine.ENDED).endswith(UNDER_A_NEW_NAME)


def test_too_few_approvals_are_told_apart_from_none() -> None:
    """One of two approved, and the time was over."""
    assert "it had only 1 of 2 approvals by" in line(HALF.moved(S.EXPIRED), ThreadLine.ENDED)


def test_who_rejects_their_own_is_not_told_their_name() -> None:
    """An approver may have asked for it."""
    own = STATES[S.REJECTED].model_copy(update={"requester": "U0BEN"})

    assert '*rejected* by you: "not tonight"' in line(own, ThreadLine.ENDED)


def test_each_approval_is_counted_by_name() -> None:
    """In the order they came, whenever the line is said."""
    both = HALF.model_copy(update={"votes": (*HALF.votes, voted(Choice.APPROVE, user="U0CYD"))})
    said = [
        seen(thread_line(both, ThreadLine.COUNTED, now=DECIDED_AT, subject=voter))
        for voter in both.approvers
    ]

    assert said == [
        "<@U0BEN> approved (1 of 2 approvals).",
        "<@U0CYD> approved (2 of 2 approvals).",
    ]


def test_a_reminder_calls_who_can_still_act() -> None:
    """How long it waits, what is there, what is missing, until when; nobody else is called."""
    at = ASKED_AT + timedelta(hours=3, seconds=2)
    said = thread_line(HALF, ThreadLine.REMINDER, now=at, subject="2", call=("U0CYD", "U0DAN"))

    assert seen(said) == (
        "<@U0CYD> and <@U0DAN> The backup of orders-prod has been waiting for 3 h: "
        f"1 of 2 approvals so far, 1 more needed {BY_2204}."
    )


def test_a_reminder_says_how_many_are_needed() -> None:
    """Where nobody approved yet, and nobody is to be called."""
    one, two = (
        in_every_state(asked(), terms)[S.AWAITING_APPROVAL] for terms in (Terms(notify=()), TWO)
    )
    at = ASKED_AT + timedelta(minutes=90)

    assert seen(thread_line(one, ThreadLine.REMINDER, now=at)) == (
        f"The backup of orders-prod has been waiting for 1 h 30 min: 1 approval needed {BY_2204}."
    )
    assert f": 2 approvals needed {BY_2204}." in seen(
        thread_line(two, ThreadLine.REMINDER, now=at)
    )


@pytest.mark.parametrize("terms", [TERMS, TERMS.model_copy(update={"notify": ()})])
def test_a_broken_glass_is_told_to_all_approvers(terms: Terms) -> None:
    """Also to those whom no request calls: this one went without them."""
    glass = in_every_state(asked(), terms, reason="the disk is dying", glass=True)[S.APPROVED]

    assert line(glass, ThreadLine.BREAK_GLASS) == (
        "<!subteam^S0DBA>: <@U0BEN> *started the backup of orders-prod without approval*: "
        '"the disk is dying". Nobody had approved it.'
    )


def test_a_broken_glass_does_not_hide_who_had_approved() -> None:
    """One of two had; where anybody may approve, there is nobody to call."""
    glass = in_every_state(asked(), Terms(approvals=2), glass=True)[S.APPROVED]
    half = glass.model_copy(update={"votes": (*HALF.votes, *glass.votes)})
    said = line(half, ThreadLine.BREAK_GLASS)

    assert said.startswith("<@U0BEN> *started")
    assert said.endswith("It had only 1 of 2 approvals.")


def test_the_end_remembers_the_broken_glass() -> None:
    """Who let it start stands in the last line too."""
    assert line(GLASS[S.COMPLETED], ThreadLine.ENDED).endswith(
        "Requested by <@U0ANA>, started without approval by <@U0BEN>."
    )


def test_the_channel_hears_only_of_what_people_count_on_and_do_not_have() -> None:
    """Failed, lost, and refused after it was let start; nothing else of how it ended."""
    unapproved = asked().moved(S.REFUSED, refusal=STATES[S.REFUSED].refusal)
    unposted = STATES[S.AWAITING_APPROVAL].moved(S.REFUSED, refusal=unapproved.refusal)
    loud = {state for state, request in STATES.items() if is_broadcast(request, ThreadLine.ENDED)}

    assert loud == {S.FAILED, S.LOST, S.REFUSED}
    assert is_broadcast(GLASS[S.REFUSED], ThreadLine.ENDED)
    assert not is_broadcast(unapproved, ThreadLine.ENDED)
    assert not is_broadcast(unposted, ThreadLine.ENDED)


def test_the_channel_is_told_what_no_one_else_would_see() -> None:
    """A broken glass, and a reminder that calls nobody; no other line before the end."""
    loud = {
        line
        for line in set(ThreadLine) - {ThreadLine.ENDED}
        if is_broadcast(STATES[S.FAILED], line)
    }

    assert loud == {ThreadLine.BREAK_GLASS, ThreadLine.REMINDER}
    assert not is_broadcast(HALF, ThreadLine.REMINDER, ("U0CYD",))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (ThreadLine.BUSY, "Nothing was deleted; I'll retry until it's free."),
        (ThreadLine.RDS_AWAY, "RDS isn't responding. I'll keep trying."),
        (
            ThreadLine.KEYS_REFUSED,
            "I can't delete the backup until the bot's operator renews it.",
        ),
    ],
)
def test_a_backup_whose_time_is_over_is_not_said_to_start(said: ThreadLine, shown: str) -> None:
    """RDS is away, or busy, when it is to be deleted by itself."""
    assert shown in line(expiring(retention=Retention.DELETING), said)
