"""A browser tab on the playground, in the words of the person before it."""

import re
from collections.abc import Sequence

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import ConsoleMessage, Locator, Page, Request, expect

DEADLINE = 20_000  # ms for anything to show up
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],  # to describe what passes takes most of the time
}

expect.set_options(timeout=DEADLINE)


class Tab:
    """What somebody does in the page and sees there; `faults` is what the browser complains of."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.faults: list[str] = []
        self.addresses: set[str] = set()
        page.set_default_timeout(DEADLINE)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", self._requested)

    async def opens(self, query: str = "") -> None:
        """Open the page and wait until it shows something."""
        await self.page.goto(f"{self.url}{query}")
        await expect(self.page.get_by_role("main")).to_be_attached()

    async def types(self, text: str, box: str = "Message #ops") -> None:
        """Write into a box and press Enter."""
        composer = self.page.get_by_role("textbox", name=box)
        await composer.fill(text)
        await composer.press("Enter")

    async def is_now(self, name: str) -> None:
        """Become another person."""
        await self.page.get_by_role("radio", name=re.compile(name)).check(force=True)
        await expect(self.page.locator(".person.me")).to_contain_text(name)

    async def clicks(self, name: str, within: Locator | None = None) -> None:
        """Click a button with exactly this name."""
        await (within or self.page).get_by_role("button", name=name, exact=True).click()

    async def sends(self, submit: str) -> None:
        """Send the form that is open, and close the answer that takes its place."""
        await self.modal.get_by_role("button", name=submit, exact=True).click()
        await expect(self.modal.locator("button[type=submit]")).to_have_count(0)
        await self.page.keyboard.press("Escape")
        await expect(self.modal).to_have_count(0)

    async def asks(self, instance: str, name: str, why: str = "") -> Locator:
        """Ask for a backup in #ops; its card, once it is up."""
        await self.types(f"/backup create {instance} {name} {why}")
        card = self.card(instance, name)
        await expect(card).to_be_visible()
        return card

    def card(self, instance: str, name: str) -> Locator:
        """The card of a request."""
        about = re.compile(f"back(ed)? up.*{name}|{instance}.*{name}", re.DOTALL | re.IGNORECASE)
        return self.channel.locator("article:not(.only-you)", has_text=about).first

    @property
    def channel(self) -> Locator:
        return self.page.locator("section.channel")

    @property
    def thread(self) -> Locator:
        return self.page.get_by_role("region", name="Thread")

    @property
    def cloud(self) -> Locator:
        return self.page.get_by_role("complementary", name="Cloud and bot")

    @property
    def modal(self) -> Locator:
        return self.page.locator("dialog.modal")

    async def reads(self, *words: str) -> None:
        """Somewhere in the channel there stands this, for this person alone."""
        own = self.channel.locator("article.only-you").last
        for said in words:
            await expect(own).to_contain_text(said)

    async def opens_thread(self, card: Locator) -> None:
        """Open the thread under a card, once there is one."""
        await card.locator(".thread-link").click()
        await expect(self.thread).to_be_visible()

    async def reads_in_thread(self, *words: str) -> None:
        """In the open thread there stands this."""
        for said in words:
            await expect(self.thread).to_contain_text(said)

    async def turns(self, switch: str, to: str) -> None:
        """Turn a switch of the cloud pane."""
        await self.cloud.get_by_label(switch).select_option(label=to)

    async def has_no_barriers(self, *where: str) -> None:
        """Axe finds nothing in the page, or in what this selector names, and all is drawn."""
        await expect(self.page.locator(".unknown")).to_have_count(0)
        await self.page.wait_for_timeout(300)  # colours that fade are found wanting meanwhile
        found = await Axe().run(self.page, context=where[0] if where else None, options=RULES)
        assert found.violations_count == 0, _told(found.response["violations"])

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def _requested(self, request: Request) -> None:
        self.addresses.add(request.url)


def _told(violations: Sequence[dict[str, object]]) -> str:
    lines = []
    for violation in violations:
        lines.append(f"{violation['id']}: {violation['help']}")
        nodes = violation["nodes"]
        assert isinstance(nodes, list)
        lines += [
            f"    {node['html'][:160]}\n      {node['failureSummary']}" for node in nodes[:4]
        ]
    return "\n".join(lines)
