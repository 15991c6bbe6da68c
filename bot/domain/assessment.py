"""What is wrong with an instance, as far as it is known: pure, from data and a time.

Whatever is past its limit is said only once RDS has been read after that moment: a backup may
have finished in the meantime, and no data is never called wrong.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from bot.domain.incidents import Facts, Finding, Incident, IncidentKind
from bot.domain.instances import Backup, BackupStatus, begun
from bot.domain.observations import Observed, Pulse, Signal
from bot.domain.progress import History, Oddity, history_of, overdue_after, unusual
from bot.domain.watches import READ_EVERY, UNREAD_AFTER, Limits

MOST_DELETED = 10  # backups of one deletion that are named
REFUSED_FOR = timedelta(minutes=5)  # a new key takes a moment to be valid everywhere
AROUND = 0.15  # of a value that someone declared normal: what is so near is normal, too
SIZES, DURATIONS = {Oddity.SMALLER, Oddity.LARGER}, {Oddity.FASTER, Oddity.SLOWER}


def assess(known: Observed, limits: Limits, own: Iterable[str] = ()) -> list[Finding]:
    """Return what is wrong with an instance.

    `own` are the IDs of backups that this bot makes: their requests' threads tell of them.
    """
    ours = frozenset(own)
    if known.gone_at is not None:
        facts = Facts(remaining=known.remaining, last_good=known.last_good)
        gone = Finding(kind=IncidentKind.GONE, since=known.gone_at, facts=facts)
        return [gone, *_deleted(known)]
    found = [*_policy(known), *_gap(known, limits), *_unusual(known), *_deleted(known)]
    if known.read_at and known.manual_read_at:
        found += [*_backup(known, limits, ours), *_hung(known, limits, ours)]
    return found


def next_deadline(known: Observed, limits: Limits, now: datetime) -> datetime | None:
    """Return the next moment at which something may be wrong that isn't yet."""
    moments = [
        fresh_until(known, limits),
        *(hung_since(known, limits, backup) for backup in running(known)),
        *(_ended(backup) + limits.hold for backup in known.automated if _has_failed(backup)),
    ]
    if known.recoverable_until and not _is_off(known):
        moments.append(known.recoverable_until + limits.recovery_within)
    return min((moment for moment in moments if moment > now), default=None)


def fresh_until(known: Observed, limits: Limits) -> datetime:
    """Return until when the last successful backup is within the limit."""
    last = known.last_good
    return (begun(last) if last else known.since) + limits.fresh_within


def is_fresh(known: Observed, limits: Limits, now: datetime) -> bool:
    """Return whether there is a successful backup within the limit."""
    last = known.last_good
    return last is not None and now - begun(last) <= limits.fresh_within


def running(known: Observed) -> list[Backup]:
    """Return its backups that RDS is making."""
    return [b for b in known.full if b.status == BackupStatus.BUILDING and b.begin_time]


def ended_at(incident: Incident, known: Observed, now: datetime) -> datetime:
    """Return when an incident that is no longer found has ended, as far as RDS tells."""
    match incident.kind:
        case IncidentKind.FAILED | IncidentKind.STALE:
            ends = [b.end_time for b in known.completed]
        case IncidentKind.HUNG:
            hung = incident.facts.backup
            ends = [b.end_time for b in known.full if hung and b.id == hung.id]
        case IncidentKind.UNUSUAL_SIZE | IncidentKind.UNUSUAL_DURATION:
            ends = [b.end_time for b in known.completed[:1]]
        case _:
            return now
    opened_at = incident.last_openings[-1]
    later = (end for end in ends if end is not None and opened_at <= end <= now)
    return min(later, default=now)


def _backup(known: Observed, limits: Limits, own: frozenset[str]) -> Iterator[Finding]:
    """Yield that backups fail, or that there is none within the limit: one cause, one incident."""
    failed, stale = _failed(known, limits, own), _stale(known, limits)
    if failed and stale:
        facts = failed.facts.model_copy(update={"is_late": True})
        since = min(failed.since, stale.since)
        yield Finding(kind=IncidentKind.STALE, since=since, facts=facts)
    elif failed or stale:
        yield from filter(None, (failed, stale))


