"""A database that fails between any two lines of a workflow loses nothing."""

import sys

import pytest

from bot.domain.errors import StoreUnavailable
from bot.domain.requests import BackupRequest
from bot.workflow.context import StepContext
from tests.story import Story


async def test_each_read_fails_once(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps, and what lies between them, try again: the backup is made once, and told."""
    load, failed = StepContext.load, set[tuple[str, int]]()

    async def load_or_fail(self: StepContext, request_id: str) -> BackupRequest:
        caller = sys._getframe(1)  # noqa: SLF001, who asks
        place = caller.f_code.co_filename, caller.f_lineno
        if place not in failed:
            failed.add(place)
            raise StoreUnavailable
        return await load(self, request_id)

    monkeypatch.setattr(StepContext, "load", load_or_fail)
    card = await story.asks()
    await story.approves(card)
    await story.until_said(card, "is complete")

    assert story.made("before-42") == 1
    assert len(failed) >= 6  # all steps, and the choice between a create and a delete
