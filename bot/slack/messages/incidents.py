"""The message of an incident, which always shows its present state, and the replies below it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, ContextBlock, SectionBlock

from bot.domain.incident_lines import IncidentLine
from bot.domain.incidents import (
    CALM_FOR,
    CAN_BACK_UP,
    CAN_BE_EXPECTED,
    CAN_WAIT,
    Ending,
    Incident,
    IncidentKind,
)
from bot.domain.quantities import counted
from bot.slack.messages.ids import (
    ACKNOWLEDGE_INCIDENT,
    BACK_UP_NOW,
    EXPECT_INCIDENT,
    SNOOZE_INCIDENT,
)
from bot.slack.messages.incident_facts import (
    explained,
    last_good,
    new_backup,
    problem,
    recovered,
    shown,
)
from bot.slack.messages.mrkdwn import (
    Message,
    date,
    duration,
    mention,
    people,
    rough,
    said,
    spoken,
    verbatim,
)

_K = IncidentKind
RED, ORANGE, OVER = ":red_circle:", ":large_orange_circle:", ":white_check_mark:"
PAUSED = ":large_yellow_circle:"


def incident_message(incident: Incident, *, now: datetime) -> Message:
    """Return the message: what is wrong, since when, why, and what to do; or that it's over.

    It is edited only when the incident changes, so it gives times rather than ages.
    """
    below = _details(incident) if incident.is_open else _over(incident)
    lines = [_headline(incident, now), *filter(None, below)]
    state = _state(incident, now)
    blocks: list[Block] = [SectionBlock(text=verbatim("\n".join(lines)))]
    if state:
        blocks.append(ContextBlock(elements=[verbatim(state)]))
    if incident.is_open:
        blocks.append(ActionsBlock(elements=[*_buttons(incident)]))
    text = " ".join(f"{spoken(line).rstrip('.')}." for line in (*lines, state) if line)
    return Message(text, (*blocks,))


def incident_reply(incident: Incident, line: IncidentLine, *, now: datetime) -> Message:
    """Return a reply below the message. It reads alone, too: some go to the channel."""
    wrong = problem(incident)
    match line:
        case IncidentLine.GREW:
            limit = incident.facts.limit
            passed = f"the limit of {rough(limit)} has passed" if limit else "it's overdue"
            what = f"successful backup of {shown(incident)}"
            return said(f"There's still no {what}, and {passed}.")
        case IncidentLine.AGAIN:
            times = counted(incident.times, "time")
            return said(
                f"{wrong}. This keeps happening: {times} since {date(incident.opened_at)}."
            )
        case IncidentLine.FLAPPING:
            return said(
                f"{wrong}. {_keeps_coming_back(incident)} I'll keep the message up to date and "
                f"won't post about it again until it has been fine for {rough(CALM_FOR)}."
            )
        case IncidentLine.SNOOZE_OVER:
            return said(f"{wrong}. The snooze is over and this is still open.")
        case IncidentLine.ENDED:
            return said(f"{_headline(incident, now)}. {' '.join(filter(None, _over(incident)))}")


def _headline(incident: Incident, now: datetime) -> str:
    """Return the first line, with the people to mention."""
    if not incident.is_open:
        return _ended_headline(incident)
    is_taken = incident.acknowledged_by or incident.is_snoozed(now)
    if incident.calm_since:
        return f"{PAUSED} Fine for now: {recovered(incident)}"
    called = f"{people(incident.mention)} " if incident.mention and not is_taken else ""
    return f"{called}{ORANGE if incident.kind in CAN_WAIT else RED} {problem(incident)}"


def _ended_headline(incident: Incident) -> str:
    match incident.ending:
        case Ending.KNOWN:
            return f"{OVER} Acknowledged: {problem(incident)}"
        case Ending.EXPECTED:
            return f"{OVER} Expected: {problem(incident)}"
        case Ending.UNWATCHED:
            return f":heavy_minus_sign: No longer watched: {problem(incident)}"
        case Ending.SUPERSEDED:
            return f":heavy_minus_sign: Replaced by a newer incident: {problem(incident)}"
        case _:
            after = duration(incident.lasted or timedelta())
            return f"{OVER} Recovered after {after}: {recovered(incident)}"


def _over(incident: Incident) -> Iterator[str]:
    """Yield how long it lasted, and who ended it."""
    by = mention(incident.ended_by) if incident.ended_by else "someone"
    match incident.ending:
        case Ending.EXPECTED if incident.kind is _K.KEPT_SHORTER:
            yield f"Marked as expected by {by}. I'll report it if the retention gets even shorter."
        case Ending.EXPECTED:
            yield f"Marked as expected by {by}. I won't report similar backups again."
        case Ending.KNOWN:
            if incident.kind is not _K.KEPT_SHORTER:
                yield from explained(incident)
            yield f"Acknowledged by {by} {date(incident.ended_at or incident.opened_at)}."
        case Ending.SUPERSEDED:
            yield "Now automated backups are off, which is reported in its own message."
        case Ending.UNWATCHED:
            lasted = duration(incident.lasted or timedelta())
            yield f"It had been open for {lasted}."
        case _:
            yield from _recovery(incident)


def _recovery(incident: Incident) -> Iterator[str]:
    end = incident.ended_at or incident.opened_at
    yield f"From {date(incident.opened_at)} to {date(end)}."
    if incident.flapping_since:
        yield f"It happened {counted(incident.times, 'time')}."
    if new := new_backup(incident):
        yield f"The new backup is {new}."


def _keeps_coming_back(incident: Incident) -> str:
    since = date(incident.flapping_since or incident.opened_at)
    return f"This keeps happening: {counted(incident.times, 'time')} since {since}."


def _details(incident: Incident) -> Iterator[str]:
    if incident.calm_since:
        yield _keeps_coming_back(incident)
        over = date(incident.calm_since + CALM_FOR)
        last = date(incident.calm_since)
        yield f"It has been fine since {last}. If nothing changes, I'll close this {over}."
        return
    yield from explained(incident)
    yield from last_good(incident)
    if incident.flapping_since:
        yield _keeps_coming_back(incident)
    elif incident.times > 1:
        times = "once" if incident.times == 2 else f"{incident.times - 1} times"  # noqa: PLR2004
        yield f"This has recurred {times} since {date(incident.opened_at)}."


def _state(incident: Incident, now: datetime) -> str:
    """Return since when it is open, and who has it."""
    if not incident.is_open:
        return ""
    since = f"Open since {date(incident.opened_at)}"
    if incident.is_snoozed(now) and incident.snoozed_until and incident.snoozed_by:
        by = mention(incident.snoozed_by)
        return f"{since} · Snoozed until {date(incident.snoozed_until)} by {by}"
    if incident.acknowledged_by:
        at = f" {date(incident.acknowledged_at)}" if incident.acknowledged_at else ""
        return f"{since} · Acknowledged by {mention(incident.acknowledged_by)}{at}"
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
