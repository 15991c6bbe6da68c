"""Query and body parameters of the simulated RDS, refused as RDS refuses them."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from bot.demo.rds.wire import Refused

INSTANCE_ID = re.compile(r"[0-9a-f]{32}in\d\d")
BACKUP_ID = re.compile(r"[0-9a-f]{32}br\d\d")
LARGEST_LIMIT = 100

_T = TypeVar("_T")


def page(items: Sequence[_T], params: dict[str, str]) -> Sequence[_T]:
    """The items from `offset` on, `limit` at most: both count items, not pages."""
    offset, limit = params.get("offset", "0"), params.get("limit", str(LARGEST_LIMIT))
    if not offset.isdecimal():
        raise bad_parameter("offset")
    if not limit.isdecimal() or not 1 <= int(limit) <= LARGEST_LIMIT:
        raise bad_parameter("limit")
    return items[int(offset) :][: int(limit)]


def span(params: dict[str, str]) -> tuple[datetime, datetime] | None:
    """`begin_time` and `end_time`, which must come together, or None without them."""
    texts = [params[key] for key in ("begin_time", "end_time") if key in params]
    if not texts:
        return None
    try:
        begin, end = (datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z") for text in texts)
    except ValueError:  # one of them is missing or has another form
        raise bad_parameter("begin_time or end_time") from None
    return begin, end


def one_of(params: dict[str, str], key: str, allowed: Sequence[str]) -> str | None:
    """The parameter, one of the allowed values, or None if it is not there."""
    value = params.get(key)
    if value is not None and value not in allowed:
        raise bad_parameter(key)
    return value


def instance_id_in(value: str) -> str:
    """The value, which must have an instance id's form."""
    if not INSTANCE_ID.fullmatch(value):
        raise Refused(400, "DBS.280404", "Invalid instance ID or node ID format.")
    return value


def backup_id_in(value: str) -> str:
    """The value, which must have a backup id's form."""
    if not BACKUP_ID.fullmatch(value):
        raise bad_parameter("backup_id")
    return value


def bad_parameter(name: str) -> Refused:
    """The refusal of a parameter."""
    return Refused(400, "DBS.200001", f"Parameter error: {name}.")
