"""What Slack's codes mean: which error passes, which is final, and for what."""

from enum import Enum, auto

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

OK = 200
TOO_MANY = 429
UNREADABLE = "unreadable_answer"  # our code for an answer that isn't Slack's
UNNAMED = 30.0  # seconds to wait if Slack doesn't say how long

# What a call can raise if Slack rejects it or can't be reached.
FAILURES = (SlackClientError, aiohttp.ClientError, TimeoutError)


class Final(Enum):
    """What an error that no waiting mends is about."""

    CONTENT = auto()  # this message, as it is built
    TARGET = auto()  # the message to edit, or the one to reply to
    PLACE = auto()  # the channel or person, for everything the bot could send there


# Slack's codes that no waiting mends, by what they are about. All others are tried again.
# https://docs.slack.dev/reference/methods/chat.postMessage and chat.update list them.
FINAL = {
    "invalid_blocks": Final.CONTENT,  # a block that this workspace, or Slack today, rejects
    "invalid_blocks_format": Final.CONTENT,
    "msg_blocks_too_long": Final.CONTENT,
    "msg_too_long": Final.CONTENT,
    "markdown_text_conflict": Final.CONTENT,
    "too_many_attachments": Final.CONTENT,
    "invalid_metadata_format": Final.CONTENT,
    "invalid_metadata_schema": Final.CONTENT,
    "metadata_too_large": Final.CONTENT,
    "invalid_arguments": Final.CONTENT,
    "no_text": Final.CONTENT,
    "message_not_found": Final.TARGET,  # someone deleted it
    "thread_not_found": Final.TARGET,
    "cannot_reply_to_message": Final.TARGET,
    "cant_update_message": Final.TARGET,  # it no longer belongs to the bot
    "edit_window_closed": Final.TARGET,  # the workspace limits editing
    "channel_not_found": Final.PLACE,  # deleted, or private and the bot isn't in it
    "not_in_channel": Final.PLACE,
    "is_archived": Final.PLACE,
    "is_inactive": Final.PLACE,
    "no_permission": Final.PLACE,
    "restricted_action": Final.PLACE,  # an admin limits who can post
    "restricted_action_read_only_channel": Final.PLACE,
    "restricted_action_thread_locked": Final.PLACE,
    "restricted_action_thread_only_channel": Final.PLACE,
    "restricted_action_non_threadable_channel": Final.PLACE,
    "team_access_not_granted": Final.PLACE,  # the app isn't approved for this workspace
    "team_not_found": Final.PLACE,
    "ekm_access_denied": Final.PLACE,  # an admin withdrew the encryption key
    "access_denied": Final.PLACE,
    "messages_tab_disabled": Final.PLACE,
    "user_not_found": Final.PLACE,
    "user_disabled": Final.PLACE,
    "cannot_dm_bot": Final.PLACE,
    "channel_type_not_supported": Final.PLACE,
}
# Slack's codes after which a call may have been carried out all the same.
UNCLEAR = {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
# Slack's codes about the bot's token: no call works until the operator has mended it.
TOKEN = {
    "account_inactive",
    "invalid_auth",
    "missing_scope",
    "not_allowed_token_type",
    "not_authed",
    "token_expired",
    "token_revoked",
}


def error_code(error: BaseException) -> str:
    """Return Slack's code (`channel_not_found`, `ratelimited`, …), or what failed instead."""
    if not isinstance(error, SlackApiError):
        return type(error).__name__
    data = error.response.data
    code = data.get("error") if isinstance(data, dict) else None
    return str(code or f"http_{error.response.status_code}")


def retry_after(error: BaseException) -> float | None:
    """Return the seconds to wait after a 429; None for any other error."""
    if not isinstance(error, SlackApiError) or error.response.status_code != TOO_MANY:
        return None
    try:
        return float(error.response.headers.get("Retry-After", UNNAMED))
    except ValueError:
        return UNNAMED


def is_in_doubt(error: BaseException) -> bool:
    """Whether Slack may have carried out the call that failed."""
    if isinstance(error, aiohttp.ClientConnectorError):  # nothing was sent
        return False
    if not isinstance(error, SlackApiError):
        return True
    status, code = error.response.status_code, error_code(error)
    if status == TOO_MANY:
        return False
    return status != OK or code in UNCLEAR or code == UNREADABLE


def is_outage(error: BaseException) -> bool:
    """Whether any other call would have failed, too."""
    if not isinstance(error, SlackApiError) or error.response.status_code != OK:
        return True
    return error_code(error) in {*UNCLEAR, *TOKEN, UNREADABLE}
