"""Forms that were sent: what is wrong stands beside its field, all else in the form's place."""

import json
from typing import Any

import pytest

from bot.application.command_limit import LIMIT
from bot.domain.audit import AuditAction
from bot.domain.errors import StoreUnavailable
from bot.domain.requests import BackupRequest, Choice, Kind
from bot.domain.states import RequestState
from bot.slack.messages.ids import (
    CHANNEL,
    DESCRIPTION,
    INSTANCE,
    KEEP,
    NAME,
    REASON,
    TYPED_INSTANCE,
    Deletion,
    Purpose,
)
from handlers import views
from handlers.origin import Outdated
from tests.fakes import ANA, BEN, OPS, ORDERS, TEAM, FakeSlack, UseCases
from tests.handlers.payloads import form

S = RequestState
HERE = Purpose(channel=OPS, thread_ts="1.1").build()
NAME_0 = "name-0"
CARRIED = Deletion(name="by-hand", instance=ORDERS.id, channel=OPS)


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
    await views.send_again(cases.services, slack.ack, body, body["view"])
    sent: FakeSlack = slack
    return sent


async def test_asking_again_is_a_new_request(cases: UseCases) -> None:
    """Of whoever sent the form, where the first was asked; the trail says what it repeats."""
    before = await cases.made(1, channel_id="C0WHERE")
    slack = await asks_again(cases, before.id)

    request = next(r for r in await cases.all_requests() if r.id != before.id)
    (entry,) = await cases.store.audit_trail()
    assert cases.happened == ["started", "acked"]
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


async def sends_backup(
    cases: UseCases, values: dict[str, str], *, metadata: str = HERE, number: int = 1
) -> FakeSlack:
    """Somebody sends the form for a backup."""
    slack: Any = cases.slack()
    body = form(values, metadata=metadata, number=number)
    await views.send_backup(cases.services, slack.ack, body, body["view"])
    sent: FakeSlack = slack
    return sent


ALL = {INSTANCE: ORDERS.id, NAME_0: " before-42 ", DESCRIPTION: "why", KEEP: "14d"}


async def test_a_request_is_on_disk_before_the_form_says_so(cases: UseCases) -> None:
    """From where the form was opened, with all that was filled in."""
    slack = await sends_backup(cases, ALL)

    (request,) = await cases.all_requests()
    assert cases.happened == ["started", "acked"]
    assert slack.acks[0]["response_action"] == "update"
    assert (request.instance, request.name, request.description) == (ORDERS, "before-42", "why")
    assert (request.requester, request.team_id, request.trigger_id) == (ANA, TEAM, "view-V1")
    assert (request.channel_id, request.thread_ts) == (OPS, "1.1")
    assert request.keep is not None


async def test_the_same_form_for_a_backup_twice_is_one_request(cases: UseCases) -> None:
    """Another form is another one."""
    first, second = await sends_backup(cases, ALL), await sends_backup(cases, ALL)
    await sends_backup(cases, ALL | {NAME_0: "before-43"}, number=2)

    assert first.acks == second.acks
    assert len(await cases.all_requests()) == 2


async def test_a_channel_that_was_chosen_goes_first(cases: UseCases) -> None:
    """The card will be there."""
    await sends_backup(cases, ALL | {CHANNEL: "C0CHOSEN"}, metadata="{}")

    assert [request.channel_id for request in await cases.all_requests()] == ["C0CHOSEN"]


async def test_a_backup_is_kept_for_ever_unless_a_time_was_chosen(cases: UseCases) -> None:
    """The first choice is for ever."""
    await sends_backup(cases, ALL | {KEEP: "for_ever"})

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
async def test_a_problem_is_shown_beside_its_field(
    cases: UseCases, wrong: dict[str, str], field: str
) -> None:
    """Nothing that was typed is lost, and nothing is requested."""
    slack = await sends_backup(cases, ALL | wrong)

    (answer,) = slack.acks
    assert (answer["response_action"], list(answer["errors"])) == ("errors", [field])
    assert await cases.all_requests() == []


async def test_an_unknown_instance_is_shown_beside_its_field(cases: UseCases) -> None:
    """Where there was no list to choose from."""
    slack = await sends_backup(cases, {TYPED_INSTANCE: "nowhere", NAME_0: "before-42"})

    assert list(slack.acks[0]["errors"]) == [TYPED_INSTANCE]


