"""Buttons of an incident's message: what a click changes is on disk before its ack."""

from typing import Any

import pytest
from slack_sdk.errors import SlackClientError

from bot.application.ports import Change
from bot.domain.errors import ForeignWorkspace, FormNotOpened, StoreUnavailable
from bot.domain.incidents import Ending, Incident, IncidentKind
from bot.slack.messages.ids import (
    ACKNOWLEDGE_INCIDENT,
    BACK_UP_NOW,
    CREATE_VIEW,
    EXPECT_INCIDENT,
    SNOOZE,
    SNOOZE_INCIDENT,
    SNOOZE_VIEW,
)
from handlers import check_sender, incidents
from handlers.origin import Outdated
from tests.domain.observed import HOUR
from tests.fakes import ANA, BEN, OPS, ORDERS, FakeSlack, UseCases
from tests.handlers.payloads import click, form, initial

K = IncidentKind
REFUSED = SlackClientError("used_url")


async def opened(cases: UseCases, kind: IncidentKind = K.STALE, **changes: Any) -> Incident:
    """An incident of orders-prod is on disk."""
    at = cases.clock.now() - HOUR
    incident = Incident(
        id="i1",
        channel_id=OPS,
        instance_id=ORDERS.id,
        instance_name=ORDERS.name,
        kind=kind,
        topic=kind.value,
        opened_at=at,
        noticed_at=at,
    ).model_copy(update=changes)
    await cases.incidents.save([Change(None, incident)])
    return incident


async def now(cases: UseCases, incident_id: str = "i1") -> Incident:
    """The incident as it is on disk."""
    incident = await cases.incidents.load(incident_id)
    assert incident
    return incident


async def clicks(
    cases: UseCases,
    action: str,
    value: str = "i1",
    user: str = BEN,
    slack: FakeSlack | None = None,
) -> FakeSlack:
    """Someone clicks a button of the message; what Slack gets."""
    slack = slack or cases.slack()
    api: Any = slack
    body, services = click(value, user), cases.services
    match action:
        case "acknowledge_incident":
            await incidents.acknowledge(services, api.ack, body, api.respond)
        case "expect_incident":
            await incidents.expect(services, api.ack, body, api.respond)
        case "snooze_incident":
            await incidents.ask_how_long(services, api.ack, body, api.respond, api)
        case _:
            await incidents.back_up_now(services, api.ack, body, api)
    return slack


async def sends(
    cases: UseCases, hours: str, incident_id: str = "i1", slack: FakeSlack | None = None
) -> FakeSlack:
    """Someone sends the form that snoozes."""
    slack = slack or cases.slack()
    api: Any = slack
    body = form({}, metadata=incident_id, user=BEN)
    chosen = {SNOOZE: {"selected_option": {"value": hours}}}
    view = {**body["view"], "state": {"values": {SNOOZE: chosen}}}
    await incidents.snooze(cases.services, api.ack, body, view)
    return slack


def answered(slack: FakeSlack) -> str:
    """The answer that only this person sees."""
    (answer,) = slack.responses
    assert (answer["response_type"], answer["replace_original"]) == ("ephemeral", False)
    return str(answer["text"])


def shown(slack: FakeSlack) -> str:
    """What stands in the form's place."""
    (ack,) = slack.acks
    assert ack["response_action"] == "update"
    return str(ack["view"]["blocks"][0]["text"]["text"])


async def test_an_acknowledgment_is_on_disk_before_its_ack(cases: UseCases) -> None:
    """Then the clicker hears of it."""
    await opened(cases)
    slack = await clicks(cases, ACKNOWLEDGE_INCIDENT)

    assert cases.happened == ["acked", "responded"]
    assert (await now(cases)).acknowledged_by == BEN
    assert answered(slack).startswith("Acknowledged")


async def test_who_had_it_is_named(cases: UseCases) -> None:
    """To the person who takes over."""
    await opened(cases)
    await clicks(cases, ACKNOWLEDGE_INCIDENT, user=ANA)
    slack = await clicks(cases, ACKNOWLEDGE_INCIDENT, user=BEN)

    assert "<@U0ANA>" in answered(slack)
    assert (await now(cases)).acknowledged_by == BEN


@pytest.mark.parametrize(
    ("kind", "normal"), [(K.UNUSUAL_SIZE, True), (K.KEPT_SHORTER, True), (K.STALE, False)]
)
async def test_what_is_unusual_can_be_expected(
    cases: UseCases, kind: IncidentKind, *, normal: bool
) -> None:
    """Whatever a button claims, nothing else can."""
    await opened(cases, kind)
    slack = await clicks(cases, EXPECT_INCIDENT)

    assert (await now(cases)).ending is (Ending.EXPECTED if normal else None)
    assert answered(slack).startswith("Marked as expected") is normal


async def test_the_form_asks_for_how_long(cases: UseCases) -> None:
    """And carries the incident; nothing is snoozed before it was sent."""
    before = await opened(cases)
    slack = await clicks(cases, SNOOZE_INCIDENT)

    (view,) = slack.opened
    assert slack.happened == ["acked", "opened"]
    assert (view["callback_id"], view["private_metadata"]) == (SNOOZE_VIEW, "i1")
    assert initial(view, SNOOZE) == "4"
    assert await now(cases) == before


