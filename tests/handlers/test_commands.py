"""The slash command: one ack, which comes when what was requested is on disk."""

from typing import Any

import pytest
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackClientError

from bot.application.command_limit import LIMIT
from bot.domain.commands import CommandError, DeleteBackup
from bot.domain.errors import (
    BackupUnknown,
    FormNotOpened,
    MayNotAudit,
    NameTaken,
    RdsUnreachable,
    RequestUnknown,
    StoreUnavailable,
    TooManyCommands,
    UnknownInstance,
)
from bot.domain.states import RequestState
from bot.slack.messages.ids import CREATE_VIEW, DELETE_VIEW, Deletion
from handlers import commands
from handlers.forms import confirm_deletion
from tests.fakes import ANA, BEN, OPS, ORDERS, TYPED, FakeSlack, UseCases
from tests.handlers.payloads import command, initial


async def types(
    cases: UseCases, text: str, slack: FakeSlack | None = None, user: str = ANA
) -> FakeSlack:
    """Somebody types `/backup …`; what Slack gets."""
    slack = slack or cases.slack()
    api: Any = slack
    await commands.backup(
        cases.services, api.ack, api.respond, api, command(text, user), AsyncBoltContext()
    )
    return slack


async def test_a_request_is_on_disk_before_the_ack(cases: UseCases) -> None:
    """The ack names it, and nobody else sees it."""
    slack = await types(cases, "create orders before-42")

    assert cases.happened == ["started", "acked"]
    (request,) = await cases.all_requests()
    assert slack.acks[0]["response_type"] == "ephemeral"
    assert request.name in slack.ack_text
    assert (request.requester, request.trigger_id) == (ANA, "trigger-1")


async def test_the_same_delivery_twice_is_acked_alike(cases: UseCases) -> None:
    """It is one request."""
    first = await types(cases, "create orders before-42")
    second = await types(cases, "create orders before-42")

    assert first.acks == second.acks
    assert len(await cases.all_requests()) == 1


async def test_without_a_trigger_each_delivery_is_a_request(cases: UseCases) -> None:
    """Nothing tells them apart from two commands."""
    slack: Any = cases.slack()
    for name in ("before-1", "before-2"):
        typed = command(f"create orders {name}") | {"trigger_id": ""}
        await commands.backup(
            cases.services, slack.ack, slack.respond, slack, typed, AsyncBoltContext()
        )

    assert len(await cases.all_requests()) == 2


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("crate orders", CommandError),
        ("create orders 42", CommandError),
        ("create nowhere before-42", UnknownInstance),
        ("delete nothing", BackupUnknown),
        ("status nothing", RequestUnknown),
        ("withdraw nothing", RequestUnknown),
        ("policy nowhere", UnknownInstance),
        ("list nowhere", UnknownInstance),
        ("audit orders", MayNotAudit),
    ],
)
async def test_what_cannot_be_done_is_raised_before_the_ack(
    cases: UseCases, text: str, error: type[Exception]
) -> None:
    """The error handler answers; here nothing is acked and nothing begun."""
    slack = cases.slack()
    with pytest.raises(error):
        await types(cases, text, slack)

    assert slack.happened == []
    assert await cases.all_requests() == []


async def test_a_taken_name_is_raised(cases: UseCases) -> None:
    """Also for the person whose request has it."""
    await cases.waits(1)
    with pytest.raises(NameTaken):
        await types(cases, "create orders before-1")


@pytest.mark.parametrize("text", ["create orders", "status", "pending", "withdraw before-1"])
async def test_without_a_database_nothing_is_acked(cases: UseCases, text: str) -> None:
    """An ack would be a promise."""
    cases.lose_database()
    slack = cases.slack()
    with pytest.raises(StoreUnavailable):
        await types(cases, text, slack)

    assert slack.acks == []


async def test_who_sends_too_many_is_stopped_first(cases: UseCases) -> None:
    """Whatever it says, and before a form is opened; others are not concerned."""
    for _ in range(LIMIT):
        cases.services.rate_limit.check(ANA)
    slack = cases.slack()
    for text in ("create orders", "crate", "", "help"):
        with pytest.raises(TooManyCommands):
            await types(cases, text, slack)
    await types(cases, "help", user=BEN)

    assert (slack.acks, slack.opened) == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        "help",
        "help create",
        "policy",
        "policy orders",
        "list",
        "list orders --all",
        "instances",
        "instances ord",
        "status",
        "status before-1",
        "pending",
    ],
)
async def test_a_question_is_answered_in_the_ack(cases: UseCases, text: str) -> None:
    """To the person alone; nothing is begun."""
    await cases.waits(1)
    slack = await types(cases, text)

    assert cases.happened == ["acked"]
    assert slack.acks[0]["response_type"] == "ephemeral"
    assert slack.acks[0]["blocks"]
    assert slack.ack_text


