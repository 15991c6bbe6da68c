"""A real outbox and its dispatcher, before a simulated Slack."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import aiohttp
import pytest
from sqlalchemy import and_, update

from bot.demo.slack.api import SlackServer
from bot.demo.slack.records import Content, Message
from bot.demo.slack.workspace import Workspace
from bot.domain.console import Console
from bot.domain.errors import CannotPost
from bot.domain.outbox import MessageState, OutboxMessage, Owed, card, owed_by
from bot.domain.policy import Policy
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.thread_lines import CARD
from bot.domain.topics import Topic
from bot.outbox.dispatcher import Dispatcher
from bot.runtime.clock import Clock
from bot.runtime.in_flight import InFlight
from bot.slack.transport.courier import Courier
from bot.slack.transport.pace import Pace
from bot.slack.transport.web_client import SlackClient
from bot.storage.engine import open_engine
from bot.storage.outbox import Outbox
from bot.storage.store import Store
from bot.storage.tables import outbox
from tests.slack.samples import asked, in_every_state
from tests.stepped_clock import SteppedClock

STATES = in_every_state(asked())
WAITING = STATES[RequestState.AWAITING_APPROVAL]
OPS, ANA = WAITING.card_channel_id, WAITING.requester
OWN = ("id", "trigger_id", "name", "response_url")  # what a request keeps
TIMEOUT = 10.0  # seconds of real time


class Heard:
    """What the dispatcher says of messages."""

    def __init__(self) -> None:
        self.refused: list[tuple[str, str]] = []
        self.settled_lines: list[str] = []

    async def card_refused(self, topic: Topic, error: CannotPost) -> None:
        self.refused.append((topic.id, error.error))

    def settled(self, message: OutboxMessage) -> None:
        self.settled_lines.append(message.line)


class Ground:
    """A channel with a requester and the bot in it."""

    def __init__(
        self, workspace: Workspace, client: SlackClient, store: Store, clock: Clock
    ) -> None:
        self.workspace = workspace
        self.client = client
        self.store = store
        self.clock = clock
        self.heard = Heard()
        self.outbox = Outbox(store)
        self._running: asyncio.Task[None] | None = None

    def starts(self) -> Dispatcher:
        """The bot's dispatcher begins, or begins again after it died."""
        dispatcher = Dispatcher(
            self.outbox,
            Courier(self.client, self.clock, Policy(), command="/backup", console=Console()),
            Pace(self.clock),
            self.clock,
            InFlight(),
            self.heard,
        )
        self.store.on_owed = dispatcher.wake
        self._running = asyncio.create_task(self._runs(dispatcher))
        return dispatcher

    async def _runs(self, dispatcher: Dispatcher) -> None:
        try:
            await dispatcher.run()
        finally:
            await dispatcher.close()

    async def dies(self) -> None:
        """Nothing that the dispatcher does goes on."""
        if self._running:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
            self._running = None

    async def stored(
        self,
        state: RequestState = RequestState.AWAITING_APPROVAL,
        number: int = 1,
        **changes: object,
    ) -> BackupRequest:
        """A request in this state, which has told nobody yet."""
        own = {"id": f"r{number}", "trigger_id": f"t{number}", "name": f"before-{number}"}
        request = STATES[state].model_copy(update={**own, **changes})
        async with self.store.transaction() as transaction:
            await transaction.insert(request)
        return request

    async def owes(self, *messages: Owed) -> None:
        async with self.store.transaction() as transaction:
            await transaction.owe(*messages)

    async def has_card(self, request: BackupRequest) -> None:
        """The request's card is in Slack, as it is now."""
        bot, content = self.workspace.identity.bot_user_id, Content("card", [])
        channel = request.card_channel_id
        posted = self.workspace.history.post(channel, bot, content)
        await self.owes(card(request))
        is_its = and_(outbox.c.topic_id == request.id, outbox.c.line == CARD)
        there = {"state": MessageState.SENT, "channel_id": channel, "ts": posted.ts}
        await self.store.at_once(update(outbox).where(is_its).values(there), outbox.c.number)

    async def told(self, state: RequestState, number: int = 1, **changes: object) -> BackupRequest:
        """A request whose state has just been entered, with what it owes."""
        request = await self.stored(state, number, **changes)
        await self.owes(*owed_by(request))
        return request

    async def moves(self, request: BackupRequest, state: RequestState) -> BackupRequest:
        """The request is in another state, whatever it was; it owes what that brings."""
        new = STATES[state].model_copy(update={name: getattr(request, name) for name in OWN})
        names = set(BackupRequest.model_fields) - {"votes"}
        changes = {name: getattr(new, name) for name in names}
        async with self.store.transaction() as transaction:
            await transaction.update(request, **changes)
            await transaction.owe(*owed_by(new))
        return new

    @property
    def _steps(self) -> SteppedClock:
        assert isinstance(self.clock, SteppedClock)
        return self.clock

    def passes(self, **span: float) -> None:
        """Let this much time pass."""
        self._steps.advance(**span)

    def sets_clock_back(self, **span: float) -> None:
        """The time of day jumps; monotonic time goes on."""
        self._steps.set_back(**span)

    async def until(self, what: Callable[[], object]) -> None:
        """Let time pass, a second at a time, until it is so."""
        async with asyncio.timeout(TIMEOUT):
            while not what():
                self._steps.advance(seconds=1)
                await asyncio.sleep(0.005)

    async def settles(self) -> None:
        """Let time pass until nothing is owed."""
        async with asyncio.timeout(TIMEOUT):
            while await self.store.owed():
                self._steps.advance(seconds=1)
                await asyncio.sleep(0.005)

    @property
    def posts(self) -> list[Message]:
        """All that stands in the channel, threads too, in order."""
        return list(self.workspace.history.visible(OPS))

    @property
    def messages(self) -> list[str]:
        return [self.workspace.read(message) for message in self.posts]

    def said_to(self, user_id: str) -> str:
        """The last direct message that someone got."""
        (im,) = [c for c in self.workspace.channels.values() if c.is_im and user_id in c.members]
        return self.workspace.read(self.workspace.messages(im.id)[-1])

    def calls(self, method: str) -> int:
        return sum(call.method == method for call in self.workspace.calls)


@pytest.fixture
async def ground(migrated_database_url: str) -> AsyncIterator[Ground]:
    """Slack with a channel; the dispatcher doesn't run yet."""
    clock = SteppedClock()
    workspace = Workspace(clock, "xoxb-1", "xapp-1", "secret", team_id=WAITING.team_id)
    workspace.add_user(ANA, "ana")
    workspace.add_channel(OPS, "ops", [ANA, workspace.identity.bot_user_id])
    engine = open_engine(migrated_database_url)
    async with SlackServer(workspace) as server, aiohttp.ClientSession() as session:
        client = SlackClient("xoxb-1", server.api_url, session=session)
        ground = Ground(workspace, client, Store(engine, clock=clock), clock)
        yield ground
        await ground.dies()
    await engine.dispose()
    assert workspace.violations == []
