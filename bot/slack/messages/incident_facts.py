"""What is wrong in an incident: in one sentence, and then why and what to do."""

from collections.abc import Callable, Iterator, Mapping

from bot.domain.incidents import Facts, Incident, IncidentKind
from bot.domain.instances import Backup, begun
from bot.domain.progress import REMEMBERED
from bot.domain.quantities import counted
from bot.domain.watches import UNREAD_AFTER
from bot.slack.messages.mrkdwn import code, date, listed, name, rough, size

_K = IncidentKind
MOST_NAMED = 5
NO_ANSWER = "unreachable"  # what the monitor notes instead of a code


def shown(incident: Incident) -> str:
    """Return the name of its instance."""
    return f"*{name(incident.instance_name)}*"


def problem(incident: Incident) -> str:
    """Return what is wrong, without a period."""
    return _PROBLEMS[incident.kind](shown(incident), incident.facts)


def recovered(incident: Incident) -> str:
    """Return what is well again, without a period."""
    if new_backup(incident):
        return f"{shown(incident)} has a new successful backup"
    if incident.kind is _K.DELETED and incident.facts.deletions > 1:
        return f"RDS lists the deleted backups of {shown(incident)} again"
    return _RECOVERED[incident.kind].format(it=shown(incident))


def new_backup(incident: Incident) -> str:
    """Return the backup that ended the incident; empty if it wasn't one."""
    good = incident.facts.last_good
    if incident.kind not in (_K.FAILED, _K.STALE) or good is None or good.end_time is None:
        return ""
    return f"{code(good.name)}{_size(good)}" if good.end_time >= incident.opened_at else ""


def explained(incident: Incident) -> Iterator[str]:
    """Yield why it is wrong, what that means, and what to do."""
    yield from _EXPLAINED[incident.kind](incident)


def _has_failed(it: str, facts: Facts) -> str:
    if facts.failures > 1:
        return f"The last {facts.failures} backups of {it} failed"
    is_automated = facts.backup and facts.backup.type == "auto"
    return f"The last {'automated ' if is_automated else ''}backup of {it} failed"


def _lags(it: str, facts: Facts) -> str:
    if facts.recoverable_until is None:
        return f"Point-in-time recovery of {it} is behind"
    return f"{it} can be restored only up to {date(facts.recoverable_until)}"


def _is_kept_shorter(it: str, facts: Facts) -> str:
    days = counted(facts.keep_days or 0, "day")
    before = f" instead of {facts.kept_days}" if facts.kept_days else ""
    return f"Automated backups of {it} are kept for {days}{before}"


def _is_unread(_: str, facts: Facts) -> str:
    late = f"{len(facts.instances)} of {counted(facts.watched, 'watched instance')}"
    return f"I haven't been able to check {late} for {rough(UNREAD_AFTER)}"


def _failing(incident: Incident) -> Iterator[str]:
    facts = incident.facts
    if facts.backup is None:
        since = " since then" if facts.last_good else ""
        yield f"No backup has failed{since}, so RDS may not have started one."
        yield "Check the backup policy in the RDS console."
        return
    at = date(facts.backup.end_time or begun(facts.backup))
    failed = f"{code(facts.backup.name)} failed {at}."
    if incident.kind is _K.STALE and facts.failures > 1:
        failed = (
            f"{facts.failures} backups in a row failed, the last {at}: {code(facts.backup.name)}."
        )
    elif facts.failures > 1:
        failed = f"The last was {code(facts.backup.name)}, which failed {at}."
    retried = "RDS retries a failed automated backup after half an hour; that didn't help."
    yield f"{failed} {retried}" if facts.retries else failed


def last_good(incident: Incident) -> Iterator[str]:
    """Yield what could be restored, where that matters."""
    facts, kind = incident.facts, incident.kind
    if kind not in (_K.FAILED, _K.STALE, _K.POLICY_OFF):
        return
    if facts.last_good is None:
        yield "RDS has no successful backup of it." if kind is not _K.STALE else ""
        return
    at = f" from {date(begun(facts.last_good))}" if kind is not _K.STALE else ""
    good = (
        f"The last successful backup is {code(facts.last_good.name)}{at}{_size(facts.last_good)}."
    )
    if kind is _K.FAILED and facts.limit:
        reached = date(begun(facts.last_good) + facts.limit)
        good = f"{good} A new one is due by {reached} (limit {rough(facts.limit)})."
    yield good


