"""The form in which a backup's name is typed again before its deletion is requested."""

import json
from typing import Any

import pytest

from bot.application.command_limit import LIMIT
from bot.domain.commands import DeleteBackup
from bot.domain.errors import BackupUnknown
from bot.domain.requests import Kind
from bot.slack.messages.views import NAME
from handlers import deletion_forms
from handlers.origin import Outdated
from tests.fakes import ANA, OPS, ORDERS, TYPED, FakeSlack, UseCases
from tests.handlers.payloads import form

CARRIED = {"name": "by-hand", "instance": ORDERS.id, "channel": OPS}


async def sends(
    cases: UseCases, name: str = "by-hand", metadata: str = json.dumps(CARRIED), number: int = 1
) -> FakeSlack:
    """Somebody sends the form."""
    slack: Any = cases.slack()
    body = form({NAME: name}, metadata=metadata, number=number)
    await deletion_forms.send(cases.services, slack.ack, body, body["view"])
    sent: FakeSlack = slack
    return sent


async def test_it_carries_what_is_to_be_deleted(cases: UseCases) -> None:
    """The instance by its id: its name may come to mean another one."""
    cases.backup("by-hand")
    slack: Any = cases.slack()
    wanted = DeleteBackup("by-hand", "orders")
    await deletion_forms.confirm(cases.services, slack, "trigger-1", wanted, TYPED)

    (view,) = slack.opened
    assert json.loads(view["private_metadata"]) == CARRIED


async def test_what_cannot_be_deleted_opens_no_form(cases: UseCases) -> None:
    """The reason is raised."""
    slack: Any = cases.slack()
    with pytest.raises(BackupUnknown):
        await deletion_forms.confirm(
            cases.services, slack, "trigger-1", DeleteBackup("by-hand"), TYPED
        )

    assert slack.opened == []


@pytest.mark.parametrize("name", ["by-hand", " by-hand "])
async def test_the_right_name_is_a_request(cases: UseCases, name: str) -> None:
    """On disk before the form says so, from where the command was typed."""
    slack = await sends(cases, name)

    (request,) = await cases.all_requests()
    assert cases.happened == ["begun", "acked"]
    assert slack.acks[0]["response_action"] == "update"
    assert (request.kind, request.name, request.instance) == (Kind.DELETE, "by-hand", ORDERS)
    assert (request.requester, request.channel_id) == (ANA, OPS)


@pytest.mark.parametrize("name", ["", "by-han", "BY-HAND", "orders-prod"])
async def test_another_name_is_pointed_out(cases: UseCases, name: str) -> None:
    """Beside its field; nothing is requested."""
    slack = await sends(cases, name)

    (answer,) = slack.acks
    assert (answer["response_action"], list(answer["errors"])) == ("errors", [NAME])
    assert "by-hand" in answer["errors"][NAME]
    assert await cases.all_requests() == []


async def test_the_same_form_twice_is_one_request(cases: UseCases) -> None:
    """A second form about the same backup is refused."""
    first, second = await sends(cases), await sends(cases)
    other = await sends(cases, number=2)

    assert first.acks == second.acks != other.acks
    assert other.acks[0]["response_action"] == "update"
    assert len(await cases.all_requests()) == 1


async def test_who_sends_too_many_keeps_the_form(cases: UseCases) -> None:
    """With the reason beside the name."""
    for _ in range(LIMIT):
        cases.services.rate_limit.check(ANA)
    slack = await sends(cases)

    assert (slack.acks[0]["response_action"], list(slack.acks[0]["errors"])) == ("errors", [NAME])
    assert await cases.all_requests() == []


@pytest.mark.parametrize("metadata", ["", "[]", "{}", "null", '{"name": "by-hand"}'])
async def test_a_form_of_another_release_is_outdated(cases: UseCases, metadata: str) -> None:
    """Nothing is deleted on a guess."""
    with pytest.raises(Outdated):
        await sends(cases, metadata=metadata)

    assert cases.happened == []


async def test_without_a_database_the_form_says_so(cases: UseCases) -> None:
    """In its place."""
    cases.lose_database()
    slack = await sends(cases)

    assert slack.acks[0]["response_action"] == "update"
    assert cases.happened == ["acked"]
