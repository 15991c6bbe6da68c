"""What people look up: lists, requests, what waits; and taking a request back."""

import asyncio
from datetime import timedelta

import pytest

from bot.demo.clock import FastClock
from bot.demo.rds import faults as rds_faults
from bot.demo.world import ANA, BEN, CAT, OPS
from bot.slack.messages.ids import BACK, BACKUPS_PAGE, INSTANCE, INSTANCES_PAGE, ON
from tests.story import CONFIG, DEADLINE, Opens, Story


async def asks_for(story: Story, text: str, who: str = ANA) -> str:
    """What somebody is told who types a command that only looks."""
    reply = await story.types(text, who=who)
    assert reply.error is None
    assert reply.message is not None
    return story.workspace.read(reply.message)


async def done(story: Story, text: str = "create orders-prod before-42") -> None:
    """A backup that was asked for, approved and made."""
    card = await story.asks(text)
    await story.approves(card)
    await story.until_said(card, "is complete")


async def test_the_backups_of_an_instance(story: Story) -> None:
    """Manual ones, the newest first, and who asked for ours; with --all the others as well."""
    await done(story)
    manual = await asks_for(story, "list orders-prod")
    every = await asks_for(story, "list orders-prod --all")

    assert "Manual backups of orders-prod" in manual
    assert "before-42" in manual
    assert "@ana" in manual
    assert "automated" not in manual
    assert "automated" in every


async def test_a_long_list_has_pages(story: Story) -> None:
    """Ten rows a page; the buttons change the page in its place."""
    (orders,) = [i for i in story.region.instances if i.name == "orders-prod"]
    for number in range(25):
        began = story.clock.now() - timedelta(days=30 + number)
        story.region.add_backup(orders, f"old-{number:02}", type="manual", began=began)
    first = await story.types("list orders-prod")
    assert first.message is not None
    assert "1 to 10 of" in story.workspace.read(first.message)
    await story.workspace.click(ANA, first.message.ts, BACKUPS_PAGE + ON)
    await story.hears("11 to 20 of")
    await story.workspace.click(ANA, first.message.ts, BACKUPS_PAGE + ON)
    await story.hears("21 to 2")

    assert first.message.buttons == [BACKUPS_PAGE + BACK]


async def test_the_backups_that_the_bot_made(story: Story) -> None:
    """From its own memory; RDS is not asked."""
    assert "This bot hasn't made any backups yet" in await asks_for(story, "list")
    await done(story, "create orders-prod before-42 --keep 14d")
    calls = len(story.region.calls)
    shown = await asks_for(story, "list")

    assert "before-42" in shown
    assert "14 d more" in shown or "13 d more" in shown
    assert len(story.region.calls) == calls


async def test_a_slow_list_comes_after_the_ack(opens: Opens) -> None:
    """Slack waits three seconds for an ack; RDS takes four here."""
    async with opens(clock=FastClock(1)) as story, story.bot():
        while not story.region.calls:
            await story.region.changed()
        await asks_for(story, "policy orders-prod")  # the instances are known
        story.region.faults.always(rds_faults.slow(4))
        reply = await story.types("list orders-prod")
        assert reply.acked_after is not None
        assert reply.acked_after < 3.0
        assert "RDS is slow" in story.heard(ANA)

        await story.hears("orders-prod has no manual backups")


async def test_an_outage_is_said_of_a_list(opens: Opens) -> None:
    """In the words of every other refusal."""
    async with opens() as story, story.bot():
        await asks_for(story, "policy orders-prod")
        story.region.faults.always(rds_faults.UNAVAILABLE)
        await story.types("list orders-prod")
        await story.hears("RDS isn't responding right now")


async def test_the_instances(story: Story) -> None:
    """Their state, their last good backup, whether one may ask; replicas are left out."""
    shown = await asks_for(story, "instances")

    assert "orders-prod" in shown
    assert "orders-replica" not in shown
    assert "yes, starts immediately" in shown  # dev-sandbox
    assert "ago" in shown
    assert "not now: frozen" in shown
    some = await asks_for(story, "instances DEV")
    assert "dev-sandbox" in some
    assert "orders-prod" not in some
    assert "No instance matches" in await asks_for(story, "instances nowhere")


