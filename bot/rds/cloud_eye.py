"""Learn from Cloud Eye which instances had a failed backup, without a call to RDS.

Cloud Eye has a limit of its own. It records `fullBackupFailed` for manual and automated backups,
and nothing when one starts or succeeds.

Source: "API Reference", Cloud Eye, chapter "Event Monitoring".
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import quote, urlencode

import httpx
import structlog

from bot.domain.attempts import MENDING_GAP
from bot.domain.errors import REFUSED_KEYS, RdsError, RdsRefused, RdsUnreachable
from bot.rds import models
from bot.rds.client import DEADLINE, MOST_SKEW
from bot.rds.exchange import Read, content_of, described, exchange
from bot.rds.models import Event, EventSummary
from bot.runtime.backoff import Backoff
from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)
T = TypeVar("T")

FAILED = "fullBackupFailed"
PAGE = 100  # events per query; the watcher finds any others in its own checks
GAP = 60.0  # seconds between two looks
LONGEST_GAP = 600.0  # seconds before the next look after failures
LATE = timedelta(minutes=10)  # how late an event can appear
OVERLAP = LATE + MOST_SKEW  # of two looks, even if our clock is wrong
LONGEST_LOOK = timedelta(days=1)  # after an outage
MOST_REMEMBERED = 10_000  # events


class CloudEyeClient:
    """Cloud Eye's events of failed full backups in a project. Raises RdsError; retries nothing."""

    def __init__(
        self, http: httpx.AsyncClient, project_id: str, deadline: float = DEADLINE
    ) -> None:
        self._http = http
        self._root = f"/V1.0/{quote(project_id, safe='')}"
        self._deadline = deadline

    async def summary(self, since: datetime, until: datetime) -> EventSummary:
        """Return how many backups failed in this time, and when the last one did."""
        return await self._get(
            lambda body: models.event_summary(body, FAILED),
            "events",
            since,
            until,
            event_name=FAILED,
        )

    async def events(self, since: datetime, until: datetime) -> list[Event]:
        """Return the events of failed backups in this time, at most 100."""
        return await self._get(models.events, f"event/{FAILED}", since, until)

    async def _get(
        self, read: Read[T], path: str, since: datetime, until: datetime, **query: str
    ) -> T:
        asked = {
            "event_type": "EVENT.SYS",
            **query,
            "from": _milliseconds(since),
            "to": _milliseconds(until),
            "start": 0,
            "limit": PAGE,
        }
        target = f"{self._root}/{path}?{urlencode(asked, quote_via=quote)}"
        response = await exchange(self._http, "GET", target, deadline=self._deadline)
        return content_of(read, response, creates=False)


class CloudEye:
    """Asks once a minute, and calls `wake` with the ID of each instance whose backup failed.

    It decides nothing: RDS says how a backup ended. `now` is Cloud Eye's time of day, as far as it
    is known.
    """

    def __init__(
        self,
        client: CloudEyeClient,
        wake: Callable[[str], None],
        clock: Clock,
        now: Callable[[], datetime] | None = None,
        *,
        project: str = "",
    ) -> None:
        self._client = client
        self._listeners = [wake]
        self._clock = clock
        self._now = now or clock.now
        self._log = log.bind(project=project)
        self._known: dict[str, int] = {}  # when each event occurred, by its ID
        self._looked_at = clock.monotonic()  # the last look that succeeded
        self._backoff = Backoff(clock, GAP, LONGEST_GAP)
        self.trouble: str | None = None  # the last error, if the last look failed

    def listen(self, wake: Callable[[str], None]) -> None:
        """Call this, too, with the ID of each instance whose backup failed."""
        self._listeners.append(wake)

    async def run(self) -> None:
        """Look once a minute, forever; no error ends it. Logs the start and end of an outage."""
        while True:
            await self._clock.sleep(await self._wake_all())

    async def new_failures(self) -> list[str]:
        """Return the IDs of instances with failed backups not returned before. Raises RdsError.

        A look overlaps the one before, so that an event that appears late isn't missed. How long
        ago that was is measured by a clock that nobody sets.
        """
        started = self._clock.monotonic()
        span = timedelta(seconds=started - self._looked_at) + OVERLAP
        until = self._now()
        since = until - min(span, LONGEST_LOOK)
        found: list[Event] = []
        summary = await self._client.summary(since, until)
        if not self._is_known(summary, since, until):
            events = await self._client.events(since, until)
            found = [event for event in events if event.id not in self._known]
            self._remember(found)
        self._looked_at = started
        return list(dict.fromkeys(event.resource_id for event in found if event.resource_id))

    def _is_known(self, summary: EventSummary, since: datetime, until: datetime) -> bool:
        """Return whether the events of this time are those that are known."""
        first, last = _milliseconds(since), _milliseconds(until)
        known = [at for at in self._known.values() if first <= at <= last]
        latest_is_known = summary.latest is None or summary.latest in known
        return summary.times == len(known) and latest_is_known

    def _remember(self, events: list[Event]) -> None:
        self._known |= {event.id: event.at for event in events}
        for event_id in list(self._known)[:-MOST_REMEMBERED]:
            del self._known[event_id]

    async def _wake_all(self) -> float:
        """Look, and wake what failed; return the seconds until the next look."""
        try:
            for instance_id in await self.new_failures():
                for wake in self._listeners:
                    wake(instance_id)
        except RdsError as error:
            return self._failed(error)
        except Exception as error:  # noqa: BLE001, whatever it is: RDS is still watched
            return self._failed(RdsUnreachable(type(error).__name__), exc_info=error)
        if self.trouble is not None:
            self._log.info("cloud_eye_reachable_again")
        self.trouble = None
        self._backoff.reset()
        return GAP

    def _failed(self, error: RdsError, *, exc_info: Exception | None = None) -> float:
        """Note and log the failure; return the seconds until the next look."""
        code, refused = described(error), isinstance(error, RdsRefused)
        if self.trouble is None:
            told = {"code": code, "refused": refused, "request_id": error.request_id}
            self._log.warning("cloud_eye_unreachable", **told, exc_info=exc_info)
        self.trouble = f"{'refused' if refused else 'not responding'} ({code})"
        delay = min(self._backoff.failed(), LONGEST_GAP)
        if isinstance(error, RdsRefused) and error.reason in REFUSED_KEYS:
            return MENDING_GAP.total_seconds()
        asked = error.retry_after if isinstance(error, RdsUnreachable) else None
        return max(delay, asked or 0.0)


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
