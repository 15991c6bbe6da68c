"""Read who did something in Slack, and where, from the payload."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bot.application.origin import Origin
from bot.domain.workspaces import Sender

ORGANIZATION = "E"  # begins its IDs


class Outdated(Exception):
    """A button or form from another release, whose value can't be read."""


@contextmanager
def of_this_release() -> Iterator[None]:
    """Wrap the reading of a button's or form's value. Raises Outdated if it can't be read."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Outdated from error


def sender_of(body: dict[str, Any]) -> Sender:
    """Return where the person behind a payload belongs, as far as Slack says."""
    if isinstance(body.get("user"), dict):
        return _sender_of_interaction(body)
    event = body.get("event")
    home = event.get("user_team") if isinstance(event, dict) else None
    return _sender(home, body.get("enterprise_id"), body.get("team_id"))


def _sender_of_interaction(body: dict[str, Any]) -> Sender:
    """The person's own IDs count before those of the place, which may be shared with others."""
    team, view = body.get("team") or {}, body.get("view") or {}
    enterprise_id = (body.get("enterprise") or {}).get("id") or team.get("enterprise_id")
    return _sender(body["user"].get("team_id"), enterprise_id, team.get("id"), view.get("team_id"))


def _sender(home: str | None, enterprise_id: str | None, *places: str | None) -> Sender:
    """`home` is where Slack says that they belong; `places` are where they did it, best first.

    For people of an organization, `home` can be the organization instead of a workspace.
    """
    if home and not home.startswith(ORGANIZATION):
        return Sender(home, enterprise_id or "")
    if not home:  # the place of a view is the app's, and so proves nothing about the person
        places = places[:1]
    here = next((place for place in places if place and not place.startswith(ORGANIZATION)), "")
    return Sender(here, home or enterprise_id or "")


def origin_of_form(body: dict[str, Any], channel_id: str, thread_ts: str | None = None) -> Origin:
    """Return who submitted a form for a channel; the same form sent twice is one request."""
    sender = sender_of(body)
    return Origin(
        user_id=body["user"]["id"],
        team_id=sender.team_id,
        enterprise_id=sender.enterprise_id,
        channel_id=channel_id,
        trigger_id=f"view-{body['view']['id']}",
        response_url=None,
        thread_ts=thread_ts,
    )


def origin_of(body: dict[str, Any], thread_ts: str | None = None) -> Origin:
    """Return who clicked or used a shortcut, in the thread `thread_ts` if it was in one."""
    sender = sender_of(body)
    return Origin(
        user_id=body["user"]["id"],
        team_id=sender.team_id,
        enterprise_id=sender.enterprise_id,
        channel_id=(body.get("channel") or {}).get("id", ""),
        trigger_id=body.get("trigger_id", ""),
        response_url=body.get("response_url"),
        thread_ts=thread_ts,
    )


def origin_of_command(payload: dict[str, Any], sent_at: datetime | None = None) -> Origin:
    """Return who typed the command, where, and, if Slack signed it, when."""
    sender = sender_of(payload)
    return Origin(
        user_id=payload["user_id"],
        team_id=sender.team_id,
        enterprise_id=sender.enterprise_id,
        channel_id=payload["channel_id"],
        # Slack's key for this one command; without it every delivery would count as new.
        trigger_id=payload.get("trigger_id") or uuid.uuid4().hex,
        response_url=payload.get("response_url"),
        sent_at=sent_at,
    )


def carried(body: dict[str, Any]) -> str:
    """Return the value of the button that was clicked."""
    return str(body["actions"][0].get("value", ""))
