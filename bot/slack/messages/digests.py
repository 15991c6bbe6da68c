"""The regular summary of a channel."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from slack_sdk.models.blocks import Block, ButtonElement, SectionBlock

from bot.domain.digests import DAYS, EXPIRES_SOON, Digest, DigestIncident, DigestRow
from bot.domain.quantities import counted
from bot.slack.messages.charts import GB, MOST_SERIES, LineChart, line_names
from bot.slack.messages.ids import DELETE_OLD, OldBackup
from bot.slack.messages.incident_words import label
from bot.slack.messages.listing import MESSAGE_ROOM, TEXT_ROOM, fitting, listing, sections
from bot.slack.messages.mrkdwn import (
    Message,
    code,
    date,
    duration,
    name,
    rough,
    size,
    spoken,
    verbatim,
)

MOST_ROWS, MOST_OLD, MOST_EXPIRING = 50, 10, 5
STEADY = 0.02  # a smaller change of size isn't worth a word


def digest_message(digest: Digest, *, with_chart: bool = True, command: str) -> Message:
    """Return the digest: one line on top says whether anyone has to act.

    `with_chart=False` is for a workspace whose Slack answers `invalid_blocks` to a chart.
    """
    notes = list(_notes(digest))
    if not digest.rows:
        watch = code(f"{command} watch <instance>")
        return listing([*notes, f"No instances are watched here. To start: {watch}"])
    lines = [_headline(digest), *notes]
    lines += [_incident(incident, digest.made_at) for incident in digest.incidents]
    lines += list(_rows(digest))
    lines += list(_expiring(digest))
    old = list(_old_manual(digest))
    shown = fitting(lines, MESSAGE_ROOM - sum(len(line) for line, _ in old))
    blocks: list[Block] = [*sections(shown)]
    if with_chart and (chart := _sizes_chart(digest)):
        blocks.append(chart)
    blocks += [_with_button(*entry) for entry in old]
    text = spoken("\n".join(fitting([*shown, *(line for line, _ in old)], TEXT_ROOM)))
    return Message(text, (*blocks,))


def _headline(digest: Digest) -> str:
    total, now = len(digest.rows), digest.made_at
    still_open = [incident for incident in digest.incidents if incident.ended_at is None]
    fresh = f"*{digest.fresh} of {counted(total, 'instance')} backed up in time*"
    wrong = ""
    if still_open:
        first = min(incident.opened_at for incident in still_open)
        wrong = f", {counted(len(still_open), 'open incident')} (oldest since {date(first)})"
    read = f"I checked {digest.read} of {total} in the last 3 h"
    if digest.oldest_read:
        read += f"; the oldest check was {rough(now - digest.oldest_read)} ago"
    return f"{fresh}{wrong}. {read}."


def _notes(digest: Digest) -> Iterator[str]:
    if digest.is_late:
        late = rough(digest.made_at - digest.due_at)
        yield f"_This summary is {late} late because the bot was down._"


def _incident(incident: DigestIncident, now: datetime) -> str:
    what = label(incident.instance_name, incident.kind)
    if incident.ended_at:
        lasted = duration(incident.ended_at - incident.opened_at)
        return f":white_check_mark: {what} · closed after {lasted}"
    return f":warning: {what} · open for {rough(now - incident.opened_at)}"


def _rows(digest: Digest) -> Iterator[str]:
    for row in digest.rows[:MOST_ROWS]:
        yield f"• {_row(row, digest.made_at)}"
    if len(digest.rows) > MOST_ROWS:
        yield f"… and {counted(len(digest.rows) - MOST_ROWS, 'more instance')}."


def _row(row: DigestRow, now: datetime) -> str:
    if row.last_good is None:
        return f"*{name(row.name)}*: no successful backup"
    parts = [f"last backup {rough(now - row.last_good)} ago"]
    if row.size_kb:
        parts.append(f"{size(row.size_kb)}{_trend(row)}")
    if row.recoverable_until:
        parts.append(f"latest restorable time {rough(now - row.recoverable_until)} ago")
    if row.failed:
        parts.append(counted(row.failed, "failure"))
    return f"*{name(row.name)}*: {' · '.join(parts)}"


def _trend(row: DigestRow) -> str:
    """Return how the size changed over the last ten backups, such as ` (+12% in 10 backups)`."""
    if len(row.sizes_kb) < 2 or not row.sizes_kb[0]:  # noqa: PLR2004, a change needs two
        return ""
    change = row.sizes_kb[-1] / row.sizes_kb[0] - 1
    if abs(change) < STEADY:
        return ""
    return f" ({change:+.0%} in {len(row.sizes_kb)} backups)"


def _sizes_chart(digest: Digest) -> LineChart | None:
    """Return how the sizes have changed in a week, of the instances where they changed most."""
    moved = [row for row in digest.rows if _change(row) >= STEADY]
    rows = sorted(moved, key=_change, reverse=True)[:MOST_SERIES]
    if not rows:
        return None
    days = [digest.made_at - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]
    lines = [[round(size_kb / GB, 3) for size_kb in row.daily_kb] for row in rows]
    names = line_names([row.name for row in rows])
    return LineChart(
        "Backup size in the last 7 days",
        dict(zip(names, lines, strict=True)),
        [f"{day:%b} {day.day}" for day in days],
        "GB",
    )


def _change(row: DigestRow) -> float:
    """Return by how much its size has changed within the week, as a share of the smallest."""
    return max(row.daily_kb) / min(row.daily_kb) - 1 if row.daily_kb else 0.0


def _expiring(digest: Digest) -> Iterator[str]:
    """Yield which backups are deleted next."""
    if not digest.expiring:
        return
    yield f"*Will be deleted automatically in the next {EXPIRES_SOON.days} days*"
    for one in digest.expiring[:MOST_EXPIRING]:
        sized = f", {size(one.size_kb)}" if one.size_kb else ""
        last = "the last successful backup of " if one.is_last_good else ""
        mark = ":warning: " if one.is_last_good else ""
        yield f"• {mark}{last}{name(one.instance_name)}: {code(one.name)}{sized}, {date(one.at)}"
    if len(digest.expiring) > MOST_EXPIRING:
        yield f"… and {counted(len(digest.expiring) - MOST_EXPIRING, 'more backup')}."


def _old_manual(digest: Digest) -> Iterator[tuple[str, DigestRow | None]]:
    """Yield a heading, and each instance's old manual backups."""
    rows = [row for row in digest.rows if row.old_manual]
    if not rows:
        return
    total = sum(row.old_manual for row in rows)
    billed = size(sum(row.old_manual_kb for row in rows))
    yield f"*{counted(total, 'manual backup')} older than 90 days* ({billed}, still billed)", None
    for row in rows[:MOST_OLD]:
        oldest = f"the oldest is {code(row.oldest_manual)}"
        yield f"{name(row.name)}: {row.old_manual} ({size(row.old_manual_kb)}); {oldest}", row
    if len(rows) > MOST_OLD:
        yield f"… and {counted(len(rows) - MOST_OLD, 'more instance')}.", None


def _with_button(line: str, row: DigestRow | None) -> SectionBlock:
    if row is None or not row.oldest_manual:
        return SectionBlock(text=verbatim(line))
    value = OldBackup(name=row.oldest_manual, instance=row.instance_id).build()
    action = f"{DELETE_OLD}:{row.instance_id}"
    return SectionBlock(
        text=verbatim(line),
        accessory=ButtonElement(text="Delete…", action_id=action, value=value),
    )
