"""What only the asker sees, word by word."""

import pytest

from bot.domain.commands import CommandError
from bot.domain.errors import (
    BackupBusy,
    BackupUnknown,
    CannotPost,
    GroupsUnknown,
    InstanceBusy,
    InstanceNotReady,
    MayNotAudit,
    OtherChannel,
    RdsError,
    RdsOutcomeUnknown,
    RdsRefused,
    RefusalReason,
    RequestOpen,
    TooFewApprovers,
    UnknownInstance,
    UserError,
)
from bot.domain.grammar import parse
from bot.domain.states import RequestState
from bot.domain.verbs import VERBS
from bot.slack.messages import answers
from tests.slack.block_kit import seen
from tests.slack.samples import ASKED_AT, DECIDED_AT, TERMS, asked, in_every_state, odd_outcomes

RULE = "(rule 2, `orders-*`)"
AT_1404 = "<!date^1795442640^{date_short_pretty} at {time}|2026-11-23 14:04 UTC>"


def refusal(error: UserError | RdsError) -> str:
    return seen(answers.refusal(error, "/backup"))


def test_a_wrong_command_is_corrected() -> None:
    """Every problem, each with what to try, and a command to copy."""
    with pytest.raises(CommandError) as wrong:
        parse("create orders-prod 42-before")

    assert refusal(wrong.value) == (
        "Please fix this:\n"
        "• `42-before` isn't a valid backup name: it must start with a letter. Try `before-42`.\n"
        "Try: `/backup create orders-prod before-42`"
    )


def test_where_no_correction_is_more_than_a_guess_help_is_offered() -> None:
    """Nothing was given to correct."""
    with pytest.raises(CommandError) as wrong:
        parse("create <@U1|ana>")

    assert refusal(wrong.value).endswith("See `/backup help`.")


def test_a_misspelt_instance_is_guessed() -> None:
    """The nearest name is the next step."""
    assert refusal(UnknownInstance("order-prod", ["orders-prod"])) == (
        "Please fix this:\n"
        "• I can't find an instance called `order-prod`. Did you mean `orders-prod`?"
    )


def test_a_busy_instance_is_explained() -> None:
    """By which backup, and since when."""
    busy = InstanceBusy("orders-prod", "nightly-0312", ASKED_AT.isoformat())

    assert refusal(busy) == (
        f"orders-prod is already being backed up (`nightly-0312`, since {AT_1404}). "
        "Nothing was started. RDS runs one backup per instance at a time. "
        "Try again when it finishes."
    )


def test_a_refusal_by_rds_is_quoted_by_code_and_request() -> None:
    """Never by the gateway's text."""
    refused = RdsRefused(RefusalReason.QUOTA, "DBS.200046", status=413, request_id="9f1c")

    assert refusal(refused) == (
        "The RDS project has reached a quota. Nothing was started. "
        "Delete backups you no longer need, or request a higher quota. "
        "RDS: `DBS.200046`, request `9f1c`."
    )


