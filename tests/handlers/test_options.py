"""What the instance field suggests while somebody types."""

from typing import Any

import pytest

from bot.domain.errors import StoreUnavailable
from handlers import options
from tests.fakes import ANA, BILLING, ORDERS, FakeSlack, UseCases


async def suggests(cases: UseCases, text: str | None) -> FakeSlack:
    """Somebody types into the instance field."""
    slack: Any = cases.slack()
    body = {"user": {"id": ANA}, "value": text}
    await options.suggest(cases.services, slack.ack, body)
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


async def test_without_a_database_nothing_is_suggested(cases: UseCases) -> None:
    """The error handler acks it empty."""
    cases.lose_database()
    with pytest.raises(StoreUnavailable):
        await suggests(cases, "")
