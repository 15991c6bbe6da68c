"""Buttons, and the choice of an instance: what a click changes is on disk before its ack."""

from datetime import UTC, datetime
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.audit import AuditAction
from bot.domain.errors import FormNotOpened, RdsUnreachable, StoreUnavailable
from bot.domain.outbox import card
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import RequestState, Retention
from bot.slack.messages.ids import (
    ASK_AGAIN_VIEW,
    BREAK_GLASS_VIEW,
    CHANNEL,
    CREATE_VIEW,
    DESCRIPTION,
    INSTANCE,
    NAME,
    REJECT_VIEW,
    BackupsPage,
    Carried,
    InstancesPage,
    MadePage,
    Purpose,
    TypedCommand,
)
from bot.storage.outbox import Outbox
from handlers import actions
from handlers.origin import Outdated
from tests.fakes import ANA, BEN, BILLING, OPS, ORDERS, TEAM, FakeSlack, UseCases
from tests.handlers.payloads import click, fields, form, initial

S = RequestState
HERE = Purpose(channel=OPS, thread_ts="1.1").build()
NAME_0 = "name-0"
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


async def test_a_click_counts_even_if_its_answer_is_lost(cases: UseCases) -> None:
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


@pytest.mark.parametrize(("ts", "is_copy"), [("1.1", False), ("2.2", True), ("", False)])
async def test_a_second_card_becomes_a_link(cases: UseCases, ts: str, *, is_copy: bool) -> None:
    """Its click counts as on the first; only the card that is kept up to date has buttons."""
    request = await cases.waits()
    async with cases.store.transaction() as transaction:
        await transaction.owe(card(request))
    outbox = Outbox(cases.store)
    (posted,) = await outbox.due(datetime.now(UTC))
    await outbox.sent(posted, "C0OPS", "1.1")
    slack = await decides(cases, Choice.APPROVE, click(request.id, ts=ts))
    replaced = [answer for answer in slack.responses if answer.get("replace_original")]

    assert (await now(cases, request)).state is S.APPROVED
    assert bool(replaced) is is_copy
    assert all("https://slack/C0OPS/1.1" in answer["text"] for answer in replaced)


async def asks_again(cases: UseCases, body: dict[str, Any]) -> FakeSlack:
    """Somebody clicks Ask again."""
    slack: Any = cases.slack()
    await actions.ask_again(cases.clicks, slack.ack, body, slack.respond, slack)
    answered: FakeSlack = slack
    return answered


async def test_request_again_opens_the_form_with_the_earlier_request(cases: UseCases) -> None:
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


async def test_another_workspaces_backup_cannot_be_kept(cases: UseCases) -> None:
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
    typed = TypedCommand(instance="orders", name="before-42", description="why", keep="14d")
    slack = await fixes(cases, typed.build())

    (view,) = slack.opened
    assert slack.happened == ["opened", "acked"]
    assert view["callback_id"] == CREATE_VIEW
    assert initial(view, "instance") == "1" * 32 + "in01"
    assert (initial(view, "description"), initial(view, "keep")) == ("why", "14d")


@pytest.mark.parametrize("value", ["", "{}", "{}{", '{"unheard": "of"}', "[]", "7"])
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
    typed = TypedCommand(instance="", name="", description="", keep="")
    with pytest.raises(FormNotOpened):
        await fixes(cases, typed.build(), slack)

    assert slack.acks == []


FROM_HOME = {"user": {"id": ANA, "team_id": TEAM}, "trigger_id": "trigger-1"}


async def test_the_home_tabs_form_asks_for_the_channel(cases: UseCases) -> None:
    """It was opened in none; the ack comes after it."""
    slack: Any = cases.slack()
    await actions.start(cases.services, slack.ack, FROM_HOME, slack)

    (view,) = slack.opened
    assert slack.happened == ["opened", "acked"]
    assert CHANNEL in fields(view)


