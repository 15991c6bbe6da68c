"""What is there: the project's instances, and the backups that RDS keeps of them."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from bot.backups import FORM_PATIENCE, Asked, members_within
from bot.clock import Clock
from bot.domain.decisions import AskVerdict, Decision, decide_request
from bot.domain.errors import RdsError
from bot.domain.instances import Backup, BackupStatus, Instance
from bot.domain.policy import Policy
from bot.domain.requests import BackupRequest, Kind, RequestState
from bot.ports import Catalogue, People, Store

log = structlog.get_logger(__name__)

FRESH = 60.0  # seconds for which a list of backups is believed
PAGE = 10  # rows of one answer
SUGGESTED, RECENT = 100, 5  # instances in one typeahead (Slack's limit), and of one's own on top
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
STALE, GLANCES = 3600.0, 20  # seconds until a list is worth a spare call; and how many of those


class Rds(Protocol):
    async def list_backups(self, instance_id: str, *, idle: bool = False) -> list[Backup]: ...


@dataclass(frozen=True)
class Page:
    """A part of a list: `number` counts from 0; `items` is how long all of it is."""

    number: int
    items: int

    @property
    def count(self) -> int:
        return max(1, -(-self.items // PAGE))


@dataclass(frozen=True)
class BackupsView:
    """Backups of an instance, the newest first; `made` has the requests of those we made."""

    instance: Instance
    backups: Sequence[Backup]
    made: dict[str, BackupRequest]
    every: bool
    page: Page
    at: datetime


@dataclass(frozen=True)
class MadeView:
    """Requests whose backups this bot made, the newest first; `deleted` are ids of backups."""

    requests: Sequence[BackupRequest]
    number: int
    has_more: bool
    at: datetime
    deleted: frozenset[str | None] = frozenset()  # those it also deleted, when asked to


@dataclass(frozen=True)
class InstanceRow:
    """An instance, to one person; `last_good` is None if there is none, or nobody looked yet."""

    instance: Instance
    looked: bool
    last_good: Backup | None
    decision: Decision[AskVerdict]


@dataclass(frozen=True)
class InstancesView:
    like: str | None
    rows: Sequence[InstanceRow]
    page: Page
    at: datetime


class Inventory:
    """Answers from memory where it can; RDS allows sixty calls a minute."""

    def __init__(
        self,
        *,
        rds: Rds,
        store: Store,
        catalogue: Catalogue,
        policy: Policy,
        people: People,
        clock: Clock,
        aliases: Mapping[str, str],
    ) -> None:
        self._aliases = aliases
        self._rds = rds
        self._store = store
        self._catalogue = catalogue
        self._policy = policy
        self._people = people
        self._clock = clock
        self._looking = False
        self._lists: dict[str, tuple[float, list[Backup]]] = {}  # by instance: when, and what
        self._asking: dict[str, asyncio.Task[list[Backup]]] = {}

    async def known(self, patience: float) -> Sequence[Instance]:
        """All instances as they were listed last; none if RDS has not told them in time."""
        return await self._catalogue.known(patience)

    def named(self, reference: str, known: Sequence[Instance]) -> Instance | None:
        """The one that an id, a name or an alias means, without a doubt; None if there is none."""
        wanted = self._aliases.get(reference, reference)
        by_id = [instance for instance in known if instance.id == wanted]
        found = by_id or [instance for instance in known if instance.name == wanted]
        return found[0] if len(found) == 1 and not found[0].is_replica else None

    async def listed(self, instance_id: str, patience: float) -> list[Backup]:
        """The instance's backups, at most a minute old; those who ask at once share a call.

        Raises TimeoutError if RDS does not answer within `patience` seconds of real time.
        """
        at, backups = self._lists.get(instance_id, (float("-inf"), []))
        if self._clock.monotonic() - at <= FRESH:
            return backups
        if instance_id not in self._asking:
            task = asyncio.create_task(self._list(instance_id))
            self._asking[instance_id] = task
            task.add_done_callback(lambda done: self._asked(instance_id, done))
        async with asyncio.timeout(patience):
            return await asyncio.shield(self._asking[instance_id])

    def _asked(self, instance_id: str, done: asyncio.Task[list[Backup]]) -> None:
        self._asking.pop(instance_id, None)
        if not done.cancelled():
            done.exception()  # nobody may be left who waits for it

    async def _list(self, instance_id: str, *, idle: bool = False) -> list[Backup]:
        asked_at = self._clock.monotonic()
        backups = await self._rds.list_backups(instance_id, idle=idle)
        self._lists[instance_id] = asked_at, backups
        return backups

    async def backups(
        self, reference: str, *, every: bool, number: int, patience: float
    ) -> BackupsView:
        """A page of an instance's manual backups, or of `every` one.

        Raises what `Catalogue.find` raises, RdsError, and TimeoutError.
        """
        instance = await self._catalogue.find(reference, patience)
        found = await self.listed(instance.id, patience)
        wanted = [backup for backup in found if every or backup.type == "manual"]
        wanted.sort(key=_begun, reverse=True)
        page = _page(number, len(wanted))
        shown = wanted[page.number * PAGE :][:PAGE]
        made = await self._store.requests(
            names=[backup.name for backup in shown], kind=Kind.CREATE, limit=10 * PAGE
        )
        ours = {r.backup_id: r for r in made if r.backup_id}
        return BackupsView(instance, shown, ours, every, page, self._clock.now())

    async def made(self, number: int) -> MadeView:
        """A page of the backups that this bot made, the newest first."""
        found = await self._store.requests(
            kind=Kind.CREATE,
            states=[RequestState.COMPLETED],
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
        self, like: str | None, asked: Asked, *, number: int, patience: float
    ) -> InstancesView:
        """A page of the instances whose name, id or alias holds `like`; RDS is asked at once.

        What it does not tell in time is left open.
        """
        known = await self._catalogue.known(patience)
        wanted = sorted(matching(known, like or "", self._aliases), key=lambda found: found.name)
        page = _page(number, len(wanted))
        shown = wanted[page.number * PAGE :][:PAGE]
        terms = [self._policy.terms_for(found.name, found.id) for found in shown]
        people = {person for t in terms for person in (*t.requesters, *t.approvers)}
        looking = asyncio.gather(*(self._within(found.id, patience) for found in shown))
        members = await members_within(FORM_PATIENCE, self._people, (*people, asked.user_id))
        await looking
        rows = [
            InstanceRow(
                found,
                found.id in self._lists,
                self.last_good(found.id),
                decide_request(
                    term, user=asked.user_id, channel=asked.channel_id, members=members
                ),
            )
            for found, term in zip(shown, terms, strict=True)
        ]
        return InstancesView(like, rows, page, self._clock.now())

    async def _within(self, instance_id: str, patience: float) -> None:
        with suppress(RdsError, TimeoutError):
            await self.listed(instance_id, patience)

    def last_good(self, instance_id: str) -> Backup | None:
        """The newest backup that completed, as far as is known."""
        _, backups = self._lists.get(instance_id, (0.0, []))
        good = [
            backup
            for backup in backups
            if backup.status == BackupStatus.COMPLETED and backup.type != "incremental"
        ]
        return max(good, key=_begun, default=None)

    async def suggest(
        self, text: str, user_id: str, patience: float
    ) -> tuple[list[Instance], list[Instance]]:
        """For a typeahead: the person's own recent instances, and the others, by name."""
        known = await self._catalogue.known(patience)
        found = {instance.id: instance for instance in matching(known, text, self._aliases)}
        asked = await self._store.requests(requester=user_id, limit=10 * RECENT)
        used = dict.fromkeys(r.instance.id for r in asked if r.instance)
        recent = [found.pop(instance_id) for instance_id in used if instance_id in found][:RECENT]
        others = sorted(found.values(), key=lambda instance: _nearness(instance, text))
        return recent, others[: SUGGESTED - len(recent)]

    async def overdue(self, after: timedelta) -> list[tuple[Instance, Backup | None]]:
        """The instances whose last good backup is older than that, or that have none."""
        since = self._clock.now() - after
        late = []
        for instance in matching(await self._catalogue.known(0.0), ""):
            if instance.id in self._lists:
                last = self.last_good(instance.id)
                if last is None or (begun := last.begin_time) is None or begun < since:
                    late.append((instance, last))
        return sorted(late, key=lambda row: _begun(row[1]) if row[1] else LONG_AGO)

    async def look_around(self) -> None:
        """Spend a few spare calls on the instances whose backups were listed longest ago."""
        if self._looking:
            return
        self._looking = True
        try:
            instances = matching(await self._catalogue.known(0.0), "")
            long_ago = self._clock.monotonic() - STALE
            stale = [instance for instance in instances if self._seen_at(instance) < long_ago]
            for instance in sorted(stale, key=self._seen_at)[:GLANCES]:
                await self._list(instance.id, idle=True)
        except RdsError as error:
            log.info("looking_around_ended", code=error.code)
        finally:
            self._looking = False

    def _seen_at(self, instance: Instance) -> float:
        return self._lists.get(instance.id, (float("-inf"), []))[0]


def matching(
    instances: Sequence[Instance], text: str, aliases: Mapping[str, str] | None = None
) -> list[Instance]:
    """Those that can be backed up, and whose name, id or alias holds the text."""
    wanted = text.strip().lower()
    meant = {ref for alias, ref in (aliases or {}).items() if wanted in alias.lower()}
    return [
        instance
        for instance in instances
        if not instance.is_replica
        and (
            wanted in instance.name.lower()
            or wanted in instance.id
            or not meant.isdisjoint((instance.name, instance.id))
        )
    ]


def _nearness(instance: Instance, text: str) -> tuple[bool, str]:
    """What begins with the text goes first."""
    return not instance.name.lower().startswith(text.strip().lower()), instance.name


def _page(number: int, items: int) -> Page:
    return Page(min(max(0, number), max(0, -(-items // PAGE) - 1)), items)


def _begun(backup: Backup) -> datetime:
    return backup.begin_time or LONG_AGO
