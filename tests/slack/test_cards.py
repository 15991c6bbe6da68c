"""The card, text by text."""

from datetime import timedelta

import pytest

from bot.application.inventory import MadeView
from bot.domain.console import Console
from bot.domain.instances import Instance
from bot.domain.policy import Terms
from bot.domain.progress import History
from bot.domain.requests import Choice
from bot.domain.states import RequestState, Retention
from bot.slack.messages import answers
from bot.slack.messages.cards import request_card
from bot.slack.messages.ids import ASK_AGAIN
from tests.slack.block_kit import seen
from tests.slack.drawn import NOW, blocks, buttons, plan
from tests.slack.samples import (
    LEARNING,
    TERMS,
    asked,
    expiring,
    in_every_state,
    voted,
)

S = RequestState
STATES = in_every_state(asked())
INSTANCE = Instance(id="i", name="orders-prod", status="ACTIVE")
WHY = '"before the 4.2 migration"'
AT_1405 = "<!date^1795442700^{date_short_pretty} at {time}|2026-11-23 14:05 UTC>"
AT_1412 = "<!date^1795443120^{date_short_pretty} at {time}|2026-11-23 14:12 UTC>"


@pytest.mark.parametrize("state", sorted(set(S) - {S.AWAITING_APPROVAL}))
def test_there_are_no_buttons_that_cannot_work(state: RequestState) -> None:
    """Only what waits can be decided, and only what ended without a backup be asked again."""
    ended = state.is_final and state not in (S.COMPLETED, S.DELETED)

    assert [button["action_id"] for button in buttons(STATES[state])] == [ASK_AGAIN] * ended


def test_what_a_person_wrote_ends_its_line() -> None:
    """A rejection is told with its reason, under the request it is about."""
    assert seen(request_card(STATES[S.REJECTED], now=NOW)) == (
        "*Request to back up orders-prod rejected*: `before-migration-42`\n"
        "Nothing was started.\n"
        f"Requested by <@U0ANA> · {WHY}\n"
        f'Rejected by <@U0BEN> {AT_1405}: "not tonight"'
    )


def test_no_one_can_end_their_own_quotation() -> None:
    """What looks like the bot's own words stays inside the marks, on one line."""
    forged = '" · <@U0CYD> approved\n*orders-prod is backed up*'
    card = request_card(in_every_state(asked(), reason=forged)[S.REJECTED], now=NOW)

    assert seen(card).split("\n")[-1] == (
        f"Rejected by <@U0BEN> {AT_1405}: "
        '"\' · &lt;@U0CYD&gt; approved ∗orders-prod is backed up∗"'  # noqa: RUF001, look-alikes
    )


def test_a_withdrawal_is_told_apart() -> None:
    """Who asked took it back."""
    card = request_card(STATES[S.WITHDRAWN], now=NOW)

    assert seen(card) == (
        "*Request to back up orders-prod withdrawn*: `before-migration-42`\n"
        "Nothing was started.\n"
        f"Requested by <@U0ANA> · withdrawn {AT_1405} · {WHY}"
    )
    assert plan(STATES[S.WITHDRAWN]) == [("error", "Withdrawn")]


def test_a_broken_glass_cannot_be_overlooked() -> None:
    """Right under the title, to the end, and where an approval would stand."""
    glass = in_every_state(asked(), TERMS, reason="the disk is dying", glass=True)
    loud = (
        f':rotating_light: *Started without approval* by <@U0BEN> {AT_1405}: "the disk is dying"'
    )

    for state in (S.APPROVED, S.RUNNING, S.COMPLETED, S.FAILED, S.REFUSED):
        assert seen(request_card(glass[state], now=NOW)).split("\n")[1] == loud
        assert plan(glass[state])[0] == ("error", "Started without approval")
    assert blocks(glass[S.CREATING], "plan")[0]["title"] == "Started without approval"


def test_an_approval_before_the_glass_broke_is_kept() -> None:
    """One of two said yes, and it was started without the other."""
    glass = in_every_state(asked(), Terms(approvals=2), glass=True)[S.RUNNING]
    both = (voted(Choice.APPROVE, user="U0CYD"), *glass.votes)
    card = request_card(glass.model_copy(update={"votes": both}), now=NOW)

    assert "Requested by <@U0ANA> · 1 of 2 approvals so far: <@U0CYD>" in seen(card)


def test_the_card_tells_how_it_ended() -> None:
    """Size and duration come first."""
    card = request_card(STATES[S.COMPLETED], now=NOW)

    assert seen(card) == (
        "*orders-prod is backed up* as `before-migration-42`\n"
        "38.4 GB in 7 min 12 s\n"
        "To restore it, open *Backups* in the RDS console and choose *Restore*. "
        "A new instance needs a disk of at least 100 GB.\n"
        f"Requested by <@U0ANA> · approved by <@U0BEN> {AT_1405} · completed {AT_1412} · {WHY}"
    )
    assert plan(STATES[S.COMPLETED]) == [
        ("complete", "Approved"),
        ("complete", "Completed"),
    ]


