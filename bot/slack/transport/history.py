"""Look in Slack for a message that may have been posted without the bot knowing."""

from datetime import timedelta
from typing import Any

import structlog

from bot.domain.errors import SlackUnreachable
from bot.domain.outbox import OutboxMessage, Owed
from bot.outbox.ports import Posted
from bot.runtime.clock import Clock
from bot.slack.transport.slack_errors import FAILURES, error_code, is_outage, retry_after
from bot.slack.transport.web_client import SlackClient

log = structlog.get_logger(__name__)

EVENT = "backup_bot_message"  # the type of the metadata of each message
LOOKS = (0.0, 1.0, 2.0)  # seconds before each look: Slack may list a new message late
EARLIER = timedelta(minutes=15)  # that Slack's clock may be behind the bot's
PAGE, MOST_PAGES = 200, 25
# Slack's codes for a channel that the bot can't read.
CLOSED = {
    "missing_scope",
    "not_in_channel",
    "channel_not_found",
    "no_permission",
    "access_denied",
    "not_allowed_token_type",
    "invalid_arguments",
    "method_not_supported_for_channel_type",
    "team_access_not_granted",
    "ekm_access_denied",
}
ASK_AGAIN = 600.0  # seconds until a channel that the bot can't read is tried again


def metadata(message: Owed) -> dict[str, Any]:
    """Return what a message carries, unseen, so that it can be found again."""
    return {"event_type": EVENT, "event_payload": {"id": message.id}}


class History:
    """Reads channels where the bot has the optional `…:history` scopes.

    After Slack refuses a channel, it doesn't ask about it again for ten minutes.
    """

    def __init__(self, client: SlackClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._closed_until: dict[str, float] = {}  # by channel
        self._not_before = float("-inf")
        self._own_id: str | None = None

    async def find(self, message: OutboxMessage, thread_ts: str | None) -> Posted | None:
        """Return where the message is; None if it isn't there, or can't be looked for.

        Raises SlackUnreachable.
        """
        channel = message.known_channel_id or message.destination
        if channel.startswith(("U", "W")):  # a direct message whose channel isn't known yet
            return None
        for gap in LOOKS:
            if self._clock.monotonic() < self._closed_until.get(channel, 0.0):
                return None
            await self._clock.sleep(gap)
            try:
                ts = await self._look(message, channel, thread_ts)
            except FAILURES as error:
                self._failed(channel, error)
            else:
                if ts:
                    log.info("message_found", about=message.topic_id, line=message.line)
                    return Posted(channel, ts, is_found=True)
        return None

    def _failed(self, channel: str, error: BaseException) -> None:
        """Note why the bot can't read. Raises SlackUnreachable if it may be able to later."""
        code, seconds = error_code(error), retry_after(error)
        if seconds is not None:
            self._not_before = self._clock.monotonic() + seconds
        if code == "thread_not_found":  # so nothing is in it
            return
        if code not in CLOSED:
            outage = seconds is None and is_outage(error)
            raise SlackUnreachable(code, is_outage=outage) from error
        log.info("history_not_readable", channel=channel, error=code)
        self._closed_until[channel] = self._clock.monotonic() + ASK_AGAIN

    async def _look(
        self, message: OutboxMessage, channel: str, thread_ts: str | None
    ) -> str | None:
        if self._clock.monotonic() < self._not_before:
            raise SlackUnreachable("ratelimited", is_outage=False)
        if self._own_id is None:
            self._own_id = str((await self._client.auth_test())["user_id"])
        oldest = (message.created_at - EARLIER).timestamp()
        where: dict[str, Any] = {"channel": channel, "oldest": f"{oldest:.6f}", "limit": PAGE}
        where["include_all_metadata"] = True
        for _ in range(MOST_PAGES):
            if thread_ts:
                page = await self._client.conversations_replies(ts=thread_ts, **where)
            else:
                page = await self._client.conversations_history(**where)
            for shown in page.get("messages") or ():
                if self._is_ours(shown, message):
                    return str(shown["ts"])
            where["cursor"] = (page.get("response_metadata") or {}).get("next_cursor")
            if not where["cursor"]:
                return None
        return None

    def _is_ours(self, shown: Any, message: OutboxMessage) -> bool:
        """Whether it is the message: anyone can write metadata of any type."""
        return (
            isinstance(shown, dict)
            and shown.get("user") == self._own_id
            and shown.get("metadata") == metadata(message)
        )
