"""How messages travel: each once, and what happens when Slack does not take one."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.demo.clock import FastClock
from bot.demo.slack import faults as slack_faults
from bot.demo.slack.api import SlackServer
from bot.demo.slack.limits import PostLimit
from bot.demo.slack.records import Content
from bot.demo.slack.workspace import Workspace
from bot.domain.errors import CannotPost, SlackUnreachable, StoreUnavailable
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from bot.slack.transport.pace import EDITS
from bot.slack.transport.threads import Threads
from bot.slack.transport.web_client import SlackClient
from tests.slack.samples import asked, expiring, in_every_state
from tests.stepped_clock import SteppedClock

STATES = in_every_state(asked())
WAITING, COMPLETED = STATES[RequestState.AWAITING_APPROVAL], STATES[RequestState.COMPLETED]
REFUSED = STATES[RequestState.REFUSED]


class Remembered:
    """Where each line was said, in memory."""

    def __init__(self) -> None:
        self.posts: dict[tuple[str, str], tuple[str, str]] = {}
        self.refusals = 0  # of what is written next: the database is locked
        self.tried = asyncio.Event()

    async def posted(self, request_id: str, line: str) -> tuple[str, str] | None:
        return self.posts.get((request_id, line))

    async def save_post(self, request_id: str, line: str, channel_id: str, ts: str) -> None:
        self.tried.set()
        if self.refusals:
            self.refusals -= 1
            raise StoreUnavailable
        self.posts[request_id, line] = (channel_id, ts)


class Ground:
    """A channel with a requester in it, and the threads under test."""

    def __init__(self, workspace: Workspace, client: SlackClient, clock: SteppedClock) -> None:
        self.workspace = workspace
        self.clock = clock
        self.posts = Remembered()
        self.client = client
        self.threads = Threads(client, self.posts, clock, command="/backup")

    def response_url(self) -> str:
        """What Slack sends along with a command."""
        path = self.workspace.response_urls.issue(WAITING.requester, WAITING.card_channel_id)
        return f"{self.workspace.base_url}{path}"

    def post_card(self) -> str:
        """The ts of something to reply to."""
        content = Content(text="card", blocks=[])
        bot = self.workspace.identity.bot_user_id
        return self.workspace.history.post(WAITING.card_channel_id, bot, content).ts

    @property
    def messages(self) -> list[str]:
        """All that stands in the channel, threads too."""
        channel = WAITING.card_channel_id
        top = self.workspace.messages(channel)
        below = [m for card in top for m in self.workspace.thread(channel, card.ts)]
        return [self.workspace.read(m) for m in [*top, *below]]

    def said_to(self, user_id: str) -> str:
        """The direct message that somebody got."""
        (im,) = [c for c in self.workspace.channels.values() if c.is_im and user_id in c.members]
        return self.workspace.read(self.workspace.messages(im.id)[-1])


@pytest.fixture
async def ground() -> AsyncIterator[Ground]:
    clock = SteppedClock()
    workspace = Workspace(clock, "xoxb-1", "xapp-1", "secret", team_id=WAITING.team_id)
    workspace.add_user(WAITING.requester, "ana")
    workspace.add_channel(WAITING.card_channel_id, "ops", [WAITING.requester])
    async with SlackServer(workspace) as server, aiohttp.ClientSession() as session:
        client = SlackClient("xoxb-1", server.api_url, session=session)
        yield Ground(workspace, client, clock)


async def test_a_card_is_posted_once_and_edited_from_then_on(ground: Ground) -> None:
    """Showing a request again draws it in place."""
    await ground.threads.show(WAITING)
    ground.clock.advance(seconds=15)
    await ground.threads.show(COMPLETED)

    assert len(ground.messages) == 1
    assert "is backed up" in ground.messages[0]
    assert ground.workspace.violations == []


async def test_a_line_is_said_once(ground: Ground) -> None:
    """A step that runs again after a crash says nothing twice."""
    await ground.threads.show(WAITING)
    for _ in range(3):
        await ground.threads.say(COMPLETED, ThreadLine.ENDED)

    assert len(ground.messages) == 2


async def test_a_request_withdrawn_before_its_card_needs_no_word(ground: Ground) -> None:
    """Who withdrew it was answered; a step that runs again notes it once."""
    withdrawn = in_every_state(asked())[RequestState.WITHDRAWN]
    early = withdrawn.model_copy(update={"terms": None, "expires_at": None})
    for _ in range(2):
        await ground.threads.announce(early)

    assert (ground.messages, len(ground.posts.posts)) == ([], 1)


async def test_a_busy_store_doubles_nothing(ground: Ground) -> None:
    """What stands in Slack is written down until it is, and not posted again."""
    ground.posts.refusals = 3
    showing = asyncio.create_task(ground.threads.show(WAITING))
    await ground.posts.tried.wait()
    while not showing.done():
        ground.clock.advance(seconds=1)
        await asyncio.sleep(0.01)

    assert (len(ground.messages), len(ground.posts.posts)) == (1, 1)


async def test_one_message_of_a_channel_is_on_its_way(ground: Ground) -> None:
    """The next waits until it is written down: a crash can double that one alone."""
    ground.posts.refusals = 1
    first = asyncio.create_task(ground.threads.show(WAITING))
    await ground.posts.tried.wait()
    other = in_every_state(asked(name="second-1"))[RequestState.AWAITING_APPROVAL]
    second = asyncio.create_task(ground.threads.show(other.model_copy(update={"id": "other"})))
    await asyncio.sleep(0.1)
    assert len(ground.messages) == 1
    while not (first.done() and second.done()):
        ground.clock.advance(seconds=1)
        await asyncio.sleep(0.01)

    assert len(ground.messages) == 2


async def test_what_must_be_told_goes_to_the_requester_without_a_channel(ground: Ground) -> None:
    """The announcement of a deletion, once the channel is archived."""
    await ground.threads.show(COMPLETED)
    ground.workspace.channels[WAITING.card_channel_id].is_archived = True
    for _ in range(2):
        await ground.threads.insist(expiring(), ThreadLine.EXPIRING)

    assert "will be deleted" in ground.said_to(WAITING.requester)
    assert len(ground.messages) == 1


async def test_a_workspace_without_plans_gets_a_line_instead(ground: Ground) -> None:
    """Slack answers `invalid_blocks` to the plan: the same steps come as plain context."""
    ground.workspace.faults.next("chat.postMessage", slack_faults.refused("invalid_blocks"))
    await ground.threads.show(WAITING)
    await ground.threads.show(COMPLETED)

    (card,) = ground.workspace.messages(WAITING.card_channel_id)
    assert "plan" not in {block["type"] for block in card.blocks}
    assert "✓ Completed" in ground.workspace.read(card)


async def test_blocks_that_are_wrong_in_any_form_do_not_loop(ground: Ground) -> None:
    """If the fallback is refused too, the caller hears it."""
    ground.workspace.faults.always(slack_faults.refused("invalid_blocks"), "chat.postMessage")

    with pytest.raises(SlackUnreachable):
        await ground.threads.show(WAITING)


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_too_long", "msg_blocks_too_long"])
async def test_an_outcome_that_slack_does_not_show_is_said_in_plain_words(
    ground: Ground, code: str
) -> None:
    """It has to be told, however it looks."""
    await ground.threads.show(WAITING)
    ground.workspace.faults.next("chat.postMessage", slack_faults.refused(code))
    await ground.threads.say(COMPLETED, ThreadLine.ENDED)

    assert len(ground.messages) == 2
    assert "complete" in ground.messages[1]


async def test_an_address_in_the_database_is_not_believed(ground: Ground) -> None:
    """The refusal goes to the requester directly, and to nobody else."""
    request = REFUSED.model_copy(update={"response_url": "http://127.0.0.1:9/commands/1"})
    await ground.threads.announce(request)

    assert "storage is full" in ground.said_to(request.requester)
    assert [call.method for call in ground.workspace.calls] == ["chat.postMessage"]


@pytest.mark.parametrize("code", ["channel_not_found", "not_in_channel", "is_archived"])
async def test_a_channel_that_takes_no_card_is_named(ground: Ground, code: str) -> None:
    """The request cannot be decided without a card: the caller hears why there is none."""
    ground.workspace.faults.next("chat.postMessage", slack_faults.refused(code))

    with pytest.raises(CannotPost) as raised:
        await ground.threads.show(WAITING)
    assert raised.value.error == code


async def test_an_edit_of_a_deleted_card_is_dropped(ground: Ground) -> None:
    """A moderator removed it: the store still knows everything, and the thread goes on."""
    await ground.threads.show(WAITING)
    ground.workspace.faults.always(slack_faults.refused("message_not_found"), "chat.update")
    await ground.threads.show(COMPLETED)
    await ground.threads.say(COMPLETED, ThreadLine.ENDED)

    assert any("38.4 GB" in message for message in ground.messages)


async def test_an_outcome_finds_the_requester_when_the_channel_is_gone(ground: Ground) -> None:
    """The channel was archived meanwhile: a direct message says how it ended, once."""
    await ground.threads.show(WAITING)
    ground.workspace.channels[WAITING.card_channel_id].is_archived = True
    await ground.threads.announce(COMPLETED)
    await ground.threads.announce(COMPLETED)

    assert "38.4 GB" in ground.said_to(WAITING.requester)
    posts = [c for c in ground.workspace.calls if c.method == "chat.postMessage" and c.ok]
    assert len(posts) == 2


async def test_a_request_without_a_card_is_answered_where_it_was_asked(ground: Ground) -> None:
    """The command's own answer address, seen by the requester alone."""
    url = ground.response_url()
    request = REFUSED.model_copy(update={"response_url": url})
    await ground.threads.announce(request)
    await ground.threads.announce(request)

    assert len(ground.workspace.ephemerals(WAITING.requester)) == 1
    assert ground.messages == []