def _behind(incident: Incident) -> Iterator[str]:
    yield f"Changes made since then could be lost{_limit(incident.facts)}."
    yield (
        "Check the log backups in the RDS console. A manual backup protects the data as it is now."
    )


def _hung(incident: Incident) -> Iterator[str]:
    facts = incident.facts
    if facts.backup:
        usual = f" Backups usually take {rough(facts.usual)}." if facts.usual else ""
        since = date(begun(facts.backup))
        yield f"{code(facts.backup.name)} has been running since {since}.{usual}"
    yield "No other backup can start until it ends. If it doesn't, contact Huawei Cloud support."


def _switched_off(incident: Incident) -> Iterator[str]:
    facts = incident.facts
    kept = (
        f" They were kept for {counted(facts.kept_days, 'day')} before." if facts.kept_days else ""
    )
    yield f"Someone turned them off in RDS.{kept} RDS also stops point-in-time recovery."
    yield "Turn them back on in the RDS console, or take manual backups."


def _kept_shorter(_: Incident) -> Iterator[str]:
    yield "Someone lowered the retention in RDS, which deletes older automated backups."
    yield "If that's intended, mark it as expected. If not, raise it in the RDS console."


def _were_deleted(it: str, facts: Facts) -> str:
    backups = f"{facts.deletions} manual backups" if facts.deletions > 1 else "a manual backup"
    return f"Someone deleted {backups} of {it} outside this bot"


def _deleted(incident: Incident) -> Iterator[str]:
    facts = incident.facts
    if facts.deletions > 1:
        names = [code(backup.name) for backup in facts.deleted]
        if left := facts.deletions - len(names):
            names.append(f"{left} more")
        sized = f" ({size(facts.deleted_kb)})" if facts.deleted_kb else ""
        yield f"{listed(names, most=len(names))}{sized}. They can't be restored."
    elif facts.backup:
        began = facts.backup.begin_time
        made = f", made {date(began)}" if began else ""
        yield f"{code(facts.backup.name)}{made}{_size(facts.backup)}. It can't be restored."
    yield "If that wasn't intended, find out who did it in Cloud Trace Service (CTS)."


def _gone(incident: Incident) -> Iterator[str]:
    facts = incident.facts
    yield (
        "If nobody meant to delete it, check the recycle bin in the RDS console soon: "
        "RDS keeps deleted instances there only for a few days."
    )
    if facts.remaining == 0:
        yield "No manual backup of it remains."
    elif facts.remaining == 1:
        yield "1 manual backup of it remains, and is billed in full until someone deletes it."
    elif facts.remaining:
        remain = f"{facts.remaining} manual backups of it remain"
        yield f"{remain}, and are billed in full until someone deletes them."


def _refused(incident: Incident) -> Iterator[str]:
    answer = incident.facts.code
    why = "The key may have expired, been revoked, or lack a permission."
    yield f"RDS answered {code(answer)}. {why}" if answer else why
    yield "The bot's operator can check it with `backup-bot check`."


def _unread(incident: Incident) -> Iterator[str]:
    facts = incident.facts
    unread = listed([name(one) for one in facts.instances], most=MOST_NAMED)
    yield f"Their state is unknown: {unread}."
    answered = f"RDS last answered {code(facts.code)}." if facts.code else ""
    if facts.code == NO_ANSWER:
        answered = "RDS isn't responding."
    yield f"{answered} I'll keep trying.".strip()


def _unusual(incident: Incident) -> Iterator[str]:
    facts, is_size = incident.facts, incident.kind is _K.UNUSUAL_SIZE
    usual = "usual size" if is_size else "usual duration"
    based = f"The {usual} is based on {counted(facts.runs, 'backup')}."
    if facts.runs < REMEMBERED:
        based = f"I'm still learning the {usual}: {facts.runs} of {REMEMBERED} backups so far."
    if facts.backup:
        ended = facts.backup.end_time or begun(facts.backup)
        based = f"{code(facts.backup.name)} finished {date(ended)}. {based}"
    yield based
    check = "that it's complete" if _is_less(facts, is_size=is_size) else "what has changed"
    yield f"Check {check}. If this is normal from now on, mark it as expected."


