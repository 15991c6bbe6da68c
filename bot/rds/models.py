"""Parse RDS's JSON tolerantly into the domain's instances and backups, and Cloud Eye's events.

A value that can't be read becomes None or "". An item without an ID is left out and counted.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from bot.domain.instances import LONG_AGO, AutomatedPolicy, Backup, Instance, RestoreWindow

T = TypeVar("T")

ID = re.compile(r"[!-~]{1,64}")
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # controls and lone surrogates
LONGEST = 256  # characters of a name or a status: RDS allows 64
REPLICAS = {"replica", "readreplica"}  # the second is an older form
MOST_ITEMS = 5_000  # in a page; RDS returns 100
YEARS = range(2000, 2200)  # years outside mean "never", or overflow in arithmetic
LARGEST_NUMBER = 2**53
MOST_DAYS = 36_525  # more can't be days of retention, and would overflow in arithmetic
DAYS = range(1, 8)  # of the week, from Monday
WINDOW = re.compile(r"((?:[01][0-9]|2[0-3]):[0-5][0-9])\s*-\s*((?:[01][0-9]|2[0-3]):[0-5][0-9])")
FULL_COPIES = {"auto", "all"}  # types of backups of which full ones are
UNNAMED_REGION = "another region"
LONGEST_NUMBER = 20  # digits; Python refuses to parse thousands


class EventSummary(NamedTuple):
    """How often an event occurred in the time asked about, as Cloud Eye counts."""

    times: int | None  # None if it can't be read
    latest: int | None  # when it last occurred, in milliseconds since 1970


class Event(NamedTuple):
    """One event of Cloud Eye."""

    id: str
    at: int  # milliseconds since 1970
    resource_id: str  # an instance's ID; "" if it can't be read


class Page(NamedTuple, Generic[T]):
    """A page of a list, as RDS returned it."""

    items: list[T]
    left_out: int  # how many items had no id
    total: int | None  # of the whole list; None if RDS doesn't say

    @property
    def size(self) -> int:
        """How many items RDS sent, readable or not."""
        return len(self.items) + self.left_out


def parsed(content: bytes) -> Any:
    """Parse the JSON of a response. Raises ValueError."""
    text = content.decode(json.detect_encoding(content), "replace")
    try:
        return json.loads(text, parse_int=_int)
    except RecursionError:
        raise ValueError("brackets without end") from None


def backups(body: Any) -> Page[Backup]:
    """Parse a page of list-backups. Raises ValueError if there is no list."""
    return _page(body, "backups", backup)


def instances(body: Any, project: str = "") -> Page[Instance]:
    """Parse a page of a project's list-instances. Raises ValueError if there is no list."""
    return _page(body, "instances", partial(instance, project=project))


def created(body: Any) -> Backup:
    """Parse the response of create-backup. Raises ValueError if there is no backup."""
    found = backup(_object(body).get("backup"))
    if found is None:
        raise ValueError("no backup with an id")
    return found


def restore_windows(body: Any) -> list[RestoreWindow]:
    """Parse restore-time, the earliest first. Raises ValueError if there is no list.

    A window without a start or an end, or that ends before it starts, is left out.
    """
    found = map(_restore_window, _list(body, "restore_time"))
    return sorted(window for window in found if window is not None)


def automated_policy(body: Any) -> AutomatedPolicy:
    """Parse backups/policy. Raises ValueError if it doesn't say for how many days."""
    fields = _object(_object(body).get("backup_policy"))
    keep_days = _keep_days(fields.get("keep_days"))
    if keep_days is None:
        raise ValueError("no days of retention")
    return AutomatedPolicy(
        keep_days=keep_days,
        start_time=_window(fields.get("start_time")) or "",
        days=_days(fields.get("period")),
    )


def copies_to(body: Any) -> str:
    """Parse backups/offsite-policy: the region that full backups are copied to; "" if to none.

    Raises ValueError if there is no list.
    """
    for item in _list(body, "policy_para"):
        fields = _object(item)
        if _text(fields.get("backup_type")) in FULL_COPIES and _keep_days(fields.get("keep_days")):
            return _text(fields.get("destination_region")) or UNNAMED_REGION
    return ""


def backup(item: Any) -> Backup | None:
    """Parse a backup from create-backup (without end and size) or list-backups."""
    fields = _object(item)
    backup_id = _id(fields.get("id"))
    if backup_id is None:
        return None
    return Backup(
        id=backup_id,
        instance_id=_id(fields.get("instance_id")) or "",
        name=_text(fields.get("name")),
        status=_text(fields.get("status")),
        type=_text(fields.get("type")) or "manual",  # older forms of create-backup have none
        begin_time=_time(fields.get("begin_time")),
        end_time=_time(fields.get("end_time")),
        size_kb=_number(fields.get("size")) or None,  # a running backup's is null, "" or 0
    )