async def test_an_answer_that_comes_too_late_comes_as_a_direct_message(ground: Ground) -> None:
    """After half an hour the address is dead: the requester is told all the same."""
    url = ground.response_url()
    request = REFUSED.model_copy(update={"response_url": url})
    ground.clock.advance(minutes=31)
    await ground.threads.announce(request)

    assert ground.said_to(WAITING.requester)


@pytest.mark.parametrize("fault", [slack_faults.ERROR, slack_faults.DROPPED])
async def test_a_slack_that_is_down_is_said_to_the_caller(
    ground: Ground, fault: slack_faults.Fault
) -> None:
    """Nothing is remembered as said, so it is said when Slack is back."""
    ground.workspace.faults.next("chat.postMessage", fault)
    with pytest.raises(SlackUnreachable):
        await ground.threads.show(WAITING)
    await ground.threads.show(WAITING)

    assert len(ground.messages) == 1


async def test_a_thousand_finishes_in_one_channel_all_arrive_once(ground: Ground) -> None:
    """Slack takes a message a second there, and says 429 beyond: nobody is left out."""
    clock = FastClock(600)
    ground.workspace.clock = clock
    ground.workspace.post_limit = PostLimit(clock)
    ground.threads = Threads(ground.client, ground.posts, clock, command="/backup")
    finished = [COMPLETED.model_copy(update={"id": f"r{number}"}) for number in range(1000)]
    for request in finished:
        channel, card = WAITING.card_channel_id, ground.post_card()
        await ground.posts.save_post(request.id, "card", channel, card)
    await asyncio.gather(*(told(ground, request, clock) for request in finished))

    lines = [ground.posts.posts[request.id, ThreadLine.ENDED] for request in finished]
    assert len(set(lines)) == 1000
    assert len(ground.workspace.history.messages) == 2000


