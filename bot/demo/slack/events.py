"""What Slack sends of its own accord: envelopes of the Events API."""

import time
from secrets import token_hex

from bot.demo.slack.interactions import action_ts
from bot.demo.slack.records import Identity, Json, User
from bot.demo.slack.view_payloads import view_payload
from bot.demo.slack.views import View


def home_opened_payload(
    identity: Identity, user: User, channel_id: str, view: View | None, tab: str
) -> Json:
    """`app_home_opened`, with what is published there, if anything is."""
    event: Json = {
        "type": "app_home_opened",
        "user": user.id,
        "channel": channel_id,
        "tab": tab,
        "event_ts": action_ts(),
    }
    if view:
        event["view"] = view_payload(identity, view, view.state())
    return event_payload(identity, event, user)


def event_payload(identity: Identity, event: Json, user: User | None = None) -> Json:
    """`event_callback`, the envelope of every event; `user` is who is behind it, if one is.

    https://docs.slack.dev/apis/events-api: an org-wide app reads in `authorizations` that it is.
    """
    team_id = user.team_id if user else identity.installed_in
    enterprise_id = user.enterprise_id if user else identity.enterprise_id
    return {
        "token": identity.verification_token,
        "team_id": team_id,
        **({"enterprise_id": enterprise_id} if enterprise_id else {}),
        "api_app_id": identity.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev{token_hex(5).upper()}",
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": identity.enterprise_id,
                "team_id": identity.installed_in,
                "user_id": identity.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": identity.is_org_wide,
            }
        ],
        "is_ext_shared_channel": False,
    }