@pytest.mark.parametrize("hours", ["1", "4", "24", "72", "168"])
async def test_a_snooze_is_on_disk_before_the_form_says_so(cases: UseCases, hours: str) -> None:
    """With its end."""
    await opened(cases)
    slack = await sends(cases, hours)

    asleep = await now(cases)
    assert asleep.snoozed_until == cases.clock.now() + int(hours) * HOUR
    assert asleep.snoozed_by == BEN
    assert "Snoozed until" in shown(slack)


@pytest.mark.parametrize("hours", ["", "0", "-1", "2", "9999", "x"])
async def test_a_snooze_that_no_option_offers_is_outdated(cases: UseCases, hours: str) -> None:
    """Whatever the form claims."""
    before = await opened(cases)
    with pytest.raises(Outdated):
        await sends(cases, hours)

    assert await now(cases) == before


@pytest.mark.parametrize("action", [ACKNOWLEDGE_INCIDENT, SNOOZE_INCIDENT, EXPECT_INCIDENT])
async def test_what_is_over_stays_over(cases: UseCases, action: str) -> None:
    """The button was on a screen that Slack had not drawn again yet."""
    over = (await opened(cases, K.UNUSUAL_SIZE)).ended(cases.clock.now(), Ending.RECOVERED)
    await cases.incidents.save([Change(over, over)])
    slack = await clicks(cases, action)

    assert slack.opened == []
    assert "already recovered" in answered(slack)
    assert (await now(cases)).ending is Ending.RECOVERED


async def test_a_snooze_of_what_is_over_says_so(cases: UseCases) -> None:
    """It ended while the form was open."""
    over = (await opened(cases)).ended(cases.clock.now(), Ending.RECOVERED)
    await cases.incidents.save([Change(over, over)])

    assert "already recovered" in shown(await sends(cases, "1"))
    assert (await now(cases)).snoozed_until is None


@pytest.mark.parametrize("action", [ACKNOWLEDGE_INCIDENT, SNOOZE_INCIDENT, EXPECT_INCIDENT])
@pytest.mark.parametrize("claimed", ["", "nothing", "x" * 5000, "\x00"])
async def test_a_button_of_no_incident_is_answered(
    cases: UseCases, action: str, claimed: str
) -> None:
    """Whatever it claims."""
    slack = await clicks(cases, action, claimed)

    assert slack.happened == ["acked", "responded"]
    assert "can't find" in answered(slack)


async def test_a_snooze_of_no_incident_is_answered(cases: UseCases) -> None:
    """In the form's place."""
    assert "can't find" in shown(await sends(cases, "1", "nothing"))


async def test_back_up_now_opens_the_form_for_the_instance(cases: UseCases) -> None:
    """With a proposed name; the policy applies as to every request."""
    await opened(cases)
    slack = await clicks(cases, BACK_UP_NOW)

    (view,) = slack.opened
    assert slack.happened == ["opened", "acked"]
    assert view["callback_id"] == CREATE_VIEW
    assert initial(view, "instance") == ORDERS.id


@pytest.mark.parametrize("instance_id", ["", "9" * 36])
async def test_back_up_now_without_an_instance_opens_the_form(
    cases: UseCases, instance_id: str
) -> None:
    """One that is gone, or none at all: people choose another, or close it."""
    await opened(cases, K.DELETED, instance_id=instance_id)
    slack = await clicks(cases, BACK_UP_NOW)

    (view,) = slack.opened
    assert view["callback_id"] == CREATE_VIEW
    assert initial(view, "instance") is None


@pytest.mark.parametrize("action", [SNOOZE_INCIDENT, BACK_UP_NOW])
async def test_a_form_that_slack_does_not_open_is_an_error(cases: UseCases, action: str) -> None:
    """The error handler says so."""
    await opened(cases)
    slack = cases.slack()
    slack.trouble = REFUSED
    with pytest.raises(FormNotOpened):
        await clicks(cases, action, slack=slack)


@pytest.mark.parametrize(
    "action", [ACKNOWLEDGE_INCIDENT, SNOOZE_INCIDENT, EXPECT_INCIDENT, BACK_UP_NOW]
)
async def test_without_a_database_no_click_is_acked(cases: UseCases, action: str) -> None:
    """Slack shows that it failed, and the error handler says why."""
    await opened(cases)
    cases.lose_database()
    slack = cases.slack()
    with pytest.raises(StoreUnavailable):
        await clicks(cases, action, slack=slack)

    assert slack.happened == []


async def test_an_acknowledgment_counts_even_if_its_answer_is_lost(cases: UseCases) -> None:
    """Slack takes no answer; the acknowledgment stands."""
    await opened(cases)
    slack = cases.slack()
    slack.trouble = REFUSED
    await clicks(cases, ACKNOWLEDGE_INCIDENT, slack=slack)

    assert (await now(cases)).acknowledged_by == BEN


@pytest.mark.parametrize(
    "action", [ACKNOWLEDGE_INCIDENT, SNOOZE_INCIDENT, EXPECT_INCIDENT, BACK_UP_NOW]
)
async def test_people_of_another_workspace_change_nothing(cases: UseCases, action: str) -> None:
    """No listener hears of them."""
    heard: list[str] = []

    async def listener() -> None:
        heard.append(action)

    body = click("i1", team="T0OTHER")
    body["actions"][0]["action_id"] = action
    with pytest.raises(ForeignWorkspace):
        await check_sender(cases.services, body, listener)

    assert heard == []
