"""The operations of the simulated region: from a request's parameters to an answer's JSON."""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from bot.demo.rds.cloud_eye import list_events, show_event
from bot.demo.rds.gateway import Gateway
from bot.demo.rds.parameters import (
    backup_id_in,
    bad_parameter,
    instance_id_in,
    one_of,
    page,
    span,
)
from bot.demo.rds.records import RdsBackup, RdsInstance, milliseconds
from bot.demo.rds.region import Region
from bot.demo.rds.wire import Answer, Call, Operation, Refused, WireRequest

BACKUP_TYPES = ("auto", "manual", "fragment", "incremental")
INSTANCE_TYPES = ("Single", "Ha", "Replica")
CLOUD_EYE = (Operation.LIST_EVENTS, Operation.SHOW_EVENT)
ENGINES = ("MySQL", "PostgreSQL", "SQLServer", "MariaDB")


def operation_of(request: WireRequest) -> Operation:
    """Which operation the method and the path name."""
    match request.method, request.segments:
        case method, ["v3", _, "backups", *named]:
            return _backup_operation(method, named)
        case "GET", ["v3", _, "instances", *named]:
            return _instance_operation(named)
        case "GET", ["v3", "projects"]:
            return Operation.LIST_PROJECTS
        case "GET", ["V1.0", _, *named]:
            return _cloud_eye_operation(named)
        case _:
            return Operation.OTHER


def _backup_operation(method: str, named: list[str]) -> Operation:
    match method, named:
        case "POST", []:
            return Operation.CREATE_BACKUP
        case "GET", []:
            return Operation.LIST_BACKUPS
        case "GET", ["backup-usage"]:
            return Operation.SHOW_BACKUP_USAGE
        case "DELETE", [_]:
            return Operation.DELETE_BACKUP
        case _:
            return Operation.OTHER


def _instance_operation(named: list[str]) -> Operation:
    match named:
        case []:
            return Operation.LIST_INSTANCES
        case [_, "restore-time"]:
            return Operation.LIST_RESTORE_TIMES
        case [_, "backups", "policy"]:
            return Operation.SHOW_BACKUP_POLICY
        case [_, "backups", "offsite-policy"]:
            return Operation.SHOW_OFFSITE_POLICY
        case _:
            return Operation.OTHER


def _cloud_eye_operation(named: list[str]) -> Operation:
    match named:
        case ["events"]:
            return Operation.LIST_EVENTS
        case ["event", _]:
            return Operation.SHOW_EVENT
        case _:
            return Operation.OTHER


def carry_out(region: Region, request: WireRequest, call: Call) -> Answer:
    """Check the call as the gateway does, do what it asks, and note on `call` what came of it."""
    try:
        _admit(region.gateway, request, call)
        return _answer(region, request, call.operation)
    except Refused as refusal:
        call.code = refusal.code
        return refusal.answer(call.request_id)


def _admit(gateway: Gateway, request: WireRequest, call: Call) -> None:
    if call.operation is Operation.OTHER:
        raise Refused(404, "APIGW.0101", "The API does not exist or is not published.")
    call.signed_ok = False
    gateway.authenticate(request)
    call.signed_ok = True
    if call.operation is Operation.LIST_PROJECTS:
        return
    gateway.check_project(request)
    if call.operation not in CLOUD_EYE:  # it has a limit of its own
        gateway.count()


def _answer(region: Region, request: WireRequest, operation: Operation) -> Answer:
    params = request.params
    match operation:
        case Operation.CREATE_BACKUP:
            return _json(backup=_create_backup(region, request).as_created())
        case Operation.LIST_BACKUPS | Operation.SHOW_BACKUP_USAGE:
            return _json(**_of_backups(region, params, operation))
        case Operation.LIST_INSTANCES:
            instances = _list_instances(region, params)
            items = _listed(region, page(instances, params))
            return _json(instances=items, total_count=len(instances))
        case (
            Operation.LIST_RESTORE_TIMES
            | Operation.SHOW_BACKUP_POLICY
            | Operation.SHOW_OFFSITE_POLICY
        ):
            return _json(**_of_instance(region, request, operation))
        case Operation.LIST_EVENTS | Operation.SHOW_EVENT | Operation.LIST_PROJECTS:
            return _json(**_of_another_service(region, request, operation))
        case _:
            region.delete_backup(backup_id_in(request.segments[3]))
            return Answer(200)


def _of_backups(region: Region, params: dict[str, str], operation: Operation) -> dict[str, Any]:
    if operation is Operation.SHOW_BACKUP_USAGE:
        return _usage(region, params)
    backups = _list_backups(region, params)
    items = [backup.as_listed() for backup in page(backups, params)]
    return {"backups": items, "total_count": len(backups)}