async def test_a_form_that_slack_does_not_open_from_home_is_an_error(cases: UseCases) -> None:
    """The error handler acks and answers."""
    slack: Any = cases.slack()
    slack.trouble = REFUSED
    with pytest.raises(FormNotOpened):
        await actions.start(cases.services, slack.ack, FROM_HOME, slack)

    assert slack.acks == []


async def chooses(
    cases: UseCases,
    values: dict[str, str],
    *,
    metadata: str = HERE,
    slack: FakeSlack | None = None,
    choices: actions.Choices | None = None,
    at: str = "5.0",
) -> FakeSlack:
    """Somebody chooses an instance."""
    slack = slack or cases.slack()
    api: Any = slack
    body = form(values, metadata=metadata) | {"actions": [{"action_ts": at}]}
    await actions.choose(cases.services, choices or actions.Choices(), api.ack, body, api)
    return slack


async def test_a_choice_is_acked_and_then_drawn(cases: UseCases) -> None:
    """With the instance's policy and a proposed name; what was typed stays."""
    slack = await chooses(cases, {INSTANCE: ORDERS.id, NAME_0: "", DESCRIPTION: "an upgrade"})

    assert slack.happened == ["acked", "updated"]
    ((view, seen),) = [(update["view"], update["hash"]) for update in slack.updated]
    purpose = Purpose.parse(view["private_metadata"])
    assert seen == "h1"
    assert initial(view, purpose.name_block) == "orders-prod-20261123-1400-an-upgrade"
    assert initial(view, DESCRIPTION) == "an upgrade"


async def test_a_name_that_was_typed_stays(cases: UseCases) -> None:
    """Only the bot's own proposal is replaced."""
    proposed = Purpose(channel=OPS, proposed="mine-not").build()
    kept = await chooses(cases, {INSTANCE: ORDERS.id, NAME_0: "mine-42"}, metadata=proposed)
    replaced = await chooses(cases, {INSTANCE: ORDERS.id, NAME_0: "mine-not"}, metadata=proposed)

    assert initial(kept.updated[0]["view"], NAME_0) == "mine-42"
    assert NAME_0 not in fields(replaced.updated[0]["view"])


async def test_an_instance_that_is_gone_changes_nothing(cases: UseCases) -> None:
    """It is told when the form is sent."""
    slack = await chooses(cases, {INSTANCE: "gone"})

    assert slack.happened == ["acked"]


async def test_an_earlier_choice_is_not_drawn_over_a_later_one(cases: UseCases) -> None:
    """Slack may deliver them in any order."""
    choices = actions.Choices()
    await chooses(cases, {INSTANCE: ORDERS.id}, choices=choices, at="6.0")
    slack = await chooses(cases, {INSTANCE: BILLING.id}, choices=choices, at="5.0")

    assert slack.happened[-1] == "acked"
    assert slack.updated == []


@pytest.mark.parametrize(("code", "tries"), [("hash_conflict", 2), ("not_found", 1)])
async def test_a_form_that_changed_meanwhile_is_drawn_again(
    cases: UseCases, code: str, tries: int
) -> None:
    """One that was closed is not."""
    slack = cases.slack()
    slack.trouble = _refused(code)
    await chooses(cases, {INSTANCE: ORDERS.id}, slack=slack)

    assert slack.happened == ["acked", *["updated"] * tries]


def _refused(code: str) -> SlackApiError:
    response = AsyncSlackResponse(
        client=None,
        http_verb="POST",
        api_url="",
        req_args={},
        data={"ok": False, "error": code},
        headers={},
        status_code=200,
    )
    return SlackApiError("", response)


def test_choices_are_forgotten_at_last() -> None:
    """The newest forms are remembered."""
    choices = actions.Choices()
    for number in range(actions.MOST_FORMS + 1):
        choices.came(f"V{number}", 5.0)

    assert choices.is_last("V0", 1.0)
    assert not choices.is_last("V1", 1.0)


