"""Forms in the page: the typeahead, errors at their field, and every way to open them."""

import re

import pytest
from playwright.async_api import expect

from bot.demo.world import ANA
from tests.browser.conftest import Stage
from tests.browser.tab import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the browser lives on it


async def test_an_error_stands_at_its_field(tab: Tab, stage: Stage) -> None:
    """A mistake is mended in a form, which refuses another one beside the field it is in."""
    await tab.types("/backup create order-prod 42-before")
    await tab.reads("Please fix this")
    await tab.clicks("Fix in a form")
    instance = tab.modal.get_by_label("Instance", exact=True)
    await expect(instance).to_be_focused()
    await expect(tab.modal.get_by_label("Name (optional)")).to_have_value("42-before")
    await instance.press_sequentially("orders")
    await expect(tab.modal.get_by_role("option", name="orders-prod")).to_be_visible()
    await expect(tab.modal.get_by_role("option", name="orders-replica")).to_have_count(0)
    await instance.press("Enter")
    await expect(tab.modal).to_contain_text("Needs 1 approval from @dba")
    await expect(tab.modal.get_by_label("Name (optional)")).to_have_value("42-before")

    await tab.clicks("Request backup", tab.modal)
    name = tab.modal.get_by_label("Name (optional)")
    await expect(name).to_have_attribute("aria-invalid", "true")
    await expect(name).to_have_accessible_description(re.compile("must start with a letter"))
    await expect(name).to_be_focused()

    await name.fill("before-42")
    await tab.modal.get_by_label("Reason (optional)").fill("before 4.2")
    await tab.modal.get_by_label("Keep for").select_option(label="14 days")
    await tab.sends("Request backup")
    await expect(tab.card("orders-prod", "before-42")).to_contain_text("kept for 14 days")
    backups = stage.playground.world.region.backups
    assert not [backup for backup in backups if backup.name == "before-42"]  # it waits for ben


async def test_the_shortcut_and_the_home_tab(tab: Tab) -> None:
    """Both lead to the form; the home tab asks for a channel, and then shows the request."""
    composer = tab.page.get_by_role("textbox", name="Message #ops")
    await composer.press_sequentially("/")
    await composer.press("ArrowDown")
    await composer.press("Enter")
    await expect(tab.modal).to_contain_text("Back up a database")
    await tab.clicks("Cancel", tab.modal)
    await expect(tab.modal).to_have_count(0)

    await tab.page.get_by_role("navigation", name="Channels").get_by_text("backup-bot").click()
    await tab.clicks("Back up a database", tab.channel)
    await tab.modal.get_by_label("Instance", exact=True).press_sequentially("dev-s")
    await tab.modal.get_by_role("option", name="dev-sandbox").click()
    await tab.modal.get_by_label("Channel").select_option(label="#deploys")
    await tab.sends("Request backup")

    await expect(tab.channel).to_contain_text("dev-sandbox")
    await expect(tab.page.get_by_role("button", name="deploys")).to_have_class("place unread")


async def test_from_a_message_and_back(tab: Tab) -> None:
    """Back up from here: the thread of the message gets a link, and the link leads to the card."""
    message = tab.channel.locator("article", has_text="Who's backing up")
    await message.hover()
    await message.get_by_label("More actions").click()
    await message.get_by_role("button", name="Back up from here").click()
    await tab.modal.get_by_label("Instance", exact=True).press_sequentially("dev-s")
    await tab.modal.get_by_role("option", name="dev-sandbox").click()
    await tab.sends("Request backup")
    await tab.opens_thread(message)

    await tab.thread.get_by_role("link").click()

    await expect(tab.thread.locator("article").first).to_contain_text("dev-sandbox")


async def test_a_delete_is_confirmed_by_its_name(tab: Tab) -> None:
    """What the list shows can be deleted, once its name is typed again and ben agrees."""
    await tab.types("/backup list orders-prod")
    await tab.reads("before-4-1")
    await tab.types("/backup delete before-4-1 orders-prod")
    await tab.modal.get_by_role("textbox").first.fill("before-4-1")
    await tab.modal.locator("button[type=submit]").click()
    await tab.page.keyboard.press("Escape")
    card = tab.channel.locator("article:not(.only-you)", has_text="before-4-1").last
    await expect(card).to_contain_text("Delete", ignore_case=True)

    await tab.is_now("ben")
    await tab.clicks("Approve", card)

    await expect(card).to_contain_text("Deleted")


async def test_a_press_that_a_new_home_tab_meets_is_not_lost(tab: Tab, stage: Stage) -> None:
    """The app publishes the tab again between the mouse going down and up."""
    await tab.page.get_by_role("navigation", name="Channels").get_by_text("backup-bot").click()
    await tab.channel.get_by_role("button", name="Back up a database", exact=True).hover()
    await tab.page.mouse.down()
    homes = stage.playground.world.workspace.homes
    home = homes.of(ANA)
    assert home
    blocks = [{key: block[key] for key in block if key != "block_id"} for block in home.blocks]
    news = {"type": "section", "text": {"type": "plain_text", "text": "Published again"}}
    homes.publish({"user_id": ANA, "view": {"type": "home", "blocks": [*blocks, news]}})
    await expect(tab.channel).to_contain_text("Published again")
    await tab.page.mouse.up()

    await expect(tab.modal).to_contain_text("Back up a database")
    homes.publish({"user_id": ANA, "view": {"type": "home", "blocks": blocks}})
    await tab.clicks("Cancel", tab.modal)
    await expect(tab.modal).to_have_count(0)
