"""The lines in the thread, word by word."""

from datetime import timedelta

import pytest

from bot.domain.errors import RdsRefused, RefusalReason
from bot.domain.policy import Terms
from bot.domain.progress import History
from bot.domain.requests import BackupRequest, Choice, Line, Refusal, RequestState, Vote
from bot.slack.replies import is_broadcast, thread_line
from tests.slack.block_kit import seen
from tests.slack.samples import ASKED_AT, BACKUP_ID, DECIDED_AT, asked, in_every_state

S = RequestState
STATES = in_every_state(asked())
RUNNING = STATES[S.RUNNING]
AGAIN = "To ask again: `/backup create orders-prod before-migration-42 before the 4.2 migration`"
UNDER_A_NEW_NAME = AGAIN.replace("migration-42", "migration-42-2")


def line(request: BackupRequest, which: Line) -> str:
    return seen(thread_line(request, which, now=DECIDED_AT + timedelta(minutes=18)))


def test_approval_names_who_approved() -> None:
    """Or says that nobody had to."""
    unasked = in_every_state(asked(), Terms(approvals=0, rule="rule 3 (dev-*)"))[S.APPROVED]

    assert line(STATES[S.APPROVED], Line.APPROVED) == "<@U0BEN> approved. Starting."
    assert line(unasked, Line.APPROVED) == "No approval needed (rule 3, `dev-*`). Starting."


def test_accepted_names_the_backup() -> None:
    """Its id is what RDS support asks for; an adopted one is told apart."""
    adopted = RUNNING.model_copy(update={"adopted": True})

    assert line(RUNNING, Line.STARTED) == f"RDS accepted it: backup `{BACKUP_ID}`."
    assert line(adopted, Line.STARTED) == (
        f"RDS did start it: backup `{BACKUP_ID}`. I don't ask again."
    )


def test_an_unanswered_create_is_told() -> None:
    """Before the bot asks again, it looks."""
    assert line(STATES[S.CREATING], Line.OUTCOME_UNKNOWN) == (
        "RDS did not answer when I asked it to start. "
        "I am looking whether it did, before I ask again."
    )


def test_a_long_backup_is_held_against_what_is_usual() -> None:
    """Without a history there is nothing to hold it against."""
    first = RUNNING.model_copy(update={"history": History()})

    assert line(RUNNING, Line.OVERDUE) == (
        "It takes longer than usual: 18 min so far, usually 6–9 min. "  # noqa: RUF001
        "RDS still says it is running."
    )
    assert "no earlier one to compare with" in line(first, Line.OVERDUE)


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (
            S.COMPLETED,
            (
                "<@U0ANA> completed: 38.4 GB in 7 min 12 s. "
                "`before-migration-42` stays until somebody deletes it in the RDS console. "
                "Asked by <@U0ANA>; <@U0BEN> approved."
            ),
        ),
        (
            S.FAILED,
            "<@U0ANA> the backup of orders-prod *failed*: RDS says `FAILED` after 3 min. "
            "Nothing was kept. RDS does not say why: look at the instance's events. "
            + UNDER_A_NEW_NAME,
        ),
        (
            S.LOST,
            f"<@U0ANA> the backup of orders-prod is *lost*: RDS accepted it as `{BACKUP_ID}`, "
            "and lists it no more. Don't count on it. RDS does not say why: look in the RDS "
            "console whether somebody deleted it. " + UNDER_A_NEW_NAME,
        ),
        (
            S.REFUSED,
            (
                "<@U0ANA> the backup of orders-prod was *refused*. "
                "The instance's storage is full. Nothing was started. "
                "Free some, or scale it up, then ask again. "
                f"RDS: `DBS.200316`, request `9f1c`. {AGAIN}"
            ),
        ),
        (
            S.REJECTED,
            "<@U0ANA> the backup of orders-prod was *rejected* by <@U0BEN>. Nothing was started. "
            + AGAIN,
        ),
        (
            S.EXPIRED,
            "<@U0ANA> the request to back up orders-prod *expired*: nobody decided by "
            "<!date^1795471440^{date_short_pretty} at {time}|2026-11-23 22:04 UTC>. "
            "Nothing was started. " + AGAIN,
        ),
    ],
)
def test_every_end_has_its_own_words(state: RequestState, shown: str) -> None:
    """The requester is called, hears what is not true too, and what to do next."""
    assert line(STATES[state], Line.ENDED) == shown


def test_a_failure_quotes_the_request_if_rds_gave_one() -> None:
    """Support asks for it."""
    failed = STATES[S.FAILED].model_copy(update={"rds_request_id": "9f1c"})

    assert "and quote request `9f1c` to support." in line(failed, Line.ENDED)


def test_a_taken_name_is_not_offered_again() -> None:
    """The command to copy must be one that can work."""
    refusal = Refusal.of(RdsRefused(RefusalReason.NAME_TAKEN, "DBS.201201"))
    taken = STATES[S.REFUSED].model_copy(update={"refusal": refusal})

    assert line(taken, Line.ENDED).endswith(UNDER_A_NEW_NAME)


def test_too_few_approvals_are_told_apart_from_none() -> None:
    """One of two approved, and the time was over."""
    yes = Vote(user_id="U0BEN", choice=Choice.APPROVE, at=ASKED_AT)
    expired = STATES[S.EXPIRED].model_copy(
        update={"terms": Terms(approvals=2), "votes": (yes,)},
    )

    assert "only 1 of 2 approved it by" in line(expired, Line.ENDED)


def test_the_channel_hears_only_of_what_people_count_on_and_do_not_have() -> None:
    """Failed, lost, and refused after an approval; nothing else, and no line before the end."""
    unapproved = asked().moved(S.REFUSED, refusal=STATES[S.REFUSED].refusal)
    unposted = STATES[S.AWAITING_APPROVAL].moved(S.REFUSED, refusal=unapproved.refusal)
    loud = {state for state, request in STATES.items() if is_broadcast(request, Line.ENDED)}

    assert loud == {S.FAILED, S.LOST, S.REFUSED}
    assert not is_broadcast(unapproved, Line.ENDED)
    assert not is_broadcast(unposted, Line.ENDED)
    assert not any(is_broadcast(STATES[S.FAILED], line) for line in set(Line) - {Line.ENDED})
