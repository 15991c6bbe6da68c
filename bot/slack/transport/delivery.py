"""How messages travel to Slack: in their turn, and each written down once it is there."""

from collections.abc import Awaitable
from typing import Any, Protocol

import structlog
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.application.ports import Conflict
from bot.domain.errors import CannotPost, SlackUnreachable, StoreUnavailable
from bot.domain.requests import BackupRequest
from bot.runtime.clock import Clock
from bot.runtime.in_flight import InFlight
from bot.runtime.metrics import SLACK_MESSAGES
from bot.runtime.rate_limit import Budget
from bot.slack.messages.mrkdwn import Message
from bot.slack.transport.pace import Pace, urgency_of
from bot.slack.transport.slack_errors import FAILURES, error_code, retry_after
from bot.slack.transport.web_client import NOT_SHOWN, SlackClient, plain

log = structlog.get_logger(__name__)

NOTE_AGAIN = 0.5  # seconds after the store failed to record where a message is
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


class Delivery:
    """Posts and edits. Raises CannotPost where it is for good, else SlackUnreachable.

    Every message waits for its turn, and is written down right after: if the process dies
    between the two, or Slack's answer is lost, within one round trip, that message can appear
    twice. `trouble` is Slack's last word if it took nothing since, else None.
    """

    def __init__(
        self, client: SlackClient, posts: Posts, clock: Clock, pace: Pace, in_flight: InFlight
    ) -> None:
        self.pace = pace
        self.trouble: str | None = None
        self._client = client
        self._posts = posts
        self._clock = clock
        self._in_flight = in_flight

    async def edit(self, message: Message, *, channel: str, ts: str) -> None:
        async with self._in_flight:
            edit = self._client.chat_update(
                channel=channel, ts=ts, **message.as_slack(), parse="none", link_names=False
            )
            await self._answer(edit, self.pace.edits, channel, NO_EDIT)

    async def post(
        self, request: BackupRequest, key: str, message: Message, *, channel: str, **where: Any
    ) -> None:
        """Post in turn, and write down where, with no shutdown between the two."""
        async with self.pace.turn(channel, urgency_of(request)) as budget, self._in_flight:
            sent = await self._posted(message, budget, channel, where)
            await self._note(request.id, key, sent["channel"], sent["ts"])

    async def _posted(
        self, message: Message, budget: Budget, channel: str, where: dict[str, Any]
    ) -> AsyncSlackResponse:
        """Post it; in plain words if Slack doesn't show it, since an outcome has to be told."""
        how: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}
        how |= {"parse": "none", "link_names": False}
        how |= {"channel": channel, **where}
        post = self._client.chat_postMessage(**how, **message.as_slack())
        try:
            return await self._answer(post, budget, channel, NO_PLACE)
        except SlackUnreachable as error:
            if error.error not in NOT_SHOWN or message.has_plan:
                raise
        log.warning("message_not_shown", channel=channel)
        post = self._client.chat_postMessage(**how, text=plain(message.as_slack())["text"])
        return await self._answer(post, budget, channel, NO_PLACE)

    async def _note(self, request_id: str, key: str, channel: str, ts: str) -> None:
        """Record what was posted, and retry until it is stored: posting again would double it."""
        while True:
            try:
                await self._posts.save_post(request_id, key, channel, ts)
            except StoreUnavailable:
                log.warning("post_not_written_down", request=request_id, line=key)
                await self._clock.sleep(NOTE_AGAIN)
            except Conflict:  # it was, and only the answer was lost
                return
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
                await budget.cool_down(seconds)
            elif self.trouble is None:
                log.warning("slack_takes_nothing", error=code)
                self.trouble = code
            raise SlackUnreachable(code) from error
        SLACK_MESSAGES.labels("ok").inc()
        if self.trouble is not None:
            log.info("slack_takes_messages_again")
            self.trouble = None
        return answer
