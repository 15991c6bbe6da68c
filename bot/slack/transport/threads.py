"""How all that is said of a request travels to Slack: each message once."""

from collections.abc import Sequence
from contextlib import suppress

from bot.domain.errors import CannotPost, RdsError, SlackUnreachable, UserError
from bot.domain.requests import BackupRequest
from bot.domain.thread_lines import CARD, GIVEN_UP, NO_KEYS, POINTER, PUT_OFF, TOLD, ThreadLine
from bot.runtime.clock import Clock
from bot.runtime.in_flight import InFlight
from bot.slack.messages.answers import late_refusal, not_posted, put_off, without_keys
from bot.slack.messages.mrkdwn import Message
from bot.slack.messages.replies import is_broadcast, pointer, thread_line
from bot.slack.transport.card_delivery import CardDelivery
from bot.slack.transport.delivery import Delivery, Posts
from bot.slack.transport.pace import Pace
from bot.slack.transport.slack_errors import FAILURES, error_code
from bot.slack.transport.web_client import SlackClient


class Threads:
    """One card a request, one thread under it. Raises SlackUnreachable while Slack misbehaves.

    Every message is looked up before it is posted, so that each is said once.
    """

    def __init__(
        self,
        client: SlackClient,
        posts: Posts,
        clock: Clock,
        *,
        command: str,
        pace: Pace | None = None,
        in_flight: InFlight | None = None,
    ) -> None:
        self.pace = pace or Pace(clock)
        self._in_flight = in_flight or InFlight()
        self._delivery = Delivery(client, posts, clock, self.pace, self._in_flight)
        self._client = client
        self._posts = posts
        self._clock = clock
        self._command = command
        self._cards = CardDelivery(self._delivery, posts, self.pace, clock, command)

    @property
    def trouble(self) -> str | None:
        """Slack's last word if it took nothing since, else None."""
        return self._delivery.trouble

    @property
    def queued(self) -> int:
        """How many messages wait for their turn."""
        return self.pace.queued

    async def show(self, request: BackupRequest) -> None:
        """Post the card, or edit it, so that it shows the request's current state.

        An edit that cannot be made at once is made when its turn comes, as the request is then;
        one that only moves its progress is left out.
        """
        await self._cards.show(request)

    async def close(self) -> None:
        """Draw nothing more."""
        await self._cards.close()

    async def say(
        self,
        request: BackupRequest,
        line: ThreadLine,
        *,
        subject: str = "",
        call: Sequence[str] = (),
    ) -> None:
        """Reply in the thread, once a subject."""
        key = line.about(subject)
        if await self._posts.posted(request.id, key):
            return
        card = await self._posts.posted(request.id, CARD)
        if card is None:
            return
        message = thread_line(
            request, line, now=self._clock.now(), command=self._command, subject=subject, call=call
        )
        await self._delivery.post(
            request,
            key,
            message,
            channel=card[0],
            thread_ts=card[1],
            reply_broadcast=is_broadcast(request, line, call),
        )

    async def insist(self, request: BackupRequest, line: ThreadLine) -> None:
        """Reply in the thread; if that cannot be, tell the requester alone. Raises CannotPost."""
        if await self._posts.posted(request.id, line):
            return
        with suppress(CannotPost):
            if await self._posts.posted(request.id, CARD):
                await self._cards.show_now(request)
                await self.say(request, line)
                return
        message = thread_line(request, line, now=self._clock.now(), command=self._command)
        await self._delivery.post(request, line, message, channel=request.requester)

    async def point(self, request: BackupRequest) -> None:
        """In the thread from which it was asked, link to the card. Once, and only if there is."""
        card = await self._posts.posted(request.id, CARD)
        if request.thread_ts is None or card is None:
            return
        if await self._posts.posted(request.id, POINTER):
            return
        try:
            found = await self._client.chat_getPermalink(channel=card[0], message_ts=card[1])
        except FAILURES as error:
            raise SlackUnreachable(error_code(error)) from error
        await self._delivery.post(
            request,
            POINTER,
            pointer(request, found["permalink"]),
            channel=request.channel_id,
            thread_ts=request.thread_ts,
        )

    async def put_off(self, request: BackupRequest, line: ThreadLine) -> None:
        """Tell the requester alone, once a line, that the card comes when RDS answers."""
        if line is ThreadLine.KEYS_REFUSED:
            await self._tell(request, NO_KEYS, without_keys(request, self._command))
        else:
            await self._tell(request, PUT_OFF, put_off(request, self._command))

    async def announce(self, request: BackupRequest) -> None:
        """Tell how it ended: on card and in thread; without them, the requester alone.

        Raises CannotPost if there is no one left to tell.
        """
        try:
            await self._announce(request)
        except CannotPost as error:
            await self._posts.save_post(request.id, GIVEN_UP, error.channel_id, "")
            raise

    async def _announce(self, request: BackupRequest) -> None:
        if await self._posts.posted(request.id, CARD) is None and request.refusal:
            await self._tell(request, TOLD, self._refusal(request, request.refusal.error))
            return
        if request.terms is None:  # withdrawn before there was a card: who did it was answered
            if await self._posts.posted(request.id, TOLD) is None:
                await self._posts.save_post(request.id, TOLD, request.requester, "")
            return
        try:
            is_shown = await self._cards.show_last(request)
            await self.say(request, ThreadLine.ENDED)
        except CannotPost:
            message = thread_line(
                request, ThreadLine.ENDED, now=self._clock.now(), command=self._command
            )
            await self._delivery.post(
                request, ThreadLine.ENDED, message, channel=request.requester
            )
            return
        await self._cards.settle(request, is_shown=is_shown)

    def _refusal(self, request: BackupRequest, error: UserError | RdsError) -> Message:
        if isinstance(error, CannotPost):
            return not_posted(error, request, self._command)
        return late_refusal(error, request)

    async def _tell(self, request: BackupRequest, key: str, message: Message) -> None:
        """Answer the requester alone, where they asked; in a direct message if that is over."""
        if await self._posts.posted(request.id, key):
            return
        if await self._respond(request, message):
            await self._posts.save_post(request.id, key, request.requester, "")
        else:
            await self._delivery.post(request, key, message, channel=request.requester)

    async def _respond(self, request: BackupRequest, message: Message) -> bool:
        """Whether Slack took an answer to the command itself; it does for half an hour."""
        if not request.response_url:
            return False
        said = {"response_type": "ephemeral", **message.as_slack()}
        try:
            await self._in_flight.check_lease()
            return await self._client.respond(request.response_url, said)
        except FAILURES as error:
            raise SlackUnreachable(error_code(error)) from error
