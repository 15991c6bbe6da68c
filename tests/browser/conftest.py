"""A playground in a real browser: Debian's Chromium, or any that is called like it."""

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from bot.demo.playground.playground import Playground, playing
from bot.demo.playground.scenery import CONFIG
from bot.demo.playground.server import PlaygroundServer
from tests.browser.tab import Tab

SPEED = 120  # two minutes a second
WITHOUT_DIGEST = CONFIG.replace('digest = "daily"', 'digest = "off"')  # it comes at 9 o'clock
# The first has no window to draw, and takes three quarters of the time of the second.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
)
QUIET = (  # it runs as root here and there, and asks nobody in the network
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Stage(NamedTuple):
    """A playground, and a browser that can look at it."""

    playground: Playground
    browser: Browser
    url: str

    @asynccontextmanager
    async def tab(
        self, width: int = 1440, height: int = 900, *, dark: bool = False, phone: bool = False
    ) -> AsyncIterator[Tab]:
        """A tab of its own; at the end the browser must have had nothing to complain of."""
        context = await self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            has_touch=phone,
            is_mobile=phone,
            locale="en-GB",
            timezone_id="UTC",
        )
        tab = Tab(await context.new_page(), self.url)
        yield tab
        await context.close()
        assert tab.faults == []
        assert {address for address in tab.addresses if not address.startswith(self.url)} == set()


Stages = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser. CI must have one; elsewhere the tests are left out without it."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None and os.environ.get("CI"):
        pytest.fail("There is no Chromium: `apt-get install chromium-headless-shell`.")
    if found is None:
        pytest.skip("There is no Chromium here: `apt-get install chromium` lets this test run.")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """One browser for all tests of this process: each opens windows of its own in it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser
        await browser.close()


@pytest.fixture
def stages(browser: Browser) -> Stages:
    """Opens a playground with a config of the test's own."""

    @asynccontextmanager
    async def opening(config: str = WITHOUT_DIGEST, speed: float = SPEED) -> AsyncIterator[Stage]:
        async with (
            playing(speed, config) as playground,
            PlaygroundServer(playground) as server,
        ):
            yield Stage(playground, browser, server.url)
            assert playground.world.workspace.violations == []

    return opening


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lasting(browser: Browser) -> AsyncIterator[Stage]:
    """One playground for many tests, each of which asks for something else; nothing expires."""
    patient = WITHOUT_DIGEST.replace('"8h"', '"30d"')
    patient = patient.replace('remind_after = "1h"', 'remind_after = "0s"')
    async with playing(SPEED, patient) as playground, PlaygroundServer(playground) as server:
        yield Stage(playground, browser, server.url)
        assert playground.world.workspace.violations == []


@pytest_asyncio.fixture(loop_scope="session")
async def stage(
    request: pytest.FixtureRequest, lasting: Stage, stages: Stages
) -> AsyncIterator[Stage]:
    """A playground as `backup-bot demo` opens it, only faster.

    The lasting one, unless a test is marked as `own_playground`: because it leaves traces, or
    wants to find none.
    """
    if request.node.get_closest_marker("own_playground") is None:
        yield lasting
    else:
        async with stages() as own:
            yield own


@pytest_asyncio.fixture(loop_scope="session")
async def tab(stage: Stage) -> AsyncIterator[Tab]:
    """The page, as ana sees it first."""
    async with stage.tab() as tab:
        await tab.opens()
        yield tab
