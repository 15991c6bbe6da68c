"""Watch instances from a channel, and show what is watched and how well it is protected."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Protocol
from uuid import uuid4

from bot.application.backup_cache import BackupCache
from bot.application.origin import Origin
from bot.application.ports import Catalogue
from bot.domain.assessment import assess
from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.commands import UnwatchInstances, WatchInstances
from bot.domain.errors import RdsError
from bot.domain.incidents import Finding, Incident
from bot.domain.instances import Instance, matching
from bot.domain.observations import (
    Observed,
    first_seen,
    saw_automated,
    saw_manual,
)
from bot.domain.policy import Policy
from bot.domain.posture import Posture, Verdict, posture_of
from bot.domain.watches import FRESH_WITHIN, Limits, Watch, is_too_short, watching
from bot.runtime.cache import Cache
from bot.runtime.clock import Clock

GLOB = set("*?[")
EVERY_DAY = range(1, 8)
WORST_TTL, MOST_WORST = 600.0, 3  # seconds, and instances on the home tab
MOST_ASKED = 5  # instances, about the days of their automated backups
POLICY_TIMEOUT = 5.0  # seconds for that


class Incidents(Protocol):
    """Watches, and what is known of watched instances. Raises StoreUnavailable."""

    async def watches(self) -> list[Watch]: ...
    async def add_watch(self, watch: Watch, *entries: AuditEntry) -> None: ...
    async def remove_watches(self, found: Sequence[Watch], *entries: AuditEntry) -> None: ...
    async def observed(self, instance_id: str) -> Observed | None: ...
    async def all_observed(self) -> list[Observed]: ...
    async def open(self, channel_id: str | None = None) -> list[Incident]: ...


class Monitor(Protocol):
    """Reads what is watched."""

    def wake(self) -> None: ...


@dataclass(frozen=True)
class WatchAdded:
    """A new watch, and what it covers now."""

    watch: Watch
    covered: Sequence[Instance]
    too_short: Sequence[str] = ()  # instances whose automated backups are too far apart
    off: Sequence[str] = ()  # instances without automated backups
    before: Watch | None = None  # the channel's watch of the same instances, now replaced
    elsewhere: Sequence[str] = ()  # other channels that watch some of them


@dataclass(frozen=True)
class WatchRemoved:
    """Watches that ended; none if the channel has no such watch. `of_file` can't be removed."""

    pattern: str
    removed: Sequence[Watch]
    of_file: Watch | None = None
    others: Sequence[Watch] = ()  # that the channel has


@dataclass(frozen=True)
class WatchesView:
    """A channel's watches, how many instances each covers, and its open incidents."""

    watches: Sequence[tuple[Watch, int]]
    incidents: Sequence[Incident]
    at: datetime


@dataclass(frozen=True)
class WatchTest:
    """Who hears about an instance, and what each channel would be told now."""

    instance: Instance
    covering: Sequence[tuple[Watch, Sequence[Finding]]]
    read_at: datetime | None