async def test_the_audit_log_is_for_auditors(cases: UseCases) -> None:
    """Where none are named, the approvers are."""
    assert (await types(cases, "audit orders", user=BEN)).ack_text


async def test_one_request_is_shown_with_its_card(cases: UseCases) -> None:
    """The answer links to it."""
    request = await cases.waits(1)
    slack = await types(cases, f"status {request.name}")

    assert f"https://slack.test/{request.id}" in str(slack.acks[0]["blocks"])


async def test_a_slow_answer_comes_after_the_ack(
    cases: UseCases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack gets its ack in time, and the person the answer where they typed."""
    monkeypatch.setattr(commands, "SOON", 0.0)
    slack = await types(cases, "instances")

    assert cases.happened == ["acked", "responded"]
    (answer,) = slack.responses
    assert (answer["response_type"], answer["replace_original"]) == ("ephemeral", False)
    assert answer["text"] != slack.ack_text


async def test_a_slow_error_comes_after_the_ack(
    cases: UseCases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is raised, and the error handler answers."""
    monkeypatch.setattr(commands, "SOON", 0.0)
    cases.rds.trouble = RdsUnreachable("slow")
    slack = cases.slack()
    with pytest.raises(RdsUnreachable):
        await types(cases, "list orders", slack)

    assert slack.happened == ["acked"]


async def test_a_list_that_never_comes_is_an_error(
    cases: UseCases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RDS gets a minute, in the test a moment."""
    monkeypatch.setattr("handlers.pages.ENOUGH", 0.01)
    cases.rds.hangs = True
    with pytest.raises(RdsUnreachable):
        await types(cases, "list orders")


async def test_a_request_is_withdrawn_before_the_ack(cases: UseCases) -> None:
    """By its name; the workflow is woken."""
    request = await cases.waits(1)
    slack = await types(cases, "withdraw before-1")

    assert cases.happened == ["woken", "acked"]
    stored = await cases.store.load(request.id)
    assert stored is not None
    assert stored.state is RequestState.WITHDRAWN
    assert slack.ack_text


async def test_only_the_requester_can_withdraw(cases: UseCases) -> None:
    """The answer says so; the request still waits."""
    request = await cases.waits(1)
    await types(cases, "withdraw before-1", user=BEN)

    assert await cases.store.load(request.id) == request


@pytest.mark.parametrize("text", ["", "create"])
async def test_alone_it_opens_a_form(cases: UseCases, text: str) -> None:
    """The ack comes after it: Slack shows a form only for three seconds."""
    slack = await types(cases, text)

    assert cases.happened == ["opened", "acked"]
    assert slack.acks == [{}]
    assert slack.opened[0]["callback_id"] == CREATE_VIEW


async def test_a_deletion_opens_a_form(cases: UseCases) -> None:
    """Nothing is requested before the name was typed there."""
    await cases.made(1)
    slack = await types(cases, "delete before-1")

    assert cases.happened == ["opened", "acked"]
    assert slack.opened[0]["callback_id"] == DELETE_VIEW
    assert len(await cases.all_requests()) == 1


async def test_the_form_carries_what_is_to_be_deleted(cases: UseCases) -> None:
    """The instance by its id: its name may come to mean another one."""
    cases.backup("by-hand")
    slack: Any = cases.slack()
    wanted = DeleteBackup("by-hand", "orders")
    await confirm_deletion(cases.services, slack, "trigger-1", wanted, TYPED)

    (view,) = slack.opened
    assert Deletion.parse(view["private_metadata"]) == Deletion(
        name="by-hand", instance=ORDERS.id, channel=OPS
    )


async def test_what_cannot_be_deleted_opens_no_form(cases: UseCases) -> None:
    """The reason is raised."""
    slack: Any = cases.slack()
    with pytest.raises(BackupUnknown):
        await confirm_deletion(cases.services, slack, "trigger-1", DeleteBackup("by-hand"), TYPED)

    assert slack.opened == []


@pytest.mark.parametrize("text", ["", "delete before-1"])
async def test_a_form_that_slack_does_not_open_is_an_error(cases: UseCases, text: str) -> None:
    """The error handler tells what to do instead."""
    await cases.made(1)
    slack = cases.slack()
    slack.trouble = SlackClientError("expired_trigger_id")
    with pytest.raises(FormNotOpened):
        await types(cases, text, slack)

    assert slack.acks == []


async def test_a_form_opens_without_the_instances(cases: UseCases) -> None:
    """Then the instance is typed."""
    cases.catalogue.trouble = RdsUnreachable("slow")
    slack = await types(cases, "")

    assert initial(slack.opened[0], "typed_instance") is None
