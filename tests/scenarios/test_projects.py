"""Two projects in two regions, over real HTTP: each goes on whatever becomes of the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from bot.demo.clock import FastClock
from bot.demo.rds import faults as rds_faults
from bot.demo.rds.api import RdsServer
from bot.demo.rds.faults import Fault
from bot.demo.rds.metadata import MetadataServer
from bot.demo.rds.records import Ending
from bot.demo.rds.region import Region
from bot.demo.slack.records import Message
from tests.scenarios.test_cloud_eye import EVENTS, seconds_until
from tests.stepped_clock import SteppedClock
from tests.story import CONFIG, SPEED, Opens, Story

HOME = "ap-southeast-1"
EU_AK, EU_SK = "EXAMPLEAKOFEU456789A", "ExampleSecretKeyOfTheEuProjectOnly01234x"
PROJECT = """
[[rule]]
instances = ["prod-eu/*"]
approvers = ["U0CAT"]
[[project]]
name = "prod-eu"
region = "eu-west-0"
project_id = "ffffb6b16e954cb88930a360d2c4e663"
endpoint = "{endpoint}"
keys = "EU"
"""
COMPLETE = "@ana Your backup is complete"
WRONG_KEYS = rds_faults.refused(401, "APIGW.0301")
HANGS = Fault(rds_faults.When.BEFORE, rds_faults.How.HANG)


class World:
    """A story in one project, and the other project's region."""

    def __init__(self, story: Story, eu: Region, endpoint: str) -> None:
        self.story = story
        self.home = story.region
        self.eu = eu
        self.endpoint = endpoint  # of the other project's region

    async def asks(self, text: str) -> Message:
        """Ana requests a backup, and its card is posted."""
        return await self.story.asks(text)

    async def hears(self, text: str, words: str) -> str:
        """Ana types a command, and reads these words."""
        await self.story.types(text)
        return await self.story.hears(words)

    def card(self, card: Message) -> str:
        """What a card says now."""
        return self.story.workspace.read(card)


@asynccontextmanager
async def two_projects(opens: Opens, clock: FastClock | SteppedClock) -> AsyncIterator[World]:
    eu = Region(
        clock,
        project_id="ffffb6b16e954cb88930a360d2c4e663",
        access_key=EU_AK,
        secret_key=EU_SK,
    )
    eu.add_instance("orders-prod")
    eu.add_instance("billing-eu")
    async with (
        RdsServer(eu) as server,
        opens(CONFIG + PROJECT.format(endpoint=server.endpoint), clock) as story,
    ):
        story.environ |= {"EU_AK": EU_AK, "EU_SK": EU_SK}
        yield World(story, eu, server.endpoint)
        assert all(call.signed_ok in (True, None) for call in eu.calls)


@pytest.fixture
async def world(opens: Opens) -> AsyncIterator[World]:
    """Two regions, each with an instance `orders-prod`; the bot doesn't run yet."""
    async with two_projects(opens, FastClock(SPEED)) as world:
        yield world


def configured(world: World, text: str) -> str:
    """Write the config file for the next start; return what it was."""
    file = Path(world.story.environ["BACKUP_BOT_CONFIG"])
    before = file.read_text("utf-8")
    file.write_text(text, "utf-8")
    return before


def creates(region: Region) -> list[str]:
    """The names of the backups that were requested of a region."""
    return [str((call.body or {})["name"]) for call in region.calls if call.method == "POST"]


async def test_a_name_in_two_projects_is_clear_with_its_project(world: World) -> None:
    """The bare name lists the candidates; `project/name` is backed up, in its project only."""
    async with world.story.bot():
        await world.asks("create billing-eu first-1")  # both lists are known now
        refused = await world.hears("create orders-prod before-42", "Several instances")
        card = await world.asks("create prod-eu/orders-prod before-42")
        shown = world.card(card)
        await world.story.approves(card, who="U0CAT")
        await world.story.until_said(card, COMPLETE)

    assert f"`{HOME}/orders-prod` or `prod-eu/orders-prod`" in refused
    assert "prod-eu/orders-prod" in shown
    assert creates(world.eu) == ["before-42"]
    assert creates(world.home) == []


async def test_a_name_that_only_one_project_has_is_enough(world: World) -> None:
    """The project is found, and isn't shown where it says nothing."""
    async with world.story.bot():
        card = await world.asks("create billing-eu before-42")
        await world.story.approves(card, who="U0CAT")
        await world.story.until_said(card, COMPLETE)

    assert "prod-eu" not in world.card(card)
    assert creates(world.eu) == ["before-42"]


async def test_a_rule_can_be_about_one_project(world: World) -> None:
    """`prod-eu/*` leaves the other project's instances to the other rules."""
    async with world.story.bot():
        theirs = await world.asks("create prod-eu/orders-prod before-42")
        ours = await world.asks(f"create {HOME}/orders-prod before-43")

        refused = await world.story.approves(theirs, who="U0BEN")
        await world.story.approves(ours, who="U0BEN")
        await world.story.until_said(ours, COMPLETE)

    assert "only @cat can" in refused
    assert creates(world.eu) == []


