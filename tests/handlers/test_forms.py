"""The form for a backup: opened, searched, chosen in, and sent."""

import json
from dataclasses import replace
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.application.command_limit import LIMIT
from bot.domain.commands import Typed
from bot.domain.errors import FormNotOpened, RdsUnreachable, StoreUnavailable
from bot.slack.messages.form_values import CHANNEL, INSTANCE, KEEP, TYPED_INSTANCE, Purpose
from bot.slack.messages.views import DESCRIPTION
from handlers import forms
from handlers.origin import Outdated
from tests.fakes import ANA, BILLING, OPS, ORDERS, TEAM, TYPED, FakeSlack, UseCases
from tests.handlers.payloads import fields, form, initial

HERE = json.dumps({"channel": OPS, "thread_ts": "1.1", "proposed": "", "turn": 0})
NAME_0 = "name-0"


async def opens(
    cases: UseCases, typed: Typed | None = None, channel: str = OPS
) -> tuple[dict[str, Any], Purpose]:
    """The form as it opens, and what it carries."""
    slack: Any = cases.slack()
    origin = replace(TYPED, channel_id=channel, thread_ts="1.1")
    await forms.open_form(cases.services, slack, "trigger-1", origin, typed)
    (view,) = slack.opened
    return view, Purpose.read(view["private_metadata"])


async def test_it_opens_empty(cases: UseCases) -> None:
    """It carries where it was opened, and does not ask for it."""
    view, purpose = await opens(cases)

    assert list(fields(view)) == [INSTANCE, NAME_0, DESCRIPTION, KEEP]
    assert initial(view, INSTANCE) is None
    assert (purpose.channel, purpose.thread_ts) == (OPS, "1.1")


@pytest.mark.parametrize("channel", ["", "D0ANA"])
async def test_where_nobody_could_approve_it_asks_for_a_channel(
    cases: UseCases, channel: str
) -> None:
    """As on the home tab and in a direct message."""
    view, purpose = await opens(cases, channel=channel)

    assert CHANNEL in fields(view)
    assert purpose.channel == ""


async def test_it_opens_with_what_was_typed(cases: UseCases) -> None:
    """The instance is chosen, and its policy shown."""
    view, _ = await opens(cases, Typed("orders", "before-42", "why", "14d"))

    shown = [initial(view, block) for block in fields(view)]
    assert shown == [ORDERS.id, "before-42", "why", "14d"]
    assert any(block["type"] == "context" for block in view["blocks"])


async def test_it_proposes_a_name(cases: UseCases) -> None:
    """And carries it, so that it is told apart from one that was typed."""
    view, purpose = await opens(cases, Typed("orders"))

    assert purpose.proposed == "orders-prod-20261123-1400"
    assert initial(view, purpose.name_block) == purpose.proposed


@pytest.mark.parametrize("typed", [Typed("nowhere"), Typed("orders-replica"), Typed(keep="3x")])
async def test_what_is_wrong_stands_on_top(cases: UseCases, typed: Typed) -> None:
    """The fields are as if it had not been typed."""
    view, _ = await opens(cases, typed)

    assert view["blocks"][0]["type"] == "section"
    assert initial(view, INSTANCE) is None


async def test_without_the_instances_one_is_typed(cases: UseCases) -> None:
    """The form holds what was typed already."""
    cases.catalogue.trouble = RdsUnreachable("slow")
    view, _ = await opens(cases, Typed("orders-prod"))

    assert initial(view, TYPED_INSTANCE) == "orders-prod"


async def test_a_form_that_slack_does_not_open_is_an_error(cases: UseCases) -> None:
    """Its trigger is valid for three seconds."""
    slack: Any = cases.slack()
    slack.trouble = SlackClientError("expired_trigger_id")
    with pytest.raises(FormNotOpened):
        await forms.open_form(cases.services, slack, "trigger-1", TYPED)


