"""Forms about a request: what is wrong stands beside its field, all else in the form's place."""

from typing import Any

import pytest

from bot.application.command_limit import LIMIT
from bot.domain.audit import AuditAction
from bot.domain.errors import StoreUnavailable
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import RequestState
from bot.slack.messages.views import DESCRIPTION, NAME, REASON
from handlers import views
from tests.fakes import ANA, BEN, FakeSlack, UseCases
from tests.handlers.payloads import form

S = RequestState


async def gives_reason(
    cases: UseCases, request_id: str, why: str, choice: Choice = Choice.REJECT, user: str = BEN
) -> FakeSlack:
    """Somebody sends the form in which a choice is explained."""
    slack: Any = cases.slack()
    body = form({REASON: why}, metadata=request_id, user=user)
    await views.give_reason(cases.clicks, choice, slack.ack, body, body["view"])
    sent: FakeSlack = slack
    return sent


async def now(cases: UseCases, request: BackupRequest) -> BackupRequest:
    """The request as it is on disk."""
    stored = await cases.store.load(request.id)
    assert stored is not None
    return stored


async def test_a_rejection_is_on_disk_before_the_form_says_so(cases: UseCases) -> None:
    """With its reason, on one line."""
    request = await cases.waits()
    slack = await gives_reason(cases, request.id, "  not\ntonight ")

    assert cases.happened == ["woken", "acked"]
    assert slack.acks[0]["response_action"] == "update"
    rejected = await now(cases, request)
    assert rejected.state is S.REJECTED
    assert [vote.reason for vote in rejected.votes] == ["not tonight"]


@pytest.mark.parametrize("why", ["", "   ", "\n", "\u200b"])
async def test_a_missing_reason_is_pointed_out(cases: UseCases, why: str) -> None:
    """Beside its field; the request still waits."""
    request = await cases.waits()
    slack = await gives_reason(cases, request.id, why)

    (answer,) = slack.acks
    assert answer["response_action"] == "errors"
    assert list(answer["errors"]) == [REASON]
    assert (await now(cases, request)).state is S.AWAITING_APPROVAL


async def test_breaking_the_glass_starts_it(cases: UseCases) -> None:
    """For those who may."""
    cases.under(cases.policy.defaults.model_copy(update={"break_glass": (ANA,)}))
    request = await cases.waits()
    await gives_reason(cases, request.id, "the disk is dying", Choice.BREAK_GLASS, ANA)

    assert (await now(cases, request)).state is S.APPROVED
    assert await cases.trail() == [AuditAction.BREAK_GLASS]


@pytest.mark.parametrize(("choice", "user"), [(Choice.REJECT, ANA), (Choice.BREAK_GLASS, BEN)])
async def test_who_may_not_is_told_in_the_form(cases: UseCases, choice: Choice, user: str) -> None:
    """Whoever got hold of it; nothing changes, and it is on the trail."""
    request = await cases.waits()
    slack = await gives_reason(cases, request.id, "because", choice, user)

    assert slack.acks[0]["response_action"] == "update"
    assert (await now(cases, request)).state is S.AWAITING_APPROVAL
    assert await cases.trail() == [AuditAction.CLICK_REFUSED]


@pytest.mark.parametrize("claimed", ["", "nothing"])
async def test_a_form_about_no_request_is_answered(cases: UseCases, claimed: str) -> None:
    """In its place."""
    slack = await gives_reason(cases, claimed, "because")

    assert slack.acks[0]["response_action"] == "update"


async def asks_again(
    cases: UseCases, about: str, name: str = "before-2", number: int = 1, why: str = "why"
) -> FakeSlack:
    """Somebody sends the form in which the same is asked again."""
    slack: Any = cases.slack()
    body = form({NAME: name, DESCRIPTION: why}, metadata=about, user=BEN, number=number)
    await views.ask_again(cases.services, slack.ack, body, body["view"])
    sent: FakeSlack = slack
    return sent


async def test_asking_again_is_a_new_request(cases: UseCases) -> None:
    """Of whoever sent the form, where the first was asked; the trail says what it repeats."""
    before = await cases.made(1, channel_id="C0WHERE")
    slack = await asks_again(cases, before.id)

    request = next(r for r in await cases.all_requests() if r.id != before.id)
    (entry,) = await cases.store.audit_trail()
    assert cases.happened == ["begun", "acked"]
    assert slack.acks[0]["response_action"] == "update"
    assert (request.name, request.description, request.requester) == ("before-2", "why", BEN)
    assert (request.channel_id, request.instance) == ("C0WHERE", before.instance)
    assert entry.detail["again"] == before.id


async def test_the_same_form_twice_is_one_request(cases: UseCases) -> None:
    """Another form is another request."""
    before = await cases.made(1)
    first = await asks_again(cases, before.id)
    second = await asks_again(cases, before.id)
    await asks_again(cases, before.id, "before-3", number=2)

    assert first.acks == second.acks
    assert len(await cases.all_requests()) == 3


@pytest.mark.parametrize(
    ("name", "why", "field"), [("4", "why", NAME), ("before-2", "<>", DESCRIPTION)]
)
async def test_what_is_wrong_is_pointed_out(
    cases: UseCases, name: str, why: str, field: str
) -> None:
    """Each beside its own field, and nothing is requested."""
    before = await cases.made(1)
    slack = await asks_again(cases, before.id, name, why=why)

    (answer,) = slack.acks
    assert (answer["response_action"], list(answer["errors"])) == ("errors", [field])
    assert len(await cases.all_requests()) == 1


async def test_a_taken_name_is_pointed_out(cases: UseCases) -> None:
    """With one that is free."""
    before, _ = await cases.made(1), await cases.waits(2)
    slack = await asks_again(cases, before.id)

    assert slack.acks[0]["response_action"] == "errors"
    assert "before-2-2" in slack.acks[0]["errors"][NAME]


async def test_who_sends_too_many_keeps_what_was_typed(cases: UseCases) -> None:
    """The form stays open, with the reason beside the name."""
    before = await cases.made(1)
    for _ in range(LIMIT):
        cases.services.rate_limit.check(BEN)
    slack = await asks_again(cases, before.id)

    assert (slack.acks[0]["response_action"], list(slack.acks[0]["errors"])) == ("errors", [NAME])
    assert len(await cases.all_requests()) == 1


async def test_without_a_database_nothing_is_acked(cases: UseCases) -> None:
    """The error handler shows it in the form's place."""
    before = await cases.made(1)
    cases.lose_database()
    with pytest.raises(StoreUnavailable):
        await asks_again(cases, before.id)

    assert cases.happened == []