@pytest.mark.parametrize("metadata", ["", "[]", "{}{", '{"unheard": "of"}', '{"channel": 7}'])
async def test_a_choice_in_a_form_of_another_release_is_outdated(
    cases: UseCases, metadata: str
) -> None:
    """It is acked, and the error handler answers; the form stays as it is."""
    slack = cases.slack()
    with pytest.raises(Outdated):
        await chooses(cases, {INSTANCE: ORDERS.id}, metadata=metadata, slack=slack)

    assert slack.happened == ["acked"]


async def turns(cases: UseCases, page: Carried | str, kind: str = "") -> FakeSlack:
    """Somebody clicks one of the two buttons under a page."""
    slack: Any = cases.slack()
    value = page if isinstance(page, str) else page.build()
    action = {"value": value}
    match kind or type(page).__name__:
        case "BackupsPage":
            await actions.turn_backups(cases.services, slack.ack, slack.respond, action, click())
        case "MadePage":
            await actions.turn_made(cases.services, slack.ack, slack.respond, action, click())
        case _:
            await actions.turn_instances(
                cases.services, slack.ack, slack.respond, action, click(value)
            )
    turned: FakeSlack = slack
    return turned


MANUAL = BackupsPage(number=0, instance=ORDERS.id, every=False)
EVERY = BackupsPage(number=0, instance=ORDERS.id, every=True)
FOUND = InstancesPage(number=0, like="orders")


@pytest.mark.parametrize(
    "page",
    [
        MANUAL,
        EVERY.model_copy(update={"number": 1}),
        MadePage(number=0),
        MadePage(number=1),
        InstancesPage(number=0, like=None),
        FOUND,
        # A page that does not exist is the nearest.
        MANUAL.model_copy(update={"number": -1}),
        MadePage(number=-1),
        InstancesPage(number=10**50, like=None),
    ],
    ids=str,
)
async def test_the_page_is_replaced_after_the_ack(cases: UseCases, page: Carried) -> None:
    """In its own place, for the person alone."""
    slack = await turns(cases, page)

    assert slack.acks == [{}]
    assert slack.happened == ["acked", "responded"]
    (shown,) = slack.responses
    assert (shown["response_type"], shown["replace_original"]) == ("ephemeral", True)


@pytest.mark.parametrize("kind", ["BackupsPage", "MadePage", "InstancesPage"])
@pytest.mark.parametrize("value", ["", "x", "0", "0 orders", "[]", "{}", '{"number": "0"}'])
async def test_a_page_of_another_release_is_outdated(
    cases: UseCases, kind: str, value: str
) -> None:
    """The error handler says so; nothing is shown on a guess."""
    with pytest.raises(Outdated):
        await turns(cases, value, kind)

    assert cases.happened == []


async def test_the_search_goes_on(cases: UseCases) -> None:
    """The second page is of the same instances."""
    slack = await turns(cases, FOUND)

    shown = str(slack.responses[0]["blocks"])
    assert "orders-prod" in shown
    assert "billing-prod" not in shown


async def test_all_backups_stay_all_backups(cases: UseCases) -> None:
    """And the manual ones the manual ones."""
    cases.backup("nightly", type="auto")
    every = await turns(cases, EVERY)
    manual = await turns(cases, MANUAL)

    assert "nightly" in str(every.responses)
    assert "nightly" not in str(manual.responses)


async def test_an_error_of_a_page_comes_after_the_ack(cases: UseCases) -> None:
    """The error handler answers; the page stays."""
    cases.rds.trouble = RdsUnreachable("DBS.1")
    with pytest.raises(RdsUnreachable):
        await turns(cases, EVERY)

    assert cases.happened == ["acked"]


async def test_a_link_is_only_acked(cases: UseCases) -> None:
    """Slack has opened it."""
    slack: Any = cases.slack()
    await actions.just_ack(slack.ack)

    assert (slack.acks, slack.happened) == ([{}], ["acked"])
