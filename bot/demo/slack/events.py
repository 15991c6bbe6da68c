"""What Slack sends of its own accord: envelopes of the Events API."""

import time
from secrets import token_hex

from bot.demo.slack.interactions import action_ts
from bot.demo.slack.records import Identity, Json
from bot.demo.slack.view_payloads import view_payload
from bot.demo.slack.views import View


def home_opened_payload(
    identity: Identity, user_id: str, channel_id: str, view: View | None, tab: str
) -> Json:
    """`app_home_opened`, with what is published there, if anything is."""
    event: Json = {
        "type": "app_home_opened",
        "user": user_id,
        "channel": channel_id,
        "tab": tab,
        "event_ts": action_ts(),
    }
    if view:
        event["view"] = view_payload(identity, view, view.state())
    return event_payload(identity, event)


def event_payload(identity: Identity, event: Json) -> Json:
    """`event_callback`, the envelope of every event."""
    return {
        "token": identity.verification_token,
        "team_id": identity.team_id,
        "api_app_id": identity.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev{token_hex(5).upper()}",
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": identity.team_id,
                "user_id": identity.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }
