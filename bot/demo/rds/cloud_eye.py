"""The simulated region's Cloud Eye: the events of failed full backups.

Source: "API Reference", Cloud Eye, "Querying the Event Monitoring List" and "Querying Details of
an Event".
"""

from collections.abc import Sequence
from typing import Any

from bot.demo.rds.records import RdsBackup, milliseconds
from bot.demo.rds.region import Region
from bot.demo.rds.wire import Refused

FAILED = "fullBackupFailed"
SOURCE = "SYS.RDS"
FULL = ("auto", "manual")
EVENT_TYPES = ("EVENT.SYS", "EVENT.CUSTOM")
LARGEST_LIMIT = 100


def list_events(region: Region, params: dict[str, str]) -> dict[str, Any]:
    """Return each kind of event in the time asked about: how many, and when the last one was."""
    shown = _page(params)
    found = _failures(region, params)
    if not found or params.get("event_name", FAILED) != FAILED:
        return {"events": [], "meta_data": {"total": 0}}
    event = {
        "event_name": FAILED,
        "event_type": "EVENT.SYS",
        "event_count": len(found),
        "latest_occur_time": milliseconds(max(backup.ended for backup in found)),
        "latest_event_source": SOURCE,
    }
    return {"events": [event][shown], "meta_data": {"total": 1}}


def show_event(region: Region, name: str, params: dict[str, str]) -> dict[str, Any]:
    """Return the events of one kind in the time asked about, newest first."""
    shown = _page(params)
    found = _failures(region, params) if name == FAILED else []
    newest = sorted(found, key=lambda backup: backup.ended, reverse=True)
    return {
        "event_name": name,
        "event_type": "EVENT.SYS",
        "event_users": [],
        "event_sources": [SOURCE] if found else [],
        "event_info": [_event(backup) for backup in newest[shown]],
        "meta_data": {"total": len(found)},
    }


def _event(backup: RdsBackup) -> dict[str, Any]:
    return {
        "time": milliseconds(backup.ended),
        "event_name": FAILED,
        "event_source": SOURCE,
        "event_id": f"ev{backup.id}",
        "detail": {
            "content": f"Full backup {backup.name} failed.",
            "resource_id": backup.instance.id,
            "resource_name": backup.instance.name,
            "event_state": "incident",
            "event_level": "Major",
            "event_type": "EVENT.SYS",
            "dimensions": [{"name": "rds_cluster_id", "value": backup.instance.id}],
        },
    }


def _failures(region: Region, params: dict[str, str]) -> Sequence[RdsBackup]:
    """Return the backups whose events are in the time asked about and have arrived."""
    if params.get("event_type") not in EVENT_TYPES:
        raise _bad_parameter("event_type")
    begin, end = _time(params, "from"), _time(params, "to")
    if begin >= end:
        raise _bad_parameter("from")
    if params["event_type"] != "EVENT.SYS":
        return []
    arrived = region.clock.now() - region.event_delay
    return [
        backup
        for backup in region.failing
        if backup.type in FULL
        and backup.ended <= arrived
        and begin <= milliseconds(backup.ended) <= end
    ]


def _page(params: dict[str, str]) -> slice:
    start, limit = params.get("start", "0"), params.get("limit", str(LARGEST_LIMIT))
    if not start.isdecimal():
        raise _bad_parameter("start")
    if not limit.isdecimal() or not 1 <= int(limit) <= LARGEST_LIMIT:
        raise _bad_parameter("limit")
    return slice(int(start), int(start) + int(limit))


def _time(params: dict[str, str], key: str) -> int:
    value = params.get(key, "")
    if not value.isdecimal():
        raise _bad_parameter(key)
    return int(value)


def _bad_parameter(name: str) -> Refused:
    return Refused(400, "ces.0014", f"Parameter error: {name}.")
