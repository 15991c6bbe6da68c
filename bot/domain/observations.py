"""What the bot knows of a watched instance, and how each answer of RDS changes it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.frozen import Frozen
from bot.domain.instances import Backup, BackupStatus, Instance, Named, begun
from bot.domain.progress import History, history_of

MOST_AUTOMATED = 40  # backups that are remembered: a month, and failures
MOST_MANUAL = 300
OLD_MANUAL = timedelta(days=90)
AHEAD = timedelta(days=1)  # that RDS's clock may be; later times are garbage


class Signal(StrEnum):
    """A measure of a backup that can be unusual, and that people can declare normal."""

    SIZE = "size"
    DURATION = "duration"


class Failing(Frozen):
    """Reads of the instance that fail, since the first in a row."""

    since: datetime
    code: str
    refused: bool = False  # RDS rejects the key, or what it may do


class Pulse(Named):
    """When a watched instance was read, and whether that fails."""

    instance_id: str
    since: datetime  # when it was first seen
    gone_at: datetime | None = None  # when RDS was found not to list it
    read_at: datetime | None = None  # when RDS last listed its automated backups
    failing: Failing | None = None
    last_good_at: datetime | None = None  # when its last successful full backup began


class Observed(Pulse):
    """One watched instance. Times are RDS's where it tells them, else those of the reads."""

    remaining: int | None = None  # manual backups that it left behind

    keep_days: int | None = None  # of automated backups; 0: they are off
    kept_days: int | None = None  # the most that anyone got used to
    policy_at: datetime | None = None  # when it was seen to be below that

    automated: tuple[Backup, ...] = ()  # newest first
    lost_at: datetime | None = None  # when a newer good backup than the last was found gone
    manual_read_at: datetime | None = None
    manual: tuple[Backup, ...] = ()
    deleted: tuple[Backup, ...] = ()  # outside the bot, until someone acknowledges it
    deleted_at: dict[str, datetime] = {}  # noqa: RUF012, pydantic's; when each was found missing, by its ID

    recovery_read_at: datetime | None = None
    recoverable_until: datetime | None = None  # the newest point in time

    copies_read_at: datetime | None = None
    copies_to: str | None = None  # the region of full backups' copies; "": none, None: unknown

    expected: dict[Signal, float] = {}  # noqa: RUF012, pydantic's; in KB or seconds: what people declared normal
    version: int = 0  # of its row

    @property
    def seen_at(self) -> tuple[datetime | None, datetime | None]:
        """When RDS last showed it, and when it was found to be gone."""
        return self.read_at, self.gone_at

    @property
    def full(self) -> list[Backup]:
        """All full backups, newest first."""
        return sorted((*self.automated, *self.manual), key=begun, reverse=True)

    @property
    def completed(self) -> list[Backup]:
        """The good ones, newest first; RDS says when each began."""
        return [b for b in self.full if b.status == BackupStatus.COMPLETED and b.begin_time]

    @property
    def last_good(self) -> Backup | None:
        return next(iter(self.completed), None)

    def deletion_of(self, backup: Backup) -> str:
        """Return the name of a deletion: all that one reading found missing are one."""
        at = self.deleted_at.get(backup.id)
        return at.isoformat() if at else backup.id

    @property
    def history(self) -> History:
        """How long its backups take, and how large they are."""
        return history_of(self.full)


def first_seen(instance: Instance, at: datetime) -> Observed:
    """Return what is known of an instance that nobody has looked at."""
    new = Observed(instance_id=instance.id, name=instance.name, project=instance.project, since=at)
    return saw_instance(new, instance, at)


def saw_instance(known: Observed, instance: Instance, at: datetime) -> Observed:
    """Learn from list-instances."""
    changes: dict[str, object] = {
        **{key: getattr(instance, key) for key in Named.model_fields},
        "gone_at": None,
        "remaining": None,
    }
    if instance.keep_days is not None:
        changes |= _keeping(known, instance.keep_days, at)
    return known.model_copy(update=changes)


def _keeping(known: Observed, keep_days: int, at: datetime) -> dict[str, object]:
    usual = max(keep_days, known.kept_days or 0)
    below = keep_days < usual
    is_news = keep_days != known.keep_days or known.policy_at is None
    since = (at if is_news else known.policy_at) if below else None
    return {"keep_days": keep_days, "kept_days": usual, "policy_at": since}


def saw_gone(known: Observed, at: datetime, manual: Iterable[Backup]) -> Observed:
    """Learn that RDS no longer lists the instance, and which manual backups are left."""
    remaining = sum(b.type == "manual" for b in manual)
    return known.model_copy(update={"gone_at": at, "remaining": remaining, "failing": None})