def test_nothing_is_promised_of_an_unknown_outcome() -> None:
    """What may have been started is not said to be not."""
    assert "Nothing was started" not in refusal(RdsOutcomeUnknown(status=500))


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (
            OtherChannel("orders-prod", TERMS.rule, ["C0OPS"]),
            (
                f"Backups of orders-prod can be requested only in <#C0OPS> {RULE}. "
                "Nothing was started. Request it there."
            ),
        ),
        (
            TooFewApprovers("orders-prod", TERMS.rule, 2, ["U0BEN"]),
            (
                "A backup of orders-prod requires 2 approvals, but only <@U0BEN> can approve it "
                f"{RULE}. Nothing was started. The bot's operator needs to add approvers."
            ),
        ),
        (
            TooFewApprovers("orders-prod", TERMS.rule, 1, []),
            (
                "A backup of orders-prod requires 1 approval, but no one can approve it "
                f"{RULE}. Nothing was started. The bot's operator needs to add approvers."
            ),
        ),
        (
            MayNotAudit("orders-prod", TERMS.rule, ["S0DBA"]),
            (
                "Only <!subteam^S0DBA> can read the audit log of orders-prod "
                f"{RULE}. Ask one of them."
            ),
        ),
        (
            GroupsUnknown("orders-prod", ["S0DBA"], "read the audit trail of"),
            (
                "Only <!subteam^S0DBA> can read the audit log of orders-prod, but I couldn't get "
                "the group's members from Slack. Try again in a minute. If this keeps happening, "
                "the bot's operator needs to check the group's ID and the scopes "
                "`usergroups:read` and `users:read`."
            ),
        ),
    ],
)
def test_the_policy_refuses_in_plain_words(error: UserError, shown: str) -> None:
    """Which rule, who may, and what to do; what was not to start is not said to be not started."""
    assert refusal(error) == shown


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (
            BackupUnknown("before-42", "orders-prod"),
            (
                "orders-prod has no backup called `before-42`. Nothing was deleted. "
                "It may have been deleted, or the name may be misspelled."
            ),
        ),
        (
            BackupBusy("before-42", "DELETING"),
            "`before-42` is already being deleted. There is nothing to do.",
        ),
        (
            RequestOpen("before-42", "U0BEN"),
            (
                "<@U0BEN>'s request for `before-42` is still open. Nothing was deleted. "
                "See its card, and try again once it has ended."
            ),
        ),
        (
            InstanceNotReady("orders-prod", "RESTORING"),
            (
                "orders-prod is being restored (`RESTORING`). Its backups can't be created or "
                "deleted until that finishes. Nothing was started. Try again then."
            ),
        ),
    ],
)
def test_a_deletion_is_refused_in_its_own_words(error: UserError, shown: str) -> None:
    """Nothing of it speaks of a backup that was to start."""
    assert refusal(error) == shown


def test_a_card_without_buttons_is_not_praised_for_them() -> None:
    """Only where there are any."""
    states = in_every_state(asked())
    waits, done = (
        answers.one_request(states[state], DECIDED_AT, "https://acme.example/p1").as_slack()
        for state in (RequestState.AWAITING_APPROVAL, RequestState.COMPLETED)
    )

    assert "View card> to use its buttons." in waits["blocks"][-1]["text"]["text"]
    assert done["blocks"][-1]["text"]["text"].endswith("View card>.")


def test_a_request_that_found_no_place_is_told_with_its_names_as_they_are() -> None:
    """Upper and lower case differ in RDS."""
    request = asked("Orders-PROD")
    told = seen(answers.not_posted(CannotPost("C0OPS", "is_archived"), request, "/backup"))

    assert told.startswith("I couldn't back up Orders-PROD as `before-migration-42`.")


def test_no_one_is_told_to_invite_the_bot_where_that_is_impossible() -> None:
    """Two people's direct message stays theirs."""
    assert refusal(CannotPost("D0ANA", "channel_not_found")) == (
        "I can't post in other people's direct messages (Slack: `channel_not_found`). "
        "Nothing was started. Request it in a channel that I'm in."
    )


def test_help_knows_every_verb() -> None:
    """In short together, and each with an example that can be sent."""
    everything = seen(answers.help_message("/backup"))

    for verb in VERBS:
        one = seen(answers.help_message("/backup", verb))
        example = one.rsplit("`", 2)[1].removeprefix("/backup ")
        assert f"`/backup {verb}" in everything
        assert one.startswith(f"`/backup {verb}")
        assert parse(example)
        assert example.startswith(verb)


def test_one_request_names_the_command_that_the_operator_chose() -> None:
    """What it tells to type works in this workspace."""
    answer = seen(answers.one_request(odd_outcomes()["no size"], DECIDED_AT, None, "/db"))

    assert "check its size with `/db list orders-prod`" in answer
    assert "/backup" not in answer
