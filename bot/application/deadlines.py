"""How long use cases wait for RDS and Slack: an ack and a form are due within 3 s."""

import asyncio
from collections.abc import Iterable

from bot.application.ports import People
from bot.domain.policy import Members

# What RDS has not said by then is looked up afterwards.
ACK_DEADLINE = 1.5
MEMBERS_TIMEOUT = 2.5  # seconds, however many clicks wait for Slack's answer at once
FORM_TIMEOUT = 1.0  # the same before a form, which Slack has to open within 3 s as well


async def members_within(timeout_seconds: float, people: People, ids: Iterable[str]) -> Members:
    """Return the people behind the ids; none if Slack doesn't answer in time."""
    try:
        async with asyncio.timeout(timeout_seconds):
            return await people.members(ids)
    except TimeoutError:
        return {}


async def everybody_within(timeout_seconds: float, people: People, ids: Iterable[str]) -> Members:
    """The same without people who left Slack, if Slack tells in time who did."""
    wanted = tuple(ids)
    try:
        async with asyncio.timeout(timeout_seconds):
            return await people.everybody(wanted)
    except TimeoutError:
        return await members_within(FORM_TIMEOUT, people, wanted)