async def test_an_instance_is_found_by_its_alias(opens: Opens) -> None:
    """In the list and in the form: that is the name people know."""
    async with opens(CONFIG + 'shop = "billing-prod"\n') as story, story.bot():
        assert "billing-prod" in await asks_for(story, "instances sho")
        await story.types("")
        await story.workspace.until(lambda: story.workspace.modal(ANA))
        offered = (await story.workspace.suggest(ANA, INSTANCE, "Shop")).options

        assert [option["text"]["text"] for option in offered] == ["billing-prod"]


async def test_many_instances_have_pages(opens: Opens) -> None:
    """The filter is kept from page to page."""
    async with opens() as story:
        for number in range(12):
            story.region.add_instance(f"many-{number:02}")
        async with story.bot():
            first = await story.types("instances many")
            assert first.message is not None
            await story.workspace.click(ANA, first.message.ts, INSTANCES_PAGE + ON)
            await story.hears("11 to 12 of 12")


async def test_the_status_of_a_request(story: Story) -> None:
    """By its backup's name; alone, mine and what runs of others."""
    assert "You have no open requests" in await asks_for(story, "status")
    card = await story.asks("create orders-prod before-42")
    waiting = await asks_for(story, "status")
    assert "Yours (1)" in waiting
    assert "`before-42` · orders-prod · Waiting for 1 approval" in waiting
    one = ""
    async with asyncio.timeout(DEADLINE):
        while "View card" not in one:  # the card is shown a moment before its ts is stored
            one = await asks_for(story, "status before-42", who=BEN)
    assert "Back up orders-prod as" in one
    assert "View card" in one
    story.region.instances[0].backup_takes = timedelta(days=7)
    await story.approves(card)
    await story.until_said(card, "The backup has started")

    assert "Running for others (1)" in await asks_for(story, "status", who=BEN)
    assert "I can't find a request named `nothing-1`" in await asks_for(story, "status nothing-1")


async def test_what_waits_and_for_whom(story: Story) -> None:
    """A DBA's own request waits for the other DBA."""
    assert "Nothing is waiting for approval" in await asks_for(story, "pending")
    await story.asks("create orders-prod before-42", who=BEN)
    for_ben = await asks_for(story, "pending", who=BEN)
    for_cat = await asks_for(story, "pending", who=CAT)

    assert "Nothing is waiting for you." in for_ben
    assert "Waiting for others (1)" in for_ben
    assert for_cat.startswith("Waiting for you (1)")


async def test_a_request_is_taken_back_by_its_name(story: Story) -> None:
    """Only by who asked; what is not there is said to be unknown."""
    card = await story.asks("create orders-prod before-42")
    assert "only @ana, who requested it, can" in await asks_for(
        story, "withdraw before-42", who=BEN
    )
    assert "You withdrew your request" in await asks_for(story, "withdraw before-42")
    await story.until_said(card, "withdrew")

    assert "already withdrew this" in await asks_for(story, "withdraw before-42")
    assert "I can't find a request" in await asks_for(story, "withdraw nothing-1")


async def test_a_guest_of_another_workspace_is_refused(story: Story) -> None:
    """In a shared channel there are people whom the policy cannot know."""
    story.workspace.add_user("U0EVE", "eve", team_id="T0OTHER")
    story.workspace.channels[OPS].members.add("U0EVE")
    shown = await asks_for(story, "create orders-prod before-42", who="U0EVE")

    assert "You belong to another workspace" in shown
    assert story.cards == []


@pytest.mark.parametrize("text", ["create orders-prod before-42", "create orders-prod"])
async def test_no_one_could_approve_in_a_direct_message(story: Story, text: str) -> None:
    """So it is refused there, with what to do."""
    story.workspace.add_direct_message("D0ANABEN", [ANA, BEN])
    reply = await story.workspace.command(ANA, "D0ANABEN", "/backup", text)
    assert reply.error is None

    await story.hears("Request it in a channel")
