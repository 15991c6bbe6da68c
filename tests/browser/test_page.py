"""The page itself: in the dark, on a phone, for a screen reader, and full of messages."""

import pytest
from playwright.async_api import expect

from bot.demo.slack.records import Content
from bot.demo.world import BEN, OPS
from tests.browser.conftest import Stage
from tests.browser.tab import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the browser lives on it

UNKNOWN = {"type": "video", "block_id": "x1", "title": "Backups a week"}
HOSTILE = '<img src=x onerror="document.title=1"> &lt;b&gt; <javascript:alert(1)|click> *bold*'


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_without_barriers(stage: Stage, *, dark: bool) -> None:
    """Axe finds nothing in the channel, a thread, a table, the home tab and a form."""
    async with stage.tab(dark=dark) as tab:
        await tab.opens()
        card = await tab.asks("dev-sandbox", f"axe-{dark}")
        await expect(card).to_contain_text("is backed up")
        await tab.types("/backup instances")
        await tab.reads("Last successful backup")
        await tab.opens_thread(card)
        await tab.cloud.locator("summary").first.click()
        await tab.has_no_barriers()

        await tab.types("/backup")
        await expect(tab.modal).to_be_visible()
        await tab.modal.get_by_label("Instance", exact=True).press_sequentially("o")
        await expect(tab.modal.get_by_role("option", name="orders-prod")).to_be_visible()
        await tab.has_no_barriers("dialog")
        await tab.page.keyboard.press("Escape")
        await tab.page.keyboard.press("Escape")
        await expect(tab.modal).to_have_count(0)

        await tab.page.get_by_role("navigation", name="Channels").get_by_text("backup-bot").click()
        await expect(tab.channel).to_contain_text("Your recent requests")
        await tab.has_no_barriers()
        background = await tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == ("rgb(26, 29, 33)" if dark else "rgb(255, 255, 255)")


async def test_the_theme_can_be_chosen(tab: Tab) -> None:
    """Against what the system has, and for the next visit as well."""
    await tab.page.get_by_label("Theme").select_option("dark")
    await tab.opens()

    background = await tab.page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert background == "rgb(26, 29, 33)"


async def test_on_a_phone(stage: Stage) -> None:
    """One pane at a time, nothing sticks out, and a backup can be asked for and followed."""
    async with stage.tab(390, 844, phone=True) as tab:
        await tab.opens()
        card = await tab.asks("dev-sandbox", "phone-1")
        await expect(card).to_contain_text("is backed up")
        await tab.opens_thread(card)
        await tab.reads_in_thread("is complete")
        await tab.has_no_barriers()
        await tab.clicks("Close the thread", tab.thread)
        panes = tab.page.get_by_role("navigation", name="Panes")
        await expect(panes.get_by_label("unread")).to_be_visible()
        for pane in ("Cloud", "Channels", "Messages"):
            await panes.get_by_role("button", name=pane).click()
            wide = await tab.page.evaluate("document.documentElement.scrollWidth")
            assert wide == 390


async def test_the_keyboard_finds_its_way_back(tab: Tab) -> None:
    """What opens takes the focus, and gives it back to where one was."""
    composer = tab.page.get_by_role("textbox", name="Message #ops")
    card = tab.card("billing-prod", "before-invoices")
    await tab.types("/backup")
    await expect(tab.modal.get_by_label("Instance", exact=True)).to_be_focused()
    await tab.page.keyboard.press("Escape")
    await expect(composer).to_be_focused()

    withdraw = card.get_by_role("button", name="Withdraw")
    await withdraw.press("Enter")
    await expect(tab.page.get_by_role("button", name="Cancel")).to_be_focused()
    await tab.page.keyboard.press("Escape")
    await expect(withdraw).to_be_focused()

    reply = card.get_by_role("button", name="Reply in thread")
    await reply.press("Enter")
    await expect(tab.page.get_by_role("textbox", name="Reply…")).to_be_focused()
    await tab.page.keyboard.press("Escape")
    await expect(reply).to_be_focused()

    await tab.page.get_by_role("button", name="deploys").press("Enter")
    await expect(tab.page.get_by_role("textbox", name="Message #deploys")).to_be_focused()


async def test_what_people_wrote_is_text(tab: Tab, stage: Stage) -> None:
    """No markup of theirs gets into the page, and a link leads only where one can be."""
    await tab.types(HOSTILE)
    stage.playground.world.workspace.history.post(OPS, BEN, Content(HOSTILE, []))

    said = tab.channel.locator("article", has_text="onerror").last
    await expect(said.locator("strong", has_text="bold")).to_be_visible()
    await expect(said).to_contain_text("click")
    assert await said.locator("img, a").count() == 0
    assert await tab.page.title() == "backup-bot playground"