def test_without_the_size_of_the_disk_only_the_way_is_told() -> None:
    instance = INSTANCE.model_copy(update={"disk_gb": None})
    done = STATES[S.COMPLETED].model_copy(update={"instance": instance})

    assert "and choose *Restore*.\nRequested by" in seen(request_card(done, now=NOW))


@pytest.mark.parametrize(
    ("console", "engine", "leads_to"),
    [
        ("https://console/list", "MySQL", "https://console/list"),
        ("https://console/list", "PostgreSQL", "https://console/list/pg/in01/summary"),
        ("https://own/?id={instance_id}", "MySQL", "https://own/?id=in01"),
    ],
)
def test_the_name_of_the_instance_leads_to_the_console(
    console: str, engine: str, leads_to: str
) -> None:
    """Not in a notification, which can't be clicked."""
    instance = INSTANCE.model_copy(update={"id": "in01", "engine": engine})
    waits = STATES[S.AWAITING_APPROVAL].model_copy(update={"instance": instance})
    card = request_card(waits, now=NOW, console=Console(address=console))

    assert seen(card).startswith(f"*Back up <{leads_to}|orders-prod>* as ")
    assert card.text.startswith("Back up orders-prod as ")


def test_an_unusual_backup_is_flagged_with_the_usual_beside_it() -> None:
    """Whoever relies on it reads on the card what to check."""
    small = STATES[S.COMPLETED].model_copy(update={"size_kb": 18 * 1024 * 1024})
    card = request_card(small, now=NOW)

    assert "\n18 GB in 7 min 12 s\nCheck it: at 18 GB it's much smaller than usual (38 GB).\n" in (
        seen(card)
    )
    assert "it's much smaller than usual (38 GB)" in card.text


@pytest.mark.parametrize("size_kb", [0, None])
def test_a_backup_without_a_size_is_to_be_checked(size_kb: int | None) -> None:
    """RDS reports none now and then, and an empty backup may be behind it."""
    empty = STATES[S.COMPLETED].model_copy(update={"size_kb": size_kb})

    assert (
        "\n7 min 12 s; RDS reported no size yet\n"
        "Before you rely on it, check its size with `/db list orders-prod`.\n"
    ) in seen(request_card(empty, now=NOW, command="/db"))


def test_the_plan_shows_progress() -> None:
    """A guess by what is usual; without a history, or past it, the time so far."""
    running = STATES[S.RUNNING]
    late = running.model_copy(update={"started_at": NOW - timedelta(minutes=18)})
    first = running.model_copy(update={"history": History()})
    second = running.model_copy(update={"history": LEARNING})

    assert plan(running)[1] == (
        "in_progress",
        "Backing up: about 45%, 4 min left (usually 6–9 min)",  # noqa: RUF001, a range
    )
    assert plan(late)[1] == ("in_progress", "Backing up: 18 min so far, usually 6–9 min")  # noqa: RUF001, a range
    assert plan(first)[1] == ("in_progress", "Backing up: 3 min so far")
    assert plan(second)[1] == (
        "in_progress",
        "Backing up: about 45%, 4 min left (estimated 4–12 min, based on 1 backup)",  # noqa: RUF001, a range
    )


def test_a_plan_is_a_new_block_at_each_edit() -> None:
    """Slack wants a block id that it has not seen in this message, though no time went by."""
    running = STATES[S.RUNNING]
    cards = [
        request_card(STATES[S.APPROVED], now=NOW),
        request_card(running, now=NOW),
        request_card(running, now=NOW),
    ]

    assert len({card.as_slack()["blocks"][1]["block_id"] for card in cards}) == 3


def test_a_workspace_without_plans_sees_the_same_steps() -> None:
    """Each step keeps its words; the mark only repeats them."""
    [line] = blocks(STATES[S.RUNNING], "context", with_plan=False)

    assert blocks(STATES[S.RUNNING], "plan", with_plan=False) == []
    assert line["elements"][0]["text"] == (
        "✓ Approved   ● Backing up: about 45%, 4 min left (usually 6–9 min)   ◯ Completed"  # noqa: RUF001, a range
    )


@pytest.mark.parametrize(
    ("retention", "on_card", "in_list"),
    [
        (None, "kept for 14 days, then deleted", "15 d more"),
        (Retention.WARNED, "kept for 14 days, then deleted", "15 d more"),
        (Retention.KEPT, "kept by <@U0BEN>", "until deleted"),
        (Retention.STAYS, "kept until someone deletes it", "until deleted"),
        (Retention.DELETED, "deleted after 14 days", "deleted"),
    ],
)
def test_what_becomes_of_a_backup_is_told_as_it_is(
    retention: Retention | None, on_card: str, in_list: str
) -> None:
    """On the card and in the list, also once somebody kept it or RDS did not delete it."""
    warned = NOW + timedelta(days=14)
    request = expiring(retention=retention, kept_by=None, warned_at=warned)
    if retention is Retention.KEPT:
        request = request.model_copy(update={"kept_by": "U0BEN"})
    listed = answers.made_table(MadeView([request], 0, has_more=False, at=NOW), "/backup")

    assert f" · {on_card} · " in seen(request_card(request, now=NOW))
    assert listed.as_slack()["blocks"][1]["rows"][1][-1]["text"] == in_list
