"""Keep watched instances read, and their incidents true."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from bot.application.ports import Change, Conflict
from bot.domain.assessment import assess, assess_channel
from bot.domain.attempts import MENDING_GAP
from bot.domain.channels import Channel
from bot.domain.errors import (
    RdsError,
    RdsRefused,
    RdsUnreachable,
    RefusalReason,
    StoreUnavailable,
)
from bot.domain.incidents import Incident
from bot.domain.instances import Backup, BackupStatus, Named
from bot.domain.observations import Observed, Pulse, could_not_read, first_seen
from bot.domain.successes import new_successes
from bot.domain.triage import Step, awake, triage, unwatched
from bot.domain.watches import Watch, Watching, watching
from bot.monitor.changes import Changes, woken_up
from bot.monitor.digests import DigestMaker
from bot.monitor.ports import Incidents, Own
from bot.monitor.reading import Learn, Reader, is_refused, next_read
from bot.monitor.successes import SuccessTeller
from bot.runtime.backoff import Backoff
from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)

ROUND = 300.0  # seconds between two looks at the watches, and at what is true of whole channels
GAPS = 15.0, 300.0  # seconds between two tries while RDS is away: the first, the longest
STORE_GAP = 5.0  # seconds until a database that isn't responding is tried again
POISONED = timedelta(hours=1)  # until an instance is read again that made the bot fail
REMEMBERED = timedelta(days=30)  # of ended incidents, and of instances that are gone
MOST_TRIES = 5  # to save, while people click
A_FEW = 200  # instances that are looked at without a pause


class _Project:
    """Whether a project's RDS can be read, and when it's tried again."""

    def __init__(self, clock: Clock) -> None:
        self.backoff = Backoff(clock, *GAPS)
        self.not_before = float("-inf")  # on the clock's monotonic scale
        self.suspect: str | None = None  # the instance that RDS failed for last
        self.trouble: str | None = None  # why it can't be read, if it can't


class Monitor:
    """`run` is its only task. On PostgreSQL replicas share the reading: each takes what is due."""

    def __init__(  # noqa: PLR0913, each is of another kind
        self,
        reader: Reader,
        incidents: Incidents,
        own: Own,
        digests: DigestMaker,
        clock: Clock,
        *,
        of_file: Sequence[Watch] = (),
        channels: Iterable[Channel] = (),
        projects: Sequence[str] = ("",),
    ) -> None:
        """Read the instances of these projects, the default one first."""
        self._reader = reader
        self._incidents = incidents
        self._own = own
        self._digests = digests
        self._clock = clock
        self._of_file = tuple(of_file)
        channels = tuple(channels)
        self._changes = Changes(channels)
        self._successes = SuccessTeller(channels)
        self._watches: Sequence[Watch] = self._of_file
        self._started_at = clock.now()
        self._next_look = float("-inf")
        self._projects = {name: _Project(clock) for name in projects}
        self._woken = asyncio.Event()
        self._hurried: set[str] = set()  # instances to read at once

    @property
    def trouble(self) -> str | None:
        """Why RDS can't be read, if it can't; with several projects, which of them."""
        if len(self._projects) == 1:
            return next(iter(self._projects.values())).trouble
        found = [f"{n}: {one.trouble}" for n, one in self._projects.items() if one.trouble]
        return "; ".join(found) or None

    def wake(self) -> None:
        """Look at the watches now, because they have changed."""
        self._next_look = float("-inf")
        self._woken.set()

    def hurry(self, instance_id: str) -> None:
        """Read an instance at once, if it is watched."""
        self._hurried.add(instance_id)
        self._woken.set()

    async def is_well(self) -> bool:
        """Return whether every watched instance was read in time. Raises StoreUnavailable."""
        now = self._clock.now()
        return not assess_channel(await self._incidents.pulses(), self._started_at, now)

    async def run(self) -> None:
        """Read and tell forever; no failure ends it."""
        while True:
            self._woken.clear()
            try:
                wait = await self.step()
            except StoreUnavailable:
                wait, self._next_look = STORE_GAP, float("-inf")
            except Exception:  # whatever it is, the next round may do better
                log.exception("monitor_fell_over")
                wait = ROUND
            if wait > 0:
                await self._clock.wait(self._woken, wait)

    async def step(self) -> float:
        """Do what is due; return the seconds until something is."""
        now = self._clock.monotonic()
        if hurried := set(self._hurried):
            await self._incidents.hurry(hurried, self._clock.now())
            self._hurried -= hurried
        if now >= self._next_look:
            self._next_look = now + ROUND  # or at once, if it's woken meanwhile
            pulses = await self._look_at_watches()
            await self._look_at_channels(pulses)
            events = [await self._end_snoozes(), await self._make_digests()]
            self._next_look = min([self._next_look, *(now + wait for wait in events)])
        until_round = max(0.0, self._next_look - self._clock.monotonic())
        held = min(one.not_before for one in self._projects.values()) - now
        if not self._watches or held > 0:
            return min(until_round, held) if self._watches else until_round
        known = await self._incidents.claim(self._clock.now())
        if known is None:
            return min(until_round, await self._until_due())
        await self._visit(known)
        return 0.0

    async def _make_digests(self) -> float:
        """Make those that are due; one that can't be made holds up no reading."""
        try:
            return await self._digests.make_due(self._watches)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("digest_fell_over")
            return ROUND

    async def _until_due(self) -> float:
        now = self._clock.now()
        due = await self._incidents.next_due(now)
        return max(1.0, (due - now).total_seconds()) if due else ROUND

    async def _load_watches(self) -> None:
        self._watches = (*self._of_file, *await self._incidents.watches())

    async def _look_at_watches(self) -> list[Pulse]:
        """Begin to watch new instances that match, and forget those that no longer do.

        What other replicas add meanwhile is left alone: watches come after what they brought.
        """
        opened, pulses = await self._incidents.open(), await self._incidents.pulses()
        await self._load_watches()
        instances = await self._reader.instances() if self._watches else []
        now = self._clock.now()
        watched = {pulse.instance_id for pulse in pulses}
        named: dict[str, Named] = {p.instance_id: p for p in pulses}
        named |= {i.id: i for i in instances}
        channels = await self._channels_of(named)
        if new := [i for i in instances if channels[i.id] and i.id not in watched]:
            await self._incidents.begin([first_seen(i, now) for i in new], now)
        old = {p.instance_id for p in pulses if p.gone_at and now - p.gone_at > REMEMBERED}
        gone = {id_ for id_ in watched if not channels[id_]} | old
        over = [
            incident
            for incident in opened
            if incident.instance_id
            and (
                incident.instance_id in gone
                or incident.channel_id not in channels.get(incident.instance_id, ())
            )
        ]
        await self._save([self._changes.of(step, now) for step in unwatched(over, now)])
        if gone:
            await self._incidents.end(gone)
        return [pulse for pulse in pulses if pulse.instance_id not in gone]

    async def _channels_of(self, named: Mapping[str, Named]) -> Mapping[str, set[str]]:
        """Return the channels that watch each instance, by ID."""
        found: dict[str, set[str]] = {}
        for instance_id, one in named.items():
            found[instance_id] = {
                watch.channel_id
                for watch in self._watches
                if watch.covers(one.name, instance_id, one.project)
            }
            if len(found) % A_FEW == 0:
                await asyncio.sleep(0)  # people wait for acks
        return found

    async def _look_at_channels(self, known: Sequence[Pulse]) -> None:
        """Say what keeps a channel from knowing anything."""
        now = self._clock.now()
        by_channel: defaultdict[str, list[Pulse]] = defaultdict(list)
        conditions: dict[str, Watching] = {}
        for pulse in known:
            for one in _of(self._watches, pulse):
                by_channel[one.channel_id].append(pulse)
                conditions.setdefault(one.channel_id, one)
        recent = await self._incidents.recent("", now - REMEMBERED)
        steps: list[Step] = []
        for channel_id, pulses in by_channel.items():
            findings = assess_channel(pulses, self._started_at, now)
            steps += triage(conditions[channel_id], findings, recent, None, now)
        steps += unwatched([i for i in recent if i.channel_id not in by_channel], now)
        await self._save([self._changes.of(step, now) for step in steps])

    async def _end_snoozes(self) -> float:
        """End the snoozes that are over; return the seconds until the next one is."""
        now, found = self._clock.now(), await self._incidents.snoozed()
        await self._save([woken_up(step) for step in awake(found, now)])
        left = [i.snoozed_until - now for i in found if i.is_snoozed(now) and i.snoozed_until]
        return min(left).total_seconds() if left else ROUND

    async def _save(self, changes: Sequence[Change]) -> None:
        """Save changes one by one: what someone else changed meanwhile waits a round."""
        for change in changes:
            with suppress(Conflict):
                await self._incidents.save([change])

    async def _visit(self, known: Observed) -> None:
        """Read an instance, and save what is wrong with it; no instance holds up another."""
        held = self._project_of(known).not_before - self._clock.monotonic()
        if held > 0:  # another project may be readable
            later = self._clock.now() + timedelta(seconds=held)
            await self._incidents.put_off(known.instance_id, later)
            return
        try:
            await self._settle(known, await self._read(known))
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("watched_instance_fell_over", instance=known.label)
            now = self._clock.now()
            unread, later = could_not_read(known, "", now, refused=False), now + POISONED
            try:
                await self._incidents.save(observed=unread, due_at=later)
            except Conflict:
                await self._incidents.put_off(known.instance_id, later)

    async def _read(self, known: Observed) -> Learn:
        await self._load_watches()  # other replicas add some
        conditions = _of(self._watches, known)
        now = self._clock.now()
        try:
            learn = await self._reader.read(known, [one.limits for one in conditions])
        except RdsError as error:
            self._failed(known, error)
            code, refused = error.code or "unreachable", is_refused(error)
            return lambda later: could_not_read(later, code, now, refused=refused)
        self._succeeded(known)
        return learn

    def _project_of(self, known: Observed) -> "_Project":
        default = next(iter(self._projects.values()))
        return self._projects.get(known.project, default)

    def _failed(self, known: Observed, error: RdsError) -> None:
        """Wait before the next read, unless the error is about one instance.

        A project's RDS is away only if it fails for two instances in a row.
        """
        project = self._project_of(known)
        is_alone = project.suspect in (None, known.instance_id)
        project.suspect = known.instance_id
        rejects_key = isinstance(error, RdsRefused) and error.reason is RefusalReason.CREDENTIALS
        is_away = isinstance(error, RdsUnreachable) and (not is_alone or error.retry_after)
        if not rejects_key and not is_away:
            return
        if project.trouble is None:
            log.warning(
                "monitor_interrupted",
                code=error.code,
                request_id=error.request_id,
                project=known.project,
            )
        project.trouble = error.code or "unreachable"
        gap = MENDING_GAP.total_seconds() if rejects_key else project.backoff.failed()
        project.not_before = self._clock.monotonic() + gap

    def _succeeded(self, known: Observed) -> None:
        project = self._project_of(known)
        if project.trouble is not None:
            log.info("monitor_reads_again", project=known.project)
        project.trouble = project.suspect = None
        project.backoff.reset()

    async def _settle(self, known: Observed, learn: Learn) -> None:
        """Apply what was learned, and open, change, and end incidents in one transaction."""
        for _ in range(MOST_TRIES):
            later, now = learn(known), self._clock.now()
            incidents = await self._incidents.recent(known.instance_id, now - REMEMBERED)
            await self._load_watches()  # after the incidents that new ones brought
            conditions = _of(self._watches, later)
            completed = new_successes(known, later)
            told = [b for b in later.full if _is_trouble(b) or b in completed]
            own = await self._own.own_backups(told)
            others = [b for b in completed if b.id not in own]  # ours are told in their threads
            successes = self._successes.of(later.label, others, conditions, now)
            steps = self._steps(later, conditions, incidents, own, now)
            changes = [self._changes.of(step, now) for step in steps]
            latest = {i.id: i for i in (*incidents, *(after for _, after in steps))}
            is_open = any(incident.is_open for incident in latest.values())
            due_at = next_read(later, [one.limits for one in conditions], now, is_open=is_open)
            try:
                await self._incidents.save(changes, later, due_at, [*successes])
            except Conflict:
                fresh = await self._incidents.observed(known.instance_id)
                if fresh is None or fresh.seen_at != known.seen_at:
                    return  # it is no longer watched, or another replica has read it since
                known = fresh
            else:
                return
        raise Conflict(known.instance_id)

    def _steps(
        self,
        known: Observed,
        conditions: Sequence[Watching],
        incidents: Sequence[Incident],
        own: Iterable[str],
        now: datetime,
    ) -> list[Step]:
        steps: list[Step] = []
        for one in conditions if known.failing is None else ():  # else nothing new is known
            steps += triage(one, assess(known, one.limits, own), incidents, known, now)
        channels = {one.channel_id for one in conditions}
        steps += unwatched([i for i in incidents if i.channel_id not in channels], now)
        return steps


def _is_trouble(backup: Backup) -> bool:
    return backup.status in (BackupStatus.FAILED, BackupStatus.BUILDING)


def _of(watches: Iterable[Watch], known: Pulse) -> list[Watching]:
    return watching(watches, known.name, known.instance_id, known.project)
