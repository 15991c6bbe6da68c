"""How a request's card and thread travel to Slack: each message once, the card in place."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import structlog
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.clock import Clock
from bot.domain.errors import CannotPost, SlackUnreachable
from bot.domain.requests import BackupRequest, Line
from bot.slack.answers import not_posted, refusal
from bot.slack.cards import request_card
from bot.slack.codes import FAILURES, error_code
from bot.slack.mrkdwn import Message
from bot.slack.replies import is_broadcast, thread_line

log = structlog.get_logger(__name__)

CARD = "card"
TOLD = "told"

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
}
# The card is gone or frozen.
NO_EDIT = {"message_not_found", "cant_update_message", "edit_window_closed", *NO_PLACE}


class Posts(Protocol):
    """Where each line was said."""

    async def posted(self, request_id: str, line: str) -> tuple[str, str] | None: ...
    async def save_post(self, request_id: str, line: str, channel_id: str, ts: str) -> None: ...


class Threads:
    """One card a request, one thread under it. Raises SlackUnreachable while Slack misbehaves.

    Every message is looked up before it is posted and written down right after: if the process
    dies between the two, within one round trip, that message can appear twice.
    """

    def __init__(
        self, client: AsyncWebClient, posts: Posts, clock: Clock, *, command: str
    ) -> None:
        self._client = client
        self._posts = posts
        self._clock = clock
        self._command = command
        self._draws_plans = True  # until Slack says that this workspace does not

    async def show(self, request: BackupRequest) -> None:
        """Post the card, or edit it, so that it shows the request as it stands."""
        card = await self._posts.posted(request.id, CARD)
        if card is None:
            sent = await self._drawn(request, channel=request.card_channel_id)
            await self._posts.save_post(request.id, CARD, sent["channel"], sent["ts"])
            return
        with suppress(CannotPost):  # the card is gone or frozen; the store still knows it all
            await self._drawn(request, channel=card[0], ts=card[1])

    async def say(
        self, request: BackupRequest, line: Line, *, subject: str = "", call: Sequence[str] = ()
    ) -> None:
        """Reply in the thread, once a subject."""
        key = f"{line}:{subject}" if subject else line.value
        if await self._posts.posted(request.id, key):
            return
        card = await self._posts.posted(request.id, CARD)
        if card is None:
            return
        message = thread_line(
            request, line, now=self._clock.now(), command=self._command, subject=subject, call=call
        )
        sent = await self._send(
            message,
            channel=card[0],
            thread_ts=card[1],
            reply_broadcast=is_broadcast(request, line, call),
        )
        await self._posts.save_post(request.id, key, sent["channel"], sent["ts"])

    async def announce(self, request: BackupRequest) -> None:
        """Tell how it ended: on card and in thread; without them, the requester alone."""
        if await self._posts.posted(request.id, CARD) is None:
            return await self._tell(request)
        await self.show(request)
        try:
            await self.say(request, Line.ENDED)
        except CannotPost:
            message = thread_line(
                request, Line.ENDED, now=self._clock.now(), command=self._command
            )
            sent = await self._send(message, channel=request.requester)
            await self._posts.save_post(request.id, Line.ENDED, sent["channel"], sent["ts"])

    async def _tell(self, request: BackupRequest) -> None:
        """Answer the requester alone, where they asked; in a direct message if that is over."""
        if request.refusal is None or await self._posts.posted(request.id, TOLD):
            return
        error = request.refusal.error
        message = (
            not_posted(error, request, self._command)
            if isinstance(error, CannotPost)
            else refusal(error, self._command)
        )
        if not await self._respond(request, message):
            await self._send(message, channel=request.requester)
        await self._posts.save_post(request.id, TOLD, request.requester, "")

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

    async def _drawn(self, request: BackupRequest, **where: str) -> AsyncSlackResponse:
        """Post or edit the card, without its plan if Slack does not know that block."""
        card = request_card(
            request, now=self._clock.now(), with_plan=self._draws_plans, command=self._command
        )
        try:
            return await self._send(card, **where)
        except SlackUnreachable as error:
            if error.error != "invalid_blocks" or not self._draws_plans:
                raise
        log.warning("plan_block_not_accepted")
        self._draws_plans = False
        return await self._drawn(request, **where)

    async def _send(self, message: Message, **where: Any) -> AsyncSlackResponse:
        edits = "ts" in where
        method: Callable[..., Awaitable[AsyncSlackResponse]] = (
            self._client.chat_update
            if edits
            else partial(self._client.chat_postMessage, unfurl_links=False, unfurl_media=False)
        )
        try:
            return await method(**message.as_slack(), **where, parse="none", link_names=False)
        except FAILURES as error:
            code = error_code(error)
            if code in (NO_EDIT if edits else NO_PLACE):
                raise CannotPost(where["channel"], code) from error
            raise SlackUnreachable(code) from error
