"""An organization of several workspaces: who is let in, and what one sees of another."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.demo.slack.records import Json
from bot.demo.world import ANA, BEN, CAT, DAN, DBAS, OPS
from bot.slack.messages.ids import BACK_UP, BACK_UP_FROM_HERE, INSTANCE, START
from tests.scenarios.test_home import home, shows
from tests.scenarios.test_looks import asks_for
from tests.stepped_clock import SteppedClock
from tests.story import DEADLINE, Opens, Story

ACME, LAB, HQ = "E0ACME", "T0LAB", "T0DEMO"
LIA, EVE, MAX = "W0LIA", "U0EVE", "U0MAX"  # of the lab, of another organization, of none
POLICY = f"""
[approval]
approvers = ["{DBAS}", "{LIA}"]
"""
BOTH = f'[slack]\nworkspaces = ["{HQ}", "{LAB}"]\n'
SHARED = f"{BOTH}share = true\n"
ASK = "create orders-prod before-42"
STRANGERS = pytest.mark.parametrize("who", [EVE, MAX])
TOKENS = pytest.mark.parametrize("is_org_wide", [True, False], ids=["organization", "workspace"])


@asynccontextmanager
async def organized(
    opens: Opens,
    config: str = BOTH,
    *,
    is_org_wide: bool = True,
    added_to: tuple[str, ...] = (HQ, LAB),
    clock: SteppedClock | None = None,
) -> AsyncIterator[Story]:
    """Two workspaces of one organization share #ops with people from outside; no bot runs yet."""
    async with opens(config + POLICY, clock) as story:
        slack = story.workspace
        slack.organize(ACME, is_org_wide=is_org_wide, added_to=added_to)
        slack.add_user(LIA, "lia", team_id=LAB, enterprise_id=ACME)
        slack.add_user(EVE, "eve", team_id="T0OTHER", enterprise_id="E0OTHER")
        slack.add_user(MAX, "max", team_id="T0MAX")
        slack.channels[OPS].members |= {LIA, EVE, MAX}
        yield story


def calls(story: Story, method: str) -> list[Json]:
    return [call.args for call in story.workspace.calls if call.method == method]


@TOKENS
async def test_people_of_a_sister_workspace_request_and_approve(
    opens: Opens, *, is_org_wide: bool
) -> None:
    """By the policy, on the cards that they see."""
    async with organized(opens, is_org_wide=is_org_wide) as story, story.bot():
        card = await story.asks(ASK)
        assert "You approved the backup" in await story.approves(card, who=LIA)
        theirs = await story.asks("create billing-prod before-43", who=LIA)
        assert "You approved the backup" in await story.approves(theirs, who=BEN)
        third = await story.asks("create dev-sandbox before-44", who=LIA)
        assert "You withdrew" in await story.withdraws(third, who=LIA)


async def test_an_org_wide_token_is_for_the_whole_organization(opens: Opens) -> None:
    """Unless the file names the workspaces."""
    async with organized(opens, "") as story, story.bot():
        card = await story.asks(ASK, who=LIA)
        assert "You approved the backup" in await story.approves(card)


@pytest.mark.parametrize(
    ("config", "is_org_wide", "added_to"),
    [
        ("", False, ()),
        (f'[slack]\nworkspaces = ["{HQ}"]\n', True, (HQ, LAB)),
        (f'[slack]\nworkspaces = ["{HQ}"]\n', False, ()),
        ("", True, (HQ,)),
    ],
    ids=["own workspace", "not named", "not named beside its own", "app not added"],
)
async def test_any_other_workspace_of_the_organization_is_refused(
    opens: Opens, config: str, added_to: tuple[str, ...], *, is_org_wide: bool
) -> None:
    story_of = organized(opens, config, is_org_wide=is_org_wide, added_to=added_to)
    async with story_of as story, story.bot():
        assert "You belong to another workspace" in await asks_for(story, ASK, who=LIA)
        card = await story.asks(ASK)
        assert "another workspace" in await story.approves(card, who=LIA)
        assert "You approved the backup" in await story.approves(card, who=BEN)


@STRANGERS
@TOKENS
async def test_people_from_outside_are_refused_everywhere(
    opens: Opens, who: str, *, is_org_wide: bool
) -> None:
    """Commands, clicks, shortcuts, the home tab, and forms that they opened somehow."""
    async with organized(opens, is_org_wide=is_org_wide) as story, story.bot():
        slack, direct = story.workspace, story.workspace.direct_message(who).id
        card = await story.asks(ASK)
        for text in (ASK, "status", "pending", "list", "help", "withdraw before-42"):
            assert "You belong to another workspace" in await asks_for(story, text, who=who)
        assert "another workspace" in await story.approves(card, who=who)
        assert "another workspace" in await story.withdraws(card, who=who)

        await slack.global_shortcut(who, BACK_UP)
        await slack.until(lambda: len(slack.messages(direct)) == 1, DEADLINE)
        await slack.message_shortcut(who, card.ts, BACK_UP_FROM_HERE)
        await story.hears("You belong to another workspace", who=who)
        await slack.open_home(who)
        assert slack.home(who) is None
        assert slack.modal(who) is None
        assert story.creates == 0


