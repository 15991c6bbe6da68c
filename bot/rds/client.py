"""Huawei Cloud RDS v3, as far as this bot needs it: one method an operation.

Source: "API Reference", Relational Database Service, chapter "Backup and Restoration".
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel, ValidationError

from bot.budget import Budget
from bot.clock import Clock
from bot.domain.errors import RdsError, RdsOutcomeUnknown, RdsUnreachable
from bot.domain.instances import Accepted, Backup, Instance
from bot.lifecycle.ports import OnTurn
from bot.metrics import RDS_CALLS
from bot.rds import errors
from bot.rds.models import BackupPage, Created, InstancePage
from bot.rds.priority import Priority

M = TypeVar("M", bound=BaseModel)

PAGE = 100  # the most that RDS gives at once
MOST_PAGES = 100  # 10 000 items: whatever goes on for longer is not a list
PATIENCE = 15.0  # seconds of real time for RDS to answer a call that has reached it
LOOK_AGAIN = (0.5, 1.5)  # seconds before each further try of a call that changes nothing
PROMPT = timedelta(seconds=5)  # an answer that took longer says little about RDS's clock
MOST_SKEW = timedelta(minutes=15)  # beyond it, RDS would have refused the signature's date


def open_client(endpoint: str, auth: httpx.Auth, patience: float = PATIENCE) -> httpx.AsyncClient:
    """An HTTP client for one endpoint that signs what it sends, and follows no redirects."""
    headers = {"Accept": "application/json", "X-Language": "en-us"}
    timeout = httpx.Timeout(patience, connect=5.0, pool=30.0)  # seconds for each phase of a call
    return httpx.AsyncClient(base_url=endpoint, auth=auth, timeout=timeout, headers=headers)


class RdsClient:
    """One project's backups and instances.

    Raises the RdsError tree of `bot/domain/errors.py`. Looks are tried again while RDS cannot be
    reached; a create is sent again only where it surely never left; a 401 never is, because five
    wrong signatures lock the key; after a 429 the whole budget stands back.
    """

    def __init__(
        self, http: httpx.AsyncClient, project_id: str, budget: Budget, clock: Clock
    ) -> None:
        self._http = http
        self._root = f"/v3/{quote(project_id, safe='')}"
        self._budget = budget
        self._clock = clock
        self._skew = timedelta()
        self.trouble: str | None = None  # what RDS said last, if that was no answer

    @property
    def queued(self) -> int:
        """How many calls wait for their turn."""
        return self._budget.queued

    @property
    def clock_skew(self) -> timedelta:
        """RDS's clock minus ours, to a second, as last measured; zero until then."""
        return self._skew

    async def create_backup(
        self,
        instance_id: str,
        name: str,
        description: str = "",
        *,
        on_turn: OnTurn | None = None,
    ) -> Accepted:
        """Start a manual backup. RdsOutcomeUnknown means: look the name up before trying again.

        `on_turn` is done right before it is sent, each time: what that raises keeps it back.
        """
        body = {"instance_id": instance_id, "name": name}
        if description:
            body["description"] = description
        try:
            response = await self._send(
                Priority.CREATE, "POST", "backups", body=body, on_turn=on_turn
            )
        except RdsUnreachable as error:
            if error.retry_after is not None:
                raise
            await self._clock.sleep(LOOK_AGAIN[0])  # it never left
            response = await self._send(
                Priority.CREATE, "POST", "backups", body=body, on_turn=on_turn
            )
        backup = _read(Created, response, creates=True).backup.backup()
        return Accepted(backup, errors.request_id(response))

    async def list_backups(
        self, instance_id: str, *, backup_type: str | None = None, idle: bool = False
    ) -> list[Backup]:
        """All backups of an instance, or those of one type; `idle` if nobody waits for them."""
        priority = Priority.IDLE if idle else Priority.LOOK_UP
        only = {"backup_type": backup_type} if backup_type else {}
        found: list[Backup] = []
        for _ in range(MOST_PAGES):
            page = await self._page(
                BackupPage,
                priority,
                "backups",
                instance_id=instance_id,
                offset=len(found),
                **only,
            )
            found += (item.backup() for item in page.backups)
            if len(page.backups) < PAGE or len(found) >= page.total_count:
                break
        return found

    async def find_backup(self, instance_id: str, backup_id: str) -> Backup | None:
        """One backup as it is now, or None if RDS lists it no more."""
        page = await self._page(
            BackupPage, Priority.PROGRESS, "backups", instance_id=instance_id, backup_id=backup_id
        )
        return next((i.backup() for i in page.backups if i.id == backup_id), None)

    async def list_instances(self) -> list[Instance]:
        """All instances of the project, read replicas too."""
        found: list[Instance] = []
        for _ in range(MOST_PAGES):
            page = await self._page(InstancePage, Priority.SWEEP, "instances", offset=len(found))
            found += (item.instance() for item in page.instances)
            if len(page.instances) < PAGE or len(found) >= page.total_count:
                break
        return found

    async def delete_backup(self, backup_id: str, *, on_turn: OnTurn | None = None) -> None:
        """Delete a manual backup, for good; `on_turn` as in `create_backup`."""
        path = f"backups/{quote(backup_id, safe='')}"
        await self._send(Priority.CREATE, "DELETE", path, on_turn=on_turn)

    async def _page(self, model: type[M], priority: Priority, path: str, **query: str | int) -> M:
        for pause in (*LOOK_AGAIN, None):
            try:
                response = await self._send(priority, "GET", path, query={**query, "limit": PAGE})
                return _read(model, response, creates=False)
            except RdsUnreachable as error:
                if pause is None or error.retry_after is not None:
                    raise
                await self._clock.sleep(pause)
        raise AssertionError("the last try returns or raises")

    async def _send(
        self,
        priority: Priority,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, str] | None = None,
        on_turn: OnTurn | None = None,
    ) -> httpx.Response:
        await self._budget.take(priority)
        if on_turn:
            await on_turn()
        try:
            response = await self._sent(method, path, query=query, body=body)
        except RdsError as error:
            self.trouble = error.code or f"HTTP {error.status}"
            RDS_CALLS.labels(priority.name.lower(), _outcome(error)).inc()
            raise
        self.trouble = None
        RDS_CALLS.labels(priority.name.lower(), "ok").inc()
        return response

    async def _sent(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None,
        body: Mapping[str, str] | None,
    ) -> httpx.Response:
        creates = method != "GET"
        target = f"{self._root}/{path}" + (
            f"?{urlencode(query, quote_via=quote)}" if query else ""
        )
        content = json.dumps(body).encode() if body is not None else None
        sent_at = self._clock.now()
        try:
            response = await self._http.request(
                method, target, content=content, headers={"Content-Type": "application/json"}
            )
        except httpx.RequestError as error:
            raise errors.from_transport(error, creates=creates) from None
        if response.is_success:
            self._measure_skew(response.headers.get("Date", ""), sent_at)
            return response
        problem = errors.from_response(response, creates=creates)
        if isinstance(problem, RdsUnreachable) and problem.retry_after is not None:
            await self._budget.stand_back(problem.retry_after)
        raise problem

    def _measure_skew(self, date: str, sent_at: datetime) -> None:
        took = self._clock.now() - sent_at
        try:
            at = parsedate_to_datetime(date)
            skew = at.replace(tzinfo=at.tzinfo or UTC) - (sent_at + took / 2)
        except (ValueError, TypeError, OverflowError):
            return  # no date, or none that can be
        if took <= PROMPT and abs(skew) <= MOST_SKEW:
            self._skew = skew


def _outcome(error: RdsError) -> str:
    match error:
        case RdsUnreachable(retry_after=None):
            return "unreachable"
        case RdsUnreachable():
            return "throttled"
        case RdsOutcomeUnknown():
            return "unknown"
        case _:
            return "refused"


def _read(model: type[M], response: httpx.Response, *, creates: bool) -> M:
    try:
        return model.model_validate_json(response.content)
    except ValidationError:
        problem: RdsError = errors.unreadable(response, creates=creates)
        raise problem from None
