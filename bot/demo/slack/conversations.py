"""The conversations.* methods that read messages, for apps with a `…:history` scope."""

import json
from collections.abc import Iterable
from typing import Any

from bot.demo.slack.interactions import message_payload
from bot.demo.slack.records import Channel, Json, Message, Refused
from bot.demo.slack.workspace import Workspace

LARGEST_PAGE = 1000


def history(workspace: Workspace, args: Json) -> Json:
    """conversations.history: the channel's own messages without replies, newest first."""
    channel = _readable(workspace, args)
    found = [m for m in workspace.history.visible(channel.id) if not m.is_reply]
    return _page(workspace, args, reversed(found))


def replies(workspace: Workspace, args: Json) -> Json:
    """conversations.replies: a message and what was replied to it, the oldest first."""
    channel = _readable(workspace, args)
    ts = str(args.get("ts"))
    thread = [m for m in workspace.history.visible(channel.id) if ts in (m.ts, m.thread_ts)]
    if not any(message.ts == ts for message in thread):
        raise Refused("thread_not_found")
    return _page(workspace, args, thread)


def metadata(args: Json) -> Json | None:
    """What a message carries unseen. Raises Refused."""
    given = args.get("metadata")
    if not given:
        return None
    try:
        found = json.loads(given) if isinstance(given, str) else given
    except ValueError as error:
        raise Refused("invalid_metadata_format") from error
    if not isinstance(found, dict) or set(found) != {"event_type", "event_payload"}:
        raise Refused("invalid_metadata_schema")
    return found


def _readable(workspace: Workspace, args: Json) -> Channel:
    """A channel whose messages the bot may read. Raises Refused."""
    channel = workspace.channels.get(str(args.get("channel")))
    if channel is None:
        raise Refused("channel_not_found")
    kind = "im" if channel.is_im else "groups" if channel.is_private else "channels"
    scope = f"{kind}:history"
    if scope not in workspace.scopes:
        provided = ",".join(sorted(workspace.scopes))
        raise Refused("missing_scope", needed=scope, provided=provided)
    workspace.scopes_used.add(scope)
    if workspace.identity.bot_user_id not in channel.members:
        raise Refused("not_in_channel")
    return channel


def _page(workspace: Workspace, args: Json, messages: Iterable[Message]) -> Json:
    oldest, start = float(args.get("oldest") or 0), int(args.get("cursor") or 0)
    size = min(int(args.get("limit") or 100), LARGEST_PAGE)
    shows_metadata = str(args.get("include_all_metadata")).lower() in ("1", "true")
    found = [message for message in messages if float(message.ts) >= oldest]
    shown: list[Any] = []
    for message in found[start : start + size]:
        payload = message_payload(workspace.identity, message, message.content)
        if shows_metadata and message.metadata:
            payload["metadata"] = message.metadata
        shown.append(payload)
    has_more = len(found) > start + size
    cursor = {"next_cursor": str(start + size) if has_more else ""}
    return {"messages": shown, "has_more": has_more, "response_metadata": cursor}
