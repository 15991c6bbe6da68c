"""The whole story in the page: asked, decided, backed up, and every other way it can end."""

import pytest
from playwright.async_api import expect

from bot.demo.playground.scenery import CONFIG
from tests.browser.conftest import Stage, Stages
from tests.browser.tab import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the browser lives on it


@pytest.mark.own_playground
async def test_from_the_command_to_completion(tab: Tab, stage: Stage) -> None:
    """Ana asks with the keyboard alone, ben approves, and the thread tells how it ended."""
    composer = tab.page.get_by_role("textbox", name="Message #ops")
    await composer.press_sequentially("/ba")
    await expect(tab.page.get_by_role("option", name="/backup Back up")).to_be_visible()
    await composer.press("Tab")
    await expect(composer).to_have_value("/backup ")
    await composer.press_sequentially('create orders before-42 "before 4.2"')
    await composer.press("Enter")
    card = tab.card("orders-prod", "before-42")
    await expect(card).to_contain_text("Waiting for approval")

    await expect(tab.page.locator(".person", has_text="ben").locator(".badge")).to_have_text("2")
    await tab.is_now("ben")
    await tab.clicks("Approve", card)
    await tab.opens_thread(card)

    await tab.reads_in_thread(
        "Approved by @ben. Starting the backup now.",
        "The backup has started",
        "is complete: 38.4 GB",
    )
    await expect(card).to_contain_text("orders-prod is backed up")
    await expect(card.get_by_role("button", name="Approve")).to_have_count(0)
    instance = tab.cloud.locator("details", has_text="orders-prod")
    await instance.locator("summary").click()
    await expect(instance.locator("li", has_text="before-42")).to_contain_text("COMPLETED")
    await expect(tab.cloud.locator(".calls")).to_contain_text("POST /v3/{project}/backups")
    assert sum(b.name == "before-42" for b in stage.playground.world.region.backups) == 1


async def test_no_one_approves_their_own_request(tab: Tab) -> None:
    """The button is there for everybody; the answer comes to ana alone, and to the stranger."""
    card = await tab.asks("orders-prod", "mine-1")
    await tab.clicks("Approve", card)
    await tab.reads("Only visible to you", "You can't approve")

    await tab.is_now("dan")
    await expect(tab.channel.locator("article.only-you")).to_have_count(0)
    await tab.clicks("Approve", card)
    await tab.reads("You can't approve", "@dba")


@pytest.mark.own_playground
async def test_two_of_two_approve(tab: Tab) -> None:
    """Eve asked for billing-prod before anybody looked: ben is one, cat is two."""
    card = tab.card("billing-prod", "before-invoices")
    await tab.is_now("ben")
    await tab.clicks("Approve", card)
    await expect(card).to_contain_text("1 of 2 approvals so far")

    await tab.is_now("cat")
    await tab.clicks("Approve", card)
    await tab.opens_thread(card)
    await tab.reads_in_thread("Approved by @ben and @cat", "is complete: 121.7 GB")


async def test_rejected_with_a_reason(tab: Tab) -> None:
    """The modal asks why, and the thread says so."""
    card = await tab.asks("orders-prod", "not-now-1")
    await tab.is_now("ben")
    await tab.clicks("Reject…", card)
    await tab.modal.get_by_role("textbox").fill("not during the sale")
    await tab.sends("Reject")

    await expect(card).to_contain_text("Rejected")
    await tab.opens_thread(card)
    await tab.reads_in_thread("not during the sale")


async def test_withdrawn_after_a_second_thought(tab: Tab) -> None:
    """The confirm dialog can be left, and then nothing has happened."""
    card = await tab.asks("orders-prod", "second-thoughts")
    await tab.clicks("Withdraw", card)
    await tab.clicks("Cancel", tab.page.locator("dialog.confirm"))
    await expect(card).to_contain_text("Waiting for approval")

    await tab.clicks("Withdraw", card)
    await tab.clicks("Withdraw", tab.page.locator("dialog.confirm"))

    await expect(card).to_contain_text("Withdrawn")


@pytest.mark.parametrize(
    ("what", "name", "card_says", "thread_says"),
    [
        ("ends as FAILED", "fails-1", "Failed", "No backup was kept"),
        ("is refused", "refused-1", "Refused", "refused"),
        ("disappears while it runs", "vanishes-1", "Disappeared", "disappeared"),
        (
            "is carried out, but its response is lost",
            "unanswered-1",
            "is backed up",
            "RDS had started the backup",
        ),
    ],
)
async def test_the_next_create(
    tab: Tab, stage: Stage, what: str, name: str, card_says: str, thread_says: str
) -> None:
    """Every ending that RDS has to offer, turned on in the cloud pane; there is one create."""
    await tab.turns("The next create", what)
    card = await tab.asks("dev-sandbox", name)

    await expect(card).to_contain_text(card_says)
    await tab.opens_thread(card)
    await tab.reads_in_thread(thread_says)
    await expect(tab.cloud.get_by_label("The next create")).to_have_value("goes_well")
    bodies = [call.body or {} for call in stage.playground.world.region.calls]
    assert sum(body.get("name") == name for body in bodies) == 1


async def test_an_incident_in_the_page(stages: Stages) -> None:
    """Automated backups are switched off and on with the buttons of an instance."""
    async with stages(speed=600) as stage, stage.tab() as tab:
        await tab.opens()
        instance = tab.cloud.locator("details[data-name=dev-ana]")
        await instance.locator("summary").click()
        await tab.clicks("Switch automated backups off", instance)
        card = tab.channel.locator("article", has_text="utomated backups of dev-ana are").first
        await expect(card).to_contain_text("Someone turned them off in RDS.")

        await tab.clicks("Switch automated backups on", instance)

        await expect(card).to_contain_text("are on again")


async def test_expired(stages: Stages) -> None:
    """Nobody decides in time."""
    config = CONFIG.replace('expires_after = "8h"', 'expires_after = "5m"')
    async with stages(config) as stage, stage.tab() as tab:
        await tab.opens()
        card = await tab.asks("orders-prod", "too-late-1")

        await expect(card).to_contain_text("Expired")
        await expect(card.get_by_role("button", name="Request again")).to_be_visible()


@pytest.mark.own_playground
async def test_the_glass_is_broken(tab: Tab) -> None:
    """Ana may start billing-prod at once, with a reason that everybody reads."""
    card = tab.card("billing-prod", "before-invoices")
    await tab.clicks("Start without approval…", card)
    await tab.modal.get_by_role("textbox").fill("the disk is dying")
    await tab.sends("Start now")

    await expect(card).to_contain_text("Started without approval by @ana")
    await expect(card).to_contain_text("the disk is dying")
