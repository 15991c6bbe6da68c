"""How long the use cases wait for the outside: Slack gives an ack, and a form, three seconds."""

import asyncio
from collections.abc import Iterable

from bot.application.ports import People
from bot.domain.policy import Members

# What RDS has not said by then is looked up afterwards.
ACK_DEADLINE = 1.5
MEMBERS_TIMEOUT = 2.5  # seconds, however many clicks wait for Slack's answer at once
FORM_TIMEOUT = 1.0  # the same before a form, which Slack has to open within 3 s as well


async def members_within(timeout_seconds: float, people: People, ids: Iterable[str]) -> Members:
    """Who is behind the ids. Of what is not told in time nothing is known: no group decides."""
    try:
        async with asyncio.timeout(timeout_seconds):
            return await people.members(ids)
    except TimeoutError:
        return {}


async def everybody_within(timeout_seconds: float, people: People, ids: Iterable[str]) -> Members:
    """The same without those who left Slack, as far as it has told in time who did."""
    wanted = tuple(ids)
    try:
        async with asyncio.timeout(timeout_seconds):
            return await people.everybody(wanted)
    except TimeoutError:
        return await members_within(FORM_TIMEOUT, people, wanted)