async def test_a_taken_name_is_shown_beside_its_field(cases: UseCases) -> None:
    """In whichever turn of the form that field is."""
    await cases.waits(42)
    later = json.dumps(json.loads(HERE) | {"turn": 3})
    slack = await sends_backup(cases, {INSTANCE: ORDERS.id, "name-3": "before-42"}, metadata=later)

    assert list(slack.acks[0]["errors"]) == ["name-3"]


async def test_who_requests_too_many_keeps_what_was_typed(cases: UseCases) -> None:
    """The form stays open."""
    for _ in range(LIMIT):
        cases.services.rate_limit.check(ANA)
    slack = await sends_backup(cases, ALL)

    assert (slack.acks[0]["response_action"], list(slack.acks[0]["errors"])) == (
        "errors",
        [NAME_0],
    )


async def test_without_a_database_the_form_for_a_backup_says_so(cases: UseCases) -> None:
    """In its place, with a way to try again."""
    cases.lose_database()
    slack = await sends_backup(cases, ALL)

    assert slack.acks[0]["response_action"] == "update"
    assert cases.happened == ["acked"]


@pytest.mark.parametrize("metadata", ["", "[]", "{}{", '{"unheard": "of"}', '{"channel": 7}'])
async def test_a_form_for_a_backup_of_another_release_is_outdated(
    cases: UseCases, metadata: str
) -> None:
    """Nothing is requested on a guess."""
    with pytest.raises(Outdated):
        await sends_backup(cases, {INSTANCE: ORDERS.id}, metadata=metadata)

    assert cases.happened == []
    assert await cases.all_requests() == []


async def sends_deletion(
    cases: UseCases, name: str = "by-hand", metadata: str = CARRIED.build(), number: int = 1
) -> FakeSlack:
    """Somebody sends the form for a deletion."""
    slack: Any = cases.slack()
    body = form({NAME: name}, metadata=metadata, number=number)
    await views.send_deletion(cases.services, slack.ack, body, body["view"])
    sent: FakeSlack = slack
    return sent


@pytest.mark.parametrize("name", ["by-hand", " by-hand "])
async def test_the_right_name_is_a_request_for_a_deletion(cases: UseCases, name: str) -> None:
    """On disk before the form says so, from where the command was typed."""
    slack = await sends_deletion(cases, name)

    (request,) = await cases.all_requests()
    assert cases.happened == ["started", "acked"]
    assert slack.acks[0]["response_action"] == "update"
    assert (request.kind, request.name, request.instance) == (Kind.DELETE, "by-hand", ORDERS)
    assert (request.requester, request.channel_id) == (ANA, OPS)


@pytest.mark.parametrize("name", ["", "by-han", "BY-HAND", "orders-prod"])
async def test_another_name_is_pointed_out(cases: UseCases, name: str) -> None:
    """Beside its field; nothing is requested."""
    slack = await sends_deletion(cases, name)

    (answer,) = slack.acks
    assert (answer["response_action"], list(answer["errors"])) == ("errors", [NAME])
    assert "by-hand" in answer["errors"][NAME]
    assert await cases.all_requests() == []


async def test_the_same_form_for_a_deletion_twice_is_one_request(cases: UseCases) -> None:
    """A second form about the same backup is refused."""
    first, second = await sends_deletion(cases), await sends_deletion(cases)
    other = await sends_deletion(cases, number=2)

    assert first.acks == second.acks != other.acks
    assert other.acks[0]["response_action"] == "update"
    assert len(await cases.all_requests()) == 1


async def test_who_deletes_too_many_keeps_the_form(cases: UseCases) -> None:
    """With the reason beside the name."""
    for _ in range(LIMIT):
        cases.services.rate_limit.check(ANA)
    slack = await sends_deletion(cases)

    assert (slack.acks[0]["response_action"], list(slack.acks[0]["errors"])) == ("errors", [NAME])
    assert await cases.all_requests() == []


@pytest.mark.parametrize("metadata", ["", "[]", "{}", "null", '{"name": "by-hand"}'])
async def test_a_form_for_a_deletion_of_another_release_is_outdated(
    cases: UseCases, metadata: str
) -> None:
    """Nothing is deleted on a guess."""
    with pytest.raises(Outdated):
        await sends_deletion(cases, metadata=metadata)

    assert cases.happened == []


async def test_without_a_database_the_form_for_a_deletion_says_so(cases: UseCases) -> None:
    """In its place."""
    cases.lose_database()
    slack = await sends_deletion(cases)

    assert slack.acks[0]["response_action"] == "update"
    assert cases.happened == ["acked"]
