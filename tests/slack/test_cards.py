"""The card, text by text."""

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.policy import Terms
from bot.domain.progress import History
from bot.domain.requests import BackupRequest, RequestState
from bot.slack.cards import APPROVE, REJECT, request_card
from tests.slack.block_kit import seen
from tests.slack.samples import ASKED_AT, DECIDED_AT, EXPIRES_AT, asked, in_every_state

S = RequestState
STATES = in_every_state(asked())
NOW = DECIDED_AT + timedelta(minutes=3)
WHY = '"before the 4.2 migration"'


def blocks(request: BackupRequest, block_type: str, **how: Any) -> list[dict[str, Any]]:
    card = request_card(request, now=NOW, **how).as_slack()
    return [block for block in card["blocks"] if block["type"] == block_type]


def plan(request: BackupRequest) -> list[tuple[str, str]]:
    return [(task["status"], task["title"]) for task in blocks(request, "plan")[0]["tasks"]]


def test_the_card_asks() -> None:
    """What, who, why, and what a DBA needs to decide in five seconds."""
    card = request_card(STATES[S.AWAITING_APPROVAL], now=ASKED_AT)

    assert seen(card) == (
        "*Back up orders-prod* as `before-migration-42`\n"
        f"<@U0ANA> asks · {WHY}\n"
        "MySQL 8.0 · primary/standby · available · "
        "last good backup 21 h ago (38.2 GB, took 7 min)"
    )
    assert card.text == (
        f"Back up orders-prod as before-migration-42. <@U0ANA> asks · {WHY}. "
        "Approval: 1 needed, until 22:04 UTC."
    )


@pytest.mark.parametrize(
    ("terms", "shown"),
    [
        (Terms(approvers=("S0DBA", "U0BEN")), "Only <!subteam^S0DBA> or <@U0BEN> may decide"),
        (Terms(), "Anybody here but the requester may approve"),
        (Terms(self_approval=True), "Anybody here may decide"),
    ],
)
def test_the_card_names_who_may_decide(terms: Terms, shown: str) -> None:
    """Approvers are called; without any it is whoever is not the requester."""
    request = in_every_state(asked(), terms)[S.AWAITING_APPROVAL]
    until = "<!date^1795471440^{date_short_pretty} at {time}|2026-11-23 22:04 UTC>"
    [line] = blocks(request, "context")

    assert line["elements"][0]["text"] == f"{shown}, until {until} (the default policy)"


def test_buttons_carry_the_request_id_alone() -> None:
    """A click is an identity, not a power."""
    [actions] = blocks(STATES[S.AWAITING_APPROVAL], "actions")
    approve, reject = actions["elements"]

    assert (approve["action_id"], approve["value"]) == (APPROVE, "0d1e2f")
    assert (reject["action_id"], reject["value"]) == (REJECT, "0d1e2f")
    assert (approve["style"], reject["style"]) == ("primary", "danger")
    assert "confirm" in reject


@pytest.mark.parametrize("state", set(S) - {S.AWAITING_APPROVAL})
def test_there_are_no_buttons_that_cannot_work(state: RequestState) -> None:
    """Only a request that waits for approval can be decided."""
    assert blocks(STATES[state], "actions") == []


def test_the_card_tells_how_it_ended() -> None:
    """Size and duration come first."""
    card = request_card(STATES[S.COMPLETED], now=NOW)

    assert seen(card) == (
        "*orders-prod is backed up* as `before-migration-42`\n"
        f"38.4 GB in 7 min 12 s · <@U0ANA> asked · <@U0BEN> approved · {WHY}"
    )
    assert plan(STATES[S.COMPLETED]) == [
        ("complete", "Approved 14:05 UTC"),
        ("complete", "Completed 14:12 UTC"),
    ]


def test_the_plan_shows_progress() -> None:
    """A guess by what is usual; without a history, or past it, the time so far."""
    running = STATES[S.RUNNING]
    late = running.model_copy(update={"started_at": NOW - timedelta(minutes=18)})
    first = running.model_copy(update={"history": History()})

    assert plan(running)[1] == ("in_progress", "Backing up: about 45 %, 4 min left")
    assert plan(late)[1] == ("in_progress", "Backing up: 18 min so far, usually 6–9 min")  # noqa: RUF001
    assert plan(first)[1] == ("in_progress", "Backing up: 3 min so far")


def test_an_approval_counts_on_the_card() -> None:
    """One of two is not yet approved, also when the time is over."""
    two = in_every_state(asked(), Terms(approvals=2))
    votes = {"votes": two[S.APPROVED].votes}
    half = two[S.AWAITING_APPROVAL].model_copy(update=votes)
    refused = two[S.REFUSED].model_copy(update={"decided_at": None})

    assert plan(half)[0] == ("in_progress", "Approval: 1 of 2 given, until 22:04 UTC")
    assert plan(half.moved(S.EXPIRED, decided_at=EXPIRES_AT)) == [("error", "Expired 22:04 UTC")]
    assert plan(refused) == [("error", "Refused 14:12 UTC")]


def test_a_plan_is_a_new_block_at_each_edit() -> None:
    """Slack wants a block id that it has not seen in this message."""
    running = STATES[S.RUNNING]
    cards = [
        request_card(STATES[S.APPROVED], now=NOW),
        request_card(running, now=NOW),
        request_card(running, now=NOW + timedelta(seconds=15)),
    ]

    assert len({card.as_slack()["blocks"][1]["block_id"] for card in cards}) == 3


def test_a_workspace_without_plans_sees_the_same_steps() -> None:
    """Each step keeps its words; the mark only repeats them."""
    [line] = blocks(STATES[S.RUNNING], "context", with_plan=False)

    assert blocks(STATES[S.RUNNING], "plan", with_plan=False) == []
    assert line["elements"][0]["text"] == (
        "✓ Approved 14:05 UTC   ● Backing up: about 45 %, 4 min left   ◯ Completed"
    )
