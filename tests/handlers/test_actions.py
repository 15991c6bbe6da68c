"""Buttons: the click is on disk before its ack, and who clicked is answered alone."""

import json
from typing import Any

import pytest
from slack_sdk.errors import SlackClientError

from bot.domain.audit import AuditAction
from bot.domain.errors import FormNotOpened, StoreUnavailable
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import RequestState, Retention
from bot.domain.thread_lines import CARD
from bot.slack.messages.form import CREATE_VIEW
from bot.slack.messages.views import (
    ASK_AGAIN_VIEW,
    BREAK_GLASS_VIEW,
    DESCRIPTION,
    NAME,
    REJECT_VIEW,
)
from handlers import actions
from handlers.origin import Outdated
from tests.fakes import ANA, BEN, FakeSlack, UseCases
from tests.handlers.payloads import click, initial

S = RequestState
REFUSED = SlackClientError("used_url")


async def decides(
    cases: UseCases, choice: Choice, body: dict[str, Any], slack: FakeSlack | None = None
) -> FakeSlack:
    """Somebody clicks a button of a card; what Slack gets."""
    slack = slack or cases.slack()
    api: Any = slack
    await actions.decide(cases.clicks, choice, api.ack, body, api.respond, api)
    return slack


async def now(cases: UseCases, request: BackupRequest) -> BackupRequest:
    """The request as it is on disk."""
    stored = await cases.store.load(request.id)
    assert stored is not None
    return stored


async def test_an_approval_is_on_disk_before_its_ack(cases: UseCases) -> None:
    """Then the clicker hears what it came to."""
    request = await cases.waits()
    slack = await decides(cases, Choice.APPROVE, click(request.id))

    assert cases.happened == ["woken", "acked", "responded"]
    assert (await now(cases, request)).state is S.APPROVED
    (answer,) = slack.responses
    assert (answer["response_type"], answer["replace_original"]) == ("ephemeral", False)


async def test_without_a_database_no_click_is_acked(cases: UseCases) -> None:
    """Slack shows that it failed, and the error handler says why."""
    request = await cases.waits()
    cases.lose_database()
    slack = cases.slack()
    with pytest.raises(StoreUnavailable):
        await decides(cases, Choice.APPROVE, click(request.id), slack)

    assert slack.happened == []


@pytest.mark.parametrize(
    ("choice", "user", "callback_id"),
    [
        (Choice.REJECT, BEN, REJECT_VIEW),
        (Choice.BREAK_GLASS, ANA, BREAK_GLASS_VIEW),
    ],
)
async def test_where_a_reason_is_wanted_a_form_opens(
    cases: UseCases, choice: Choice, user: str, callback_id: str
) -> None:
    """Nothing is decided before it was sent; the form carries which request it is about."""
    terms = cases.policy.defaults.model_copy(update={"break_glass": (ANA,)})
    cases.under(terms)
    request = await cases.waits()
    slack = await decides(cases, choice, click(request.id, user))

    assert cases.happened == ["woken", "acked", "opened"]
    (view,) = slack.opened
    assert (view["callback_id"], view["private_metadata"]) == (callback_id, request.id)
    assert slack.responses == []
    assert await now(cases, request) == request


async def test_who_may_not_decide_gets_no_form(cases: UseCases) -> None:
    """They hear it at once."""
    request = await cases.waits()
    slack = await decides(cases, Choice.REJECT, click(request.id, ANA))

    assert slack.opened == []
    assert len(slack.responses) == 1


async def test_a_form_that_slack_does_not_open_is_told(cases: UseCases) -> None:
    """The ack is out already, so the answer goes where the click was."""
    request = await cases.waits()
    slack = cases.slack()
    slack.trouble = REFUSED
    await decides(cases, Choice.REJECT, click(request.id), slack)

    assert slack.happened == ["woken", "acked", "opened", "responded"]


async def test_a_click_counts_even_if_nobody_hears_of_it(cases: UseCases) -> None:
    """Slack takes no answer; the decision stands."""
    request = await cases.waits()
    slack = cases.slack()
    slack.trouble = REFUSED
    await decides(cases, Choice.APPROVE, click(request.id), slack)

    assert (await now(cases, request)).state is S.APPROVED
    assert len(slack.acks) == 1


@pytest.mark.parametrize("claimed", ["", "nothing", "x" * 5000, "\x00"])
async def test_a_button_of_no_request_is_answered(cases: UseCases, claimed: str) -> None:
    """Whatever it claims."""
    slack = await decides(cases, Choice.APPROVE, click(claimed))

    assert slack.happened == ["acked", "responded"]
    assert await cases.trail() == [AuditAction.CLICK_REFUSED]


async def test_people_of_another_workspace_decide_nothing(cases: UseCases) -> None:
    """They hear it, and it is on the trail."""
    request = await cases.waits()
    slack = await decides(cases, Choice.APPROVE, click(request.id, team="T0OTHER"))

    assert await now(cases, request) == request
    assert await cases.trail() == [AuditAction.CLICK_REFUSED]
    assert (len(slack.acks), len(slack.responses)) == (1, 1)


