"""What only the asker sees, word by word."""

import pytest

from bot.domain.clicks import Click, ClickResult
from bot.domain.commands import CommandError, parse
from bot.domain.errors import (
    InstanceBusy,
    RdsError,
    RdsOutcomeUnknown,
    RdsRefused,
    RefusalReason,
    UnknownInstance,
    UserError,
)
from bot.domain.policy import Terms, Verdict
from bot.domain.requests import BackupRequest, Choice, RequestState
from bot.slack import answers
from tests.slack.block_kit import seen
from tests.slack.samples import ASKED_AT, asked, in_every_state

S = RequestState
STATES = in_every_state(asked())
AT_1404 = "<!date^1795442640^{date_short_pretty} at {time}|2026-11-23 14:04 UTC>"
AT_1405 = "<!date^1795442700^{date_short_pretty} at {time}|2026-11-23 14:05 UTC>"


def refusal(error: UserError | RdsError) -> str:
    return seen(answers.refusal(error, "/backup"))


def click(
    verdict: Verdict, request: BackupRequest, choice: Choice = Choice.APPROVE, user: str = "U0CYD"
) -> str:
    result = ClickResult(verdict, request)
    return seen(answers.click_answer(result, Click(request.id, choice, user, "T0TEAM")))


def test_a_wrong_command_is_corrected() -> None:
    """Every problem, each with what to try, and a command to copy."""
    with pytest.raises(CommandError) as wrong:
        parse("create orders-prod 42-before")

    assert refusal(wrong.value) == (
        "This doesn't work yet:\n"
        "• `42-before` can't be a backup's name: it must start with a letter. Try `before-42`.\n"
        "Send this: `/backup create orders-prod before-42`"
    )


def test_where_no_correction_is_more_than_a_guess_help_is_offered() -> None:
    """Nothing was given to correct."""
    with pytest.raises(CommandError) as wrong:
        parse("create")

    assert refusal(wrong.value).endswith("`/backup help` shows how.")


def test_a_misspelt_instance_is_guessed() -> None:
    """The nearest name is the next step."""
    assert refusal(UnknownInstance("order-prod", ["orders-prod"])) == (
        "This doesn't work yet:\n"
        "• I don't know an instance `order-prod`. Did you mean `orders-prod`?"
    )


def test_a_busy_instance_is_explained() -> None:
    """By which backup, and since when."""
    busy = InstanceBusy("orders-prod", "nightly-0312", ASKED_AT.isoformat())

    assert refusal(busy) == (
        f"orders-prod is being backed up already (`nightly-0312`, since {AT_1404}). "
        "Nothing was started. RDS runs one at a time: ask again when it is over."
    )


def test_a_refusal_by_rds_is_quoted_by_code_and_request() -> None:
    """Never by the gateway's text."""
    refused = RdsRefused(RefusalReason.QUOTA, "DBS.200046", status=413, request_id="9f1c")

    assert refusal(refused) == (
        "A quota of the RDS project is used up. Nothing was started. "
        "Delete backups that nobody needs, or have the quota raised. "
        "RDS: `DBS.200046`, request `9f1c`."
    )


def test_nothing_is_promised_of_an_unknown_outcome() -> None:
    """What may have been started is not said to be not."""
    assert "Nothing was started" not in refusal(RdsOutcomeUnknown(status=500))


def test_nobody_approves_their_own() -> None:
    """Why, by which rule, and who may."""
    assert click(Verdict.SELF_APPROVAL, STATES[S.AWAITING_APPROVAL], user="U0ANA") == (
        "You can't approve this: you asked for it, and orders-prod wants somebody else "
        "(rule 2, `orders-*`). <!subteam^S0DBA> may."
    )


def test_a_stranger_hears_who_may() -> None:
    """The word is the button's."""
    assert click(Verdict.NOT_AN_APPROVER, STATES[S.AWAITING_APPROVAL], Choice.REJECT) == (
        "You can't reject this: for orders-prod only <!subteam^S0DBA> may "
        "(rule 2, `orders-*`). Nothing was changed."
    )


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (S.RUNNING, f"<@U0BEN> already approved this, {AT_1405}. It is backing up now."),
        (
            S.COMPLETED,
            f"<@U0BEN> already approved this, {AT_1405}. It is completed: 38.4 GB in 7 min 12 s.",
        ),
        (S.REJECTED, f"<@U0BEN> already rejected this, {AT_1405}. Nothing was started."),
        (
            S.REFUSED,
            (
                f"<@U0BEN> already approved this, {AT_1405}. It was refused. "
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


def test_a_counted_approval_says_how_many_are_missing() -> None:
    """One of two."""
    two = in_every_state(asked(), Terms(approvals=2))
    votes = {"votes": two[S.APPROVED].votes}
    waits = two[S.AWAITING_APPROVAL].model_copy(update=votes)

    assert "It waits for 1 more, until" in click(Verdict.COUNTED, waits)
    assert f"You approved this already, {AT_1405}, and each person counts once." in click(
        Verdict.ALREADY_VOTED, waits, user="U0BEN"
    )
