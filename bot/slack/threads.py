"""How a request's card and thread travel to Slack: each message once, the card in place."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.budget import Budget
from bot.clock import Clock
from bot.domain.errors import CannotPost, RdsError, SlackUnreachable, StoreUnavailable, UserError
from bot.domain.requests import CARD, GIVEN_UP, POINTER, PUT_OFF, TOLD, BackupRequest, Line
from bot.lifecycle.gate import Gate
from bot.metrics import SLACK_MESSAGES
from bot.slack.answers import not_posted, put_off, refusal
from bot.slack.cards import request_card
from bot.slack.codes import FAILURES, error_code, retry_after
from bot.slack.mrkdwn import Message
from bot.slack.pace import Pace, Urgency, urgency_of
from bot.slack.replies import is_broadcast, pointer, thread_line
from bot.slack.words import nothing

log = structlog.get_logger(__name__)


NOTE_AGAIN = 0.5  # seconds after the store did not take where a message stands
# The channel cannot be written to, however often it is tried.
NO_PLACE = {
    "channel_not_found",
    "not_in_channel",
    "is_archived",
    "no_permission",
    "restricted_action",
    "restricted_action_read_only_channel",
    "restricted_action_thread_locked",
    "restricted_action_thread_only_channel",
    "restricted_action_non_threadable_channel",
    "messages_tab_disabled",
    "user_not_found",
    "thread_not_found",
    "cannot_reply_to_message",
}
# The card is gone or frozen.
NO_EDIT = {"message_not_found", "cant_update_message", "edit_window_closed", *NO_PLACE}


class Posts(Protocol):
    """Where each line was said."""

    async def posted(self, request_id: str, line: str) -> tuple[str, str] | None: ...
    async def save_post(self, request_id: str, line: str, channel_id: str, ts: str) -> None: ...


class Threads:
    """One card a request, one thread under it. Raises SlackUnreachable while Slack misbehaves.

    Every message waits for its turn, is looked up before it is posted, and is written down
    right after: if the process dies between the two, or Slack's answer is lost, within one
    round trip, that message can appear twice. `trouble` is Slack's last word if it took
    nothing since, else None.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        posts: Posts,
        clock: Clock,
        *,
        command: str,
        pace: Pace | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.pace = pace or Pace(clock)
        self.trouble: str | None = None
        self._client = client
        self._posts = posts
        self._clock = clock
        self._command = command
        self._gate = gate or Gate()
        self._draws_plans = True  # until Slack says that this workspace does not
        self._late: dict[str, BackupRequest] = {}  # as they are to be drawn when it is their turn
        self._showing: set[asyncio.Task[None]] = set()
        self._no_edits: set[str] = set()  # requests whose cards are gone or frozen

    async def show(self, request: BackupRequest) -> None:
        """Post the card, or edit it, so that it shows the request as it stands.

        An edit that cannot be made at once is made when its turn comes, as the request is then;
        one that only moves its progress is left out.
        """
        if await self._shown_now(request) or urgency_of(request) is Urgency.PROGRESS:
            return
        is_in_line = request.id in self._late
        self._late[request.id] = request
        if not is_in_line:
            task = asyncio.create_task(self._show_late(request.id, urgency_of(request)))
            self._showing.add(task)
            task.add_done_callback(self._showing.discard)

    async def _shown_now(self, request: BackupRequest) -> bool:
        """Whether there is no more to draw; False if an edit has to wait for its turn."""
        card = await self._posts.posted(request.id, CARD)
        if card is None:
            await self._drawn(request, channel=request.card_channel_id)
        elif request.id not in self._no_edits:
            if not await self.pace.edits.take_now(urgency_of(request)):
                return False
            await self._redrawn(request, card)
        return True

    async def _show_late(self, request_id: str, urgency: Urgency) -> None:
        await self.pace.edits.take(urgency)
        request = self._late.pop(request_id, None)
        if request and (card := await self._posts.posted(request_id, CARD)):
            with suppress(SlackUnreachable):  # the next line draws it again
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

    async def say(
        self, request: BackupRequest, line: Line, *, subject: str = "", call: Sequence[str] = ()
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
        await self._post(
            request,
            key,
            message,
            channel=card[0],
            thread_ts=card[1],
            reply_broadcast=is_broadcast(request, line, call),
        )

    async def insist(self, request: BackupRequest, line: Line) -> None:
        """Reply in the thread; if that cannot be, tell the requester alone. Raises CannotPost."""
        if await self._posts.posted(request.id, line):
            return
        with suppress(CannotPost):
            if await self._posts.posted(request.id, CARD):
                await self._shown_now(request)
                await self.say(request, line)
                return
        message = thread_line(request, line, now=self._clock.now(), command=self._command)
        await self._post(request, line, message, channel=request.requester)

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
        await self._post(
            request,
            POINTER,
            pointer(request, found["permalink"]),
            channel=request.channel_id,
            thread_ts=request.thread_ts,
        )

    async def put_off(self, request: BackupRequest) -> None:
        """Tell the requester alone, once, that the card comes when RDS answers."""
        await self._tell(request, PUT_OFF, put_off(request))

    async def announce(self, request: BackupRequest) -> None:
        """Tell how it ended: on card and in thread; without them, the requester alone.

        Raises CannotPost if nobody is left to tell.
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
        self._late.pop(request.id, None)
        try:
            is_shown = await self._shown_now(request)
            await self.say(request, Line.ENDED)
        except CannotPost:
            message = thread_line(
                request, Line.ENDED, now=self._clock.now(), command=self._command
            )
            await self._post(request, Line.ENDED, message, channel=request.requester)
            return
        if not is_shown and (card := await self._posts.posted(request.id, CARD)):
            await self.pace.edits.take(Urgency.OUTCOME)
            await self._redrawn(request, card)
        self._no_edits.discard(request.id)

    def _refusal(self, request: BackupRequest, error: UserError | RdsError) -> Message:
        if isinstance(error, CannotPost):
            return not_posted(error, request, self._command)
        return refusal(error, self._command, nothing(request))

    async def _tell(self, request: BackupRequest, key: str, message: Message) -> None:
        """Answer the requester alone, where they asked; in a direct message if that is over."""
        if await self._posts.posted(request.id, key):
            return
        if await self._respond(request, message):
            await self._posts.save_post(request.id, key, request.requester, "")
        else:
            await self._post(request, key, message, channel=request.requester)

    async def _respond(self, request: BackupRequest, message: Message) -> bool:
        """Whether Slack took an answer to the command itself; it does for half an hour."""
        if not request.response_url:
            return False
        webhook = AsyncWebhookClient(request.response_url, session=self._client.session)
        try:
            answer = await webhook.send_dict({"response_type": "ephemeral", **message.as_slack()})
        except FAILURES as error:
            raise SlackUnreachable(error_code(error)) from error
        return answer.status_code == 200  # noqa: PLR2004, HTTP's own word for yes

    async def _drawn(self, request: BackupRequest, **where: str) -> None:
        """Post or edit the card, without its plan if Slack does not know that block."""
        card = request_card(
            request, now=self._clock.now(), with_plan=self._draws_plans, command=self._command
        )
        try:
            if "ts" in where:
                await self._edit(card, **where)
            else:
                await self._post(request, CARD, card, **where)
        except SlackUnreachable as error:
            if error.error != "invalid_blocks" or not self._draws_plans:
                raise
        else:
            return
        log.warning("plan_block_not_accepted")
        self._draws_plans = False
        await self._drawn(request, **where)

    async def _edit(self, message: Message, *, channel: str, ts: str) -> None:
        async with self._gate:
            edit = self._client.chat_update(
                channel=channel, ts=ts, **message.as_slack(), parse="none", link_names=False
            )
            await self._answer(edit, self.pace.edits, channel, NO_EDIT)

    async def _post(
        self, request: BackupRequest, key: str, message: Message, *, channel: str, **where: Any
    ) -> None:
        """Post in turn, and write down where, with no shutdown between the two."""
        async with self.pace.turn(channel, urgency_of(request)) as budget, self._gate:
            post = self._client.chat_postMessage(
                channel=channel,
                **where,
                **message.as_slack(),
                unfurl_links=False,
                unfurl_media=False,
                parse="none",
                link_names=False,
            )
            sent = await self._answer(post, budget, channel, NO_PLACE)
            await self._note(request.id, key, sent["channel"], sent["ts"])

    async def _note(self, request_id: str, key: str, channel: str, ts: str) -> None:
        """Write down what stands in Slack, until it is: tried anew, the post would double."""
        while True:
            try:
                await self._posts.save_post(request_id, key, channel, ts)
            except StoreUnavailable:
                log.warning("post_not_written_down", request=request_id, line=key)
                await self._clock.sleep(NOTE_AGAIN)
            else:
                return

    async def _answer(
        self, call: Awaitable[AsyncSlackResponse], budget: Budget, channel: str, final: set[str]
    ) -> AsyncSlackResponse:
        try:
            answer = await call
        except FAILURES as error:
            code = error_code(error)
            if code in final:
                raise CannotPost(channel, code) from error
            seconds = retry_after(error)
            SLACK_MESSAGES.labels("refused" if seconds is None else "throttled").inc()
            if seconds is not None:
                await budget.stand_back(seconds)
            elif self.trouble is None:
                log.warning("slack_takes_nothing", error=code)
                self.trouble = code
            raise SlackUnreachable(code) from error
        SLACK_MESSAGES.labels("ok").inc()
        if self.trouble is not None:
            log.info("slack_takes_messages_again")
            self.trouble = None
        return answer
