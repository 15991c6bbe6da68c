"""Read who did something in Slack, and where, from the payload."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bot.application.origin import Origin


class Outdated(Exception):
    """A button or form from another release, whose value can't be read."""


@contextmanager
def of_this_release() -> Iterator[None]:
    """Wrap the reading of a button's or form's value. Raises Outdated if it can't be read."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Outdated from error


def sender_team(body: dict[str, Any]) -> str:
    """Return the workspace of the person behind a payload; empty if Slack names none."""
    if isinstance(body.get("user"), dict):
        return team_of(body)
    event = body.get("event")
    return str((event.get("user_team") if isinstance(event, dict) else body.get("team_id")) or "")


def team_of(body: dict[str, Any]) -> str:
    """Return the workspace of the person; empty for an org-wide install that names none."""
    return str(body["user"].get("team_id") or (body.get("team") or {}).get("id", ""))


def origin_of_form(body: dict[str, Any], channel_id: str, thread_ts: str | None = None) -> Origin:
    """Return who submitted a form for a channel; the same form sent twice is one request."""
    return Origin(
        user_id=body["user"]["id"],
        team_id=team_of(body),
        channel_id=channel_id,
        trigger_id=f"view-{body['view']['id']}",
        response_url=None,
        thread_ts=thread_ts,
    )


def origin_of(body: dict[str, Any], thread_ts: str | None = None) -> Origin:
    """Return who clicked or used a shortcut, in the thread `thread_ts` if it was in one."""
    return Origin(
        user_id=body["user"]["id"],
        team_id=team_of(body),
        channel_id=(body.get("channel") or {}).get("id", ""),
        trigger_id=body.get("trigger_id", ""),
        response_url=body.get("response_url"),
        thread_ts=thread_ts,
    )


def origin_of_command(payload: dict[str, Any], sent_at: datetime | None = None) -> Origin:
    """Return who typed the command, where, and, if Slack signed it, when."""
    return Origin(
        user_id=payload["user_id"],
        team_id=payload.get("team_id", ""),
        channel_id=payload["channel_id"],
        # Slack's key for this one command; without it every delivery would count as new.
        trigger_id=payload.get("trigger_id") or uuid.uuid4().hex,
        response_url=payload.get("response_url"),
        sent_at=sent_at,
    )


def carried(body: dict[str, Any]) -> str:
    """Return the value of the button that was clicked."""
    return str(body["actions"][0].get("value", ""))