def _copies(instance: RdsInstance) -> list[dict[str, Any]]:
    if not instance.copies_to:
        return []
    copy = {
        "backup_type": "auto",
        "keep_days": instance.policy.keep_days,
        "destination_region": instance.copies_to,
        "destination_project_id": "p" * 32,
    }
    return [copy]


def _of_instance(region: Region, request: WireRequest, operation: Operation) -> dict[str, Any]:
    instance = region.instance(instance_id_in(request.segments[3]))
    if operation is Operation.SHOW_BACKUP_POLICY:
        return {"backup_policy": instance.policy.as_shown()}
    if operation is Operation.SHOW_OFFSITE_POLICY:
        return {"policy_para": _copies(instance)}
    windows = region.restore_windows(instance.id)
    return {
        "restore_time": [
            {"start_time": milliseconds(start), "end_time": milliseconds(end)}
            for start, end in windows
        ]
    }


def _of_another_service(
    region: Region, request: WireRequest, operation: Operation
) -> dict[str, Any]:
    if operation is Operation.LIST_PROJECTS:
        is_named = request.params.get("name") in {None, region.name}
        project = {"id": region.gateway.project_id, "name": region.name, "enabled": True}
        return {"projects": [project] if is_named else []}
    if operation is Operation.LIST_EVENTS:
        return list_events(region, request.params)
    return show_event(region, request.segments[3], request.params)


def _json(**body: object) -> Answer:
    return Answer(200, json.dumps(body))


def _create_backup(region: Region, request: WireRequest) -> RdsBackup:
    if not request.body:
        raise Refused(400, "DBS.200006", "The request body is empty.")
    try:
        body = request.json
    except ValueError:
        raise bad_parameter("body") from None
    if not isinstance(body, dict) or "json" not in request.headers.get("content-type", ""):
        raise bad_parameter("body")
    for key in ("instance_id", "name"):
        if not isinstance(body.get(key), str):
            raise bad_parameter(key)
    if not isinstance(body.get("description"), str | None):
        raise bad_parameter("description")
    instance_id = instance_id_in(body["instance_id"])
    return region.create_backup(instance_id, body["name"], body.get("description"))


def _list_backups(region: Region, params: dict[str, str]) -> list[RdsBackup]:
    """The instance's backups that the query asks for, the newest first."""
    if "instance_id" not in params:
        raise bad_parameter("instance_id")
    backups = region.backups_of(instance_id_in(params["instance_id"]))
    backup_type = one_of(params, "backup_type", BACKUP_TYPES)
    backup_id = params.get("backup_id")
    if backup_id is not None:
        backup_id_in(backup_id)
    between = span(params)
    found = [
        backup
        for backup in backups
        if backup_id in {None, backup.id}
        and backup_type in {None, backup.type}
        and (between is None or between[0] <= backup.began <= between[1])
    ]
    return sorted(found, key=lambda backup: backup.began, reverse=True)


def _usage(region: Region, params: dict[str, str]) -> dict[str, Any]:
    """The space that all backups take, in MB. No log, no snapshot, and no copy takes any here."""
    engine = one_of(params, "engine", ENGINES)
    kept = [backup for backup in region.backups if engine in {None, backup.instance.engine}]
    used = round(sum(backup.as_listed()["size"] for backup in kept) / 1024, 2)
    return {
        "backup_use_space": used,
        "db_use_space": used,
        "rds_snapshot_use_space": 0.0,
        "offsite_use_space": 0.0,
    }


def _list_instances(region: Region, params: dict[str, str]) -> list[RdsInstance]:
    instance_type = one_of(params, "type", INSTANCE_TYPES)
    engine = one_of(params, "datastore_type", ENGINES)
    name = params.get("name")
    if name == "*":
        raise bad_parameter("name")
    instance_id = params.get("id")
    if instance_id is not None:
        instance_id_in(instance_id)
    return [
        instance
        for instance in region.instances
        if instance_id in {None, instance.id}
        and instance_type in {None, instance.type}
        and engine in {None, instance.engine}
        and (name is None or _is_named(instance, name))
    ]


def _is_named(instance: RdsInstance, name: str) -> bool:
    return name[1:] in instance.name if name.startswith("*") else name == instance.name


def _listed(region: Region, instances: Sequence[RdsInstance]) -> list[dict[str, Any]]:
    replicas: defaultdict[str, list[str]] = defaultdict(list)
    for other in region.instances:
        if other.replica_of:
            replicas[other.replica_of].append(other.id)
    return [instance.as_listed(replicas[instance.id]) for instance in instances]