async def suggests(cases: UseCases, text: str | None) -> FakeSlack:
    """Somebody types into the instance field."""
    slack: Any = cases.slack()
    body = {"user": {"id": ANA}, "value": text}
    await forms.suggest(cases.services, slack.ack, body)
    answered: FakeSlack = slack
    return answered


@pytest.mark.parametrize(
    ("text", "ids"), [("bill", [BILLING.id]), ("nowhere", []), (None, [BILLING.id, ORDERS.id])]
)
async def test_instances_are_suggested_in_the_ack(
    cases: UseCases, text: str | None, ids: list[str]
) -> None:
    """By their ids."""
    slack = await suggests(cases, text)

    (answer,) = slack.acks
    assert [option["value"] for option in answer["options"]] == ids


async def test_those_requested_lately_are_a_group(cases: UseCases) -> None:
    """On top of the others."""
    await cases.made(1)
    (answer,) = (await suggests(cases, "")).acks

    groups = [[option["value"] for option in g["options"]] for g in answer["option_groups"]]
    assert groups == [[ORDERS.id], [BILLING.id]]


async def chooses(
    cases: UseCases,
    values: dict[str, str],
    *,
    metadata: str = HERE,
    slack: FakeSlack | None = None,
    choices: forms.Choices | None = None,
    at: str = "5.0",
) -> FakeSlack:
    """Somebody chooses an instance."""
    slack = slack or cases.slack()
    api: Any = slack
    body = form(values, metadata=metadata) | {"actions": [{"action_ts": at}]}
    await forms.choose(cases.services, choices or forms.Choices(), api.ack, body, api)
    return slack


async def test_a_choice_is_acked_and_then_drawn(cases: UseCases) -> None:
    """With the instance's policy and a proposed name; what was typed stays."""
    slack = await chooses(cases, {INSTANCE: ORDERS.id, NAME_0: "", DESCRIPTION: "an upgrade"})

    assert slack.happened == ["acked", "updated"]
    ((view, seen),) = [(update["view"], update["hash"]) for update in slack.updated]
    purpose = Purpose.read(view["private_metadata"])
    assert seen == "h1"
    assert initial(view, purpose.name_block) == "orders-prod-20261123-1400-an-upgrade"
    assert initial(view, DESCRIPTION) == "an upgrade"


async def test_a_name_that_was_typed_stays(cases: UseCases) -> None:
    """Only the bot's own proposal is replaced."""
    proposed = json.dumps(json.loads(HERE) | {"proposed": "mine-not"})
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
    choices = forms.Choices()
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
    choices = forms.Choices()
    for number in range(forms.MOST_FORMS + 1):
        choices.came(f"V{number}", 5.0)

    assert choices.is_last("V0", 1.0)
    assert not choices.is_last("V1", 1.0)


@pytest.mark.parametrize("metadata", ["", "[]", "{}{", '{"unheard": "of"}', '{"channel": 7}'])
async def test_a_form_of_another_release_is_outdated(cases: UseCases, metadata: str) -> None:
    """Whether something is chosen in it, or it is sent."""
    with pytest.raises(Outdated):
        await chooses(cases, {INSTANCE: ORDERS.id}, metadata=metadata)
    with pytest.raises(Outdated):
        await sends(cases, {INSTANCE: ORDERS.id}, metadata=metadata)

    assert await cases.all_requests() == []


async def sends(
    cases: UseCases, values: dict[str, str], *, metadata: str = HERE, number: int = 1
) -> FakeSlack:
    """Somebody sends the form."""
    slack: Any = cases.slack()
    body = form(values, metadata=metadata, number=number)
    await forms.send(cases.services, slack.ack, body, body["view"])
    sent: FakeSlack = slack
    return sent


ALL = {INSTANCE: ORDERS.id, NAME_0: " before-42 ", DESCRIPTION: "why", KEEP: "14d"}