class Watches:
    """The watches of the file, and those that people make."""

    def __init__(
        self,
        *,
        incidents: Incidents,
        catalogue: Catalogue,
        lists: BackupCache,
        policy: Policy,
        monitor: Monitor,
        clock: Clock,
        of_file: Sequence[Watch] = (),
    ) -> None:
        self._incidents = incidents
        self._catalogue = catalogue
        self._lists = lists
        self._policy = policy
        self._worst = Cache[str, list[Posture]](clock)
        self._monitor = monitor
        self._clock = clock
        self._of_file = tuple(of_file)

    async def add(
        self, command: WatchInstances, origin: Origin, timeout_seconds: float
    ) -> WatchAdded:
        """Watch instances from the channel. A name or an alias has to exist; a glob needn't.

        Raises what `Catalogue.find` raises, and StoreUnavailable.
        """
        pattern, known = command.instances, matching(await self._catalogue.known(0.5), "")
        if not GLOB & set(pattern):
            pattern = (await self._catalogue.find(pattern, timeout_seconds)).label or pattern
        watch = Watch(
            id=f"w{uuid4().hex}",
            channel_id=origin.channel_id,
            instances=(pattern,),
            limits=Limits(fresh_within=command.fresh_within or FRESH_WITHIN),
            created_by=origin.user_id,
            created_at=self._clock.now(),
        )
        every = await self.all()
        before = next((w for w in every if _is_same(w, watch)), None)
        if before is not None:
            watch = watch.model_copy(update={"id": before.id})
        await self._incidents.add_watch(watch, self._entry(AuditAction.WATCH_ADDED, watch, origin))
        self._monitor.wake()
        covered = [one for one in known if _covers(watch, one)]
        return WatchAdded(
            watch=watch,
            covered=covered,
            too_short=await self._too_short(watch, covered),
            off=[one.label for one in covered if one.keep_days == 0],
            before=before,
            elsewhere=_elsewhere(every, watch, covered),
        )

    async def _too_short(self, watch: Watch, covered: Sequence[Instance]) -> list[str]:
        """Return the instances whose automated backups are too far apart for the limit.

        On which days RDS makes them costs a call each, so only a few instances are asked about.
        """
        automated = [one for one in covered if one.keep_days != 0]
        if is_too_short(watch.limits, EVERY_DAY):
            return [one.label for one in automated]
        found: list[str] = []
        with suppress(RdsError, TimeoutError):
            async with asyncio.timeout(POLICY_TIMEOUT):
                for one in automated[:MOST_ASKED]:
                    policy = await self._lists.automated_policy(one.id)
                    if is_too_short(watch.limits, policy.days):
                        found.append(one.label)
        return found

    async def remove(self, command: UnwatchInstances, origin: Origin) -> WatchRemoved:
        """End the channel's watch of these instances. Raises StoreUnavailable."""
        ours = [w for w in await self.all() if w.channel_id == origin.channel_id]
        named = [w for w in ours if command.instances in w.instances]
        of_file = next((w for w in named if w.number is not None), None)
        removed = [w for w in named if w.number is None]
        entries = [self._entry(AuditAction.WATCH_REMOVED, w, origin) for w in removed]
        if removed:
            await self._incidents.remove_watches(removed, *entries)
            self._monitor.wake()
        others = [w for w in ours if w not in named]
        return WatchRemoved(command.instances, removed, of_file, others)

    def now(self) -> datetime:
        """Return the time."""
        return self._clock.now()

    async def all(self) -> list[Watch]:
        """Return all watches, those of the file first. Raises StoreUnavailable."""
        return [*self._of_file, *await self._incidents.watches()]

    async def of_channel(self, origin: Origin) -> WatchesView:
        """Return the channel's watches and open incidents. Raises StoreUnavailable."""
        known = matching(await self._catalogue.known(0.5), "")
        ours = [w for w in await self.all() if w.channel_id == origin.channel_id]
        counted = [(w, sum(_covers(w, one) for one in known)) for w in ours]
        incidents = await self._incidents.open(origin.channel_id)
        return WatchesView(counted, incidents, self._clock.now())

    async def test(self, reference: str, timeout_seconds: float) -> WatchTest:
        """Return who hears about an instance. Raises what `Catalogue.find` raises."""
        instance = await self._catalogue.find(reference, timeout_seconds)
        known = await self._incidents.observed(instance.id)
        covering = [w for w in await self.all() if _covers(w, instance)]
        found = [(w, assess(known, w.limits) if known else []) for w in covering]
        return WatchTest(instance, found, known.read_at if known else None)

    async def posture(self, reference: str, timeout_seconds: float) -> Posture:
        """Return how well an instance is protected; reads its backups if no one watches it.

        Raises what `Catalogue.find` raises, RdsError, TimeoutError, and StoreUnavailable.
        """
        instance = await self._catalogue.find(reference, timeout_seconds)
        known = await self._incidents.observed(instance.id)
        if known is None or known.read_at is None:
            known = await self._read(instance, timeout_seconds)
        return self._posture(known, await self.all())

    async def postures(self, channel_id: str | None = None) -> list[Posture]:
        """Return those of all instances that a channel watches, or any, the worst first."""
        watches = await self.all()
        found = [
            self._posture(known, watches)
            for known in await self._incidents.all_observed()
            if known.gone_at is None and _is_watched(watches, known, channel_id)
        ]
        return sorted(
            found,
            key=lambda p: (-p.count(Verdict.FAIL), -p.count(Verdict.UNKNOWN), p.instance_name),
        )

    async def open_incidents(self) -> list[Incident]:
        """Return all open incidents, oldest first. Raises StoreUnavailable."""
        return await self._incidents.open()

    async def worst(self) -> list[Posture]:
        """Return the watched instances that fail most controls, as of the last ten minutes."""
        failing = await self._worst.get("worst", self._failing, ttl=WORST_TTL)
        return failing[:MOST_WORST]

    async def _failing(self) -> list[Posture]:
        return [one for one in await self.postures() if one.count(Verdict.FAIL)]

    async def _read(self, instance: Instance, timeout_seconds: float) -> Observed:
        at = self._clock.now()
        listed = await self._lists.of(instance.id, timeout_seconds)
        known = saw_automated(
            first_seen(instance, at), [b for b in listed if b.type == "auto"], at
        )
        return saw_manual(known, listed, at)

    def _posture(self, known: Observed, watches: Sequence[Watch]) -> Posture:
        limits = [
            one.limits for one in watching(watches, known.name, known.instance_id, known.project)
        ]
        strictest = reduce(Limits.stricter, limits) if limits else Limits()
        terms = self._policy.terms_for(known.name, known.instance_id, known.project)
        now = self._clock.now()
        return posture_of(known, strictest, terms, now, is_watched=bool(limits))

    def _entry(self, action: AuditAction, watch: Watch, origin: Origin) -> AuditEntry:
        detail = {"channel": watch.channel_id, "watch": ", ".join(watch.instances)}
        return AuditEntry(
            at=self._clock.now(),
            request_id=None,
            actor=origin.user_id,
            action=action,
            detail=detail,
        )


def _covers(watch: Watch, instance: Instance) -> bool:
    return watch.covers(instance.name, instance.id, instance.project)


def _is_same(one: Watch, other: Watch) -> bool:
    is_here = one.channel_id == other.channel_id and one.number is None
    return is_here and one.instances == other.instances


def _is_watched(watches: Sequence[Watch], known: Observed, channel_id: str | None) -> bool:
    found = watching(watches, known.name, known.instance_id, known.project)
    return any(channel_id in {None, one.channel_id} for one in found)


def _elsewhere(every: Sequence[Watch], watch: Watch, covered: Sequence[Instance]) -> list[str]:
    """Return the other channels that watch some of the same instances."""
    others = [w for w in every if w.channel_id != watch.channel_id]
    found = {w.channel_id for w in others for one in covered if _covers(w, one)}
    return sorted(found)
