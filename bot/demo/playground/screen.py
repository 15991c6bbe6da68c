"""What one person sees of the workspace, in parts that the page draws separately."""

from collections.abc import Iterator

from bot.demo.playground.acts import COMMAND
from bot.demo.playground.reading import Reading
from bot.demo.playground.scenery import ROLES, TO_TRY
from bot.demo.slack.records import Channel, Json, Message
from bot.demo.slack.workspace import Workspace
from bot.domain.verbs import usage_hint

APP: Json = {  # as in manifest.yml
    "name": "backup-bot",
    "command": COMMAND,
    "description": "Back up an RDS instance, with approval.",
    "hint": usage_hint(),
    "shortcut": "Back up a database",
    "message_shortcut": "Back up from here",
    "to_try": TO_TRY,
}

Part = tuple[str, Json | None]  # its name and content


def screen(slack: Workspace, reading: Reading, user_id: str) -> Iterator[Part]:
    """Yield names, people, channels, messages, modal and home tab as this person sees them."""
    yield "app", APP | {"user": slack.identity.bot_user_id, "domain": slack.identity.team_domain}
    yield "names", slack.names
    for role in ROLES:
        yield f"person:{role}", _person(slack, reading, role)
    places = _places(slack, user_id)
    for channel in places:
        yield f"channel:{channel.id}", _channel(slack, reading, user_id, channel)
    visible = {channel.id for channel in places}
    for message in slack.history.messages:
        if message.channel_id in visible and message.seen_by in (None, user_id):
            yield f"message:{message.ts}", _message(message)
    modal = slack.modal(user_id)
    yield "modal", {"id": modal.id, "view": modal.shown, "errors": modal.errors} if modal else None
    home = slack.home(user_id)
    yield "home", {"view": home.shown} if home else None


def _places(slack: Workspace, user_id: str) -> list[Channel]:
    """Return this person's channels, always including the conversation with the app."""
    slack.direct_message(user_id)
    return [channel for channel in slack.channels.values() if user_id in channel.members]


def _person(slack: Workspace, reading: Reading, user_id: str) -> Json:
    calls = [
        message
        for channel in _places(slack, user_id)
        for message in reading.unread(user_id, channel)
        if reading.calls(user_id, message)
    ]
    return {
        "id": user_id,
        "name": slack.users[user_id].name,
        "role": ROLES[user_id],
        "calls": len(calls),
    }


def _channel(slack: Workspace, reading: Reading, user_id: str, channel: Channel) -> Json:
    unread = reading.unread(user_id, channel)
    bot = slack.identity.bot_user_id
    (other, *_) = sorted(channel.members - {user_id}) or [user_id]
    return {
        "id": channel.id,
        "name": slack.users[other].name if channel.is_im else channel.name,
        "kind": _kind(channel, bot),
        "has_bot": bot in channel.members,
        "members": len(channel.members - {bot}),
        "read": reading.mark(user_id, channel.id),
        "unread": len(unread),
        "calls": sum(reading.calls(user_id, message) for message in unread),
    }


def _kind(channel: Channel, bot: str) -> str:
    if channel.is_im:
        return "app" if bot in channel.members else "direct"
    return "private" if channel.is_private else "public"


def _message(message: Message) -> Json:
    return {
        "ts": message.ts,
        "channel": message.channel_id,
        "user": message.user_id,
        "text": message.text,
        "blocks": message.blocks,
        "thread": message.thread_ts if message.is_reply else None,
        "broadcast": message.reply_broadcast,
        "only_you": message.seen_by is not None,
    }
