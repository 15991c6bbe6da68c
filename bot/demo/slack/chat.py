"""The chat.* methods of the Web API: posting, editing, and who may do so where."""

import json
import time
from secrets import token_hex
from typing import Any

from bot.demo.slack.conversations import metadata
from bot.demo.slack.interactions import message_payload
from bot.demo.slack.records import Channel, Json, Message, Refused
from bot.demo.slack.workspace import Workspace

FARTHEST = 120 * 86400  # seconds ahead for which Slack takes a message


def post_message(workspace: Workspace, args: Json) -> Json:
    """chat.postMessage; a user's id as `channel` is their direct message with the bot."""
    channel = _place(workspace, args)
    thread_ts = args.get("thread_ts") or None
    workspace.history.check_thread(channel.id, thread_ts)
    carried = metadata(args)
    workspace.take_post(channel.id)
    message = workspace.history.post(
        channel.id,
        workspace.identity.bot_user_id,
        workspace.history.content(_text(args), _blocks(args)),
        thread_ts=thread_ts,
        reply_broadcast=_flag(args, "reply_broadcast"),
        metadata=carried,
    )
    return _shown(workspace, message)


def post_ephemeral(workspace: Workspace, args: Json) -> Json:
    """chat.postEphemeral: to someone who is in the channel."""
    channel = _place(workspace, args)
    user = workspace.users.get(str(args.get("user")))
    if user is None or user.deleted or user.id not in channel.members:
        raise Refused("user_not_in_channel")
    workspace.take_post(channel.id)
    message = workspace.history.post(
        channel.id,
        workspace.identity.bot_user_id,
        workspace.history.content(_text(args), _blocks(args)),
        thread_ts=args.get("thread_ts") or None,
        seen_by=user.id,
    )
    return {"message_ts": message.ts}


def schedule(workspace: Workspace, args: Json) -> Json:
    """chat.scheduleMessage; nothing is ever sent of it."""
    channel = _place(workspace, args)
    ahead = int(args.get("post_at") or 0) - time.time()
    if ahead <= 0:
        raise Refused("time_in_past")
    if ahead > FARTHEST:
        raise Refused("time_too_far")
    workspace.history.content(_text(args), _blocks(args))
    scheduled_id = f"Q{token_hex(5).upper()}"
    workspace.scheduled[scheduled_id] = channel.id
    return {"channel": channel.id, "scheduled_message_id": scheduled_id}


def unschedule(workspace: Workspace, args: Json) -> Json:
    """chat.deleteScheduledMessage."""
    scheduled_id = str(args.get("scheduled_message_id"))
    if workspace.scheduled.get(scheduled_id) != args.get("channel"):
        raise Refused("invalid_scheduled_message_id")
    del workspace.scheduled[scheduled_id]
    return {}


def update(workspace: Workspace, args: Json) -> Json:
    """chat.update of one of the bot's own messages; without `blocks` they stay as they are."""
    channel = _known(workspace, str(args.get("channel")))
    message = workspace.history.find(channel.id, str(args.get("ts")))
    if message.user_id != workspace.identity.bot_user_id:
        raise Refused("cant_update_message")
    blocks = message.blocks if args.get("blocks") is None else _blocks(args)
    content = workspace.history.content(_text(args), blocks, message)
    workspace.history.edit(message, content)
    return {"text": content.text, **_shown(workspace, message)}


def get_permalink(workspace: Workspace, args: Json) -> Json:
    """chat.getPermalink."""
    channel = _known(workspace, str(args.get("channel")))
    message = workspace.history.find(channel.id, str(args.get("message_ts")))
    place = f"archives/{channel.id}/p{message.ts.replace('.', '')}"
    thread = f"?thread_ts={message.thread_ts}&cid={channel.id}" if message.is_reply else ""
    link = f"https://{workspace.identity.team_domain}.slack.com/{place}{thread}"
    return {"channel": channel.id, "permalink": link}


def _place(workspace: Workspace, args: Json) -> Channel:
    """Where the bot may post. Raises Refused where it may not."""
    channel_id = str(args.get("channel"))
    if channel_id[:1] in {"U", "W"}:
        return workspace.direct_message(channel_id)
    channel = _known(workspace, channel_id)
    if workspace.identity.bot_user_id not in channel.members:
        if "chat:write.public" not in workspace.scopes:
            raise Refused("not_in_channel")
        workspace.scopes_used.add("chat:write.public")
    if channel.is_archived:
        raise Refused("is_archived")
    return channel


def _known(workspace: Workspace, channel_id: str) -> Channel:
    """A channel that the bot can see: a public one, or one that it is in."""
    channel = workspace.channels.get(channel_id)
    is_member = channel and workspace.identity.bot_user_id in channel.members
    if channel is None or (channel.is_private and not is_member):
        raise Refused("channel_not_found")
    return channel


def _shown(workspace: Workspace, message: Message) -> Json:
    shown = message_payload(workspace.identity, message, message.content)
    return {"channel": message.channel_id, "ts": message.ts, "message": shown}


def _text(args: Json) -> str:
    return str(args.get("text") or "")


def _blocks(args: Json) -> Any:
    """What was sent as blocks: JSON inside a form, or a list inside JSON."""
    blocks = args.get("blocks")
    if not isinstance(blocks, str):
        return blocks
    try:
        return json.loads(blocks or "[]")
    except ValueError as error:
        raise Refused("invalid_blocks_format") from error


def _flag(args: Json, name: str) -> bool:
    """A boolean: of JSON, or as forms spell it."""
    return args.get(name) in (True, "true", "True", "1")
