"""What a request costs Slack."""

from collections import Counter
from datetime import timedelta

from bot.demo.clock import FastClock
from tests.story import Opens


async def test_an_approved_request_takes_at_most_eight_messages_and_edits(opens: Opens) -> None:
    """From the command to the outcome, for one of the usual ten seconds; more is progress."""
    async with opens(clock=FastClock(20)) as story:
        takes = timedelta(seconds=10)
        quick = story.region.add_instance("quick", backup_takes=takes)
        for days in (1, 2, 3):
            began = story.clock.now() - timedelta(days=days)
            story.region.add_backup(quick, f"nightly-{days}", began=began, takes=takes)
        async with story.bot():
            before = len(story.workspace.calls)
            card = await story.asks("create quick before-42")
            await story.approves(card)
            await story.until_said(card, "is complete", timeout_seconds=20)
            calls = Counter(call.method for call in story.workspace.calls[before:])

    assert calls["chat.postMessage"] == 4
    assert calls["chat.postMessage"] + calls["chat.update"] <= 8