def _stale(known: Observed, limits: Limits) -> Finding | None:
    """Return that there is no backup within the limit, unless one is just being made."""
    since = fresh_until(known, limits)
    if not _is_read_since(known, since) or _is_coming(known, limits, since):
        return None
    facts = Facts(last_good=known.last_good, limit=limits.fresh_within)
    since = max(since, known.lost_at or since)
    return Finding(kind=IncidentKind.STALE, since=since, facts=facts)


def _is_read_since(known: Observed, moment: datetime) -> bool:
    """Return whether both of its lists were read then or later: either may have a good backup."""
    reads = known.read_at, known.manual_read_at
    return all(read_at is not None and read_at >= moment for read_at in reads)


def _is_coming(known: Observed, limits: Limits, deadline: datetime) -> bool:
    """Return whether a backup that began before the deadline still runs, and doesn't hang."""
    return any(
        begun(backup) <= deadline
        and known.read_at
        and known.read_at < hung_since(known, limits, backup)
        for backup in running(known)
    )


def hung_since(known: Observed, limits: Limits, backup: Backup) -> datetime:
    """Return when a running backup has run for too long, also for this instance."""
    return begun(backup) + max(limits.hung_after, overdue_after(known.history))


def _failed(known: Observed, limits: Limits, own: frozenset[str]) -> Finding | None:
    """Return that a backup failed, once RDS's own retry would have succeeded."""
    streak = [backup for backup in failures(known) if backup.id not in own]
    if not streak:
        return None
    first = streak[0]
    retries = first.type == "auto"
    since = _ended(first) + (limits.hold if retries else timedelta())
    for retry in reversed(known.full):  # oldest first
        if begun(first) < begun(retry) <= since:
            if retry.status == BackupStatus.BUILDING:
                return None
            since = max(since, _ended(retry))
    if not _is_read_since(known, since):
        return None
    facts = Facts(
        backup=streak[-1],
        last_good=known.last_good,
        failures=len(streak),
        retries=retries,
        limit=limits.fresh_within,
    )
    return Finding(kind=IncidentKind.FAILED, since=since, facts=facts)


def failures(known: Observed) -> list[Backup]:
    """Return the backups that failed since the last good one, oldest first."""
    last = known.last_good
    return [
        backup
        for backup in reversed(known.full)
        if _has_failed(backup) and (last is None or begun(backup) > begun(last))
    ]


def _has_failed(backup: Backup) -> bool:
    return backup.status == BackupStatus.FAILED and backup.begin_time is not None


def _ended(backup: Backup) -> datetime:
    """Return when it ended; RDS may say that it ended before it began, or nothing at all."""
    return max(backup.end_time or begun(backup), begun(backup))


def _hung(known: Observed, limits: Limits, own: frozenset[str]) -> Iterator[Finding]:
    for backup in running(known):
        since = hung_since(known, limits, backup)
        if backup.id not in own and known.read_at and known.read_at >= since:
            usual = known.history.usual
            facts = Facts(backup=backup, limit=since - begun(backup), usual=usual)
            yield Finding(kind=IncidentKind.HUNG, since=since, subject=backup.id, facts=facts)


def _policy(known: Observed) -> Iterator[Finding]:
    if known.policy_at is None or known.keep_days is None:
        return
    facts = Facts(keep_days=known.keep_days, kept_days=known.kept_days, last_good=known.last_good)
    kind = IncidentKind.POLICY_OFF if _is_off(known) else IncidentKind.KEPT_SHORTER
    yield Finding(kind=kind, since=known.policy_at, facts=facts)


def _is_off(known: Observed) -> bool:
    """Return whether automated backups are off, and logs with them."""
    return known.keep_days == 0


