"""What Slack sends when somebody types a command or clicks a button, field by field."""

import time
from dataclasses import dataclass

from bot.demo.slack.modals import View
from bot.demo.slack.records import Channel, Content, Identity, Json, Message, User

SHOWN = ("type", "action_id", "text", "value", "style")


@dataclass(frozen=True)
class Scene:
    """Who does something where, and the address that takes answers to it."""

    identity: Identity
    user: User
    channel: Channel
    response_url: str
    trigger_id: str


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
        "trigger_id": scene.trigger_id,
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
        "trigger_id": scene.trigger_id,
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


def submission_payload(identity: Identity, user: User, view: View, state: Json) -> Json:
    """`view_submission`; `trigger_id` would let the app open another view, and is not issued."""
    return {
        **_by(identity, user),
        "type": "view_submission",
        "trigger_id": "",
        "view": view_payload(identity, view, state),
        "response_urls": [],
    }


def closing_payload(identity: Identity, user: User, view: View) -> Json:
    """`view_closed`."""
    return {
        **_by(identity, user),
        "type": "view_closed",
        "view": view_payload(identity, view, {}),
        "is_cleared": False,
    }


def view_payload(identity: Identity, view: View, state: Json) -> Json:
    """A view as payloads and answers of the Web API hold it."""
    given = {"private_metadata": "", "callback_id": "", "external_id": "", "close": None}
    return {
        **given,
        **view.given,
        "id": view.id,
        "team_id": identity.team_id,
        "hash": view.hash,
        "state": {"values": state},
        "previous_view_id": None,
        "root_view_id": view.root_id,
        "app_id": identity.app_id,
        "app_installed_team_id": identity.team_id,
        "bot_id": identity.bot_id,
    }


def _by(identity: Identity, user: User) -> Json:
    return {
        "team": {"id": identity.team_id, "domain": identity.team_domain},
        "user": {
            "id": user.id,
            "username": user.name,
            "name": user.name,
            "team_id": user.team_id,
        },
        "api_app_id": identity.app_id,
        "token": identity.verification_token,
        "enterprise": None,
        "is_enterprise_install": False,
    }