async def told(ground: Ground, request: BackupRequest, clock: FastClock) -> None:
    """As the lifecycle does: again and again until Slack takes it."""
    while True:
        try:
            await ground.threads.announce(request)
        except SlackUnreachable:
            await clock.sleep(10)
        else:
            return


async def test_outcomes_overtake_progress(ground: Ground) -> None:
    """While the channel is full, what people wait for goes first."""
    running = STATES[RequestState.RUNNING]
    for request_id in (*"abcdefgh", "ended"):
        card = ground.post_card()
        await ground.posts.save_post(request_id, "card", WAITING.card_channel_id, card)
    lines = [
        ground.threads.say(running.model_copy(update={"id": request_id}), ThreadLine.STARTED)
        for request_id in "abcdefgh"
    ]
    ended = ground.threads.say(COMPLETED.model_copy(update={"id": "ended"}), ThreadLine.ENDED)
    saying = [asyncio.ensure_future(line) for line in (*lines, ended)]
    while not all(line.done() for line in saying):
        await asyncio.sleep(0.01)
        ground.clock.advance(seconds=1)
    order = [request_id for request_id, line in ground.posts.posts if line != "card"]

    assert sorted(order[:5]) == ["a", "b", "c", "d", "ended"]
    assert order[5:] == ["e", "f", "g", "h"]


async def test_after_429_the_channel_rests_as_long_as_slack_wants(ground: Ground) -> None:
    """And only that channel."""
    ground.workspace.faults.next("chat.postMessage", slack_faults.throttled(20))
    with pytest.raises(SlackUnreachable):
        await ground.threads.show(WAITING)
    again = asyncio.ensure_future(ground.threads.show(WAITING))
    await asyncio.sleep(0.05)
    assert ground.messages == []
    ground.clock.advance(seconds=20)
    await again

    assert len(ground.messages) == 1


async def test_a_card_that_is_gone_is_not_edited_again(ground: Ground) -> None:
    """One answer of Slack is enough."""
    await ground.threads.show(WAITING)
    ground.workspace.faults.always(slack_faults.refused("message_not_found"), "chat.update")
    for _ in range(3):
        await ground.threads.show(WAITING)

    assert sum(call.method == "chat.update" for call in ground.workspace.calls) == 1


async def test_edits_that_have_to_wait_become_one(ground: Ground) -> None:
    """Fifty a minute: of what changed twice only the newest is drawn, and no line waits."""
    await ground.threads.show(WAITING)
    for _ in range(EDITS * 4 // 5 + 10):
        await ground.threads.pace.edits.take_now(0)
    approved = STATES[RequestState.APPROVED]
    for request in (WAITING, WAITING, approved):
        await ground.threads.show(request)
    await ground.threads.say(approved, ThreadLine.APPROVED)
    edits = [call for call in ground.workspace.calls if call.method == "chat.update"]
    assert edits == []
    assert any("Starting" in message for message in ground.messages)
    ground.clock.advance(minutes=1)
    await ground.workspace.until(lambda: "approved" in ground.messages[0])

    assert sum(call.method == "chat.update" for call in ground.workspace.calls) == 1
    await ground.threads.close()