def saw_automated(known: Observed, listed: Iterable[Backup], at: datetime) -> Observed:
    """Learn from a complete list of its automated backups."""
    full = sorted((_timed(b, at) for b in listed if b.type == "auto"), key=begun, reverse=True)
    newest = tuple(full[:MOST_AUTOMATED])
    changes = {"automated": newest, "read_at": at, "failing": None}
    return _dated(known.model_copy(update=changes), at)


def _timed(backup: Backup, at: datetime) -> Backup:
    """Return it without times that can't be true; one that only has an end began by then."""
    latest = at + AHEAD
    begin, end = (
        time if time is not None and time <= latest else None
        for time in (backup.begin_time, backup.end_time)
    )
    return backup.model_copy(update={"begin_time": begin or end, "end_time": end})


def _dated(known: Observed, at: datetime) -> Observed:
    """Note when the last good backup began, and whether a newer one is gone."""
    before, last = known.last_good_at, known.last_good
    now = begun(last) if last else None
    lost_at = known.lost_at
    if before is not None and (now is None or now < before):
        lost_at = at
    elif now is not None and now != before:
        lost_at = None
    return known.model_copy(update={"last_good_at": now, "lost_at": lost_at})


def missing_manual(known: Observed, listed: Iterable[Backup]) -> list[Backup]:
    """Return the finished manual backups that a complete list no longer has.

    One that was just being deleted when it was last listed is one of them.
    """
    ids = {backup.id for backup in listed}
    return [b for b in known.manual if b.id not in ids and _was_good(b)]


def _was_good(backup: Backup) -> bool:
    """Return whether it could be restored; of one that is being deleted its size says so."""
    is_going = backup.status == BackupStatus.DELETING and bool(backup.size_kb)
    return backup.status == BackupStatus.COMPLETED or is_going


def saw_manual(
    known: Observed,
    listed: Iterable[Backup],
    at: datetime,
    deleted: Iterable[Backup] = (),
    unlisted: Iterable[Backup] = (),
) -> Observed:
    """Learn from a complete list of its manual backups.

    `deleted` are those others deleted, unless someone knows that by now; `unlisted` are those that
    exist, although the list lacks them.
    """
    manual = sorted(
        (*(_timed(b, at) for b in listed if b.type == "manual"), *unlisted),
        key=begun,
        reverse=True,
    )
    known_ids = {backup.id for backup in known.manual}
    news = [backup for backup in deleted if backup.id in known_ids]
    gone = {backup.id: backup for backup in (*known.deleted, *news)}
    listed_ids = {backup.id for backup in manual}
    still_gone = tuple(b for b in gone.values() if b.id not in listed_ids)
    times = {backup.id: at for backup in news} | known.deleted_at
    changes = {
        "manual": tuple(manual[:MOST_MANUAL]),
        "manual_read_at": at,
        "deleted": still_gone,
        "deleted_at": {b.id: times[b.id] for b in still_gone if b.id in times},
    }
    return _dated(known.model_copy(update=changes), at)


def saw_recovery(known: Observed, newest: datetime | None, at: datetime) -> Observed:
    """Learn up to when RDS can restore to any point in time."""
    return known.model_copy(update={"recoverable_until": newest, "recovery_read_at": at})


def saw_copies(known: Observed, region: str | None, at: datetime) -> Observed:
    """Learn to which region full backups are copied; None if RDS doesn't say."""
    return known.model_copy(update={"copies_to": region, "copies_read_at": at})


def could_not_read(known: Observed, code: str, at: datetime, *, refused: bool) -> Observed:
    """Learn that a read failed."""
    since = known.failing.since if known.failing else at
    failing = Failing(since=since, code=code, refused=refused)
    return known.model_copy(update={"failing": failing})


def declared_normal(known: Observed, signal: Signal, value: float) -> Observed:
    """Learn that someone expects this size (KB) or duration (seconds) from now on."""
    return known.model_copy(update={"expected": {**known.expected, signal: value}})


def got_used_to(known: Observed) -> Observed:
    """Learn that someone knows how long automated backups are kept now."""
    return known.model_copy(update={"kept_days": known.keep_days, "policy_at": None})


def without_deletion(known: Observed, deletion: str) -> Observed:
    """Learn that someone knows of this deletion."""
    left = tuple(b for b in known.deleted if known.deletion_of(b) != deletion)
    times = {b.id: known.deleted_at[b.id] for b in left if b.id in known.deleted_at}
    return known.model_copy(update={"deleted": left, "deleted_at": times})


def old_manual(known: Observed, now: datetime) -> list[Backup]:
    """Return its manual backups older than 90 days; each is billed until someone deletes it."""
    return [
        b
        for b in known.manual
        if b.status == BackupStatus.COMPLETED and b.begin_time and now - begun(b) > OLD_MANUAL
    ]
