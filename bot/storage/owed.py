"""What Slack has yet to take, as the operator sees it."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from sqlalchemy import RowMapping, Select, func, select

from bot.domain.outbox import MessageState, OwedMessage, Urgency
from bot.storage.engine import only_reading
from bot.storage.tables import incidents, outbox, requests


def owed_messages(database_url: str) -> list[OwedMessage]:
    """Return all of it, oldest first, for a command beside the bot.

    Raises SettingsError if there is no such database, or no outbox in it.
    """
    with only_reading(database_url, "outbox") as connection:
        return owed_of(connection.execute(owed_query(Urgency.PROGRESS)).mappings())


def owed_query(least: Urgency) -> Select[Any]:
    """The pending messages at least so urgent, oldest first."""
    names = [field.name for field in fields(OwedMessage) if field.name in outbox.c]
    columns = [outbox.c[name].label(name) for name in names]
    instance = func.coalesce(requests.c.reference, incidents.c.instance_name, "")
    name = func.coalesce(requests.c.name, incidents.c.kind, outbox.c.about)
    return (
        select(*columns, name.label("name"), instance.label("instance"))
        .outerjoin(requests, requests.c.id == outbox.c.topic_id)
        .outerjoin(incidents, incidents.c.id == outbox.c.topic_id)
        .where(outbox.c.state == MessageState.PENDING, outbox.c.urgency <= least)
        .order_by(outbox.c.created_at, outbox.c.number)
    )


def owed_of(rows: Iterable[RowMapping]) -> list[OwedMessage]:
    """The messages in rows of such a query."""
    return [OwedMessage(**{**row, "urgency": Urgency(row["urgency"])}) for row in rows]
