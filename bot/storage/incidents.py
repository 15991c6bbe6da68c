"""Watches, watched instances, and incidents in the database."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Update,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from bot.application.ports import Change
from bot.domain.audit import AuditEntry
from bot.domain.incidents import Incident
from bot.domain.observations import Observed, Pulse
from bot.domain.successes import NewSuccess
from bot.domain.watches import Watch
from bot.storage.store import Store
from bot.storage.successes import tell_success
from bot.storage.tables import incidents, upsert, watched_instances, watches

LEASE = timedelta(minutes=5)  # for one replica to read an instance
FAR = timedelta(hours=2)  # further ahead than any reading, so a clock was set back meanwhile
A_FEW = 20  # watched instances that are read without a pause
NESTED = {"facts", "mention", "openings"}
SEEN = (watched_instances.c.observed, watched_instances.c.version)
PULSES = select(*(watched_instances.c.observed[name].label(name) for name in Pulse.model_fields))


class Incidents:
    """Raises StoreUnavailable, and Conflict where someone else changed an incident meanwhile."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def watches(self) -> list[Watch]:
        """Return the watches that people made, oldest first."""
        query = select(watches).order_by(watches.c.created_at, watches.c.id)
        return [Watch.model_validate(dict(row)) for row in await self._store.rows(query)]

    async def add_watch(self, watch: Watch, *entries: AuditEntry) -> None:
        """Add a watch, or replace the channel's watch of the same instances."""
        async with self._store.transaction() as transaction:
            await transaction.execute(delete(watches).where(watches.c.id == watch.id))
            row = watch.model_dump(mode="json", include={"instances", "limits"})
            row |= watch.model_dump(include={"id", "channel_id", "created_by", "created_at"})
            await transaction.execute(insert(watches).values(row))
            await transaction.record(*entries)

    async def remove_watches(self, found: Iterable[Watch], *entries: AuditEntry) -> None:
        """Remove watches."""
        async with self._store.transaction() as transaction:
            ids = [watch.id for watch in found]
            await transaction.execute(delete(watches).where(watches.c.id.in_(ids)))
            await transaction.record(*entries)

    async def all_observed(self) -> list[Observed]:
        """Return what is known of each watched instance."""
        found: list[Observed] = []
        ids = watched_instances.c.instance_id
        query = select(*SEEN).order_by(ids).limit(A_FEW)
        rows = await self._store.rows(query)
        while rows:  # all of them at once would take a second, and people wait for acks
            for row in rows:
                found.append(_observed(row))
                await asyncio.sleep(0)
            rows = await self._store.rows(query.where(ids > found[-1].instance_id))
        return found

    async def pulses(self) -> list[Pulse]:
        """Return when each watched instance was read, and whether that fails."""
        return [Pulse.model_validate(dict(row)) for row in await self._store.rows(PULSES)]

    async def observed(self, instance_id: str) -> Observed | None:
        """Return what is known of a watched instance."""
        is_it = watched_instances.c.instance_id == instance_id
        return next(map(_observed, await self._store.rows(select(*SEEN).where(is_it))), None)

    async def begin(self, new: Iterable[Observed], due_at: datetime) -> None:
        """Watch instances from now on that aren't watched yet."""
        for observed in new:
            row = {
                "instance_id": observed.instance_id,
                "due_at": due_at,
                "observed": observed.model_dump(mode="json", exclude={"version"}),
                "version": 0,
            }
            write = upsert(self._store.engine.dialect, watched_instances).values(row)
            write = write.on_conflict_do_nothing(index_elements=["instance_id"])
            await self._store.at_once(write, watched_instances.c.instance_id)

    async def end(self, instance_ids: Iterable[str]) -> None:
        """Forget instances that no one watches any longer."""
        gone = delete(watched_instances).where(
            watched_instances.c.instance_id.in_(list(instance_ids))
        )
        await self._store.at_once(gone, watched_instances.c.instance_id)

    async def claim(self, now: datetime) -> Observed | None:
        """Return the instance that has been due for longest, for this process to read.

        Other replicas leave it alone for five minutes, or until it is saved.
        """
        due = (
            select(watched_instances.c.instance_id)
            .where(_is_due(now))
            .order_by(watched_instances.c.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()  # read once: a join could read it, and claim, many times
        )
        claim = (
            update(watched_instances)
            .where(watched_instances.c.instance_id == due, _is_due(now))
            .values(due_at=now + LEASE)
        )
        return next(map(_observed, await self._store.at_once(claim, *SEEN)), None)

    async def next_due(self, now: datetime) -> datetime | None:
        """Return when the next instance is due."""
        query = select(watched_instances.c.due_at).order_by(watched_instances.c.due_at).limit(1)
        rows = await self._store.rows(query)
        at: datetime | None = rows[0]["due_at"] if rows else None
        return now if at is not None and at > now + FAR else at

    async def hurry(self, instance_ids: Iterable[str], now: datetime) -> None:
        """Have these instances read at once."""
        soon = update(watched_instances).where(
            watched_instances.c.instance_id.in_(list(instance_ids)),
            watched_instances.c.due_at > now,
        )
        await self._store.at_once(soon.values(due_at=now), watched_instances.c.instance_id)

    async def put_off(self, instance_id: str, due_at: datetime) -> None:
        """Read an instance later."""
        is_it = watched_instances.c.instance_id == instance_id
        later = update(watched_instances).where(is_it).values(due_at=due_at)
        await self._store.at_once(later, watched_instances.c.instance_id)

    async def recent(self, instance_id: str, since: datetime) -> list[Incident]:
        """Return an instance's open incidents, and those that ended after `since`.

        Those of whole channels have no instance: their ID is "".
        """
        return await self._incidents(_is_open(since), incidents.c.instance_id == instance_id)

    async def open(self, channel_id: str | None = None) -> list[Incident]:
        """Return all open incidents, oldest first."""
        is_its = () if channel_id is None else (incidents.c.channel_id == channel_id,)
        return await self._incidents(_is_open(), *is_its)

    async def open_by_kind(self) -> dict[str, int]:
        """Return how many incidents of each kind are open."""
        query = select(incidents.c.kind, func.count().label("open"))
        query = query.where(incidents.c.ended_at.is_(None)).group_by(incidents.c.kind)
        return {row["kind"]: row["open"] for row in await self._store.rows(query)}

    async def snoozed(self) -> list[Incident]:
        """Return the open incidents that someone snoozed."""
        return await self._incidents(_is_open(), incidents.c.snoozed_until.is_not(None))

    async def of_channel(self, channel_id: str, since: datetime) -> list[Incident]:
        """Return a channel's open incidents, and those that ended after `since`."""
        return await self._incidents(_is_open(since), incidents.c.channel_id == channel_id)

    async def load(self, incident_id: str) -> Incident | None:
        """Return one incident."""
        return await load_incident(self._store, incident_id)

    async def _incidents(self, *wanted: ColumnElement[bool]) -> list[Incident]:
        """Return the incidents of which all of this is true, oldest first."""
        query = select(incidents).where(*wanted)
        query = query.order_by(incidents.c.opened_at, incidents.c.id)
        return [_incident(row) for row in await self._store.rows(query)]

    async def save(
        self,
        changes: Sequence[Change] = (),
        observed: Observed | None = None,
        due_at: datetime | None = None,
        successes: Iterable[NewSuccess] = (),
    ) -> None:
        """Write what is known of an instance, its incidents, and successes in one transaction.

        Raises Conflict if one of them was changed since it was read, or an incident is open
        already.
        """
        async with self._store.transaction() as transaction:
            if observed is not None:
                await transaction.swap(_learned(observed, due_at))
            for change in changes:
                if change.before is None:
                    await transaction.execute(insert(incidents).values(_row(change.after)))
                else:
                    await transaction.swap(_changed(change.after))
                await transaction.owe(*change.owed)
                await transaction.record(*change.entries)
            for success in successes:
                await tell_success(self._store, transaction, success)


async def load_incident(store: Store, incident_id: str) -> Incident | None:
    """Return an incident as it is now."""
    rows = await store.rows(select(incidents).where(incidents.c.id == incident_id))
    return next(map(_incident, rows), None)


def _learned(observed: Observed, due_at: datetime | None) -> Update:
    values: dict[str, Any] = {
        "observed": observed.model_dump(mode="json", exclude={"version"}),
        "version": observed.version + 1,
    }
    values |= {"due_at": due_at} if due_at else {}
    return (
        update(watched_instances)
        .where(
            watched_instances.c.instance_id == observed.instance_id,
            watched_instances.c.version == observed.version,
        )
        .values(values)
    )


def _changed(incident: Incident) -> Update:
    is_as_read = (incidents.c.id == incident.id, incidents.c.version == incident.version)
    row = _row(incident) | {"version": incident.version + 1}
    return update(incidents).where(*is_as_read).values(row)


def _observed(row: RowMapping) -> Observed:
    return Observed.model_validate({**row["observed"], "version": row["version"]})


def _is_open(since: datetime | None = None) -> ColumnElement[bool]:
    """Whether an incident is open, or with `since`, ended only after that."""
    is_open = incidents.c.ended_at.is_(None)
    return is_open if since is None else or_(is_open, incidents.c.ended_at >= since)


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(watched_instances.c.due_at <= now, watched_instances.c.due_at > now + FAR)


def _incident(row: RowMapping) -> Incident:
    return Incident.model_validate({name: row[name] for name in Incident.model_fields})


def _row(incident: Incident) -> dict[str, Any]:
    nested = incident.model_dump(mode="json", include=NESTED)
    return incident.model_dump(exclude=NESTED) | nested
