"""What each click is answered, word by word."""

import pytest

from bot.domain.clicks import Click, ClickResult
from bot.domain.decisions import Verdict
from bot.domain.policy import Terms
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import RequestState
from bot.slack.messages import answers
from tests.slack.block_kit import seen
from tests.slack.samples import (
    TERMS,
    asked,
    deletion_in_every_state,
    half_approved,
    in_every_state,
)

S = RequestState
STATES = in_every_state(asked())
WAITS = STATES[S.AWAITING_APPROVAL]
GLASS = in_every_state(asked(), reason="the disk is dying", glass=True)
RULE = "(rule 2, `orders-*`)"
AT_1405 = "<!date^1795442700^{date_short_pretty} at {time}|2026-11-23 14:05 UTC>"


def click(
    verdict: Verdict, request: BackupRequest, choice: Choice = Choice.APPROVE, user: str = "U0CYD"
) -> str:
    result = ClickResult(verdict, request)
    return seen(answers.click_answer(result, Click(request.id, choice, user, "T0TEAM")))


def test_no_one_approves_their_own_request() -> None:
    """Why, by which rule, and who may."""
    assert click(Verdict.SELF_APPROVAL, STATES[S.AWAITING_APPROVAL], user="U0ANA") == (
        "You can't approve this: you requested it, and the policy for orders-prod requires "
        "someone else (rule 2, `orders-*`). <!subteam^S0DBA> can."
    )


def test_a_stranger_hears_who_may() -> None:
    """The word is the button's."""
    assert click(Verdict.NOT_AN_APPROVER, STATES[S.AWAITING_APPROVAL], Choice.REJECT) == (
        "You can't reject this: only <!subteam^S0DBA> can, for orders-prod "
        "(rule 2, `orders-*`). Nothing was changed."
    )


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (S.RUNNING, f"<@U0BEN> already approved this ({AT_1405}). The backup is running."),
        (
            S.COMPLETED,
            (
                f"<@U0BEN> already approved this ({AT_1405}). "
                "The backup is complete: 38.4 GB in 7 min 12 s."
            ),
        ),
        (
            S.REJECTED,
            f'<@U0BEN> already rejected this ({AT_1405}): "not tonight". Nothing was started.',
        ),
        (S.WITHDRAWN, f"<@U0ANA> already withdrew this ({AT_1405}). Nothing was started."),
        (
            S.REFUSED,
            (
                f"<@U0BEN> already approved this ({AT_1405}). It was refused. "
                "The instance's storage is full. Nothing was started."
            ),
        ),
    ],
)
def test_a_late_click_hears_who_was_first(state: RequestState, shown: str) -> None:
    """By whom, when, and how it stands now."""
    assert click(Verdict.ALREADY_DECIDED, STATES[state]) == shown


def test_a_second_click_of_the_same_person_says_you() -> None:
    """They did it themselves."""
    again = click(Verdict.ALREADY_DECIDED, STATES[S.RUNNING], user="U0BEN")

    assert again.startswith("You already approved this")


def test_a_late_click_hears_of_the_broken_glass() -> None:
    """Nobody approved, whoever had before."""
    assert click(Verdict.ALREADY_DECIDED, GLASS[S.RUNNING]) == (
        f'<@U0BEN> already started this without approval ({AT_1405}): "the disk is dying". '
        "The backup is running."
    )


@pytest.mark.parametrize("choice", [Choice.REJECT, Choice.WITHDRAW])
def test_who_would_stop_it_too_late_hears_that_nothing_can(choice: Choice) -> None:
    """It is backing up, and that is that; what is over needs no such word."""
    assert click(Verdict.ALREADY_DECIDED, STATES[S.RUNNING], choice).endswith(
        "The backup is running. It can no longer be stopped."
    )
    assert "stopped" not in click(Verdict.ALREADY_DECIDED, STATES[S.COMPLETED], choice)


def test_a_counted_approval_says_how_many_are_missing() -> None:
    """One of two."""
    half = half_approved(Terms(approvals=2))

    assert "1 more approval needed by <!date" in click(Verdict.COUNTED, half)
    assert f"You already approved this ({AT_1405}), and each person counts once." in click(
        Verdict.ALREADY_VOTED, half, user="U0BEN"
    )


def test_no_answer_waits_for_zero_more_approvals() -> None:
    """An approval of somebody who left still stands there, and does not count."""
    assert "1 more approval needed from" in click(Verdict.ALREADY_VOTED, half_approved(Terms()))


@pytest.mark.parametrize(
    ("choice", "shown"),
    [
        (
            Choice.APPROVE,
            "You approved the backup of orders-prod. It's starting now; follow it in the thread.",
        ),
        (
            Choice.REJECT,
            (
                "You rejected the backup of orders-prod. Nothing was started. "
                "<@U0ANA> has been notified."
            ),
        ),
        (
            Choice.WITHDRAW,
            (
                "You withdrew your request to back up orders-prod as `before-migration-42`. "
                "Nothing was started."
            ),
        ),
        (
            Choice.BREAK_GLASS,
            (
                "You started the backup of orders-prod without approval. "
                "<!subteam^S0DBA> and the channel have been told why."
            ),
        ),
    ],
)
def test_what_one_did_is_confirmed(choice: Choice, shown: str) -> None:
    """What it brings about, and who hears of it."""
    assert click(Verdict.DECIDED, WAITS, choice) == shown


