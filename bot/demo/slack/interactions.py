"""What Slack sends when a person does something in a channel, field by field."""

import time
from dataclasses import dataclass

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
        "is_enterprise_install": str(scene.identity.is_org_wide).lower(),
        **_organization_of(scene.user),
        "response_url": scene.response_url,
        "trigger_id": scene.trigger_id,
    }


def _organization_of(user: User) -> Json:
    if not user.enterprise_id:
        return {}
    return {"enterprise_id": user.enterprise_id, "enterprise_name": user.enterprise_id.lower()}


def click_payload(
    scene: Scene, message: Message, content: Content, block_id: str, button: Json
) -> Json:
    """`block_actions` of one button; `content` is what the clicker saw of the message."""
    identity = scene.identity
    payload: Json = {
        **done_by(identity, scene.user),
        "type": "block_actions",
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel_id,
            "is_ephemeral": message.seen_by is not None,
        },
        "trigger_id": scene.trigger_id,
        "channel": {"id": scene.channel.id, "name": scene.channel.payload_name},
        "state": {"values": {}},
        "response_url": scene.response_url,
        "actions": [pressed(block_id, button)],
    }
    if message.seen_by is None:
        payload["message"] = message_payload(identity, message, content)
    return payload


def pressed(block_id: str, button: Json) -> Json:
    """One of the `actions`: a button."""
    shown = {key: button[key] for key in SHOWN if key in button}
    return {**shown, "block_id": block_id, "action_ts": action_ts()}


def action_ts() -> str:
    """The moment, as Slack stamps what people do."""
    return f"{time.time():.6f}"


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


def global_shortcut_payload(
    identity: Identity, user: User, callback_id: str, trigger_id: str
) -> Json:
    """`shortcut`: it happens in no channel."""
    return {
        **_shortcut(identity, user, callback_id),
        "type": "shortcut",
        "trigger_id": trigger_id,
    }


def message_shortcut_payload(
    scene: Scene, message: Message, author: User, callback_id: str
) -> Json:
    """`message_action`: a shortcut on a message; `author` wrote it, perhaps from elsewhere."""
    team_id = author.team_id
    elsewhere = {"team": team_id, "user_team": team_id, "source_team": team_id}
    return {
        **_shortcut(scene.identity, scene.user, callback_id),
        "type": "message_action",
        "trigger_id": scene.trigger_id,
        "response_url": scene.response_url,
        "channel": {"id": scene.channel.id, "name": scene.channel.payload_name},
        "message_ts": message.ts,
        "message": {
            **message_payload(scene.identity, message, message.content),
            **(elsewhere if team_id != scene.identity.team_id else {}),
        },
    }


def _shortcut(identity: Identity, user: User, callback_id: str) -> Json:
    said = done_by(identity, user)
    del said["api_app_id"]  # only shortcuts lack it
    return {**said, "callback_id": callback_id, "action_ts": action_ts()}


def done_by(identity: Identity, user: User) -> Json:
    """What every payload says of the app, the team and the person.

    https://docs.slack.dev/reference/interaction-payloads: in an organization, `user.team_id` is
    the organization. An org-wide app gets no team, and the person's team in `user.team_id`.
    """
    is_colleague = user.enterprise_id and user.enterprise_id == identity.enterprise_id
    place = user.team_id if is_colleague else identity.team_id
    team: Json = {"id": place, "domain": identity.team_domain}
    enterprise = None
    if identity.enterprise_id:
        name = identity.enterprise_id.lower()
        team |= {"enterprise_id": identity.enterprise_id, "enterprise_name": name}
        enterprise = {"id": identity.enterprise_id, "name": name}
    home = user.team_id if identity.is_org_wide else user.enterprise_id or user.team_id
    return {
        "team": None if identity.is_org_wide else team,
        "user": {
            "id": user.id,
            "username": user.name,
            "name": user.name,
            "team_id": home,
        },
        "api_app_id": identity.app_id,
        "token": identity.verification_token,
        "enterprise": enterprise,
        "is_enterprise_install": identity.is_org_wide,
    }
