"""What Slack sends when a person does something in a modal or a home tab, field by field."""

from typing import Any

from bot.demo.slack.fields import Field
from bot.demo.slack.interactions import action_ts, done_by
from bot.demo.slack.records import Identity, Json, User
from bot.demo.slack.views import View

SHOWN = ("placeholder", "initial_option", "initial_options", "initial_value")


def action_payload(
    identity: Identity, user: User, view: View, action: Json, trigger_id: str
) -> Json:
    """`block_actions` in a view: no channel, no message and no response_url."""
    return {
        **done_by(identity, user),
        "type": "block_actions",
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": trigger_id,
        "view": view_payload(identity, view, view.state()),
        "actions": [action],
    }


def chosen(field: Field, value: Any) -> Json:
    """One of the `actions`: something was entered in a field."""
    block_id, action_id = field.key
    return {
        **{key: field.element[key] for key in SHOWN if key in field.element},
        **field.state(value),
        "block_id": block_id,
        "action_id": action_id,
        "action_ts": action_ts(),
    }


def suggestion_payload(
    identity: Identity, user: User, view: View, field: Field, text: str
) -> Json:
    """`block_suggestion`: a person types into an external menu."""
    block_id, action_id = field.key
    return {
        **done_by(identity, user),
        "type": "block_suggestion",
        "container": {"type": "view", "view_id": view.id},
        "action_id": action_id,
        "block_id": block_id,
        "value": text,
        "view": view_payload(identity, view, view.state()),
    }


def submission_payload(identity: Identity, user: User, view: View) -> Json:
    """`view_submission`; `trigger_id` would let the app open another view, and is not issued."""
    return {
        **done_by(identity, user),
        "type": "view_submission",
        "trigger_id": "",
        "view": view_payload(identity, view, view.state()),
        "response_urls": [],
    }


def closing_payload(identity: Identity, user: User, view: View) -> Json:
    """`view_closed`."""
    return {
        **done_by(identity, user),
        "type": "view_closed",
        "view": view_payload(identity, view, {}),
        "is_cleared": False,
    }


def view_payload(identity: Identity, view: View, state: Json) -> Json:
    """A view as payloads and answers of the Web API hold it."""
    texts = dict.fromkeys(("private_metadata", "callback_id", "external_id"), "")
    return {
        **texts,
        **dict.fromkeys(("title", "submit", "close")),
        **dict.fromkeys(("clear_on_close", "notify_on_close"), False),
        **view.given,
        "id": view.id,
        "team_id": identity.team_id,
        "hash": view.hash,
        "state": {"values": state},
        "previous_view_id": None,
        "root_view_id": view.root_id,
        "app_id": identity.app_id,
        "app_installed_team_id": identity.installed_in or identity.enterprise_id,
        "bot_id": identity.bot_id,
    }
