"""How a request's card travels to Slack: posted once, then kept in place, each edit in turn."""

import asyncio
from contextlib import suppress

import structlog

from bot.domain.errors import CannotPost, SlackUnreachable, StoreUnavailable
from bot.domain.requests import BackupRequest
from bot.domain.thread_lines import CARD
from bot.runtime.clock import Clock
from bot.slack.messages.cards import request_card
from bot.slack.transport.delivery import Delivery, Posts
from bot.slack.transport.pace import Pace, Urgency, urgency_of

log = structlog.get_logger(__name__)


class CardDelivery:
    """Draws cards. Raises SlackUnreachable, and CannotPost where a new one has no place."""

    def __init__(
        self, delivery: Delivery, posts: Posts, pace: Pace, clock: Clock, command: str
    ) -> None:
        self._delivery = delivery
        self._posts = posts
        self._pace = pace
        self._clock = clock
        self._command = command
        self._draws_plans = True  # until Slack says that this workspace does not
        self._late: dict[str, BackupRequest] = {}  # as they are to be drawn when it is their turn
        self._showing: set[asyncio.Task[None]] = set()
        self._no_edits: set[str] = set()  # requests whose cards are gone or frozen

    async def show(self, request: BackupRequest) -> None:
        """Post the card, or edit it, so that it shows the request's current state.

        An edit that cannot be made at once is made when its turn comes, as the request is then;
        one that only moves its progress is left out.
        """
        if await self.show_now(request) or urgency_of(request) is Urgency.PROGRESS:
            return
        is_in_line = request.id in self._late
        self._late[request.id] = request
        if not is_in_line:
            task = asyncio.create_task(self._show_late(request.id, urgency_of(request)))
            self._showing.add(task)
            task.add_done_callback(self._showing.discard)

    async def show_now(self, request: BackupRequest) -> bool:
        """Whether there is no more to draw; False if an edit has to wait for its turn."""
        card = await self._posts.posted(request.id, CARD)
        if card is None:
            await self._drawn(request, channel=request.card_channel_id)
        elif request.id not in self._no_edits:
            if not await self._pace.edits.take_now(urgency_of(request)):
                return False
            await self._redrawn(request, card)
        return True

    async def show_last(self, request: BackupRequest) -> bool:
        """Draw it as it ended, if that can be now; what waited to be drawn before is not."""
        self._late.pop(request.id, None)
        return await self.show_now(request)

    async def settle(self, request: BackupRequest, *, is_shown: bool) -> None:
        """Draw it as it ended when its turn comes, unless it `is_shown`: nothing comes after."""
        if not is_shown and (card := await self._posts.posted(request.id, CARD)):
            await self._pace.edits.take(Urgency.OUTCOME)
            await self._redrawn(request, card)
        self._no_edits.discard(request.id)

    async def _show_late(self, request_id: str, urgency: Urgency) -> None:
        await self._pace.edits.take(urgency)
        request = self._late.pop(request_id, None)
        with suppress(SlackUnreachable, StoreUnavailable):  # the next line draws it again
            if request and (card := await self._posts.posted(request_id, CARD)):
                await self._redrawn(request, card)

    async def _redrawn(self, request: BackupRequest, card: tuple[str, str]) -> None:
        try:
            await self._drawn(request, channel=card[0], ts=card[1])
        except CannotPost as error:  # the store still knows it all
            log.info("card_gone", request=request.id, error=error.error)
            self._no_edits.add(request.id)

    async def close(self) -> None:
        """Draw nothing more."""
        for task in self._showing:
            task.cancel()
        await asyncio.gather(*self._showing, return_exceptions=True)

    async def _drawn(self, request: BackupRequest, **where: str) -> None:
        """Post or edit the card, without its plan if Slack does not know that block."""
        card = request_card(
            request, now=self._clock.now(), with_plan=self._draws_plans, command=self._command
        )
        try:
            if "ts" in where:
                await self._delivery.edit(card, **where)
            else:
                await self._delivery.post(request, CARD, card, **where)
        except SlackUnreachable as error:
            if error.error != "invalid_blocks" or not self._draws_plans:
                raise
        else:
            return
        log.warning("plan_block_not_accepted")
        self._draws_plans = False
        await self._drawn(request, **where)
