"""The card while it waits for people, text by text."""

import pytest

from bot.domain.policy import Terms
from bot.domain.progress import History
from bot.domain.states import RequestState
from bot.slack.messages.cards import APPROVE, BREAK_GLASS, REJECT, WITHDRAW, request_card
from tests.slack.block_kit import seen
from tests.slack.drawn import NOW, blocks, buttons, plan
from tests.slack.samples import (
    ASKED_AT,
    EXPIRES_AT,
    asked,
    half_approved,
    in_every_state,
)

S = RequestState
STATES = in_every_state(asked())
WHY = '"before the 4.2 migration"'
AT_1404 = "<!date^1795442640^{date_short_pretty} at {time}|2026-11-23 14:04 UTC>"
AT_2204 = "<!date^1795471440^{date_short_pretty} at {time}|2026-11-23 22:04 UTC>"
LOOKUP = "see `/backup policy orders-prod`"


def small_print(terms: Terms) -> list[str]:
    """What stands under the buttons."""
    [context] = blocks(in_every_state(asked(), terms)[S.AWAITING_APPROVAL], "context")
    return [element["text"] for element in context["elements"]]


def test_the_card_asks() -> None:
    """What, who, why, and what a DBA needs to decide in five seconds."""
    card = request_card(STATES[S.AWAITING_APPROVAL], now=ASKED_AT)

    assert seen(card) == (
        "*Back up orders-prod* as `before-migration-42`\n"
        f"Requested by <@U0ANA> · {WHY}\n"
        "MySQL 8.0 · primary/standby · available · "
        f"no other backup running (as of {AT_1404})\n"
        "Last successful backup 21 h ago (38.2 GB, took 7 min)\n"
        "If you approve, the backup starts immediately (usually 6–9 min) "  # noqa: RUF001, a range
        "and can't be stopped from here."
    )
    assert card.text.startswith(
        f"Back up orders-prod as before-migration-42. Requested by <@U0ANA> · {WHY}. "
    )
    assert card.text.endswith(
        "can't be stopped from here. Waiting for 1 approval (expires 2026-11-23 22:04 UTC)."
    )


def test_without_a_history_nothing_is_promised() -> None:
    """No good backup yet, and no usual time."""
    first = in_every_state(asked(), history=History())[S.AWAITING_APPROVAL]

    assert seen(request_card(first, now=NOW)).endswith(
        "No successful backup yet\n"
        "If you approve, the backup starts immediately and can't be stopped from here."
    )


@pytest.mark.parametrize(
    ("terms", "shown"),
    [
        (
            Terms(approvers=("S0DBA", "U0BEN")),
            f"Only <!subteam^S0DBA> or <@U0BEN> can approve or reject · expires {AT_2204}",
        ),
        (Terms(), f"Anyone here except the requester can approve · expires {AT_2204}"),
        (Terms(self_approval=True), f"Anyone here can approve · expires {AT_2204}"),
        (
            Terms(approvers=("S0DBA",), notify=("U0BEN",)),
            f"<@U0BEN>, please approve or reject; others can, too: {LOOKUP} · expires {AT_2204}",
        ),
        (
            Terms(notify=("U0BEN",)),
            (
                "<@U0BEN>, please approve or reject; anyone here except the requester can, too"
                f" · expires {AT_2204}"
            ),
        ),
        (
            Terms(approvers=("S0DBA",), notify=()),
            f"Only the approvers can approve or reject: {LOOKUP} · expires {AT_2204}",
        ),
    ],
)
def test_the_card_names_who_may_decide(terms: Terms, shown: str) -> None:
    """Nobody is mentioned whom the policy does not call, since a mention notifies."""
    assert small_print(terms) == [f"{shown} (the default policy)"]


def test_of_a_long_list_everybody_is_called() -> None:
    """Ten would be a fair list to read, and leave the eleventh unnotified."""
    (line,) = small_print(Terms(approvers=tuple(f"U{number}" for number in range(12))))

    assert "<@U10> or <@U11> can approve or reject" in line


@pytest.mark.parametrize(
    ("terms", "shown"),
    [
        (Terms(break_glass=("U0ANA",)), "<@U0ANA> can skip approval with a reason"),
        (
            Terms(approvers=("U0BEN",), break_glass=("U0CYD",)),
            f"Some people can skip approval with a reason: {LOOKUP}",
        ),
        (
            Terms(approvers=("S0DBA",), notify=(), break_glass=("U0CYD",)),
            "Some people can skip approval with a reason",
        ),
    ],
)
def test_the_card_names_who_may_break_the_glass(terms: Terms, shown: str) -> None:
    """By mention only who is mentioned anyway; how to find out is said once."""
    assert small_print(terms)[1] == shown


def test_buttons_carry_the_request_id_alone() -> None:
    """A click is an identity, not a power."""
    glass = in_every_state(asked(), Terms(break_glass=("U0ANA",)))[S.AWAITING_APPROVAL]

    assert {button["value"] for button in buttons(glass)} == {"0d1e2f"}
    assert [(button["text"]["text"], button["action_id"]) for button in buttons(glass)] == [
        ("Approve", APPROVE),
        ("Reject…", REJECT),
        ("Withdraw", WITHDRAW),
        ("Start without approval…", BREAK_GLASS),
    ]


def test_a_slip_of_the_thumb_withdraws_nothing() -> None:
    """The one button that acts at once and cannot be taken back asks first."""
    drawn = buttons(STATES[S.AWAITING_APPROVAL])
    sure = {button["action_id"]: button["confirm"] for button in drawn if "confirm" in button}

    assert [button["action_id"] for button in drawn] == [APPROVE, REJECT, WITHDRAW]
    assert list(sure) == [WITHDRAW]  # to reject, a form asks why
    assert sure[WITHDRAW]["text"]["text"] == (
        "No backup will be made. You can request it again any time."
    )


def test_an_approval_counts_on_the_card() -> None:
    """One of two is not yet approved, also when the time is over; the next one decides."""
    terms = Terms(approvals=2)
    half = half_approved(terms)
    first = in_every_state(asked(), terms)
    refused = first[S.REFUSED].model_copy(update={"decided_at": None})

    assert plan(half)[0] == ("in_progress", "1 of 2 approvals so far")
    assert plan(half.moved(S.EXPIRED, decided_at=EXPIRES_AT)) == [("error", "Expired")]
    assert plan(refused) == [("error", "Refused")]
    assert f"Requested by <@U0ANA> · 1 of 2 approvals so far: <@U0BEN> · {WHY}" in seen(
        request_card(half, now=NOW)
    )
    assert "If you approve, the backup starts" in seen(request_card(half, now=NOW))
    assert "The second approval starts the backup" in seen(
        request_card(first[S.AWAITING_APPROVAL], now=NOW)
    )
