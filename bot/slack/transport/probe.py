"""Check whether the bot can post in a channel, without posting."""

import time

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.transport.slack_errors import FAILURES, error_code

FAR = 100 * 86400  # seconds ahead; Slack takes 120 days
INVITE = "invite the bot with /invite"
TODO = {
    "channel_not_found": f"Slack can't find it, or it is private; {INVITE}",
    "not_in_channel": f"the bot isn't in it; {INVITE}",
    "is_archived": "it is archived",
}


async def why_no_post(slack: AsyncWebClient, channel: str) -> str | None:
    """What prevents a post, or None.

    A message is scheduled for a day far ahead and taken back at once: chat:write is enough for
    that, where reading the channel's members would want two more scopes.
    """
    try:
        sent = await slack.chat_scheduleMessage(
            channel=channel, text="backup-bot check", post_at=int(time.time()) + FAR
        )
    except FAILURES as error:
        return TODO.get(code := error_code(error), f"Slack says {code}")
    try:
        await slack.chat_deleteScheduledMessage(
            channel=sent["channel"], scheduled_message_id=sent["scheduled_message_id"]
        )
    except FAILURES as error:
        scheduled = sent["scheduled_message_id"]
        return f"a scheduled message stayed behind: delete {scheduled} ({error_code(error)})"
    return None
