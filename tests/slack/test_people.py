"""Who is behind an id, asked as seldom as can be, and anew where it counts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack import faults
from bot.demo.slack.workspace import Workspace
from bot.demo.world import ANA, BEN, CAT, DBAS, offline_world
from bot.domain.workspaces import Workspaces
from bot.slack.transport.people import People
from tests.stepped_clock import SteppedClock

GROUP, USER = "usergroups.users.list", "users.info"


@dataclass
class Lobby:
    """Slack, and somebody who asks it."""

    workspace: Workspace
    people: People
    clock: SteppedClock

    async def behind(
        self, slack_id: str, *, max_age: float | None = None
    ) -> frozenset[str] | None:
        return (await self.people.members([slack_id], max_age=max_age))[slack_id]

    async def left_in(self, group_id: str) -> frozenset[str] | None:
        """The members of a group who are still there."""
        return (await self.people.everybody([group_id]))[group_id]

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

    assert await lobby.left_in(DBAS) == frozenset({BEN})
    assert await lobby.behind(DBAS) == frozenset({BEN})
    assert await lobby.behind(CAT) == frozenset()
    assert await lobby.behind("U0BOT") == frozenset()
    assert await lobby.behind("U0NOBODY") == frozenset()
    assert await lobby.behind(ANA) == frozenset({ANA})


async def test_many_who_ask_make_one_call(lobby: Lobby) -> None:
    """And who asks a little later makes none."""
    await asyncio.gather(*(lobby.left_in(DBAS) for _ in range(50)))
    lobby.clock.advance(seconds=50)
    await lobby.left_in(DBAS)

    assert (lobby.calls(GROUP), lobby.calls(USER)) == (1, 2)
    lobby.clock.advance(minutes=6)
    await lobby.left_in(DBAS)
    assert (lobby.calls(GROUP), lobby.calls(USER)) == (2, 2)


async def test_what_is_remembered_serves_while_it_is_renewed(lobby: Lobby) -> None:
    """Nobody waits for Slack who need not."""
    await lobby.behind(DBAS)
    lobby.clock.advance(minutes=2)
    lobby.workspace.usergroups[DBAS].users.remove(CAT)
    lobby.workspace.faults.next(GROUP, faults.slow(0.05))

    assert await lobby.behind(DBAS) == frozenset({BEN, CAT})
    await lobby.workspace.until(lambda: lobby.calls(GROUP) == 2)
    await asyncio.sleep(0.1)
    assert await lobby.behind(DBAS) == frozenset({BEN})


async def test_a_group_of_four_hundred_costs_one_call_that_is_waited_for(lobby: Lobby) -> None:
    """Its members are looked up behind, as many as Slack's tier leaves over."""
    crowd = [f"U0M{number}" for number in range(400)]
    for user in crowd:
        lobby.workspace.add_user(user, user.lower())
    lobby.workspace.add_usergroup("S0ALL", "all", crowd)
    found = await lobby.people.members(["S0ALL", crowd[-1]], max_age=0)

    assert found == {"S0ALL": frozenset(crowd), crowd[-1]: frozenset({crowd[-1]})}
    await lobby.workspace.until(lambda: lobby.calls(USER) >= 80)
    await asyncio.sleep(0.05)
    assert lobby.calls(USER) <= 81
    clicker = await lobby.behind(crowd[200], max_age=0)  # is not kept waiting by those
    assert clicker == frozenset({crowd[200]})


async def test_who_was_removed_is_out_at_the_click(lobby: Lobby) -> None:
    """Asked anew, memory is not believed; nor about who left Slack."""
    assert await lobby.behind(DBAS, max_age=0) == frozenset({BEN, CAT})
    assert await lobby.behind(BEN) == frozenset({BEN})
    lobby.workspace.usergroups[DBAS].users.remove(CAT)
    lobby.workspace.users[BEN].deleted = True

    assert await lobby.behind(DBAS) == frozenset({BEN, CAT})
    assert await lobby.behind(DBAS, max_age=0) == frozenset({BEN, CAT} - {CAT})
    assert await lobby.behind(BEN, max_age=0) == frozenset()


async def test_without_the_cache_slack_has_to_answer(lobby: Lobby) -> None:
    """What it said before does not stand in for an answer."""
    await lobby.behind(DBAS)
    lobby.workspace.faults.always(faults.ERROR, GROUP)

    assert await lobby.behind(DBAS, max_age=0) is None
    assert await lobby.behind(DBAS) == frozenset({BEN, CAT})


async def test_more_clicks_than_slack_takes_calls(lobby: Lobby) -> None:
    """What it said within ten seconds is as good as new then, so that each is answered."""
    for _ in range(30):
        async with asyncio.timeout(1):
            assert await lobby.behind(DBAS, max_age=0) == frozenset({BEN, CAT})

    assert lobby.calls(GROUP) == 20


@pytest.mark.parametrize(("method", "unknown"), [(GROUP, DBAS), (USER, BEN)])
async def test_what_slack_does_not_say_is_unknown(lobby: Lobby, method: str, unknown: str) -> None:
    """Not nobody: unknown, and why; once Slack says it, known."""
    lobby.workspace.faults.always(faults.ERROR, method)
    assert await lobby.behind(unknown) is None
    assert unknown in lobby.people.problems
    lobby.workspace.faults.clear()
    lobby.clock.advance(seconds=6)

    assert await lobby.behind(unknown)
    assert unknown not in lobby.people.problems


async def test_a_scope_that_is_missing(lobby: Lobby) -> None:
    """The reason is Slack's own word."""
    lobby.workspace.scopes.discard("usergroups:read")

    assert await lobby.behind(DBAS) is None
    assert lobby.people.problems[DBAS] == "missing_scope"


async def test_after_a_429_there_are_no_calls_until_slack_allows_them(lobby: Lobby) -> None:
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


async def test_an_org_wide_token_finds_a_group_in_any_workspace(lobby: Lobby) -> None:
    """It has to name one that it was added to; which one has the group is remembered."""
    slack = lobby.workspace
    slack.organize("E0ACME", is_org_wide=True, added_to=["T0LAB"])
    slack.usergroups[DBAS].team_id = "T0LAB"
    workspaces = Workspaces(organization="E0ACME", named=frozenset({"T0HQ", "T0LAB"}))
    people = People(lobby.people._client, lobby.clock, workspaces=workspaces)  # noqa: SLF001, the same Slack
    for _ in range(2):
        assert (await people.members([DBAS], max_age=0))[DBAS] == frozenset({BEN, CAT})
    named = [call.args["team_id"] for call in slack.calls if call.method == GROUP]
    assert named == ["T0HQ", "T0LAB", "T0LAB"]

    slack.usergroups[DBAS].team_id = "T0OTHER"
    assert (await people.members([DBAS], max_age=0))[DBAS] is None
    await people.close()
