"""Check whether the bot can post in a channel, without posting."""

import time
from enum import Enum, auto
from typing import NamedTuple

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.transport.slack_errors import FAILURES, error_code

FAR = 100 * 86400  # seconds ahead; Slack takes 120 days


class NoPost(Enum):
    """Why the bot can't post."""

    UNREACHABLE = auto()
    ARCHIVED = auto()
    REFUSED = auto()
    LEFTOVER = auto()


class Why(NamedTuple):
    """What prevents a post."""

    kind: NoPost
    text: str


WHY = {
    "channel_not_found": Why(NoPost.UNREACHABLE, "Slack can't find it, or it is private"),
    "not_in_channel": Why(NoPost.UNREACHABLE, "the bot isn't in it"),
    "is_archived": Why(NoPost.ARCHIVED, "it is archived"),
}


async def why_no_post(slack: AsyncWebClient, channel: str) -> Why | None:
    """What prevents a post, or None.

    A message is scheduled for a day far ahead and taken back at once: chat:write is enough for
    that, where reading the channel's members would want two more scopes.
    """
    try:
        sent = await slack.chat_scheduleMessage(
            channel=channel, text="backup-bot check", post_at=int(time.time()) + FAR
        )
    except FAILURES as error:
        return WHY.get(code := error_code(error), Why(NoPost.REFUSED, f"Slack says {code}"))
    try:
        await slack.chat_deleteScheduledMessage(
            channel=sent["channel"], scheduled_message_id=sent["scheduled_message_id"]
        )
    except FAILURES as error:
        left = sent["scheduled_message_id"]
        text = f"the scheduled message {left} stayed behind ({error_code(error)})"
        return Why(NoPost.LEFTOVER, text)
    return None
