"""Turning the pages of an answer."""

from typing import Any

import pytest

from bot.domain.errors import RdsUnreachable
from handlers import queries
from tests.fakes import ORDERS, FakeSlack, UseCases
from tests.handlers.payloads import click


async def turns(cases: UseCases, kind: str, value: str) -> FakeSlack:
    """Somebody clicks one of the two buttons under a page."""
    slack: Any = cases.slack()
    action = {"value": value}
    match kind:
        case "backups":
            await queries.turn_backups(cases.services, slack.ack, slack.respond, action)
        case "made":
            await queries.turn_made(cases.services, slack.ack, slack.respond, action)
        case _:
            await queries.turn_instances(
                cases.services, slack.ack, slack.respond, action, click(value)
            )
    turned: FakeSlack = slack
    return turned


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("backups", f"0 manual {ORDERS.id}"),
        ("backups", f"1 all {ORDERS.id}"),
        ("backups", "0"),
        ("backups", "1 all"),
        ("made", "0"),
        ("instances", "0"),
        ("instances", "0 orders"),
        # Values that this release does not write are taken for the first page.
        *((kind, value) for kind in ("made", "instances") for value in ("", "x", "-1", "9" * 50)),
        ("backups", ""),
    ],
)
async def test_the_page_is_replaced_after_the_ack(cases: UseCases, kind: str, value: str) -> None:
    """In its own place, for the person alone."""
    slack = await turns(cases, kind, value)

    assert slack.acks == [{}]
    assert slack.happened == ["acked", "responded"]
    (page,) = slack.responses
    assert (page["response_type"], page["replace_original"]) == ("ephemeral", True)


async def test_the_search_goes_on(cases: UseCases) -> None:
    """The second page is of the same instances."""
    slack = await turns(cases, "instances", "0 orders")

    shown = str(slack.responses[0]["blocks"])
    assert "orders-prod" in shown
    assert "billing-prod" not in shown


async def test_all_backups_stay_all_backups(cases: UseCases) -> None:
    """And the manual ones the manual ones."""
    cases.backup("nightly", type="auto")
    every = await turns(cases, "backups", f"0 all {ORDERS.id}")
    manual = await turns(cases, "backups", f"0 manual {ORDERS.id}")

    assert "nightly" in str(every.responses)
    assert "nightly" not in str(manual.responses)


async def test_an_error_comes_after_the_ack(cases: UseCases) -> None:
    """The error handler answers; the page stays."""
    cases.rds.trouble = RdsUnreachable("DBS.1")
    with pytest.raises(RdsUnreachable):
        await turns(cases, "backups", f"0 all {ORDERS.id}")

    assert cases.happened == ["acked"]
