"""What goes wrong in the page: the bot is killed, RDS is away, and people type what is not."""

from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser, expect

from bot.demo.playground.playground import playing
from bot.demo.playground.server import PlaygroundServer
from bot.demo.slack.records import Content
from tests.browser.conftest import SPEED, Stage
from tests.browser.tab import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the browser lives on it


@pytest.mark.own_playground
async def test_killed_while_a_backup_runs(tab: Tab, stage: Stage) -> None:
    """The page says that it is gone, the backup goes on, and the next start tells the end once."""
    await tab.turns("The next create", "takes 45 minutes")
    card = await tab.asks("dev-sandbox", "survives-1")
    await expect(card).to_contain_text("Backing up")
    bot = tab.cloud.get_by_role("status")
    await expect(bot).to_contain_text("It is running (process")

    await tab.clicks("Kill", tab.cloud)
    await expect(bot).to_have_text("It isn't running: killed.")
    await tab.types("/backup status")
    await expect(tab.channel.get_by_role("alert")).to_contain_text("dispatch_failed")

    await tab.clicks("Start", tab.cloud)
    await expect(bot).to_contain_text("It is running (process")
    await expect(card).to_contain_text("Backing up")
    await tab.page.get_by_label("300").check()
    await expect(card).to_contain_text("dev-sandbox is backed up")
    await tab.opens_thread(card)
    await expect(tab.thread.locator("article", has_text="is complete:")).to_have_count(1)
    assert sum(c.method == "POST" for c in stage.playground.world.region.calls) == 1


@pytest.mark.own_playground
async def test_the_home_tab_of_a_bot_that_did_not_run(tab: Tab) -> None:
    """It is empty, and no longer once the bot runs."""
    await tab.clicks("Kill", tab.cloud)
    await tab.page.get_by_role("navigation", name="Channels").get_by_text("backup-bot").click()
    await expect(tab.channel).to_contain_text("Is the bot running?")

    await tab.clicks("Start", tab.cloud)

    await expect(tab.channel).to_contain_text("Your recent requests")


@pytest.mark.own_playground
async def test_restarted_while_a_request_waits(tab: Tab) -> None:
    """A card that was there before the restart can be decided after it."""
    card = await tab.asks("orders-prod", "patient-1")
    bot = tab.cloud.get_by_role("status")
    before = await bot.inner_text()
    await tab.clicks("Restart", tab.cloud)
    await expect(bot).not_to_have_text(before)
    await expect(bot).to_contain_text("It is running")

    await tab.is_now("cat")
    await tab.clicks("Approve", card)

    await expect(card).to_contain_text("orders-prod is backed up")


@pytest.mark.own_playground
async def test_an_outage_begins_and_ends(tab: Tab) -> None:
    """Both are said in the thread, once; the call list shows what RDS answered."""
    await tab.turns("The next create", "takes 45 minutes")
    card = await tab.asks("dev-sandbox", "outage-1")
    await expect(card).to_contain_text("Backing up")
    await tab.turns("RDS responds", "503: outage")
    await expect(tab.cloud.locator(".calls li.amiss").first).to_contain_text("503")
    await tab.opens_thread(card)
    await tab.reads_in_thread("RDS isn't responding")

    await tab.turns("RDS responds", "normally")

    await tab.reads_in_thread("RDS is responding again")
    await expect(tab.thread.locator("article", has_text="RDS isn't responding")).to_have_count(1)


async def test_commands_that_are_none(tab: Tab) -> None:
    """Slack itself answers what no app can: an unknown command, and one in a thread."""
    await tab.types("/backpu create orders")
    await expect(tab.channel.get_by_role("alert")).to_contain_text(
        "/backpu is not a valid command"
    )
    await expect(tab.page.get_by_role("textbox", name="Message #ops")).to_have_value(
        "/backpu create orders"
    )

    card = tab.card("billing-prod", "before-invoices")
    await card.hover()
    await card.get_by_role("button", name="Reply in thread").click()
    await tab.types("/backup status", "Reply…")
    await expect(tab.thread.get_by_role("alert")).to_contain_text("not supported in threads")
    await expect(tab.page.get_by_role("alert")).to_have_count(1)

    await tab.clicks("Close the thread", tab.thread)
    await tab.is_now("ben")
    await expect(tab.page.get_by_role("textbox", name="Message #ops")).to_have_value("")
    await tab.is_now("ana")
    await expect(tab.page.get_by_role("textbox", name="Message #ops")).to_have_value(
        "/backpu create orders"
    )


async def test_escape_closes_the_offers_only(tab: Tab) -> None:
    """What was typed stays, and the offers come back with the next key."""
    composer = tab.page.get_by_role("textbox", name="Message #ops")
    await composer.press_sequentially("/ba")
    offers = tab.page.get_by_role("listbox", name="Commands and shortcuts")
    await expect(offers).to_be_visible()

    await composer.press("Escape")
    await expect(offers).to_have_count(0)
    await expect(composer).to_have_value("/ba")

    await composer.press("c")
    await expect(offers).to_be_visible()


@pytest.mark.own_playground
async def test_a_shortcut_fails_where_nobody_can_write(tab: Tab, stage: Stage) -> None:
    """The bot is gone: Slack says so in the app's conversation as well."""
    slack = stage.playground.world.workspace
    own = slack.direct_message("U0ANA")
    slack.history.post(own.id, slack.identity.bot_user_id, Content("a word with you", []))
    app = tab.page.get_by_role("button", name="backup-bot")
    await expect(app).to_have_class("place unread")
    await app.click()
    message = tab.channel.locator("article").last
    await expect(message).to_be_visible()
    await tab.clicks("Kill", tab.cloud)
    await message.hover()
    await message.get_by_label("More actions").click()

    await message.get_by_role("button", name="Back up from here").click()

    await expect(tab.channel.get_by_role("alert")).to_contain_text("dispatch_failed")


async def test_a_channel_without_the_bot(tab: Tab) -> None:
    """The command works there, and says what to do."""
    await tab.page.get_by_role("navigation", name="Channels").get_by_text("payments").click()
    await tab.types("/backup create dev-sandbox here-1", "Message #payments")

    await tab.reads("/invite")


async def test_a_direct_message_between_two(tab: Tab) -> None:
    """Nobody else could decide there: it is refused, and says where to ask."""
    await tab.page.get_by_role("navigation", name="Channels").get_by_text("ben").click()
    await tab.types("/backup create orders-prod between-us", "Message ben")

    await tab.reads("channel")
    await expect(tab.channel).not_to_contain_text("Approve")


async def test_the_playground_ends_and_begins(browser: Browser) -> None:
    """The page says so, and goes on with the next one, even on the home tab."""
    async with AsyncExitStack() as first:
        playground = await first.enter_async_context(playing(SPEED))
        server = await first.enter_async_context(PlaygroundServer(playground))
        async with Stage(playground, browser, server.url).tab() as tab:
            await tab.opens("?as=U0BEN&in=home")
            await expect(tab.channel).to_contain_text("Waiting for you")
            await first.aclose()
            lost = tab.page.get_by_role("alert")
            await expect(lost).to_contain_text("The playground has stopped")

            port = int(server.url.rstrip("/").rpartition(":")[2])
            async with playing(SPEED) as again, PlaygroundServer(again, port):
                await expect(lost).to_have_count(0)
                await expect(tab.channel).to_contain_text("Waiting for you")
            assert {
                fault for fault in tab.faults if "ERR_CONNECTION_REFUSED" not in fault
            } == set()
            tab.faults.clear()
