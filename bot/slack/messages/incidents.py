"""The message of an incident, which always shows its present state, and the replies below it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, ContextBlock, SectionBlock

from bot.domain.incident_lines import IncidentLine
from bot.domain.incidents import CAN_BACK_UP, SIGNALS, Ending, Facts, Incident, IncidentKind
from bot.domain.instances import Backup, begun
from bot.domain.progress import REMEMBERED
from bot.domain.quantities import counted
from bot.slack.messages.ids import (
    ACKNOWLEDGE_INCIDENT,
    BACK_UP_NOW,
    EXPECT_INCIDENT,
    SNOOZE_INCIDENT,
)
from bot.slack.messages.mrkdwn import (
    Message,
    code,
    date,
    duration,
    listed,
    mention,
    name,
    people,
    rough,
    said,
    size,
    spoken,
    verbatim,
)

_K = IncidentKind
RED, ORANGE, OVER = ":red_circle:", ":large_orange_circle:", ":white_check_mark:"
MOST_NAMED = 5
CLOSED = {
    _K.FAILED: "failing backups of {it}",
    _K.STALE: "missing backups of {it}",
    _K.GAP: "point-in-time recovery of {it}",
    _K.HUNG: "a hanging backup of {it}",
    _K.UNUSUAL_SIZE: "the size of the last backup of {it}",
    _K.UNUSUAL_DURATION: "the duration of the last backup of {it}",
    _K.POLICY_OFF: "{it} without automated backups",
    _K.KEPT_SHORTER: "backups of {it} are kept for fewer days",
    _K.DELETED: "a manual backup of {it} was deleted",
    _K.GONE: "{it} is gone",
    _K.REFUSED: "the bot's access to RDS",
    _K.UNREAD: "instances that can't be read",
}
RECOVERED = {
    _K.FAILED: "{it} has a successful backup again",
    _K.STALE: "{it} has a successful backup again",
    _K.GAP: "point-in-time recovery of {it} is up to date",
    _K.HUNG: "the backup of {it} that hung has ended",
    _K.UNUSUAL_SIZE: "the last backup of {it} has its usual size",
    _K.UNUSUAL_DURATION: "the last backup of {it} took its usual time",
    _K.POLICY_OFF: "automated backups of {it} are on",
    _K.KEPT_SHORTER: "backups of {it} are kept as long as before",
    _K.DELETED: "RDS lists the deleted backup of {it} again",
    _K.GONE: "RDS lists {it} again",
    _K.REFUSED: "RDS accepts the bot's access key",
    _K.UNREAD: "all watched instances can be read",
}
CAN_BE_EXPECTED = {*SIGNALS, _K.KEPT_SHORTER}


def incident_message(incident: Incident, *, now: datetime) -> Message:
    """Return the message: what is wrong, since when, why, and what to do; or that it's over."""
    head = _headline(incident, now)
    lines = [head, *(_over(incident) if not incident.is_open else _details(incident, now))]
    state = _state(incident, now)
    blocks: list[Block] = [SectionBlock(text=verbatim("\n".join(lines)))]
    if state:
        blocks.append(ContextBlock(elements=[verbatim(state)]))
    if incident.is_open:
        blocks.append(ActionsBlock(elements=[*_buttons(incident)]))
    text = " ".join(f"{spoken(line).rstrip('.')}." for line in (*lines, state) if line)
    return Message(text, (*blocks,))


def incident_reply(incident: Incident, line: IncidentLine, *, now: datetime) -> Message:
    """Return a reply below the message."""
    who = name(incident.instance_name) or "Watched instances"
    match line:
        case IncidentLine.GREW:
            return said(f"*{who}*: there's still no successful backup, and now it's overdue.")
        case IncidentLine.AGAIN:
            return said(f"*{who}*: it's back ({counted(incident.times, 'time')} so far).")
        case IncidentLine.SNOOZE_OVER:
            lasts = rough(now - incident.opened_at)
            return said(f"*{who}*: the snooze is over, and this is still open after {lasts}.")
        case IncidentLine.ENDED:
            return said(f"{_headline(incident, now)}. {' '.join(_over(incident))}")


