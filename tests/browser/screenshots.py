"""The pictures in `docs/`, taken of the playground: `uv run poe screenshots`."""

import asyncio
import re
import shutil
from pathlib import Path

from playwright.async_api import async_playwright, expect

from bot.demo.playground.playground import playing
from bot.demo.playground.server import PlaygroundServer
from tests.browser.conftest import NAMES, QUIET, Stage
from tests.browser.tab import Tab

DOCS = Path(__file__).parents[2] / "docs"
SPEED = 20


async def _main() -> None:
    chromium = next(filter(None, map(shutil.which, NAMES)))
    async with (
        playing(SPEED) as playground,
        PlaygroundServer(playground) as server,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=chromium, args=QUIET)
        stage = Stage(playground, browser, server.url)
        async with stage.tab(1440, 860) as tab:
            await _thread(tab)
        async with stage.tab(1440, 860, dark=True) as tab:
            await _form(tab)
        async with stage.tab(390, 780, phone=True) as tab:
            await _phone(tab)
        await browser.close()


async def _thread(tab: Tab) -> None:
    """A backup half-way, its thread beside it, and the region behind it."""
    await tab.opens()
    await tab.clicks("Hide", tab.cloud)
    card = await tab.asks("orders-prod", "before-42", '"before the 4.2 migration"')
    await tab.is_now("ben")
    await tab.clicks("Approve", card)
    await tab.opens_thread(card)
    await expect(card).to_contain_text(re.compile(r"about [3-6]\d%"))
    await tab.page.screenshot(path=DOCS / "playground.png")
    await tab.reads_in_thread("is complete")


async def _form(tab: Tab) -> None:
    """The form, in the dark, while one looks for an instance."""
    await tab.opens("?as=U0CAT")
    await tab.types("/backup create order-prod 42-before")
    await tab.clicks("Fix in a form")
    await tab.modal.get_by_label("Instance", exact=True).press_sequentially("ord")
    await expect(tab.modal.get_by_role("option", name="orders-staging")).to_be_visible()
    await tab.page.screenshot(path=DOCS / "form.png")
    await tab.page.keyboard.press("Escape")
    await tab.page.keyboard.press("Escape")


async def _phone(tab: Tab) -> None:
    """The home tab on a phone."""
    await tab.opens("?as=U0BEN&in=home")
    await expect(tab.channel).to_contain_text("Waiting for you")
    await tab.page.screenshot(path=DOCS / "phone.png")


if __name__ == "__main__":
    asyncio.run(_main())
