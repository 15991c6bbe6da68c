"""What travels between a client and the simulated region: requests, answers, refusals."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, unquote


class Operation(StrEnum):
    """The operation of a call; OTHER is anything that neither RDS nor Cloud Eye offers."""

    CREATE_BACKUP = "create-backup"
    LIST_BACKUPS = "list-backups"
    DELETE_BACKUP = "delete-backup"
    SHOW_BACKUP_USAGE = "show-backup-usage"
    LIST_INSTANCES = "list-instances"
    LIST_RESTORE_TIMES = "list-restore-times"
    SHOW_BACKUP_POLICY = "show-backup-policy"
    SHOW_OFFSITE_POLICY = "show-off-site-backup-policy"
    LIST_EVENTS = "list-events"  # Cloud Eye's, as the next
    SHOW_EVENT = "show-event"
    LIST_PROJECTS = "list-projects"  # IAM's
    OTHER = "other"


@dataclass(frozen=True)
class WireRequest:
    """A request exactly as it arrived: nothing decoded, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def segments(self) -> list[str]:
        """The path's parts, decoded; a slash at the end does not count."""
        return [unquote(part) for part in self.path.strip("/").split("/")]

    @property
    def params(self) -> dict[str, str]:
        """The query, decoded as a web server does it: `+` is a blank, the last value counts."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def json(self) -> Any:
        """The body as JSON. Raises ValueError for anything else."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; its body is JSON unless `content_type` says otherwise."""

    status: int
    body: str = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The region will not do it; `code` is a service's (`DBS.…`) or the gateway's (`APIGW.…`)."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def answer(self, request_id: str) -> Answer:
        """The answer in RDS's shape; the gateway also puts the request id into the body."""
        body = {"error_code": self.code, "error_msg": self.message}
        if self.code.startswith("APIGW."):
            body["request_id"] = request_id
        return Answer(self.status, json.dumps(body), headers=self.headers)


@dataclass
class Call:
    """One HTTP call that reached the region; `status` is None while, or because, none was sent."""

    operation: Operation
    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any] | None  # None if there was none, or no JSON object
    at: datetime
    request_id: str
    signed_ok: bool | None = None  # None: it never came to the check
    status: int | None = None
    code: str = ""  # RDS's or the gateway's error code
    milliseconds: float = 0.0  # of real time
