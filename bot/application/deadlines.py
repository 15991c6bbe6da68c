"""How long use cases wait for RDS and Slack. Acks and forms are due within 3 s."""

import asyncio
from collections.abc import Iterable

from bot.application.ports import People
from bot.domain.policy import Members

# What RDS doesn't answer in time is looked up later.
ACK_DEADLINE = 1.5
MEMBERS_TIMEOUT = 2.5  # seconds, for all clicks that wait at once
FORM_TIMEOUT = 1.0  # seconds, before a form is opened


async def members_within(timeout_seconds: float, people: People, ids: Iterable[str]) -> Members:
    """Return the people behind the IDs; none if Slack doesn't answer in time."""
    try:
        async with asyncio.timeout(timeout_seconds):
            return await people.members(ids)
    except TimeoutError:
        return {}


async def everybody_within(timeout_seconds: float, people: People, ids: Iterable[str]) -> Members:
    """Like `members_within`, without people who left Slack, if Slack answers in time."""
    wanted = tuple(ids)
    try:
        async with asyncio.timeout(timeout_seconds):
            return await people.everybody(wanted)
    except TimeoutError:
        return await members_within(FORM_TIMEOUT, people, wanted)
