"""Watches: which instances a channel hears about, and within which limits."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.domain.frozen import Frozen
from bot.domain.patterns import covers
from bot.domain.quantities import parse_duration

FRESH_WITHIN = timedelta(hours=26)  # a daily backup, and two hours for it to start and finish
RECOVERY_WITHIN = timedelta(hours=3)  # RDS uploads logs every five minutes
HUNG_AFTER = timedelta(hours=6)
HOLD = timedelta(minutes=45)  # RDS retries a failed automated backup after half an hour
READ_EVERY = timedelta(hours=1)  # each instance, at least
UNREAD_AFTER = timedelta(hours=3)  # without news of an instance, its state is unknown
DAY = timedelta(days=1)
SHORTEST, LONGEST = timedelta(hours=1), timedelta(days=60)  # of a limit that people type


class Limits(Frozen):
    """What is still fine for an instance; beyond it an incident opens."""

    fresh_within: timedelta = FRESH_WITHIN  # the age of the last successful full backup
    recovery_within: timedelta = RECOVERY_WITHIN  # how far point-in-time recovery may lag
    hung_after: timedelta = HUNG_AFTER  # the age of a running backup
    hold: timedelta = HOLD  # from a failed automated backup to the alarm

    def stricter(self, other: "Limits") -> "Limits":
        """Return the smaller of each limit."""
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in _NAMES}
        return Limits(**{name: min(pair) for name, pair in pairs.items()})


_NAMES = tuple(Limits.model_fields)


class Watch(Frozen):
    """One channel's watch. One from the file has a number instead of a creator."""

    id: str
    channel_id: str
    instances: tuple[str, ...]  # names, IDs, or globs that match names or `project/name`
    limits: Limits = Limits()
    created_by: str = ""  # who hears what the channel can't; "" for one from the file
    created_at: datetime | None = None
    number: int | None = None  # of a [[watch]], from 1
    mention: tuple[str, ...] = ()  # who is mentioned when an incident opens

    def covers(self, instance_name: str, instance_id: str, project: str = "") -> bool:
        """Return whether the instance is watched."""
        return covers(self.instances, instance_name, instance_id, project)


class Watching(Frozen):
    """What a channel's watches say of one instance, taken together."""

    channel_id: str
    limits: Limits
    owner: str = ""
    mention: tuple[str, ...] = ()


def watching(
    watches: Iterable[Watch], instance_name: str, instance_id: str, project: str = ""
) -> list[Watching]:
    """Return, for each channel that watches the instance, its limits: the strictest apply."""
    found: dict[str, Watching] = {}
    for watch in watches:
        if watch.covers(instance_name, instance_id, project):
            known = found.get(watch.channel_id)
            found[watch.channel_id] = _with(known, watch) if known else _of(watch)
    return list(found.values())


def _of(watch: Watch) -> Watching:
    return Watching(
        channel_id=watch.channel_id,
        limits=watch.limits,
        owner=watch.created_by,
        mention=watch.mention,
    )


def _with(known: Watching, watch: Watch) -> Watching:
    return known.model_copy(
        update={
            "limits": known.limits.stricter(watch.limits),
            "owner": known.owner or watch.created_by,
            "mention": tuple(dict.fromkeys((*known.mention, *watch.mention))),
        }
    )


def span_of(text: str) -> timedelta | None:
    """Return a limit that was typed, such as `26h`; None if it can't be one."""
    try:
        span = parse_duration(text)
    except OverflowError:
        return None
    return span if span is not None and SHORTEST <= span <= LONGEST else None


def is_too_short(limits: Limits, days: Iterable[int]) -> timedelta | None:
    """Return the longest gap between automated backups, if the limit is shorter than that.

    `days` are the days on which RDS makes them (Monday is 1); none at all is no schedule.
    """
    on = sorted(set(days))
    if not on:
        return None
    gaps = [(later - day) % 7 or 7 for day, later in zip(on, [*on[1:], on[0]], strict=True)]
    longest = max(gaps) * DAY
    return longest if limits.fresh_within < longest else None