async def test_a_request_is_on_disk_before_the_form_says_so(cases: UseCases) -> None:
    """From where the form was opened, with all that was filled in."""
    slack = await sends(cases, ALL)

    (request,) = await cases.all_requests()
    assert cases.happened == ["begun", "acked"]
    assert slack.acks[0]["response_action"] == "update"
    assert (request.instance, request.name, request.description) == (ORDERS, "before-42", "why")
    assert (request.requester, request.team_id, request.trigger_id) == (ANA, TEAM, "view-V1")
    assert (request.channel_id, request.thread_ts) == (OPS, "1.1")
    assert request.keep is not None


async def test_the_same_form_twice_is_one_request(cases: UseCases) -> None:
    """Another form is another one."""
    first, second = await sends(cases, ALL), await sends(cases, ALL)
    await sends(cases, ALL | {NAME_0: "before-43"}, number=2)

    assert first.acks == second.acks
    assert len(await cases.all_requests()) == 2


async def test_a_channel_that_was_chosen_goes_first(cases: UseCases) -> None:
    """The card will be there."""
    await sends(cases, ALL | {CHANNEL: "C0CHOSEN"}, metadata="{}")

    assert [request.channel_id for request in await cases.all_requests()] == ["C0CHOSEN"]


async def test_a_backup_is_kept_for_ever_unless_a_time_was_chosen(cases: UseCases) -> None:
    """The first choice is for ever."""
    await sends(cases, ALL | {KEEP: "for_ever"})

    assert [request.keep for request in await cases.all_requests()] == [None]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({NAME_0: "4"}, NAME_0),
        ({DESCRIPTION: "<>"}, DESCRIPTION),
        ({KEEP: "3x"}, KEEP),
        ({INSTANCE: ""}, INSTANCE),
        ({INSTANCE: "nowhere"}, INSTANCE),
        ({INSTANCE: "orders-replica"}, INSTANCE),
    ],
)
async def test_what_is_wrong_stands_beside_its_field(
    cases: UseCases, wrong: dict[str, str], field: str
) -> None:
    """Nothing that was typed is lost, and nothing is requested."""
    slack = await sends(cases, ALL | wrong)

    (answer,) = slack.acks
    assert (answer["response_action"], list(answer["errors"])) == ("errors", [field])
    assert await cases.all_requests() == []


async def test_a_typed_instance_that_is_unknown_stands_beside_its_field(cases: UseCases) -> None:
    """Where there was no list to choose from."""
    slack = await sends(cases, {TYPED_INSTANCE: "nowhere", NAME_0: "before-42"})

    assert list(slack.acks[0]["errors"]) == [TYPED_INSTANCE]


async def test_a_taken_name_stands_beside_its_field(cases: UseCases) -> None:
    """In whichever turn of the form that field is."""
    await cases.waits(42)
    later = json.dumps(json.loads(HERE) | {"turn": 3})
    slack = await sends(cases, {INSTANCE: ORDERS.id, "name-3": "before-42"}, metadata=later)

    assert list(slack.acks[0]["errors"]) == ["name-3"]


async def test_who_sends_too_many_keeps_what_was_typed(cases: UseCases) -> None:
    """The form stays open."""
    for _ in range(LIMIT):
        cases.services.rate_limit.check(ANA)
    slack = await sends(cases, ALL)

    assert (slack.acks[0]["response_action"], list(slack.acks[0]["errors"])) == (
        "errors",
        [NAME_0],
    )


async def test_without_a_database_the_form_says_so(cases: UseCases) -> None:
    """In its place, with a way to try again."""
    cases.lose_database()
    slack = await sends(cases, ALL)

    assert slack.acks[0]["response_action"] == "update"
    assert cases.happened == ["acked"]


async def test_without_a_database_nothing_is_suggested(cases: UseCases) -> None:
    """The error handler acks it empty."""
    cases.lose_database()
    with pytest.raises(StoreUnavailable):
        await suggests(cases, "")
