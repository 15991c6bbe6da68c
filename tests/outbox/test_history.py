"""A message whose answer was lost is looked for before it is posted again."""

import asyncio
import json
from typing import Any

import pytest

from bot.demo.slack import faults as slack_faults
from bot.demo.slack.records import Content
from bot.domain.outbox import card, reply
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from bot.slack.transport.history import metadata
from tests.outbox.conftest import ANA, OPS, WAITING, Ground

POST, HISTORY, REPLIES = "chat.postMessage", "conversations.history", "conversations.replies"
S = RequestState


@pytest.fixture(autouse=True)
def _may_read(ground: Ground) -> None:
    """The optional scopes are granted."""
    ground.workspace.scopes |= {"channels:history", "im:history"}


@pytest.mark.parametrize("fault", [slack_faults.LOST_ANSWER, slack_faults.ERROR_AFTERWARDS])
async def test_a_card_whose_answer_was_lost_is_found(
    ground: Ground, fault: slack_faults.Fault
) -> None:
    """It is there once, and edited from then on."""
    ground.workspace.faults.next(POST, fault)
    ground.starts()
    request = await ground.told(S.AWAITING_APPROVAL)
    await ground.settles()
    await ground.moves(request, S.COMPLETED)
    await ground.settles()

    posted, ended = ground.posts
    assert "is backed up" in ground.workspace.read(posted)
    assert ended.thread_ts == posted.ts


async def test_a_line_whose_answer_was_lost_is_found_in_its_thread(ground: Ground) -> None:
    """One line, one look at the thread."""
    ground.starts()
    request = await ground.told(S.AWAITING_APPROVAL)
    await ground.settles()
    ground.workspace.faults.next(POST, slack_faults.LOST_ANSWER)
    await ground.owes(*reply(request, ThreadLine.COUNTED, subject="U0BEN"))
    await ground.settles()

    assert len(ground.posts) == 2
    assert (ground.calls(POST), ground.calls(REPLIES)) == (2, 1)