def _headline(incident: Incident, now: datetime) -> str:
    """Return the first line, with whoever has to know."""
    shown, facts = f"*{name(incident.instance_name)}*", incident.facts
    if not incident.is_open:
        return _ended_headline(incident, shown)
    called = ""
    if incident.mention and not incident.acknowledged_by:
        called = f"{people(incident.mention)} "
    return (
        called
        + {
            _K.FAILED: f"{RED} Backups of {shown} are failing",
            _K.STALE: f"{RED} {shown} has no successful backup{_for(facts, now)}",
            _K.GAP: f"{RED} Point-in-time recovery of {shown} lags behind",
            _K.HUNG: f"{RED} A backup of {shown} hangs",
            _K.UNUSUAL_SIZE: f"{ORANGE} The last backup of {shown} {_sized(facts)}",
            _K.UNUSUAL_DURATION: f"{ORANGE} The last backup of {shown} {_timed(facts)}",
            _K.POLICY_OFF: f"{RED} Automated backups of {shown} are off",
            _K.KEPT_SHORTER: (
                f"{ORANGE} Backups of {shown} are kept for "
                f"{counted(facts.keep_days or 0, 'day')} instead of {facts.kept_days}"
            ),
            _K.DELETED: f"{RED} A manual backup of {shown} was deleted outside this bot",
            _K.GONE: f"{RED} RDS no longer lists {shown}",
            _K.REFUSED: f"{RED} RDS rejects the bot's access key, so nothing is being watched",
            _K.UNREAD: (
                f"{RED} {len(facts.instances)} of {counted(facts.watched, 'watched instance')} "
                "can't be read"
            ),
        }[incident.kind]
    )


def _ended_headline(incident: Incident, shown: str) -> str:
    match incident.ending:
        case Ending.KNOWN:
            return f"{OVER} Acknowledged: {_short(incident, shown)}"
        case Ending.EXPECTED:
            return f"{OVER} Expected: {_short(incident, shown)}"
        case Ending.UNWATCHED:
            return f":heavy_minus_sign: No longer watched: {_short(incident, shown)}"
        case _:
            return f"{OVER} Recovered: {_short(incident, shown)}"


def _short(incident: Incident, shown: str) -> str:
    if incident.ending is not Ending.RECOVERED:
        return CLOSED[incident.kind].format(it=shown)
    return RECOVERED[incident.kind].format(it=shown)


def _over(incident: Incident) -> list[str]:
    """Return how long it lasted, and who ended it."""
    by = mention(incident.ended_by) if incident.ended_by else ""
    lasted = duration(incident.lasted or timedelta())
    match incident.ending:
        case Ending.RECOVERED:
            since = f"It lasted {lasted}, from {date(incident.opened_at)}"
            return [f"{since} to {date(incident.ended_at or incident.opened_at)}."]
        case Ending.EXPECTED:
            return [f"Marked as expected by {by}. Similar backups won't be reported."]
        case Ending.KNOWN:
            return [*_facts(incident, incident.opened_at), f"Acknowledged by {by}."]
        case _:
            return [f"Open for {lasted} when this channel stopped watching it."]


def _details(incident: Incident, now: datetime) -> list[str]:
    lines = [*_facts(incident, now), *_last_good(incident, now)]
    if incident.times > 1:
        again = "once" if incident.times == 2 else f"{incident.times - 1} times"  # noqa: PLR2004
        lines.append(f"It has come back {again}.")
    return lines


def _facts(incident: Incident, now: datetime) -> Iterator[str]:
    """Yield why it is wrong, what that means, and what to do."""
    facts = incident.facts
    match incident.kind:
        case _K.FAILED | _K.STALE:
            yield from _failing(facts)
        case _K.GAP if facts.recoverable_until:
            yield (
                f"It ends at {date(facts.recoverable_until)}. Changes since then can't be "
                "restored. Check the log backups in the RDS console."
            )
        case _K.HUNG if facts.backup:
            usual = f"; usually {rough(facts.usual)}" if facts.usual else ""
            yield (
                f"{code(facts.backup.name)} has been running since "
                f"{date(begun(facts.backup))} ({rough(now - begun(facts.backup))}{usual}). "
                "No other backup can start until it ends."
            )
        case _K.UNUSUAL_SIZE | _K.UNUSUAL_DURATION:
            yield from _unusual(facts)
        case _K.POLICY_OFF:
            yield (
                f"They were kept for {counted(facts.kept_days or 0, 'day')} before. RDS also "
                "stops point-in-time recovery. Turn them back on in the RDS console, or take "
                "manual backups."
            )
        case _K.KEPT_SHORTER:
            yield "Someone lowered it in RDS. Older automated backups are deleted with that."
        case _:
            yield from _lost(facts)