@pytest.mark.parametrize("trouble", [rds_faults.UNAVAILABLE, WRONG_KEYS, HANGS])
async def test_a_project_that_is_away_holds_up_no_other(world: World, trouble: Fault) -> None:
    """Also if it is the default one, and the bot starts while it is away."""
    world.home.faults.always(trouble)
    async with world.story.bot():
        card = await world.asks("create prod-eu/orders-prod before-42")
        await world.story.approves(card, who="U0CAT")
        await world.story.until_said(card, COMPLETE)
        listed = await world.hears("instances", "Instances")

    assert f"I can't read `{HOME}` right now" in listed
    assert "prod-eu/orders-prod" in listed
    assert creates(world.eu) == ["before-42"]


async def test_a_backup_goes_on_after_a_restart_while_its_project_is_away(opens: Opens) -> None:
    """The bot still knows where the backup is, and asks no other project about it."""
    async with two_projects(opens, FastClock(SPEED)) as world:
        world.eu.instances[0].backup_takes = timedelta(hours=1)
        async with world.story.bot():
            card = await world.asks("create prod-eu/orders-prod before-42")
            await world.story.approves(card, who="U0CAT")
            await world.story.until_said(card, "The backup has started")

        instance = world.eu.instances[0]
        world.eu.faults.always(rds_faults.UNAVAILABLE)
        async with world.story.bot():
            ours = await world.asks("create billing-prod before-43")
            await world.story.approves(ours)
            await world.story.until_said(ours, COMPLETE)
            world.eu.faults.clear()
            await world.story.until_said(card, COMPLETE)

    assert all(instance.id not in str(call.query) for call in world.home.calls)
    assert (creates(world.eu), creates(world.home)) == (["before-42"], ["before-43"])


async def test_cloud_eye_tells_of_a_failure_in_any_project(
    opens: Opens, unused_tcp_port: int
) -> None:
    """Each project's own is asked; if one refuses the key, the other is still asked."""
    clock = SteppedClock()
    async with two_projects(opens, clock) as world:
        seldom = "[rds]\npoll_seconds = 300\ncloud_eye = true\n"
        eye = f'cloud_eye_endpoint = "{world.endpoint}"\n'
        configured(world, seldom + configured(world, "") + eye)
        world.home.faults.always(rds_faults.refused(403, "ces.0015"), *EVENTS)
        world.story.environ["HEALTH_PORT"] = str(unused_tcp_port)
        async with world.story.bot(), aiohttp.ClientSession() as operator:
            card = await world.asks("create prod-eu/orders-prod before-42")
            world.eu.next_backup(Ending.FAILED, timedelta(minutes=6))
            await world.story.approves(card, who="U0CAT")
            await world.story.until_said(card, "The backup has started")
            late = await seconds_until(world.story, card, "failed", clock, world.eu)
            address = f"http://127.0.0.1:{unused_tcp_port}/readyz"
            ready = await (await operator.get(address)).json()

    assert late <= 120
    assert ready["cloud_eye"] == f"{HOME}: refused (HTTP 403)"
    assert ready["projects"] == {
        HOME: {"rds": "ok", "rds_share": "ok", "cloud_eye": "refused (HTTP 403)"},
        "prod-eu": {"rds": "ok", "rds_share": "ok", "cloud_eye": "ok"},
    }


async def test_a_project_that_is_no_longer_configured_loses_nothing(opens: Opens) -> None:
    """What runs there waits, as if RDS were away, until the project is back."""
    async with two_projects(opens, FastClock(SPEED)) as world:
        world.eu.instances[0].backup_takes = timedelta(hours=1)
        async with world.story.bot():
            card = await world.asks("create prod-eu/orders-prod before-42")
            await world.story.approves(card, who="U0CAT")
            await world.story.until_said(card, "The backup has started")

        asked, whole = len(world.eu.calls), configured(world, CONFIG)
        async with world.story.bot():
            ours = await world.asks("create orders-prod before-43")
            await world.story.approves(ours)
            await world.story.until_said(ours, COMPLETE)
            await world.story.until_said(card, "RDS isn't responding")
        assert len(world.eu.calls) == asked

        configured(world, whole)
        async with world.story.bot():
            await world.story.until_said(card, COMPLETE)

    lines = world.story.thread(card)
    assert sum(line.startswith("RDS isn't responding") for line in lines) == 1
    assert not any("disappeared" in line for line in lines)
    assert creates(world.eu) == ["before-42"]


async def test_the_keys_of_an_agency_are_renewed_while_a_backup_runs(opens: Opens) -> None:
    """The bot has no key of its own, and the first ones expire before the backup ends."""
    clock = FastClock(SPEED)
    async with opens(CONFIG, clock) as story, MetadataServer(story.region) as metadata:
        story.environ |= {"RDS_KEYS": "agency", "METADATA_ENDPOINT": metadata.endpoint}
        story.environ |= {"HUAWEICLOUD_SDK_AK": "", "HUAWEICLOUD_SDK_SK": ""}
        story.region.instances[0].backup_takes = timedelta(minutes=75)
        async with story.bot():
            card = await story.asks()
            await story.approves(card)
            await story.until_said(card, COMPLETE, timeout_seconds=20)

    assert len(metadata.issued) > 1