def _gap(known: Observed, limits: Limits) -> Iterator[Finding]:
    """Yield that point-in-time recovery ends too early; without log backups there is none."""
    newest, read_at = known.recoverable_until, known.recovery_read_at
    if newest is None or read_at is None or _is_off(known):
        return
    since = newest + limits.recovery_within
    if read_at >= since:
        facts = Facts(recoverable_until=newest, limit=limits.recovery_within)
        yield Finding(kind=IncidentKind.GAP, since=since, facts=facts)


def _unusual(known: Observed) -> Iterator[Finding]:
    """Yield what is unusual about the last successful backup, by the ten before it."""
    last = known.last_good
    if last is None or last.end_time is None:
        return
    history = history_of(b for b in known.completed if b.id != last.id)
    odd = set(unusual(history, last.duration, last.size_kb))
    facts = Facts(
        backup=last,
        usual_size_kb=history.usual_size_kb,
        usual=history.usual,
        runs=history.runs or 0,
    )
    since = _ended(last)
    if odd & SIZES and not _is_normal(known, Signal.SIZE, last.size_kb or 0, history):
        yield Finding(kind=IncidentKind.UNUSUAL_SIZE, since=since, facts=facts)
    seconds = last.duration.total_seconds() if last.duration else 0.0
    if odd & DURATIONS and not _is_normal(known, Signal.DURATION, seconds, history):
        yield Finding(kind=IncidentKind.UNUSUAL_DURATION, since=since, facts=facts)


def _is_normal(known: Observed, signal: Signal, value: float, history: History) -> bool:
    """Return whether the value lies between the usual and what someone declared normal."""
    normal = known.expected.get(signal)
    if normal is None:
        return False
    usual = history.usual.total_seconds() if history.usual else normal
    if signal is Signal.SIZE:
        usual = history.usual_size_kb or normal
    return min(usual, normal * (1 - AROUND)) <= value <= max(usual, normal * (1 + AROUND))


def _deleted(known: Observed) -> Iterator[Finding]:
    """Yield what others deleted: what one reading finds missing is one incident."""
    deletions: dict[str, list[Backup]] = {}
    for backup in sorted(known.deleted, key=begun, reverse=True):
        deletions.setdefault(known.deletion_of(backup), []).append(backup)
    for deletion, backups in deletions.items():
        since = known.deleted_at.get(backups[0].id) or known.manual_read_at or known.since
        facts = Facts(
            backup=backups[0],
            deleted=tuple(backups[:MOST_DELETED]),
            deletions=len(backups),
            deleted_kb=sum(backup.size_kb or 0 for backup in backups),
        )
        yield Finding(kind=IncidentKind.DELETED, since=since, subject=deletion, facts=facts)


def assess_channel(watched: Sequence[Pulse], started_at: datetime, now: datetime) -> list[Finding]:
    """Return what keeps a channel from knowing: one cause, one incident.

    `started_at` is when this process began to read: nothing is late because the bot was down.
    """
    present = [known for known in watched if known.gone_at is None]
    failing = [known.failing for known in present if known.failing]
    accepted = max((known.read_at for known in present if known.read_at), default=None)
    refused = [f for f in failing if f.refused and (accepted is None or f.since > accepted)]
    if refused:
        first = min(refused, key=lambda failing: failing.since)
        since = first.since + REFUSED_FOR
        facts = Facts(code=first.code, watched=len(present))
        found = Finding(kind=IncidentKind.REFUSED, since=since, facts=facts)
        return [found] if now >= since else []
    unread = [(known.label, _unread_since(known, started_at)) for known in present]
    late = [(name, since) for name, since in unread if since <= now]
    if not late:
        return []
    facts = Facts(
        instances=tuple(sorted(name for name, _ in late)),
        watched=len(present),
        code=next((f.code for f in failing if f.code), ""),
    )
    return [Finding(kind=IncidentKind.UNREAD, since=min(since for _, since in late), facts=facts)]


def _unread_since(known: Pulse, started_at: datetime) -> datetime:
    """Return when it has gone, or will have gone, unread for too long.

    Reads that have failed since before this process began count from the last one that was due.
    """
    last = known.read_at or known.since
    began = min(started_at, known.failing.since - READ_EVERY) if known.failing else started_at
    return max(last, began) + UNREAD_AFTER
