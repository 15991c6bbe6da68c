"""What Slack sends when somebody types a command or clicks a button, field by field."""

import time
from dataclasses import dataclass
from secrets import randbelow, token_hex

from bot.demo.slack.records import Channel, Content, Identity, Json, Message, User

SHOWN = ("type", "action_id", "text", "value", "style")


@dataclass(frozen=True)
class Scene:
    """Who does something where, and the address that takes answers to it."""

    identity: Identity
    user: User
    channel: Channel
    response_url: str


def command_payload(scene: Scene, command: str, text: str) -> Json:
    """The form of a slash command: every value is text."""
    return {
        "token": scene.identity.verification_token,
        "team_id": scene.user.team_id,
        "team_domain": scene.identity.team_domain,
        "channel_id": scene.channel.id,
        "channel_name": scene.channel.payload_name,
        "user_id": scene.user.id,
        "user_name": scene.user.name,
        "command": command,
        "text": text,
        "api_app_id": scene.identity.app_id,
        "is_enterprise_install": "false",
        "response_url": scene.response_url,
        "trigger_id": _trigger_id(),
    }


def click_payload(
    scene: Scene, message: Message, content: Content, block_id: str, button: Json
) -> Json:
    """`block_actions` of one button; `content` is what the clicker saw of the message."""
    identity = scene.identity
    payload: Json = {
        "type": "block_actions",
        "user": {
            "id": scene.user.id,
            "username": scene.user.name,
            "name": scene.user.name,
            "team_id": scene.user.team_id,
        },
        "api_app_id": identity.app_id,
        "token": identity.verification_token,
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel_id,
            "is_ephemeral": message.seen_by is not None,
        },
        "trigger_id": _trigger_id(),
        "team": {"id": identity.team_id, "domain": identity.team_domain},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": scene.channel.id, "name": scene.channel.payload_name},
        "state": {"values": {}},
        "response_url": scene.response_url,
        "actions": [_action(block_id, button)],
    }
    if message.seen_by is None:
        payload["message"] = message_payload(identity, message, content)
    return payload


def _action(block_id: str, button: Json) -> Json:
    shown = {key: button[key] for key in SHOWN if key in button}
    return {**shown, "block_id": block_id, "action_ts": f"{time.time():.6f}"}


def message_payload(identity: Identity, message: Message, content: Content) -> Json:
    """A message as payloads and answers of the Web API hold it."""
    payload: Json = {
        "type": "message",
        "user": message.user_id,
        "ts": message.ts,
        "team": identity.team_id,
        "text": content.text,
        "blocks": content.blocks,
    }
    if message.user_id == identity.bot_user_id:
        payload |= {"bot_id": identity.bot_id, "app_id": identity.app_id}
    if message.thread_ts:
        payload["thread_ts"] = message.thread_ts
    return payload


def _trigger_id() -> str:
    return f"{randbelow(10**13)}.{randbelow(10**9)}.{token_hex(16)}"
