"""The client for Huawei Cloud RDS v3, one method per operation.

Source: "API Reference", Relational Database Service, chapter "Backup and Restoration".
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import IntEnum
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar
from urllib.parse import quote, urlencode

import httpx
import structlog

from bot.domain.errors import RdsError, RdsOutcomeUnknown, RdsUnreachable
from bot.domain.instances import (
    PAGE,
    Accepted,
    AutomatedPolicy,
    Backup,
    Instance,
    RestoreWindow,
)
from bot.rds import errors, models
from bot.rds.exchange import Read, content_of, described, exchange
from bot.rds.models import Page
from bot.runtime.clock import Clock
from bot.runtime.metrics import RDS_CALLS, RDS_ERRORS
from bot.runtime.rate_limit import Budget, CallLog
from bot.runtime.tracing import inner_span
from bot.workflow.ports import OnTurn

log = structlog.get_logger(__name__)
HttpClient = httpx.AsyncClient
T = TypeVar("T")
Item = TypeVar("Item", Backup, Instance)

LONGEST_LIST = 100_000  # items; anything longer isn't a valid list
FEW = 300  # backups of an instance; with more, only full ones are listed
FULL = ("manual", "auto")  # the types that can be restored on their own
RDS_TIMEOUT = 15.0  # seconds of real time for RDS to answer
DEADLINE = 30.0  # seconds of real time for a whole call
RETRY_DELAYS = (0.5, 1.5)  # seconds before each retry of a read
PROMPT = timedelta(seconds=5)  # slower answers aren't used to measure clock skew
# Huawei's default policy is "60 calls/min per user"; calls may take a second on their way.
WINDOW = 61.0  # seconds
MOST_SKEW = timedelta(minutes=15)  # beyond it, RDS would have refused the signature's date


class Priority(IntEnum):
    """Which calls go first when they have to queue."""

    CREATE = 0
    LOOK_UP = 1
    SWEEP = 2  # from here on, a fifth of the budget is left to more urgent calls
    PROGRESS = 3
    IDLE = 4  # no one is waiting for it


def call_budget(
    calls_per_minute: int, clock: Clock, call_log: CallLog | None = None, name: str = "rds"
) -> Budget:
    """Return the budget of one IAM user; budgets of one name share their calls."""
    return Budget(name, calls_per_minute, WINDOW, clock, call_log, spared_from=Priority.SWEEP)


def open_client(
    endpoint: str, auth: httpx.Auth, timeout_seconds: float = RDS_TIMEOUT
) -> httpx.AsyncClient:
    """Return an HTTP client for one endpoint that signs its requests.

    It follows no redirects. It keeps no cookies: one that can't be sent would fail every call.
    """
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",  # a small answer must not grow large
        "X-Language": "en-us",
    }
    # Seconds for each phase of a call.
    timeout = httpx.Timeout(timeout_seconds, connect=5.0, pool=10.0)
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.AsyncClient(
        base_url=endpoint,
        auth=auth,
        timeout=timeout,
        headers=headers,
        cookies=no_cookies,
        verify=not endpoint.startswith("http://"),  # plain HTTP needs no certificates: 32 ms
    )


class RdsClient:
    """One project's backups and instances; `project` is the name that its instances get.

    Raises the RdsError tree of `bot/domain/errors.py`. Reads are retried if RDS can't be reached.
    A create is retried only if it certainly wasn't sent. A 401 is never retried, because five
    wrong signatures lock the key. After a 429, all calls wait.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        project_id: str,
        budget: Budget,
        clock: Clock,
        deadline: float = DEADLINE,
        *,
        project: str = "",
    ) -> None:
        self._http = http
        self._root = f"/v3/{quote(project_id, safe='')}"
        self._project = project
        self._read_instances = partial(models.instances, project=project)
        self._budget = budget
        self._clock = clock
        self._deadline = deadline
        self._oddities: set[str] = set()  # already logged
        self._skew = timedelta()
        self.trouble: str | None = None  # the last error, if the last call failed

    @property
    def budget(self) -> Budget:
        """The budget that its calls wait for."""
        return self._budget

    @property
    def queued(self) -> int:
        """How many calls are waiting for the budget."""
        return self._budget.queued

    @property
    def spare_calls(self) -> float:
        """How many calls a minute may be made without delaying those that people wait for."""
        return self._budget.spared * 60 / WINDOW

    @property
    def share(self) -> str | None:
        """How many calls RDS leaves to the bot, in words; None if as many as are configured."""
        share, limit = self._budget.share, self._budget.limit
        if share == limit:
            return None
        return (
            f"{share} of {limit} calls per minute, because RDS answers 429: others use its quota"
        )

    @property
    def clock_skew(self) -> timedelta:
        """RDS's clock minus ours, as last measured, to the second; zero until then."""
        return self._skew

    async def create_backup(
        self,
        instance_id: str,
        name: str,
        description: str = "",
        *,
        on_turn: OnTurn | None = None,
    ) -> Accepted:
        """Start a manual backup. After RdsOutcomeUnknown, look up the name before retrying.

        `on_turn` is awaited right before each try; if it raises, nothing is sent.
        """
        body = {"instance_id": instance_id, "name": name}
        if description:
            body["description"] = description
        try:
            return await self._create(body, on_turn)
        except RdsUnreachable as error:
            if error.retry_after is not None:
                raise
        await self._clock.sleep(RETRY_DELAYS[0])  # it wasn't sent
        return await self._create(body, on_turn)

    async def _create(self, body: Mapping[str, str], on_turn: OnTurn | None) -> Accepted:
        backup, response = await self._send(
            Priority.CREATE, models.created, "POST", "backups", body=body, on_turn=on_turn
        )
        return Accepted(backup, errors.request_id(response))

    async def list_backups(
        self, instance_id: str, *, backup_type: str | None = None, idle: bool = False
    ) -> list[Backup]:
        """Return an instance's backups, of one type or all; `idle` if no one is waiting for them.

        Without a type, an instance with more than 300 backups gets only its full ones, because
        listing thousands of incremental ones would take a call per hundred.
        """
        priority = Priority.IDLE if idle else Priority.LOOK_UP
        about = {"instance_id": instance_id}
        kinds: tuple[str, ...] = FULL
        if backup_type is None:
            first = await self._look(priority, models.backups, "backups", **about, offset=0)
            if (first.size if first.total is None else first.total) <= FEW:
                return await self._all(priority, models.backups, "backups", about, first)
        else:
            kinds = (backup_type,)
        found: dict[str, Backup] = {}
        for kind in kinds:
            listed = await self._all(
                priority, models.backups, "backups", {**about, "backup_type": kind}
            )
            found |= {backup.id: backup for backup in listed}
        return list(found.values())

    async def find_backup(self, instance_id: str, backup_id: str) -> Backup | None:
        """Return one backup as it is now, or None if RDS no longer lists it."""
        page = await self._look(
            Priority.PROGRESS,
            models.backups,
            "backups",
            instance_id=instance_id,
            backup_id=backup_id,
        )
        found = next((backup for backup in page.items if backup.id == backup_id), None)
        if found is None and (page.size or page.total):  # a different backup
            raise self._useless(errors.INCONSISTENT, "backups")
        return found

    async def list_instances(self) -> list[Instance]:
        """Return all instances of the project, including read replicas."""
        return await self._all(Priority.SWEEP, self._read_instances, "instances", {})

    async def find_instance(self, instance_id: str) -> Instance | None:
        """Return one instance as it is now, or None if RDS doesn't list it."""
        page = await self._look(
            Priority.LOOK_UP, self._read_instances, "instances", id=instance_id
        )
        found = next((instance for instance in page.items if instance.id == instance_id), None)
        if found is None and (page.size or page.total):  # different ones
            raise self._useless(errors.INCONSISTENT, "instances")
        return found

    async def list_instance_page(self, number: int) -> list[Instance]:
        """Return one page of the project's instances, counted from 0, as it is now.

        Pages shift when an instance is made or deleted.
        """
        page = await self._look(
            Priority.SWEEP, self._read_instances, "instances", offset=number * PAGE
        )
        return page.items

    async def restore_windows(self, instance_id: str) -> list[RestoreWindow]:
        """Return the spans of time to which RDS can restore an instance, the earliest first."""
        path = f"instances/{quote(instance_id, safe='')}/restore-time"
        return await self._get(Priority.IDLE, models.restore_windows, path)

    async def automated_policy(self, instance_id: str) -> AutomatedPolicy:
        """Return when RDS takes an instance's automated backups, and how long it keeps them."""
        path = f"instances/{quote(instance_id, safe='')}/backups/policy"
        return await self._get(Priority.IDLE, models.automated_policy, path)

    async def copies_to(self, instance_id: str) -> str:
        """Return the region that full backups are copied to automatically; "" if to none."""
        path = f"instances/{quote(instance_id, safe='')}/backups/offsite-policy"
        return await self._get(Priority.IDLE, models.copies_to, path)

    async def delete_backup(self, backup_id: str, *, on_turn: OnTurn | None = None) -> None:
        """Delete a manual backup permanently; `on_turn` as in `create_backup`."""
        path = f"backups/{quote(backup_id, safe='')}"
        await self._send(Priority.CREATE, dict, "DELETE", path, on_turn=on_turn)

    async def _all(
        self,
        priority: Priority,
        read: Read[Page[Item]],
        path: str,
        query: Mapping[str, str],
        first: Page[Item] | None = None,
    ) -> list[Item]:
        """Return a whole list without duplicates; `first` is its first page, if already known.

        Raises RdsUnreachable if the pages are inconsistent at every try.
        """
        for pause in (*RETRY_DELAYS, None):
            pages = await self._pages(priority, read, path, query, first)
            if _is_whole(pages):
                return _unique(pages)
            if pause is not None:
                await self._clock.sleep(pause)
            first = None
        raise self._useless(errors.INCONSISTENT, path)

    async def _pages(
        self,
        priority: Priority,
        read: Read[Page[Item]],
        path: str,
        query: Mapping[str, str],
        page: Page[Item] | None,
    ) -> list[Page[Item]]:
        """Return the pages of a list, up to the last, or the first that repeats an item."""
        pages: list[Page[Item]] = []
        offset, seen = 0, set[str]()
        while offset < LONGEST_LIST:
            page = page or await self._look(priority, read, path, **query, offset=offset)
            pages.append(page)
            offset += page.size
            ids = {item.id for item in page.items}
            ends = page.size != PAGE if page.total is None else offset >= page.total
            if ends or not page.size or not seen.isdisjoint(ids):
                return pages
            seen |= ids
            page = None
        raise self._useless(errors.ENDLESS, path)

    async def _look(
        self, priority: Priority, read: Read[Page[Item]], path: str, **query: str | int
    ) -> Page[Item]:
        """Read one page of a list."""
        page = await self._get(priority, read, path, {**query, "limit": PAGE})
        if page.left_out:
            self._say_once("rds_item_without_id", path)
        return page

    async def _get(
        self,
        priority: Priority,
        read: Read[T],
        path: str,
        query: Mapping[str, str | int] | None = None,
    ) -> T:
        """Read once, or again after a pause if RDS can't be reached."""
        for pause in (*RETRY_DELAYS, None):
            try:
                found, _ = await self._send(priority, read, "GET", path, query=query)
            except RdsUnreachable as error:
                final = error.retry_after is not None or error.code == errors.DEADLINE
                if pause is None or final:
                    raise
                await self._clock.sleep(pause)
            else:
                return found
        raise AssertionError("the last try returns or raises")

    def _useless(self, why: str, path: str) -> RdsUnreachable:
        """Return the error for answers that can be read but make no consistent list."""
        log.warning("rds_list_useless", why=why, path=path)
        self.trouble = why
        return RdsUnreachable(why)

    def _say_once(self, event: str, path: str) -> None:
        if event not in self._oddities:
            self._oddities.add(event)
            log.warning(event, path=path)

    async def _send(
        self,
        priority: Priority,
        read: Read[T],
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, str] | None = None,
        on_turn: OnTurn | None = None,
    ) -> tuple[T, httpx.Response]:
        """Make a call when the budget allows; return what `read` returns, and the response."""
        target = f"{self._root}/{path}" + (
            f"?{urlencode(query, quote_via=quote)}" if query else ""
        )
        content = json.dumps(body).encode() if body is not None else None
        await self._budget.take(priority)
        if on_turn:
            await on_turn()
        try:
            response = await self._sent(method, target, content)
            answer = content_of(read, response, creates=method != "GET")
        except RdsError as error:
            self.trouble = described(error)
            RDS_CALLS.labels(priority.name.lower(), _outcome(error), self._project).inc()
            RDS_ERRORS.labels(errors.counted_as(error), self._project).inc()
            if isinstance(error, RdsUnreachable) and error.retry_after is not None:
                await self._budget.crowded(error.retry_after)
            raise
        self.trouble = None
        RDS_CALLS.labels(priority.name.lower(), "ok", self._project).inc()
        return answer, response

    async def _sent(self, method: str, target: str, content: bytes | None) -> httpx.Response:
        sent_at = self._clock.now()
        with inner_span("rds", method=method, path=target.partition("?")[0]):
            response = await exchange(self._http, method, target, content, deadline=self._deadline)
        self._measure_skew(response.headers.get("Date", ""), sent_at)
        return response

    def _measure_skew(self, date: str, sent_at: datetime) -> None:
        took = self._clock.now() - sent_at
        try:
            at = parsedate_to_datetime(date)
            skew = at.replace(tzinfo=at.tzinfo or UTC) - (sent_at + took / 2)
        except (ValueError, TypeError, OverflowError):
            return  # no date, or an impossible one
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


def _is_whole(pages: list[Page[Item]]) -> bool:
    """Return whether the pages make a complete list; it can change between two calls."""
    total = pages[-1].total
    size = sum(page.size for page in pages)
    if len(pages) == 1:
        return size != PAGE if total is None else size >= total
    ids = [{item.id for item in page.items} for page in pages]
    return (
        len(set().union(*ids)) == sum(map(len, ids))
        and all(page.total == total for page in pages)
        and total in {None, size}
    )


def _unique(pages: list[Page[Item]]) -> list[Item]:
    return list({item.id: item for page in pages for item in page.items}.values())
