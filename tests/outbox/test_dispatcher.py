"""How messages travel: each once, in order, and what happens when Slack does not take one."""

import asyncio
from typing import Any

import pytest

from bot.demo.clock import FastClock
from bot.demo.slack import faults as slack_faults
from bot.demo.slack.limits import PostLimit
from bot.domain.errors import StoreUnavailable
from bot.domain.outbox import MessageState, card, reply
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState, Retention
from bot.domain.thread_lines import CARD, ThreadLine
from bot.slack.messages.mrkdwn import Message
from bot.slack.messages.replies import thread_line
from tests.outbox.conftest import ANA, OPS, TIMEOUT, Ground

POST, EDIT = "chat.postMessage", "chat.update"
S = RequestState


async def test_a_card_is_posted_once_and_edited_from_then_on(ground: Ground) -> None:
    """What changes while it waits becomes one edit."""
    ground.starts()
    request = await ground.told(S.AWAITING_APPROVAL)
    await ground.settles()
    ground.workspace.faults.next(EDIT, slack_faults.ERROR)
    request = await ground.moves(request, S.RUNNING)
    await ground.moves(request, S.COMPLETED)
    await ground.settles()

    assert [m.thread_ts for m in ground.posts].count(None) == 1
    assert "is backed up" in ground.messages[0]


async def test_a_line_is_said_once_however_often_it_is_owed(ground: Ground) -> None:
    """A step that runs again after a crash says nothing twice."""
    ground.starts()
    request = await ground.told(S.COMPLETED)
    for _ in range(3):
        await ground.owes(*reply(request, ThreadLine.ENDED))
        await ground.settles()

    assert len(ground.messages) == 2


async def test_lines_come_in_order_after_their_card(ground: Ground) -> None:
    """Even if Slack refuses the first try of each."""
    fault = slack_faults.ERROR
    ground.workspace.faults.next(POST, *[fault, slack_faults.NONE] * 4)
    ground.starts()
    request = await ground.told(S.AWAITING_APPROVAL)
    await ground.owes(*reply(request, ThreadLine.APPROVED), *reply(request, ThreadLine.STARTED))
    await ground.settles()

    card, approved, started = ground.posts
    assert approved.thread_ts == started.thread_ts == card.ts
    assert "Starting" in approved.text
    assert "has started" in started.text


async def test_a_request_withdrawn_before_its_card_needs_no_word(ground: Ground) -> None:
    """The person who withdrew it was answered."""
    ground.starts()
    await ground.told(S.WITHDRAWN, terms=None, expires_at=None)
    await ground.settles()

    assert ground.messages == []