@pytest.mark.parametrize(("ts", "is_taken_away"), [("1.1", False), ("2.2", True), ("", False)])
async def test_a_second_card_is_taken_away(
    cases: UseCases, ts: str, *, is_taken_away: bool
) -> None:
    """Its click counts as on the first; only the card that is kept up to date stays."""
    request = await cases.waits()
    await cases.store.save_post(request.id, CARD, "C0OPS", "1.1")
    slack = await decides(cases, Choice.APPROVE, click(request.id, ts=ts))

    assert (await now(cases, request)).state is S.APPROVED
    assert ({"delete_original": True} in slack.responses) is is_taken_away


async def asks_again(cases: UseCases, body: dict[str, Any]) -> FakeSlack:
    """Somebody clicks Ask again."""
    slack: Any = cases.slack()
    await actions.ask_again(cases.clicks, slack.ack, body, slack.respond, slack)
    answered: FakeSlack = slack
    return answered


async def test_asking_again_opens_the_form_with_what_was_asked(cases: UseCases) -> None:
    """Under a free name if RDS kept the old one."""
    request = await cases.made(1, state=S.FAILED, description="before the upgrade")
    slack = await asks_again(cases, click(request.id))

    (view,) = slack.opened
    assert slack.happened == ["acked", "opened"]
    assert (view["callback_id"], view["private_metadata"]) == (ASK_AGAIN_VIEW, request.id)
    assert (initial(view, NAME), initial(view, DESCRIPTION)) == (
        "before-1-2",
        "before the upgrade",
    )


@pytest.mark.parametrize("team", ["T0DEMO", "T0OTHER"])
async def test_asking_again_for_what_this_team_has_not(cases: UseCases, team: str) -> None:
    """A made-up id, and another workspace's request, are answered alike."""
    request = await cases.made(1)
    claimed = request.id if team == "T0OTHER" else "nothing"
    slack = await asks_again(cases, click(claimed, team=team))

    assert slack.happened == ["acked", "responded"]


async def keeps(cases: UseCases, request_id: str, team: str = "T0DEMO") -> FakeSlack:
    """Somebody clicks Keep."""
    slack: Any = cases.slack()
    await actions.keep(cases.clicks, slack.ack, click(request_id, team=team), slack.respond)
    answered: FakeSlack = slack
    return answered


async def test_a_backup_is_kept_before_the_ack(cases: UseCases) -> None:
    """The store knows who kept it, and so does the trail; twice is once."""
    request = await cases.made(1, retention=Retention.WARNED)
    await keeps(cases, request.id)
    await keeps(cases, request.id)

    kept = await now(cases, request)
    assert cases.happened[:3] == ["woken", "acked", "responded"]
    assert (kept.retention, kept.kept_by) == (Retention.KEPT, BEN)
    assert await cases.trail() == [AuditAction.KEPT]


@pytest.mark.parametrize("retention", [None, Retention.DELETED, Retention.DELETING])
async def test_too_late_to_keep_changes_nothing(
    cases: UseCases, retention: Retention | None
) -> None:
    """Nor does it before anything was announced."""
    request = await cases.made(1, retention=retention)
    slack = await keeps(cases, request.id)

    assert await now(cases, request) == request
    assert slack.happened == ["acked", "responded"]


async def test_nobody_keeps_what_is_another_workspaces(cases: UseCases) -> None:
    """It is answered as a made-up id is."""
    request = await cases.made(1, retention=Retention.WARNED)
    slack = await keeps(cases, request.id, team="T0OTHER")

    assert await now(cases, request) == request
    assert slack.responses == (await keeps(cases, "nothing")).responses


async def fixes(cases: UseCases, value: str, slack: FakeSlack | None = None) -> FakeSlack:
    """Somebody clicks Fix in a form."""
    slack = slack or cases.slack()
    api: Any = slack
    await actions.fix(cases.services, api.ack, click(value), api)
    return slack


async def test_a_typo_is_fixed_in_a_form(cases: UseCases) -> None:
    """With what was typed; the ack comes after it."""
    typed = {"instance": "orders", "name": "before-42", "description": "why", "keep": "14d"}
    slack = await fixes(cases, json.dumps(typed))

    (view,) = slack.opened
    assert slack.happened == ["opened", "acked"]
    assert view["callback_id"] == CREATE_VIEW
    assert initial(view, "instance") == "1" * 32 + "in01"
    assert (initial(view, "description"), initial(view, "keep")) == ("why", "14d")


NO_OBJECT = pytest.mark.xfail(reason="What is no JSON object is an unexpected error instead.")


@pytest.mark.parametrize(
    "value",
    ["", "{}{", '{"unheard": "of"}', *(pytest.param(v, marks=NO_OBJECT) for v in ("[]", "7"))],
)
async def test_a_button_of_another_release_is_outdated(cases: UseCases, value: str) -> None:
    """Whatever it carries; the error handler says so."""
    slack = cases.slack()
    with pytest.raises(Outdated):
        await fixes(cases, value, slack)

    assert slack.happened == []


async def test_a_fix_that_slack_does_not_open_is_an_error(cases: UseCases) -> None:
    """The error handler acks and answers."""
    slack = cases.slack()
    slack.trouble = REFUSED
    with pytest.raises(FormNotOpened):
        await fixes(cases, "{}", slack)

    assert slack.acks == []


async def test_a_link_is_only_acked(cases: UseCases) -> None:
    """Slack has opened it."""
    slack: Any = cases.slack()
    await actions.just_ack(slack.ack)

    assert (slack.acks, slack.happened) == ([{}], ["acked"])
