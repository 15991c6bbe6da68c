"""List the project's instances and their backups."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.application.backup_cache import BackupCache
from bot.application.deadlines import FORM_TIMEOUT, members_within
from bot.application.origin import Origin
from bot.application.ports import Catalogue, People, Store
from bot.domain.decisions import AskVerdict, Decision, decide_request
from bot.domain.errors import RdsError
from bot.domain.instances import LONG_AGO, Backup, Instance, begun, matching
from bot.domain.policy import Policy
from bot.domain.requests import BackupRequest, Kind
from bot.domain.states import RequestState
from bot.runtime.clock import Clock

PAGE = 10  # rows in one answer
RECENT = 600.0  # seconds; twice the refresh interval of the list


@dataclass(frozen=True)
class Page:
    """A page of a list: `number` counts from 0, `items` is the length of the whole list."""

    number: int
    items: int

    @property
    def count(self) -> int:
        return max(1, -(-self.items // PAGE))


@dataclass(frozen=True)
class BackupsView:
    """Backups of an instance, newest first; `made` holds the requests for the bot's own."""

    instance: Instance
    backups: Sequence[Backup]
    made: dict[str, BackupRequest]
    every: bool
    page: Page
    at: datetime


@dataclass(frozen=True)
class MadeView:
    """Requests whose backups this bot made, newest first; `deleted` holds backup IDs."""

    requests: Sequence[BackupRequest]
    number: int
    has_more: bool
    at: datetime
    deleted: frozenset[str | None] = frozenset()  # those the bot deleted on request


@dataclass(frozen=True)
class InstanceRow:
    """An instance as one person sees it; `last_good` is None if unknown or if there is none."""

    instance: Instance
    looked: bool
    last_good: Backup | None
    decision: Decision[AskVerdict]


@dataclass(frozen=True)
class InstancesView:
    """A page of instances; `as_of` is when RDS listed them, unless that is recent.

    With several projects, `unread` are instead those that couldn't be listed recently.
    """

    like: str | None
    rows: Sequence[InstanceRow]
    page: Page
    at: datetime
    as_of: datetime | None = None
    unread: Sequence[str] = ()


class Inventory:
    """Returns instances and backups, one page at a time."""

    def __init__(
        self,
        *,
        lists: BackupCache,
        store: Store,
        catalogue: Catalogue,
        policy: Policy,
        people: People,
        clock: Clock,
        aliases: Mapping[str, str],
    ) -> None:
        self._lists = lists
        self._aliases = aliases
        self._store = store
        self._catalogue = catalogue
        self._policy = policy
        self._people = people
        self._clock = clock

    async def backups(
        self,
        reference: str,
        teams: Collection[str],
        *,
        every: bool,
        number: int,
        timeout_seconds: float,
    ) -> BackupsView:
        """Return a page of an instance's manual backups, or of `every` backup.

        Who requested them is told of requests from these workspaces only.

        Raises what `Catalogue.find` raises, RdsError, and TimeoutError.
        """
        instance = await self._catalogue.find(reference, timeout_seconds)
        found = await self._lists.of(instance.id, timeout_seconds)
        wanted = [backup for backup in found if every or backup.type == "manual"]
        wanted.sort(key=begun, reverse=True)
        page = _page(number, len(wanted))
        shown = wanted[page.number * PAGE :][:PAGE]
        made = await self._store.requests(
            names=[backup.name for backup in shown],
            kind=Kind.CREATE,
            teams=teams,
            limit=10 * PAGE,
        )
        ours = {r.backup_id: r for r in made if r.backup_id}
        return BackupsView(instance, shown, ours, every, page, self._clock.now())

    async def made(self, number: int, teams: Collection[str]) -> MadeView:
        """Return a page of the backups that this bot made for these workspaces, newest first."""
        found = await self._store.requests(
            kind=Kind.CREATE,
            states=[RequestState.COMPLETED],
            teams=teams,
            offset=number * PAGE,
            limit=PAGE + 1,
        )
        shown = found[:PAGE]
        deletions = await self._store.requests(
            names=[request.name for request in shown],
            kind=Kind.DELETE,
            states=[RequestState.DELETED],
            limit=10 * PAGE,
        )
        deleted = frozenset(request.backup_id for request in deletions)
        return MadeView(shown, number, len(found) > PAGE, self._clock.now(), deleted)

    async def instances(
        self, like: str | None, origin: Origin, *, number: int, timeout_seconds: float
    ) -> InstancesView:
        """Return a page of the instances whose name, ID, or alias contains `like`.

        Asks RDS about all of them at once; what it doesn't answer in time is left out.
        """
        known = await self._catalogue.known(timeout_seconds)
        age, unread = self._catalogue.age, self._catalogue.unread(RECENT)
        is_recent = unread or age < RECENT
        as_of = None if is_recent else self._clock.now() - timedelta(seconds=age)
        wanted = sorted(matching(known, like or "", self._aliases), key=lambda found: found.label)
        page = _page(number, len(wanted))
        shown = wanted[page.number * PAGE :][:PAGE]
        terms = [self._policy.terms_for(found.name, found.id, found.project) for found in shown]
        people = {person for t in terms for person in (*t.requesters, *t.approvers)}
        looking = asyncio.gather(*(self._within(found.id, timeout_seconds) for found in shown))
        members = await members_within(FORM_TIMEOUT, self._people, (*people, origin.user_id))
        await looking
        rows = [
            InstanceRow(
                found,
                self._lists.knows(found.id),
                self._lists.last_good(found.id),
                decide_request(
                    term, user=origin.user_id, channel=origin.channel_id, members=members
                ),
            )
            for found, term in zip(shown, terms, strict=True)
        ]
        return InstancesView(like, rows, page, self._clock.now(), as_of, unread)

    async def _within(self, instance_id: str, timeout_seconds: float) -> None:
        with suppress(RdsError, TimeoutError):
            await self._lists.of(instance_id, timeout_seconds)

    async def look_around(self) -> None:
        """Refresh the oldest lists of backups with a few low-priority calls."""
        await self._lists.look_around(matching(await self._catalogue.known(0.0), ""))

    async def stale(self, after: timedelta) -> list[tuple[Instance, Backup | None]]:
        """Return the instances without a successful backup since then."""
        since = self._clock.now() - after
        found = []
        for instance in matching(await self._catalogue.known(0.0), ""):
            if self._lists.knows(instance.id):
                last = self._lists.last_good(instance.id)
                if last is None or (at := last.begin_time) is None or at < since:
                    found.append((instance, last))
        return sorted(found, key=lambda row: begun(row[1]) if row[1] else LONG_AGO)


def _page(number: int, items: int) -> Page:
    return Page(min(max(0, number), max(0, -(-items // PAGE) - 1)), items)
