"""Who is behind an id: the living, as Slack says it, asked as seldom as can be."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack import faults
from bot.demo.slack.workspace import Workspace
from bot.demo.world import ANA, BEN, CAT, DBAS, offline_world
from bot.slack.people import People
from tests.stepped_clock import SteppedClock

GROUP, USER = "usergroups.users.list", "users.info"


@dataclass
class Lobby:
    """Slack, and somebody who asks it."""

    workspace: Workspace
    people: People
    clock: SteppedClock

    async def behind(self, slack_id: str) -> frozenset[str] | None:
        return (await self.people.members([slack_id]))[slack_id]

    def calls(self, method: str) -> int:
        return sum(call.method == method for call in self.workspace.calls)


@pytest.fixture
async def lobby() -> AsyncIterator[Lobby]:
    clock = SteppedClock()
    async with offline_world(clock) as world, aiohttp.ClientSession() as session:
        url, token = world.environ["SLACK_API_URL"], world.environ["SLACK_BOT_TOKEN"]
        client = AsyncWebClient(token=token, base_url=url, session=session)
        people = People(client, clock)
        yield Lobby(world.workspace, people, clock)
        await people.close()


async def test_a_group_is_its_living_members(lobby: Lobby) -> None:
    """Who left Slack and who is a bot are no part of it; by themselves they are nobody."""
    lobby.workspace.users[CAT].deleted = True
    lobby.workspace.usergroups[DBAS].users.append("U0BOT")

    assert await lobby.behind(DBAS) == frozenset({BEN})
    assert await lobby.behind(CAT) == frozenset()
    assert await lobby.behind("U0BOT") == frozenset()
    assert await lobby.behind("U0NOBODY") == frozenset()
    assert await lobby.behind(ANA) == frozenset({ANA})


async def test_many_who_ask_make_one_call(lobby: Lobby) -> None:
    """And who asks a little later makes none."""
    await asyncio.gather(*(lobby.behind(DBAS) for _ in range(50)))
    lobby.clock.advance(minutes=4)
    await lobby.behind(DBAS)

    assert (lobby.calls(GROUP), lobby.calls(USER)) == (1, 2)
    lobby.clock.advance(minutes=2)
    await lobby.behind(DBAS)
    assert (lobby.calls(GROUP), lobby.calls(USER)) == (2, 2)


@pytest.mark.parametrize("method", [GROUP, USER])
async def test_what_slack_does_not_say_is_unknown(lobby: Lobby, method: str) -> None:
    """Not nobody: unknown, and why; once Slack says it, known."""
    lobby.workspace.faults.always(faults.ERROR, method)
    assert await lobby.behind(DBAS) is None
    assert DBAS in lobby.people.problems
    lobby.workspace.faults.clear()
    lobby.clock.advance(seconds=6)

    assert await lobby.behind(DBAS) == frozenset({BEN, CAT})
    assert DBAS not in lobby.people.problems


async def test_a_scope_that_is_missing(lobby: Lobby) -> None:
    """The reason is Slack's own word."""
    lobby.workspace.scopes.discard("usergroups:read")

    assert await lobby.behind(DBAS) is None
    assert lobby.people.problems[DBAS] == "missing_scope"


async def test_after_a_429_nothing_is_asked_until_slack_says(lobby: Lobby) -> None:
    """Who asks meanwhile waits, and gets the answer then."""
    lobby.workspace.faults.next(GROUP, faults.throttled(30))
    assert await lobby.behind(DBAS) is None
    lobby.clock.advance(seconds=6)
    waiting = asyncio.create_task(lobby.behind(DBAS))
    await asyncio.sleep(0.02)
    assert lobby.calls(GROUP) == 1
    lobby.clock.advance(seconds=25)

    assert await waiting == frozenset({BEN, CAT})
    assert lobby.calls(GROUP) == 2


async def test_more_groups_than_the_tier_takes(lobby: Lobby) -> None:
    """Twenty are asked at once, the rest a minute later."""
    groups = [f"S0G{number}" for number in range(25)]
    for group in groups:
        lobby.workspace.add_usergroup(group, group.lower(), [BEN])
    asking = asyncio.create_task(lobby.people.members(groups))
    await lobby.workspace.until(lambda: lobby.calls(GROUP) == 20)
    await asyncio.sleep(0.05)
    assert lobby.calls(GROUP) == 20
    lobby.clock.advance(seconds=61)

    assert set((await asking).values()) == {frozenset({BEN})}


async def test_who_gives_up_waiting_leaves_the_question(lobby: Lobby) -> None:
    """The answer is there for the next one."""
    lobby.workspace.faults.next(GROUP, faults.slow(0.1))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await lobby.behind(DBAS)

    assert await lobby.behind(DBAS) == frozenset({BEN, CAT})
    assert lobby.calls(GROUP) == 1