def instance(item: Any, project: str = "") -> Instance | None:
    """Parse an instance of a project from list-instances."""
    fields = _object(item)
    instance_id = _id(fields.get("id"))
    if instance_id is None:
        return None
    datastore = _object(fields.get("datastore"))
    strategy = _object(fields.get("backup_strategy"))
    primary_id = _primary_id(fields.get("related_instance"))
    kind = _text(fields.get("type")) or ("Replica" if primary_id else "Single")
    return Instance(
        id=instance_id,
        name=_text(fields.get("name")),
        project=project,
        status=_text(fields.get("status")),
        type="Replica" if kind.casefold() in REPLICAS else kind,
        engine=_text(datastore.get("type")),
        version=_text(datastore.get("complete_version")) or _text(datastore.get("version")),
        primary_id=primary_id,
        keep_days=_keep_days(strategy.get("keep_days")),
        backup_window=_window(strategy.get("start_time")),
        disk_gb=_number(_object(fields.get("volume")).get("size")) or None,
    )


def event_summary(body: Any, name: str) -> EventSummary:
    """Parse Cloud Eye's list of events for one of them. Raises ValueError if there is no list."""
    listed = (_object(item) for item in _list(body, "events"))
    for fields in listed:
        if _text(fields.get("event_name")) == name:
            count, latest = fields.get("event_count"), fields.get("latest_occur_time")
            return EventSummary(_number(count), _number(latest))
    return EventSummary(0, None)


def events(body: Any) -> list[Event]:
    """Parse Cloud Eye's details of an event. Raises ValueError if there is no list.

    An event without a time, or with neither an ID nor a resource, is left out.
    """
    found = map(_event, _list(body, "event_info"))
    return [event for event in found if event is not None]


def _event(item: Any) -> Event | None:
    fields = _object(item)
    at = _number(fields.get("time"))
    resource_id = _id(_object(fields.get("detail")).get("resource_id")) or ""
    event_id = _id(fields.get("event_id")) or (resource_id and f"{resource_id} {at}")
    return Event(event_id, at, resource_id) if at is not None and event_id else None


def _restore_window(item: Any) -> RestoreWindow | None:
    fields = _object(item)
    start, end = _moment(fields.get("start_time")), _moment(fields.get("end_time"))
    if start is None or end is None or end < start:
        return None
    return RestoreWindow(start, end)


def _page(body: Any, key: str, read: Callable[[Any], T | None]) -> Page[T]:
    listed = _list(body, key)
    items = [found for item in listed if (found := read(item)) is not None]
    total = _number(_object(body).get("total_count"))
    if total is not None and total < len(listed):  # it doesn't count this list
        total = None
    return Page(items, len(listed) - len(items), total)


def _list(body: Any, key: str) -> list[Any]:
    """Return the list under a key. Raises ValueError for anything that can't be a page."""
    listed = _object(body).get(key)
    if not isinstance(listed, list):  # a missing list isn't an empty one
        raise ValueError(f"no list of {key}")  # noqa: TRY004 - the service's value is wrong
    if len(listed) > MOST_ITEMS:
        raise ValueError("too many items to be a page")
    return listed


def _object(value: Any) -> dict[str, Any]:
    """Return an object's fields. Some of RDS's documented keys end with a space."""
    if not isinstance(value, dict):
        return {}
    return {key.strip(): found for key, found in value.items()} | value


def _id(value: Any) -> str | None:
    return found if ID.fullmatch(found := _text(value)) else None


def _text(value: Any) -> str:
    """Return text that can be stored, sent, and printed."""
    return UNSAFE.sub("?", value[:LONGEST].strip()) if isinstance(value, str) else ""


def _time(value: Any) -> datetime | None:
    """Parse a time in any of RDS's three formats; UTC if there is no zone."""
    try:
        at = datetime.fromisoformat(_text(value))
        at = at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year in YEARS else None


def _moment(value: Any) -> datetime | None:
    """Parse milliseconds since 1970."""
    milliseconds = _number(value)
    if milliseconds is None:
        return None
    try:
        at = LONG_AGO + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
    return at if at.year in YEARS else None


def _keep_days(value: Any) -> int | None:
    """Parse days of retention."""
    days = _number(value)
    return days if days is not None and days <= MOST_DAYS else None


def _window(value: Any) -> str | None:
    """Parse a window of a day, such as `19:00-20:00`."""
    found = WINDOW.fullmatch(_text(value))
    return "-".join(found.groups()) if found else None


def _days(value: Any) -> tuple[int, ...]:
    """Parse days of the week, such as `1,2,3`; none if any can't be read."""
    days = [_number(part) for part in _text(value).split(",") if part.strip()]
    known = {day for day in days if day is not None and day in DAYS}
    return tuple(sorted(known)) if known.issuperset(days) else ()


def _number(value: Any) -> int | None:
    """Parse a whole number that isn't negative; None for anything else."""
    if isinstance(value, str) and (text := value.strip()).isdecimal():
        value = _int(text)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= LARGEST_NUMBER else None


def _int(digits: str) -> float:
    return int(digits) if len(digits) <= LONGEST_NUMBER else math.inf


def _primary_id(related: Any) -> str | None:
    """Return the ID of the instance that a read replica replicates."""
    for fields in map(_object, related if isinstance(related, list) else ()):
        if _text(fields.get("type")) == "replica_of" and (found := _id(fields.get("id"))):
            return found
    return None