async def test_a_message_that_a_dead_process_posted_is_found_by_the_next(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It died between Slack's answer and its note of it."""

    async def never(*_: Any, **__: Any) -> bool:
        await asyncio.Event().wait()
        return False

    with monkeypatch.context() as patch:
        patch.setattr(ground.outbox, "sent", never)
        ground.starts()
        await ground.told(S.AWAITING_APPROVAL)
        await ground.until(lambda: ground.posts)
        await ground.dies()
    ground.starts()
    await ground.settles()

    assert len(ground.posts) == ground.calls(POST) == 1


async def test_a_direct_message_is_found_where_the_last_one_went(ground: Ground) -> None:
    """Slack names the channel of a direct message only in its answer."""
    ground.starts()
    for number, fault in enumerate([slack_faults.NONE, slack_faults.LOST_ANSWER]):
        ground.workspace.faults.next(POST, fault)
        await ground.told(S.REFUSED, number, terms=None)
        await ground.settles()

    assert ground.calls(POST) == 2


async def test_a_message_that_is_not_there_is_posted(ground: Ground) -> None:
    """Slack said 500 and meant it: after three looks it is posted."""
    ground.workspace.faults.next(POST, slack_faults.ERROR)
    ground.starts()
    await ground.told(S.AWAITING_APPROVAL)
    await ground.settles()

    assert (len(ground.posts), ground.calls(HISTORY)) == (1, 3)


async def test_a_message_that_is_listed_late_is_found(ground: Ground) -> None:
    """The first page of history lacks what was posted a moment ago."""
    empty = slack_faults.garbled(json.dumps({"ok": True, "messages": []}).encode())
    ground.workspace.faults.next(HISTORY, empty)
    ground.workspace.faults.next(POST, slack_faults.LOST_ANSWER)
    ground.starts()
    await ground.told(S.AWAITING_APPROVAL)
    await ground.settles()

    assert (len(ground.posts), ground.calls(HISTORY)) == (1, 2)


async def test_a_busy_channel_is_read_page_by_page(ground: Ground) -> None:
    """Others wrote 300 messages meanwhile."""
    ground.workspace.faults.next(POST, slack_faults.LOST_ANSWER)
    ground.starts()
    await ground.told(S.AWAITING_APPROVAL)
    await ground.until(lambda: ground.posts)
    for _ in range(300):
        ground.workspace.history.post(OPS, ANA, Content("hello", []))
    await ground.settles()

    assert ground.calls(POST) == 1


async def test_metadata_that_someone_else_wrote_is_not_believed(ground: Ground) -> None:
    """Anyone can post with our event type, and even with the message's own id."""
    mine = metadata(card(WAITING.model_copy(update={"id": "r1"})))
    ground.workspace.history.post(OPS, ANA, Content("fake", []), metadata=mine)
    ground.workspace.faults.next(POST, slack_faults.ERROR)
    ground.starts()
    await ground.told(S.AWAITING_APPROVAL)
    await ground.settles()

    fake, posted = ground.posts
    assert fake.user_id == ANA
    assert "approve_request" in posted.buttons


@pytest.mark.parametrize("code", ["missing_scope", "invalid_arguments", "not_in_channel"])
async def test_where_history_cannot_be_read_it_is_posted_again(ground: Ground, code: str) -> None:
    """One round trip can double it, and the channel isn't asked about again for ten minutes."""
    ground.workspace.faults.always(slack_faults.refused(code), HISTORY)
    for number in range(2):
        ground.workspace.faults.next(POST, slack_faults.LOST_ANSWER)
        ground.starts()
        await ground.told(S.AWAITING_APPROVAL, number)
        await ground.settles()
        await ground.dies()

    assert len(ground.posts) == 4
    assert ground.calls(HISTORY) == 2


async def test_a_channel_that_turns_private_wants_another_scope(ground: Ground) -> None:
    """The bot finds out by itself, and posts again."""
    ground.workspace.channels[OPS].is_private = True
    ground.workspace.faults.next(POST, slack_faults.LOST_ANSWER)
    ground.starts()
    await ground.told(S.AWAITING_APPROVAL)
    await ground.settles()

    assert len(ground.posts) == 2


async def test_history_that_is_throttled_is_read_later(ground: Ground) -> None:
    """Nothing is posted again before it could be looked for."""
    ground.workspace.faults.next(HISTORY, slack_faults.throttled(60))
    ground.workspace.faults.next(POST, slack_faults.LOST_ANSWER)
    ground.starts()
    began = ground.clock.monotonic()
    await ground.told(S.AWAITING_APPROVAL)
    await ground.settles()

    assert len(ground.posts) == ground.calls(POST) == 1
    assert ground.calls(HISTORY) == 2
    assert ground.clock.monotonic() - began >= 60


async def test_a_thread_whose_parent_is_gone_is_not_looked_for(ground: Ground) -> None:
    """The outcome goes to the requester."""
    ground.starts()
    request = await ground.told(S.RUNNING)
    await ground.settles()
    ground.workspace.faults.next(POST, slack_faults.ERROR)
    ground.workspace.history.delete(ground.posts[0])
    await ground.moves(request, S.COMPLETED)
    await ground.settles()

    assert "38.4 GB" in ground.said_to(ANA)


async def test_a_card_that_is_found_is_brought_up_to_date(ground: Ground) -> None:
    """Someone decided on the card that the bot didn't know of: its buttons go."""
    ground.workspace.faults.next(POST, slack_faults.LOST_ANSWER)
    ground.starts()
    request = await ground.told(S.AWAITING_APPROVAL)
    await ground.workspace.until(lambda: ground.posts)
    await ground.moves(request, S.REJECTED)
    await ground.settles()

    assert "approve_request" not in ground.posts[0].buttons
    assert "rejected" in ground.messages[0]


async def test_a_network_that_is_down_settles_no_doubt(ground: Ground) -> None:
    """The post was taken, its answer lost, and then nothing can be reached for a while."""
    ground.workspace.faults.next(POST, slack_faults.LOST_ANSWER)
    ground.workspace.faults.always(slack_faults.ERROR, HISTORY)
    ground.starts()
    await ground.told(S.AWAITING_APPROVAL)
    await ground.workspace.until(lambda: ground.posts)
    address, ground.client.base_url = ground.client.base_url, "http://127.0.0.1:9/api/"
    for _ in range(100):
        ground.passes(seconds=1)
        await asyncio.sleep(0.01)
    ground.client.base_url = address
    ground.workspace.faults.clear()
    await ground.settles()

    assert len(ground.posts) == 1