async def test_a_busy_store_doubles_nothing(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Slack has is saved until that succeeds, and not posted again."""
    sent, failures = ground.outbox.sent, [StoreUnavailable()] * 3

    async def flaky(*args: Any, **options: Any) -> bool:
        if failures:
            raise failures.pop()
        return await sent(*args, **options)

    monkeypatch.setattr(ground.outbox, "sent", flaky)
    ground.starts()
    await ground.told(S.AWAITING_APPROVAL)
    await ground.settles()

    assert len(ground.messages) == ground.calls(POST) == 1


async def test_one_message_of_a_channel_is_on_its_way(ground: Ground) -> None:
    """The next waits until it is saved: a crash can double that one alone."""
    ground.workspace.faults.next(POST, slack_faults.slow(0.3))
    ground.starts()
    await ground.told(S.AWAITING_APPROVAL, 1)
    await ground.told(S.AWAITING_APPROVAL, 2)
    await ground.until(lambda: ground.calls(POST) == 1)
    await asyncio.sleep(0.1)
    assert ground.calls(POST) == 1
    await ground.settles()

    assert len(ground.messages) == 2


async def test_what_must_be_told_goes_to_the_requester_without_a_channel(ground: Ground) -> None:
    """The announcement of a deletion, and the outcome, once the channel is archived."""
    ground.starts()
    request = await ground.told(S.COMPLETED, retention=Retention.WARNED)
    await ground.settles()
    ground.workspace.channels[OPS].is_archived = True
    await ground.owes(*reply(request, ThreadLine.EXPIRING))
    await ground.settles()

    assert "will be deleted" in ground.said_to(ANA)
    assert await ground.store.message_state("r1", ThreadLine.EXPIRING) is MessageState.SENT


async def test_progress_is_dropped_with_its_channel(ground: Ground) -> None:
    """The requester doesn't get a direct message for each line."""
    ground.starts()
    request = await ground.told(S.RUNNING)
    await ground.settles()
    ground.workspace.channels[OPS].is_archived = True
    await ground.owes(*reply(request, ThreadLine.OVERDUE))
    await ground.settles()

    assert not [c for c in ground.workspace.channels.values() if c.is_im]


async def test_one_cards_blocks_change_no_other_card(ground: Ground) -> None:
    """Slack answers `invalid_blocks` once: that card goes without its plan, for good."""
    ground.starts()
    ground.workspace.faults.next(POST, slack_faults.refused("invalid_blocks"))
    first = await ground.told(S.AWAITING_APPROVAL, 1)
    await ground.settles()
    await ground.told(S.AWAITING_APPROVAL, 2)
    await ground.moves(first, S.COMPLETED)
    await ground.settles()

    plain, whole = [m for m in ground.posts if m.thread_ts is None]
    assert "plan" not in {block["type"] for block in plain.blocks}
    assert "✓ Completed" in ground.workspace.read(plain)
    assert "plan" in {block["type"] for block in whole.blocks}


async def test_a_card_whose_blocks_fail_keeps_its_buttons(ground: Ground) -> None:
    """In plain words, people can still decide."""
    ground.workspace.faults.next(POST, *[slack_faults.refused("msg_blocks_too_long")] * 2)
    ground.starts()
    await ground.told(S.AWAITING_APPROVAL)
    await ground.settles()

    (card,) = ground.posts
    assert "approve_request" in card.buttons
    assert [block["type"] for block in card.blocks] == ["section", "actions"]


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_too_long", "msg_blocks_too_long"])
async def test_an_outcome_that_slack_does_not_show_is_said_in_plain_words(
    ground: Ground, code: str
) -> None:
    """It has to be told, however it looks."""
    ground.starts()
    request = await ground.told(S.RUNNING)
    await ground.settles()
    ground.workspace.faults.next(POST, slack_faults.refused(code))
    await ground.moves(request, S.COMPLETED)
    await ground.settles()

    assert "complete" in ground.messages[-1]
    assert ground.posts[-1].blocks == []


@pytest.mark.parametrize(
    "code",
    [
        "invalid_blocks",
        "msg_blocks_too_long",
        "team_access_not_granted",
        "ekm_access_denied",
        "restricted_action",
        "channel_not_found",
        "not_in_channel",
        "is_archived",
    ],
)
async def test_a_card_that_slack_refuses_for_good_is_given_up(ground: Ground, code: str) -> None:
    """The request hears of it at once, and nothing is tried again."""
    ground.workspace.faults.always(slack_faults.refused(code), POST)
    ground.starts()
    await ground.told(S.AWAITING_APPROVAL)
    await ground.settles()

    assert ground.heard.refused == [("r1", code)]
    assert await ground.store.message_state("r1", CARD) is MessageState.GIVEN_UP


@pytest.mark.parametrize("code", ["team_access_not_granted", "ekm_access_denied", "is_archived"])
async def test_a_refusal_that_no_message_can_carry_answers_the_command(
    ground: Ground, code: str
) -> None:
    """Slack takes no message at all: the command's own answer is left."""
    path = ground.workspace.response_urls.issue(ANA, OPS)
    url = f"{ground.workspace.base_url}{path}"
    ground.workspace.faults.always(slack_faults.refused(code), POST)
    ground.starts()
    waiting = await ground.told(S.AWAITING_APPROVAL, response_url=url)
    await ground.settles()
    await ground.moves(waiting, S.EXPIRED)
    await ground.settles()

    (told,) = ground.workspace.ephemerals(ANA)
    assert "expired" in told.text


async def test_an_outcome_that_nobody_can_be_told_is_given_up(ground: Ground) -> None:
    """Neither the channel nor the requester takes it; it doesn't stay in the outbox."""
    ground.starts()
    request = await ground.told(S.RUNNING)
    await ground.settles()
    ground.workspace.faults.always(slack_faults.refused("account_inactive"), POST)
    ground.workspace.faults.always(slack_faults.refused("user_not_found"), POST)
    await ground.moves(request, S.COMPLETED)
    await ground.settles()

    assert await ground.store.message_state("r1", ThreadLine.ENDED) is MessageState.GIVEN_UP


async def test_an_address_in_the_database_is_not_believed(ground: Ground) -> None:
    """The refusal goes to the requester directly, and to nobody else."""
    ground.starts()
    await ground.told(S.REFUSED, terms=None, response_url="http://127.0.0.1:9/commands/1")
    await ground.settles()

    assert "storage is full" in ground.said_to(ANA)
    assert [call.method for call in ground.workspace.calls] == [POST]


async def test_a_request_without_a_card_is_answered_where_it_was_asked(ground: Ground) -> None:
    """The command's own answer address, seen by the requester alone."""
    path = ground.workspace.response_urls.issue(ANA, OPS)
    ground.starts()
    await ground.told(S.REFUSED, terms=None, response_url=f"{ground.workspace.base_url}{path}")
    await ground.settles()

    assert len(ground.workspace.ephemerals(ANA)) == 1
    assert ground.messages == []


async def test_an_answer_that_comes_too_late_comes_as_a_direct_message(ground: Ground) -> None:
    """After half an hour the address is dead: the requester is told all the same."""
    path = ground.workspace.response_urls.issue(ANA, OPS)
    ground.passes(minutes=31)
    ground.starts()
    await ground.told(S.REFUSED, terms=None, response_url=f"{ground.workspace.base_url}{path}")
    await ground.settles()

    assert ground.said_to(ANA)


@pytest.mark.parametrize("fault", [slack_faults.ERROR, slack_faults.DROPPED])
async def test_what_a_slack_that_is_down_misses_is_sent_when_it_is_back(
    ground: Ground, fault: slack_faults.Fault
) -> None:
    """One message tries it meanwhile; then all are sent at once."""
    ground.workspace.faults.always(fault, POST)
    dispatcher = ground.starts()
    for number in range(5):
        await ground.told(S.AWAITING_APPROVAL, number)
    await ground.until(lambda: ground.calls(POST) > 8)
    assert dispatcher.trouble
    ground.workspace.faults.clear()
    await ground.settles()

    assert len(ground.messages) == 5
    assert dispatcher.trouble is None


async def test_a_card_that_someone_deletes_while_it_waits_is_posted_again_once(
    ground: Ground,
) -> None:
    """With its buttons; the reminder that found out goes under the new one."""
    ground.starts()
    request = await ground.told(S.AWAITING_APPROVAL)
    await ground.settles()
    ground.workspace.history.delete(ground.posts[0])
    await ground.owes(*reply(request, ThreadLine.REMINDER, subject="1"))
    await ground.settles()
    card, reminder = ground.posts
    assert "approve_request" in card.buttons
    assert reminder.thread_ts == card.ts
    ground.workspace.history.delete(card)
    await ground.owes(*reply(request, ThreadLine.REMINDER, subject="2"))
    await ground.settles()

    assert ground.posts == [reminder]


@pytest.mark.parametrize("code", ["message_not_found", "cant_update_message"])
async def test_an_edit_of_a_card_that_is_gone_is_dropped(ground: Ground, code: str) -> None:
    """The store still knows everything, the thread goes on, and Slack is asked once."""
    ground.starts()
    request = await ground.told(S.RUNNING)
    await ground.settles()
    ground.workspace.faults.always(slack_faults.refused(code), EDIT)
    await ground.owes(card(request))
    await ground.settles()
    before = ground.calls(EDIT)
    await ground.moves(request, S.COMPLETED)
    await ground.settles()

    assert "38.4 GB" in ground.messages[-1]
    assert ground.calls(EDIT) == before


async def test_a_hundred_finishes_in_one_channel_all_arrive_once(ground: Ground) -> None:
    """Slack takes a message a second there, and says 429 beyond: nobody is left out."""
    ground.clock = ground.workspace.clock = clock = FastClock(600)
    ground.workspace.post_limit = PostLimit(clock)
    for number in range(100):
        await ground.told(S.COMPLETED, number)
    ground.starts()
    await ground.workspace.until(lambda: len(ground.posts) == 200, 60)

    assert len({m.thread_ts for m in ground.posts if m.thread_ts}) == 100


async def test_outcomes_overtake_progress(ground: Ground) -> None:
    """While the channel is full, what people wait for goes first."""
    running = [await ground.told(S.RUNNING, number) for number in range(8)]
    ground.starts()
    await ground.settles()
    before = len(ground.posts)
    ground.passes(minutes=1)
    for request in running:
        await ground.owes(*reply(request, ThreadLine.OVERDUE))
    await ground.moves(running[-1], S.COMPLETED)
    await ground.settles()
    order = ["complete" in m.text for m in ground.posts[before:]]

    assert order.index(True) <= 5
    assert len(order) == 9


async def test_after_429_the_channel_rests_as_long_as_slack_wants(ground: Ground) -> None:
    """And only that channel."""
    other = "C0DEV"
    ground.workspace.add_channel(other, "dev", [ANA, ground.workspace.identity.bot_user_id])
    ground.workspace.faults.next(POST, slack_faults.throttled(20))
    ground.starts()
    began = ground.clock.monotonic()
    await ground.told(S.AWAITING_APPROVAL, 1)
    await ground.workspace.until(lambda: ground.calls(POST), TIMEOUT)
    await ground.told(S.AWAITING_APPROVAL, 2, card_channel_id=other)
    await ground.workspace.until(lambda: ground.workspace.messages(other), TIMEOUT)
    assert ground.clock.monotonic() == began
    await ground.settles()

    assert len(ground.messages) == 1
    assert ground.clock.monotonic() - began >= 20


async def test_lines_do_not_wait_for_edits(ground: Ground) -> None:
    """Fifty edits a minute: the card follows, once, as it is then."""
    ground.starts()
    request = await ground.told(S.AWAITING_APPROVAL)
    await ground.settles()
    ground.workspace.faults.next(EDIT, slack_faults.throttled(30))
    await ground.owes(card(request))
    await ground.until(lambda: ground.calls(EDIT))
    await ground.moves(request, S.COMPLETED)
    await ground.until(lambda: len(ground.messages) == 2)
    assert "is backed up" not in ground.messages[0]
    await ground.settles()

    assert "is backed up" in ground.messages[0]
    assert ground.calls(EDIT) == 2


async def test_a_running_card_is_drawn_as_time_goes_by(ground: Ground) -> None:
    """Every 15 seconds, and no more once it has ended."""
    ground.starts()
    request = await ground.told(S.RUNNING)
    await ground.until(lambda: ground.calls(EDIT) == 3)
    await ground.moves(request, S.COMPLETED)
    await ground.settles()
    edits = ground.calls(EDIT)
    ground.passes(minutes=5)
    await ground.told(S.AWAITING_APPROVAL, 2)
    await ground.settles()

    assert ground.calls(EDIT) == edits


async def test_a_clock_that_is_set_back_holds_nothing_up(ground: Ground) -> None:
    """What was to be tried in a minute isn't tried in an hour and a minute."""
    ground.workspace.faults.always(slack_faults.ERROR, POST)
    ground.starts()
    await ground.told(S.AWAITING_APPROVAL)
    await ground.until(lambda: ground.calls(POST) > 3)
    ground.workspace.faults.clear()
    await ground.dies()
    ground.sets_clock_back(hours=1)
    ground.starts()
    await ground.settles()

    assert len(ground.messages) == 1


async def test_changes_under_way_cost_one_edit(ground: Ground) -> None:
    """Approved shows at once, since its buttons must go; what follows within seconds is one."""
    ground.starts()
    request = await ground.told(S.AWAITING_APPROVAL)
    await ground.settles()
    request = await ground.moves(request, S.APPROVED)
    await ground.until(lambda: ground.calls(EDIT) == 1)
    await ground.settles()  # else the next change meets an edit on its way, which brings one more
    request = await ground.moves(request, S.CREATING)
    await ground.moves(request, S.RUNNING)
    await ground.settles()

    assert ground.calls(EDIT) == 2
    assert "Backing up" in ground.messages[0]


async def test_an_announcement_that_someone_overtook_is_not_made(ground: Ground) -> None:
    """The backup was kept while Slack was away, so it isn't announced that it will be deleted."""
    request = await ground.told(S.COMPLETED, retention=Retention.KEPT)
    await ground.owes(*reply(request, ThreadLine.EXPIRING))
    ground.starts()
    await ground.settles()

    assert not any("will be deleted" in message for message in ground.messages)


async def test_a_bug_in_one_message_holds_up_no_other(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even in its channel; and the outcome behind it is told."""

    def broken(request: BackupRequest, line: ThreadLine, **options: Any) -> Message:
        if line is ThreadLine.STARTED:
            raise RuntimeError(line)
        return thread_line(request, line, **options)

    monkeypatch.setattr("bot.slack.transport.courier.thread_line", broken)
    ground.starts()
    request = await ground.told(S.RUNNING, 1)
    await ground.until(lambda: len(ground.posts) == 1)
    await ground.told(S.COMPLETED, 2)
    await ground.workspace.until(lambda: len(ground.posts) == 3)  # without any time passing
    await ground.moves(request, S.COMPLETED)
    await ground.settles()

    assert len(ground.posts) == 4


async def test_a_link_to_a_card_that_is_nowhere_holds_up_nothing(ground: Ground) -> None:
    """Asked for in a thread of a channel that the bot may not post to."""
    ground.workspace.faults.always(slack_faults.refused("not_in_channel"), POST)
    ground.starts()
    request = await ground.told(S.APPROVED, thread_ts="1.1")
    await ground.until(lambda: ground.heard.refused)
    ground.workspace.faults.clear()
    await ground.moves(request, S.COMPLETED)
    await ground.settles()

    assert "38.4 GB" in ground.said_to(ANA)


async def test_a_thread_that_is_gone_posts_no_second_card(ground: Ground) -> None:
    """It was asked for in a thread whose parent was deleted; the card stands elsewhere."""
    ground.starts()
    await ground.told(S.AWAITING_APPROVAL, thread_ts="1.1")
    await ground.settles()

    assert len(ground.posts) == 1


async def test_a_card_that_only_words_can_show_loses_its_buttons(ground: Ground) -> None:
    """Slack keeps the blocks of a message whose edit has none."""
    ground.starts()
    request = await ground.told(S.AWAITING_APPROVAL)
    await ground.settles()
    ground.workspace.faults.next(EDIT, *[slack_faults.refused("invalid_blocks")] * 3)
    await ground.moves(request, S.WITHDRAWN)
    await ground.settles()

    assert ground.posts[0].blocks == []


async def test_an_unknown_refusal_holds_up_no_other_message(ground: Ground) -> None:
    """It is tried for some minutes; then it counts as final."""
    dispatcher = ground.starts()
    ground.workspace.faults.next(POST, *[slack_faults.refused("never_heard_of")] * 12)
    await ground.told(S.AWAITING_APPROVAL, 1)
    await ground.until(lambda: ground.calls(POST) == 1)
    assert dispatcher.trouble is None
    await ground.until(lambda: ground.heard.refused)

    assert ground.heard.refused == [("r1", "never_heard_of")]