def _lost(facts: Facts) -> Iterator[str]:
    """Yield what is known of a deleted backup, a missing instance, or instances not read."""
    if facts.backup:
        measured = f", {size(facts.backup.size_kb)}" if facts.backup.size_kb else ""
        made = f" of {date(begun(facts.backup))}" if facts.backup.begin_time else ""
        yield (
            f"{code(facts.backup.name)}{made}{measured}. It can't be restored. If nobody meant to "
            "delete it, look in Cloud Trace Service (CTS) for who did."
        )
    if facts.remaining:
        yield (
            f"{counted(facts.remaining, 'manual backup')} of it "
            f"{'remains' if facts.remaining == 1 else 'remain'}, now billed in full until someone "
            "deletes them."
        )
    elif facts.remaining == 0:
        yield "No manual backup of it remains."
    if facts.instances:
        unread = listed([name(one) for one in facts.instances], most=MOST_NAMED)
        yield f"Not read for over 3 h: {unread}."
        because = f" RDS's last answer was {code(facts.code)}." if facts.code else ""
        yield f"Their state is unknown until RDS answers.{because} I keep trying."
    elif facts.code:
        yield (
            f"RDS answered {code(facts.code)}. The key may have expired, been revoked, or lack a "
            "permission. The bot's operator can check it with `backup-bot check`."
        )


def _failing(facts: Facts) -> Iterator[str]:
    if not facts.backup:
        return
    at = date(facts.backup.end_time or begun(facts.backup))
    failed = f"{code(facts.backup.name)} failed ({at})"
    if facts.failures > 1:
        failed = f"{facts.failures} backups in a row failed; the last was {failed}"
    retried = "RDS retries after half an hour, and that didn't help." if facts.retries else ""
    yield f"{failed}. {retried}".strip()


def _last_good(incident: Incident, now: datetime) -> Iterator[str]:
    """Yield what could be restored, where that matters."""
    if incident.kind not in (_K.FAILED, _K.STALE, _K.POLICY_OFF):
        return
    facts = incident.facts
    limit = f" (limit {rough(facts.limit)})" if facts.limit else ""
    if facts.last_good is None:
        yield f"There is no successful backup in RDS{limit}."
        return
    measured = f", {size(facts.last_good.size_kb)}" if facts.last_good.size_kb else ""
    age = rough(now - begun(facts.last_good))
    which = f"{code(facts.last_good.name)}{measured}"
    yield f"The last successful backup is {age} old{limit}: {which}."


def _unusual(facts: Facts) -> Iterator[str]:
    based = f"based on {counted(facts.runs, 'backup')}"
    if facts.runs < REMEMBERED:
        based = f"still learning: {facts.runs} of {REMEMBERED} backups"
    usual = [
        size(facts.usual_size_kb) if facts.usual_size_kb else "",
        rough(facts.usual) if facts.usual else "",
    ]
    yield f"Usually: {' in '.join(filter(None, usual))} ({based})."
    yield "Check that it's complete. If this is the new normal, mark it as expected."


def _for(facts: Facts, now: datetime) -> str:
    return f" for {rough(now - begun(facts.last_good))}" if facts.last_good else ""


def _unread(facts: Facts) -> str:
    return f"{len(facts.instances)} of {counted(facts.watched, 'watched instance')}"


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
    took = facts.backup.duration if facts.backup else None
    if took is None or facts.usual is None:
        return "took unusually long"
    only = "only " if took < facts.usual else ""
    return f"took {only}{rough(took)}; usually {rough(facts.usual)}"


def _state(incident: Incident, now: datetime) -> str:
    """Return since when it is open, and who has it."""
    if not incident.is_open:
        return ""
    since = f"Since {date(incident.opened_at)}"
    if incident.is_snoozed(now) and incident.snoozed_until and incident.snoozed_by:
        by = mention(incident.snoozed_by)
        return f"{since} · Snoozed until {date(incident.snoozed_until)} by {by}"
    if incident.acknowledged_by:
        return f"{since} · Acknowledged: {mention(incident.acknowledged_by)} has it"
    return since


def _buttons(incident: Incident) -> Iterator[ButtonElement]:
    if incident.kind in CAN_BACK_UP:
        yield ButtonElement(
            text="Back up now", action_id=BACK_UP_NOW, value=incident.id, style="primary"
        )
    if not incident.acknowledged_by:
        yield ButtonElement(text="Acknowledge", action_id=ACKNOWLEDGE_INCIDENT, value=incident.id)
    yield ButtonElement(text="Snooze…", action_id=SNOOZE_INCIDENT, value=incident.id)
    if incident.kind in CAN_BE_EXPECTED:
        yield ButtonElement(text="Mark as expected", action_id=EXPECT_INCIDENT, value=incident.id)
