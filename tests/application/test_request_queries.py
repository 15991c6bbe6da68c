"""Looking up requests: one, all that are open, and those that wait for somebody."""

from dataclasses import replace
from datetime import timedelta

import pytest

import bot.application.request_queries as request_queries_module
from bot.application.request_queries import RECENT
from bot.domain.errors import RequestUnknown, StoreUnavailable
from bot.domain.policy import Terms
from bot.domain.requests import Choice, Vote
from bot.domain.states import RequestState
from tests.fakes import ANA, BEN, BILLING, CAT, DBAS, HERE, ORDERS, TYPED, UseCases, typed

RUNNING = {"state": RequestState.RUNNING}


async def test_a_request_goes_by_its_backup_or_its_id(cases: UseCases) -> None:
    """The beginning of the id is enough."""
    request = await cases.waits(1, id="0123456789abcdef")

    assert await cases.request_queries.request("before-1", TYPED, HERE) == request
    assert await cases.request_queries.request("01234567", TYPED, HERE) == request


@pytest.mark.parametrize("about", ["nowhere", "", "0123", "%", "before-_"])
async def test_what_means_no_request_is_unknown(cases: UseCases, about: str) -> None:
    """Too short a beginning of an id, and what a database might take for a pattern."""
    await cases.waits(1, id="0123456789abcdef")
    with pytest.raises(RequestUnknown) as refused:
        await cases.request_queries.request(about, TYPED, HERE)

    assert refused.value.about == about


async def test_a_request_of_another_workspace_is_unknown(cases: UseCases) -> None:
    """As one that does not exist."""
    await cases.waits(1)
    with pytest.raises(RequestUnknown):
        await cases.request_queries.request("before-1", TYPED, {"T0OTHER"})


async def test_a_replayed_command_means_no_newer_request(cases: UseCases) -> None:
    """The name means what it meant when Slack signed the command; five seconds are forgiven."""
    request = await cases.waits(1)
    signed = {
        at: replace(TYPED, sent_at=request.asked_at - timedelta(seconds=at)) for at in (5, 6)
    }

    assert await cases.request_queries.request("before-1", signed[5], HERE) == request
    with pytest.raises(RequestUnknown):
        await cases.request_queries.request("before-1", signed[6], HERE)


async def test_the_open_request_goes_before_the_newer_one(cases: UseCases) -> None:
    """Of several with one name it is the one that somebody can still do something about."""
    is_open = await cases.waits(1, name="again")
    await cases.made(2, name="again")

    assert await cases.request_queries.request("again", TYPED, HERE) == is_open


async def test_the_status_shows_mine_and_all_that_run(cases: UseCases) -> None:
    """What of others still waits is none of it, nor is what has ended."""
    mine = await cases.waits(1)
    await cases.waits(2, requester=BEN)
    running = await cases.has(3, requester=BEN, **RUNNING)
    await cases.made(4)
    await cases.has(5, requester=BEN)

    status = await cases.request_queries.status(TYPED, HERE)

    assert (list(status.mine), list(status.running)) == ([mine], [running])
    assert status.at == cases.request_queries.now() == cases.clock.now()


async def test_pending_tells_what_waits_for_me(cases: UseCases) -> None:
    """Mine to decide and others'; the oldest first."""
    mine = [await cases.waits(1), await cases.waits(2)]
    own = await cases.waits(3, requester=BEN)

    pending = await cases.request_queries.pending(BEN, HERE)

    assert list(pending.for_me) == mine
    assert list(pending.for_others) == [own]


async def test_an_approver_is_not_asked_twice(cases: UseCases) -> None:
    """It waits for somebody else now."""
    cases.under(Terms(approvers=(DBAS,), approvals=2))
    request = await cases.waits(1)
    async with cases.store.transaction() as transaction:
        await transaction.vote(
            request, Vote(user_id=BEN, choice=Choice.APPROVE, at=cases.clock.now())
        )

    assert [r.id for r in (await cases.request_queries.pending(CAT, HERE)).for_me] == [request.id]
    assert [r.id for r in (await cases.request_queries.pending(BEN, HERE)).for_others] == [
        request.id
    ]


async def test_pending_goes_by_the_policy_of_today(cases: UseCases) -> None:
    """Who may approve is not what it was when the request was made."""
    await cases.waits(1, requester=CAT)
    cases.under(Terms(approvers=(ANA,)))

    assert len((await cases.request_queries.pending(ANA, HERE)).for_me) == 1
    assert len((await cases.request_queries.pending(BEN, HERE)).for_me) == 0


async def test_while_slack_is_silent_nothing_waits_for_a_group(
    cases: UseCases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is still listed, among what waits for others."""
    monkeypatch.setattr(request_queries_module, "FORM_TIMEOUT", 0.01)
    await cases.waits(1)
    cases.people.hangs = True

    pending = await cases.request_queries.pending(BEN, HERE)

    assert (len(pending.for_me), len(pending.for_others)) == (0, 1)


async def test_a_home_tab_holds_what_concerns_a_person(cases: UseCases) -> None:
    """What waits for them, all that runs, their own newest, and what is stale."""
    cases.catalogue.instances = [ORDERS, BILLING]
    waiting = await cases.waits(1)
    running = await cases.has(2, **RUNNING)
    own = [await cases.made(number, requester=BEN) for number in range(10, 12 + RECENT)]
    await cases.request_queries.look_around()

    home = await cases.request_queries.home(BEN, HERE)

    assert (list(home.for_me), list(home.running)) == ([waiting], [running])
    assert list(home.recent) == own[: -RECENT - 1 : -1]
    assert {instance.id for instance, _ in home.stale} == {ORDERS.id, BILLING.id}
    assert home.at == cases.clock.now()


async def test_a_home_tab_of_nothing(cases: UseCases) -> None:
    """Of instances that nobody has looked up nothing is said."""
    home = await cases.request_queries.home(ANA, HERE)

    assert not any((home.for_me, home.running, home.recent, home.stale))


async def test_without_a_database_nothing_is_shown(cases: UseCases) -> None:
    """An empty list would be a lie."""
    cases.lose_database()
    queries = cases.request_queries
    for look in (
        queries.status(typed("other"), HERE),
        queries.pending(ANA, HERE),
        queries.home(ANA, HERE),
        queries.request("before-1", TYPED, HERE),
    ):
        with pytest.raises(StoreUnavailable):
            await look