def _is_less(facts: Facts, *, is_size: bool) -> bool:
    if is_size:
        return _size_of(facts.backup) < (facts.usual_size_kb or 0)
    took = facts.backup.duration if facts.backup else None
    return took is not None and facts.usual is not None and took < facts.usual


def _since(facts: Facts) -> str:
    return f" since {date(begun(facts.last_good))}" if facts.last_good else " in RDS"


def _limit(facts: Facts) -> str:
    return f" (limit {rough(facts.limit)})" if facts.limit else ""


def _size(backup: Backup) -> str:
    return f", {size(backup.size_kb)}" if backup.size_kb else ""


def _sized(facts: Facts) -> str:
    """Return `shrank to 1.8 GB, 45% of its usual 4 GB`."""
    measured, usual = _size_of(facts.backup), facts.usual_size_kb or 0
    if not usual or not measured:
        return "has an unusual size"
    how = "shrank" if measured < usual else "grew"
    return f"{how} to {size(measured)}, {measured / usual:.0%} of its usual {size(usual)}"


def _size_of(backup: Backup | None) -> int:
    return (backup.size_kb or 0) if backup else 0


def _timed(facts: Facts) -> str:
    """Return `took 40 min instead of the usual 7 min`."""
    took = facts.backup.duration if facts.backup else None
    if took is None or facts.usual is None:
        return "took an unusual time"
    only = "only " if took < facts.usual else ""
    return f"took {only}{rough(took)} instead of the usual {rough(facts.usual)}"


_PROBLEMS: Mapping[IncidentKind, Callable[[str, Facts], str]] = {
    _K.FAILED: _has_failed,
    _K.STALE: lambda it, facts: f"No successful backup of {it}{_since(facts)}{_limit(facts)}",
    _K.GAP: _lags,
    _K.HUNG: lambda it, _: f"A backup of {it} is stuck",
    _K.UNUSUAL_SIZE: lambda it, facts: f"The last backup of {it} {_sized(facts)}",
    _K.UNUSUAL_DURATION: lambda it, facts: f"The last backup of {it} {_timed(facts)}",
    _K.POLICY_OFF: lambda it, _: f"Automated backups of {it} are off",
    _K.KEPT_SHORTER: _is_kept_shorter,
    _K.DELETED: _were_deleted,
    _K.GONE: lambda it, _: f"RDS no longer lists {it}",
    _K.REFUSED: lambda *_: "RDS rejects the bot's access key, so nothing is being watched",
    _K.UNREAD: _is_unread,
}
_EXPLAINED: Mapping[IncidentKind, Callable[[Incident], Iterator[str]]] = {
    _K.FAILED: _failing,
    _K.STALE: _failing,
    _K.GAP: _behind,
    _K.HUNG: _hung,
    _K.UNUSUAL_SIZE: _unusual,
    _K.UNUSUAL_DURATION: _unusual,
    _K.POLICY_OFF: _switched_off,
    _K.KEPT_SHORTER: _kept_shorter,
    _K.DELETED: _deleted,
    _K.GONE: _gone,
    _K.REFUSED: _refused,
    _K.UNREAD: _unread,
}
_RECOVERED: Mapping[IncidentKind, str] = {
    _K.FAILED: "backups of {it} are no longer failing",
    _K.STALE: "the last successful backup of {it} is within the limit",
    _K.GAP: "point-in-time recovery of {it} is up to date again",
    _K.HUNG: "the backup of {it} that was stuck has ended",
    _K.UNUSUAL_SIZE: "the last backup of {it} has the usual size",
    _K.UNUSUAL_DURATION: "the last backup of {it} took the usual time",
    _K.POLICY_OFF: "automated backups of {it} are on again",
    _K.KEPT_SHORTER: "the shorter retention of {it} no longer applies",
    _K.DELETED: "RDS lists the deleted backup of {it} again",
    _K.GONE: "RDS lists {it} again",
    _K.REFUSED: "RDS accepts the bot's access key again",
    _K.UNREAD: "I can check all watched instances again",
}