async def test_marks_that_people_write(tab: Tab) -> None:
    """They are drawn within the line; a date that is none stays text, and the page goes on."""
    for wrong in ("<!date^12>", "<!date^x^{date}|then>", "<!date^999999999999999^{date}|never>"):
        await tab.types(wrong)
    await tab.types("one *two* three\n> four")

    said = tab.channel.locator("article", has_text="one two three").last
    bold = await said.locator("strong", has_text="two").bounding_box()
    quoted = await said.locator("blockquote", has_text="four").bounding_box()
    assert bold
    assert quoted
    assert quoted["y"] > bold["y"]


async def test_an_unknown_block_is_shown_as_such(tab: Tab, stage: Stage) -> None:
    """It is never dropped: its type, and what it holds."""
    history = stage.playground.world.workspace.history
    history.post(OPS, BEN, Content("A chart", [UNKNOWN]))

    unknown = tab.channel.get_by_text("does not draw blocks of the type video")
    await unknown.click()

    await expect(tab.channel.locator(".unknown pre")).to_contain_text("Backups a week")


@pytest.mark.own_playground
async def test_unread_and_a_reload(tab: Tab, stage: Stage) -> None:
    """A channel that one is not in is marked; a reload comes back to the same place and person."""
    channels = tab.page.get_by_role("navigation", name="Channels")
    deploys = channels.get_by_role("button", name="deploys")
    await expect(deploys).to_have_class("place unread")
    await deploys.click()
    await expect(deploys).to_have_class("place ")
    stage.playground.world.workspace.say(BEN, OPS, "<@U0ANA> is it done?")
    await expect(channels.get_by_label("1 for you")).to_be_visible()

    await tab.is_now("cat")
    await tab.page.reload()

    await expect(tab.page.locator(".person.me")).to_contain_text("cat")
    await expect(tab.channel).to_contain_text("web 4.2.0-rc3 is on staging")


async def test_a_hidden_tab_does_not_listen(tab: Tab, stage: Stage) -> None:
    """Six tabs that listen leave none for a seventh; what came meanwhile is there at once."""
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    await tab.page.get_by_role("textbox", name="Message #ops").fill("half a sen")
    await tab.page.evaluate(hide, arg=True)
    stage.playground.world.workspace.say(BEN, OPS, "while you were away")
    await tab.page.wait_for_timeout(1500)
    said = tab.channel.locator("article", has_text="while you were away")
    await expect(said).to_have_count(0)

    await tab.page.evaluate(hide, arg=False)

    await expect(said).to_be_visible()
    await expect(tab.page.get_by_role("textbox", name="Message #ops")).to_have_value("half a sen")


@pytest.mark.own_playground
async def test_five_hundred_messages(tab: Tab, stage: Stage) -> None:
    """They are all there, the newest in sight; who has scrolled away is left where they are."""
    history = stage.playground.world.workspace.history
    for number in range(500):
        history.post(OPS, BEN, Content(f"message {number}", []))
    await expect(tab.channel.locator("article", has_text="message 499")).to_be_in_viewport()

    await tab.channel.get_by_role("log").evaluate("log => log.scrollTop = -log.scrollHeight")
    await expect(tab.page.get_by_role("button", name="Latest messages")).to_be_visible()
    history.post(OPS, BEN, Content("and one more", []))
    last = tab.channel.locator("article", has_text="and one more")
    await expect(last).to_be_attached()
    await expect(last).not_to_be_in_viewport()

    await tab.clicks("↓ Latest messages")

    await expect(last).to_be_in_viewport()

    await tab.channel.get_by_role("log").evaluate("log => log.scrollTop = -log.scrollHeight")
    await expect(last).not_to_be_in_viewport()
    await tab.types("what did I miss?")
    await expect(last).to_be_in_viewport()

    await tab.channel.get_by_role("log").evaluate("log => log.scrollTop = -log.scrollHeight")
    await expect(tab.page.get_by_role("button", name="Latest messages")).to_be_visible()
    channels = tab.page.get_by_role("navigation", name="Channels")
    await channels.get_by_text("backup-bot").click()
    await channels.get_by_role("button", name="ops").click()
    await expect(last).to_be_in_viewport()
    await expect(tab.page.get_by_role("button", name="Latest messages")).to_have_count(0)


async def test_a_button_under_the_mouse(tab: Tab) -> None:
    """It keeps its colour: its words are white."""
    approve = tab.channel.get_by_role("button", name="Approve").first
    colour = "button => getComputedStyle(button).backgroundColor"
    before = await approve.evaluate(colour)

    await approve.hover()

    assert await approve.evaluate(colour) == before


async def test_a_choice_on_the_home_tab_is_kept(tab: Tab) -> None:
    """The app is told at once, and the tab shows it after a reload, too."""
    await tab.opens("?as=U0CAT&in=home")
    mine = tab.channel.get_by_label("When my request finishes")
    await expect(mine).to_have_value("never")
    await mine.select_option("Only if it fails")
    await expect(mine).to_have_value("failed")
    await tab.opens("?as=U0CAT&in=home")
    await expect(mine).to_have_value("failed")
    await mine.select_option("Never")
    await expect(mine).to_have_value("never")
