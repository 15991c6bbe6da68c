"""Typing into an external menu, whose options come from the app."""

from collections.abc import AsyncIterator

import pytest

from bot.demo.slack.fields import NoSuchOption
from bot.demo.slack.records import Json
from bot.demo.slack.suggestions import offers
from tests.demo.slack_desk import SEARCH, Desk, anas_desk, field
from tests.demo.slack_people import ANA, option


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with anas_desk() as desk:
        yield desk


async def test_a_search(desk: Desk) -> None:
    """The app hears what is typed; only what it offers can be chosen, and it hears of that."""
    view = await desk.opens(SEARCH)
    reply = await desk.workspace.suggest(ANA, "instance", "ord")
    with pytest.raises(NoSuchOption):
        await desk.workspace.fill(ANA, "instance", "pay")
    await desk.workspace.fill(ANA, "instance", "orders")

    search, choice = desk.heard
    assert reply.options == [option("orders")]
    assert reply.acked_after is not None
    assert (search["type"], search["value"]) == ("block_suggestion", "ord")
    assert (search["block_id"], search["action_id"]) == ("instance", "instance.it")
    assert search["container"]["view_id"] == search["view"]["id"] == view.id
    state = choice["view"]["state"]["values"]["instance"]["instance.it"]
    assert state == {"type": "external_select", "selected_option": option("orders")}


async def test_a_search_waits_for_enough_letters(desk: Desk) -> None:
    """Three, unless the menu wants fewer."""
    short = field("any", {**SEARCH["element"], "min_query_length": 0})
    await desk.opens(SEARCH, short | {"block_id": "any"})

    assert (await desk.workspace.suggest(ANA, "instance", "or")).options == []
    assert desk.heard == []
    assert (await desk.workspace.suggest(ANA, "any", "")).options == [option("orders")]


async def test_groups_can_be_offered(desk: Desk) -> None:
    """Each with a label; their options can be chosen."""
    label = {"type": "plain_text", "text": "Production"}
    desk.offers = {"option_groups": [{"label": label, "options": [option("orders")]}]}
    await desk.opens(SEARCH)
    reply = await desk.workspace.suggest(ANA, "instance", "ord")
    await desk.workspace.fill(ANA, "instance", "orders")

    assert reply.options == desk.offers["option_groups"]
    assert desk.workspace.violations == []


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ({}, "must be options or option_groups"),
        ({"options": [option(f"{number}") for number in range(101)]}, "no more than 100 items"),
        ({"options": [option("x" * 151)]}, "less than 151"),
        ({"options": [option("x", "x" * 76)]}, "less than 76"),
        ({"options": [{"text": option("x")["text"]}]}, "/options/0/value"),
        ({"options": [{**option("x"), "description": option("x", "x" * 76)["text"]}]}, "than 76"),
    ],
)
async def test_bad_offers_are_a_fault_of_the_app(desk: Desk, bad: Json, problem: str) -> None:
    """The menu shows nothing then."""
    desk.offers = bad
    await desk.opens(SEARCH)
    reply = await desk.workspace.suggest(ANA, "instance", "ord")

    assert reply.options == []
    assert problem in desk.workspace.violations.pop()


async def test_nothing_found_is_no_fault(desk: Desk) -> None:
    """An empty list is an answer; both kinds at once are none."""
    desk.offers = {"options": []}
    await desk.opens(SEARCH)
    reply = await desk.workspace.suggest(ANA, "instance", "xyz")

    assert (reply.options, reply.error, desk.workspace.violations) == ([], None, [])
    assert "not ['option_groups', 'options']" in offers({"options": [], "option_groups": []})[1][0]


async def test_a_search_that_is_not_answered(desk: Desk) -> None:
    """The person is told after a while."""
    desk.workspace.ack_within = 0.01
    desk.workspace.sockets.kill_silently()
    await desk.opens(SEARCH)

    assert (await desk.workspace.suggest(ANA, "instance", "ord")).error == "operation_timeout"