def test_a_requester_is_not_notified_of_their_own_rejection() -> None:
    """The requester can be an approver."""
    own = click(Verdict.DECIDED, WAITS, Choice.REJECT, user="U0ANA")

    assert own == "You rejected the backup of orders-prod. Nothing was started."


@pytest.mark.parametrize(
    ("verdict", "choice", "user", "shown"),
    [
        (
            Verdict.NOT_AN_APPROVER,
            Choice.REJECT,
            "U0ANA",
            (
                "You can't reject this: you requested it and aren't an approver. "
                "To cancel it, press Withdraw. Nothing was changed."
            ),
        ),
        (
            Verdict.NOT_THE_REQUESTER,
            Choice.WITHDRAW,
            "U0BEN",
            (
                "You can't withdraw this: only <@U0ANA>, who requested it, can. "
                "If you're an approver, press Reject. Nothing was changed."
            ),
        ),
        (
            Verdict.MAY_NOT_BREAK_GLASS,
            Choice.BREAK_GLASS,
            "U0CYD",
            (
                "You can't start this without approval: nobody can right now, for orders-prod "
                f"{RULE}. Nothing was changed. It's still waiting for approval."
            ),
        ),
        (
            Verdict.OTHER_WORKSPACE,
            Choice.BREAK_GLASS,
            "U0CYD",
            (
                "You can't start this without approval: it was requested in another workspace, "
                "and only people there can decide. Nothing was changed."
            ),
        ),
        (
            Verdict.NO_REASON,
            Choice.REJECT,
            "U0BEN",
            "Please give a reason; the requester will see it. Nothing was changed.",
        ),
        (
            Verdict.NO_REASON,
            Choice.BREAK_GLASS,
            "U0BEN",
            (
                "Please give a reason; everyone who could have approved it will see it. "
                "Nothing was changed."
            ),
        ),
    ],
)
def test_a_refused_click_hears_why_and_what_next(
    verdict: Verdict, choice: Choice, user: str, shown: str
) -> None:
    """Each in the words of the button that was pressed."""
    assert click(verdict, WAITS, choice, user) == shown


def test_who_may_break_the_glass_is_named() -> None:
    """To somebody who may not."""
    terms = TERMS.model_copy(update={"break_glass": ("U0ANA",)})
    waits = in_every_state(asked(), terms)[S.AWAITING_APPROVAL]

    assert f"only <@U0ANA> can, for orders-prod {RULE}." in click(
        Verdict.MAY_NOT_BREAK_GLASS, waits, Choice.BREAK_GLASS
    )


def test_where_anybody_may_approve_a_stranger_is_no_person() -> None:
    """A bot, or somebody who left."""
    open_to_all = in_every_state(asked(), Terms())[S.AWAITING_APPROVAL]

    assert "only people in this workspace can" in click(Verdict.NOT_AN_APPROVER, open_to_all)


def test_the_group_that_slack_does_not_tell_is_named() -> None:
    """The one this button hangs on."""
    terms = TERMS.model_copy(update={"break_glass": ("U0ANA", "S0SRE")})
    waits = in_every_state(asked(), terms)[S.AWAITING_APPROVAL]

    assert "the members of <!subteam^S0DBA> from Slack." in click(Verdict.GROUPS_UNKNOWN, waits)
    assert "the members of <!subteam^S0SRE> from Slack." in click(
        Verdict.GROUPS_UNKNOWN, waits, Choice.BREAK_GLASS
    )


def test_an_expired_request_can_be_requested_again() -> None:
    """With the button that stands on its card now."""
    assert click(Verdict.EXPIRED, STATES[S.EXPIRED]).endswith(
        "Nothing was started. If you still need it, press Request again on the card."
    )


def test_a_late_click_on_a_deletion_is_not_sent_to_a_button_that_is_not_there() -> None:
    """Nor told of something that starts."""
    deletions = deletion_in_every_state()

    assert click(Verdict.EXPIRED, deletions[S.EXPIRED]).endswith(
        "Nothing was deleted. If you still need it, send the command again."
    )
    assert click(Verdict.ALREADY_DECIDED, deletions[S.APPROVED]).endswith(
        "It's being deleted now."
    )


def test_what_needs_no_approval_is_said_to_need_none() -> None:
    """Whoever wants to withdraw it hears why that is too late."""
    free = in_every_state(asked(), Terms(approvals=0))[S.RUNNING].model_copy(update={"votes": ()})

    assert click(Verdict.ALREADY_DECIDED, free, Choice.WITHDRAW, user="U0ANA") == (
        "No approval was needed. The backup is running. It can no longer be stopped."
    )
