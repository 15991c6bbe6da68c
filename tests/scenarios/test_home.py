"""The home tab: what waits for me, what runs, what I asked for, what is overdue."""

from datetime import timedelta
from uuid import uuid4

import pytest

from bot.demo.world import ANA, BEN, CAT
from bot.domain.instances import Instance
from bot.domain.policy import Terms
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.slack.messages.ids import APPROVE, REASON, REJECT
from bot.storage.engine import open_engine
from bot.storage.store import Store
from tests.requests import NOON, asked
from tests.scenarios.test_looks import asks_for
from tests.stepped_clock import SteppedClock
from tests.story import DEADLINE, Opens, Story


def home(story: Story, who: str) -> str:
    view = story.workspace.home(who)
    return story.workspace.read_view(view) if view else ""


async def shows(story: Story, words: str, who: str = ANA) -> str:
    """Wait until somebody's home tab shows these words."""
    await story.workspace.until(lambda: words in home(story, who), DEADLINE)
    return home(story, who)


async def test_it_is_drawn_when_it_is_opened(story: Story) -> None:
    """Also for somebody who has never asked for anything."""
    assert (await story.workspace.open_home(ANA)).error is None
    shown = await shows(story, "Your recent requests")

    assert "Nothing is waiting for your approval." in shown
    assert "You haven't requested anything yet." in shown
    assert "Back up a database" in shown


async def test_it_follows_what_happens(story: Story) -> None:
    """Without being opened again: it waits for Ben, then it runs, then it is done."""
    for who in (ANA, BEN):
        await story.workspace.open_home(who)
    card = await story.asks("create orders-prod before-42")
    assert "before-42" in await shows(story, "Waiting for you (1)", BEN)
    # Hers is drawn after his, and showed it already while it was looked up.
    assert "before-42" in await shows(story, "Waiting for 1 approval")
    story.region.instances[0].backup_takes = timedelta(days=7)
    await story.approves(card)
    await shows(story, "Running (1)")
    await shows(story, "Nothing is waiting for your approval.", BEN)
    await story.until_said(card, "The backup has started")
    (backup,) = [backup for backup in story.region.backups if backup.name == "before-42"]
    story.region.end_backup(backup)
    await story.until_said(card, "is complete")
    shown = await shows(story, "No backups are running.")

    assert "Completed" in shown


async def test_it_holds_more_than_slack_draws(opens: Opens, database_url: str) -> None:
    """Slack draws a hundred blocks; the rest is counted."""
    async with opens() as story:
        engine = open_engine(database_url)
        async with Store(engine).transaction() as transaction:
            await transaction.insert(*map(waiting, range(120)))
        await engine.dispose()
        async with story.bot():
            await story.workspace.open_home(BEN)
            shown = await shows(story, "Waiting for you (120)", BEN)

            assert "and 110 more" in shown
            assert "and 100 more" in await asks_for(story, "pending", who=BEN)


async def test_many_requests_delay_no_one(
    opens: Opens, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand are told apart by their ids: held against each other, they took a second."""
    async with opens() as story:
        engine = open_engine(database_url)
        async with Store(engine).transaction() as transaction:
            await transaction.insert(*map(waiting, range(1000)))
        await engine.dispose()
        async with story.bot():
            monkeypatch.setattr(BackupRequest, "__eq__", _never)

            assert "and 980 more" in await asks_for(story, "pending", who=BEN)


def _never(*_: object) -> bool:
    raise AssertionError("requests were compared field by field")


def waiting(number: int) -> BackupRequest:
    """One of many requests that wait for a DBA."""
    return asked(
        id=uuid4().hex,
        trigger_id=f"trigger-{number}",
        name=f"before-{number:03}",
        state=RequestState.AWAITING_APPROVAL,
        instance=Instance(id=f"{'a' * 32}in01", name=f"i{number}", status="ACTIVE"),
        terms=Terms(approvers=("S0DBA",)),
        expires_at=NOON + timedelta(days=3650),
    )


async def test_it_names_what_has_no_fresh_backup(opens: Opens) -> None:
    """Instances whose last good backup is older than the config allows."""
    config = '[rds]\nstale_after = "1h"\n[approval]\napprovers = ["S0DBA"]\n'
    async with opens(config, SteppedClock()) as story, story.bot():
        await story.workspace.open_home(ANA)
        await shows(story, "dev-sandbox: no successful backup")
        shown = await shows(story, "orders-prod: last successful backup 21 h ago")

        assert "orders-replica" not in shown


async def test_it_welcomes_those_who_have_not_requested_anything(story: Story) -> None:
    await story.workspace.open_home(ANA)
    shown = await shows(story, "Back up your team's RDS databases from Slack.")
    assert "/backup create" in shown
    await story.asks("create orders-prod before-42")
    await story.workspace.until(lambda: "before-42" in home(story, ANA), DEADLINE)

    assert "Back up your team's RDS databases" not in home(story, ANA)


async def test_the_first_look_at_the_messages_is_greeted_once(story: Story) -> None:
    """However often they come back, and however often Slack tells of it."""
    for _ in range(3):
        await story.workspace.open_home(CAT, tab="messages", deliver_twice=True)
    await story.workspace.open_home(BEN)
    await shows(story, "Nothing is waiting for your approval.", BEN)
    await story.workspace.open_home(BEN, tab="messages")
    await story.workspace.until(lambda: bool(messages_to(story, CAT)), DEADLINE)

    (greeting,) = messages_to(story, CAT)
    assert "Back up your team's RDS databases from Slack." in greeting
    assert messages_to(story, BEN) == []  # the home tab has told them


def messages_to(story: Story, who: str) -> list[str]:
    channel = story.workspace.direct_message(who)
    return [message.text for message in story.workspace.messages(channel.id)]


async def test_an_approver_decides_there(story: Story) -> None:
    """The answer is a small window, because there is no message to answer."""
    card = await story.asks("create orders-prod before-42")
    await story.workspace.open_home(BEN)
    await shows(story, "Waiting for you (1)", BEN)
    await story.workspace.press(BEN, APPROVE)
    await story.until_said(card, "is complete")

    modal = story.workspace.modal(BEN)
    assert modal is not None
    assert "You approved" in story.workspace.read_view(modal)
    assert "approved by @ben" in story.workspace.read(card)


async def test_an_approver_rejects_there_with_a_reason(story: Story) -> None:
    card = await story.asks("create orders-prod before-42")
    await story.workspace.open_home(BEN)
    await shows(story, "Waiting for you (1)", BEN)
    await story.workspace.press(BEN, REJECT)
    await story.workspace.submit(BEN, {REASON: "not during the sale"})
    await story.until_said(card, "was rejected by @ben")

    assert "before-42" not in [backup.name for backup in story.region.backups]


async def test_a_click_there_that_comes_too_late_changes_nothing(story: Story) -> None:
    """Cat approved it while Ben's tab still showed the button."""
    card = await story.asks("create orders-prod before-42")
    await story.workspace.open_home(BEN)
    await shows(story, "Waiting for you (1)", BEN)
    seen = story.workspace.home(BEN)
    await story.approves(card, who=CAT)
    await story.workspace.press(BEN, APPROVE, view=seen)

    modal = story.workspace.modal(BEN)
    assert modal is not None
    assert "approved" in story.workspace.read_view(modal)
    await story.until_said(card, "is complete")