@STRANGERS
@TOKENS
async def test_a_form_in_the_hands_of_a_stranger_is_of_no_use(
    opens: Opens, who: str, *, is_org_wide: bool
) -> None:
    """They belonged here when they opened it, or when the home tab was drawn."""
    async with organized(opens, is_org_wide=is_org_wide) as story, story.bot():
        slack = story.workspace
        stranger = slack.users[who]
        slack.users[who] = slack.add_user(who, "colleague")
        await slack.open_home(who)
        await slack.until(lambda: slack.home(who), DEADLINE)
        await slack.press(who, START)
        await slack.until(lambda: slack.modal(who), DEADLINE)
        found = await slack.suggest(who, INSTANCE, "dev")
        await slack.fill(who, INSTANCE, found.options[0]["value"])
        slack.users[who] = stranger

        assert (await slack.suggest(who, INSTANCE, "orders")).options == []
        await slack.submit(who, {"channel": OPS})
        assert "You belong to another workspace" in story.form(who)
        assert story.creates == 0


@TOKENS
async def test_no_workspace_sees_the_requests_of_another(
    opens: Opens, *, is_org_wide: bool
) -> None:
    """As if there were none; what the other one did with an instance is in no trail, too."""
    async with organized(opens, is_org_wide=is_org_wide) as story, story.bot():
        card = await story.asks(ASK)
        await story.workspace.open_home(LIA)
        await shows(story, "Nothing is waiting for your approval.", LIA)

        for text in ("status", "pending"):
            assert "before-42" not in await asks_for(story, text, who=LIA)
        for text in ("status before-42", "withdraw before-42"):
            assert "I can't find a request" in await asks_for(story, text, who=LIA)
        assert "before-42" not in await asks_for(story, "audit orders-prod", who=LIA)
        assert "before-42" in await asks_for(story, "audit orders-prod", who=BEN)
        await story.approves(card)
        await story.until_said(card, "complete")
        assert "before-42" not in await asks_for(story, "list", who=LIA)
        assert "before-42" in await asks_for(story, "list", who=BEN)
        assert "@ana" not in await asks_for(story, "list orders-prod", who=LIA)
        assert "@ana" in await asks_for(story, "list orders-prod", who=BEN)
        assert "before-42" not in home(story, LIA)


async def test_a_name_that_another_workspace_uses_is_only_taken(opens: Opens) -> None:
    """RDS has one name for all, but who uses it is told in their own workspace only."""
    async with organized(opens) as story, story.bot():
        await story.asks(ASK)
        answer = await asks_for(story, "create billing-prod before-42", who=LIA)
        assert "before-42-2" in answer
        assert "@ana" not in answer
        assert "@ana" in await asks_for(story, "create billing-prod before-42", who=BEN)


async def test_workspaces_can_share_what_they_see(opens: Opens) -> None:
    """With `share = true`."""
    async with organized(opens, SHARED) as story, story.bot():
        await story.asks(ASK)
        await story.workspace.open_home(LIA)
        await shows(story, "before-42", LIA)
        for text in ("pending", "status before-42", "audit orders-prod"):
            assert "before-42" in await asks_for(story, text, who=LIA)


async def test_a_home_tab_stays_with_the_workspace_where_it_was_opened(opens: Opens) -> None:
    """Also after a restart, without being opened again."""
    async with organized(opens) as story:
        async with story.bot():
            for who in (BEN, LIA):
                await story.workspace.open_home(who)
                await shows(story, "Nothing is waiting for your approval.", who)
        async with story.bot():
            await story.asks(ASK)
            await shows(story, "before-42", BEN)
            assert "before-42" not in home(story, LIA)


async def test_groups_are_looked_up_in_the_workspaces_of_the_organization(opens: Opens) -> None:
    """An org-wide token has to name one, and Slack doesn't say which has the group."""
    async with organized(opens) as story:
        story.workspace.usergroups[DBAS].team_id = LAB
        async with story.bot():
            card = await story.asks(ASK)
            assert "You approved the backup" in await story.approves(card, who=CAT)
        asked = calls(story, "usergroups.users.list")
        assert {call["team_id"] for call in asked} == {HQ, LAB}
        assert [call["team_id"] for call in asked[2:]] == [LAB] * (len(asked) - 2)


async def test_a_workspace_token_names_no_workspace_in_its_calls(opens: Opens) -> None:
    async with organized(opens, is_org_wide=False) as story, story.bot():
        assert all("team_id" not in call for call in calls(story, "usergroups.users.list"))
        assert calls(story, "auth.teams.list") == []


async def test_a_workspace_that_the_app_is_added_to_is_served_within_a_minute(
    opens: Opens,
) -> None:
    clock = SteppedClock()
    async with organized(opens, "", added_to=(HQ,), clock=clock) as story, story.bot():
        assert "You belong to another workspace" in await asks_for(story, "status", who=LIA)
        story.workspace.added_to.add(LAB)
        asked = len(calls(story, "auth.teams.list"))
        clock.advance(seconds=61)
        await story.workspace.until(lambda: len(calls(story, "auth.teams.list")) > asked, DEADLINE)
        assert "You have no open requests" in await asks_for(story, "status", who=LIA)


async def test_one_workspace_is_as_it_was(story: Story) -> None:
    """Nothing about organizations in its payloads, and nobody else is let in."""
    card = await story.asks(ASK)
    story.workspace.add_user(LIA, "lia", team_id=LAB, enterprise_id=ACME)
    assert "another workspace" in await story.approves(card, who=LIA)
    assert "You approved the backup" in await story.approves(card)
    assert "before-42" in await asks_for(story, "status", who=DAN)
    assert "before-42" in await asks_for(story, "status", who=ANA)
