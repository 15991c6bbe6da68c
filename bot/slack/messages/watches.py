"""Answer `watch`, `unwatch`, and `watches`."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from bot.application.watches import WatchAdded, WatchesView, WatchRemoved, WatchTest
from bot.domain.incidents import Finding, Incident
from bot.domain.quantities import counted
from bot.domain.watches import Limits, Watch
from bot.slack.messages.incident_words import KINDS, label
from bot.slack.messages.listing import MESSAGE_ROOM, fitting, listing
from bot.slack.messages.mrkdwn import (
    Message,
    channel,
    code,
    date,
    listed,
    mention,
    name,
    rough,
)

MOST_NAMED = 5


def watch_added(added: WatchAdded, command: str) -> Message:
    """Say what is watched from now on, and what will be wrong at once."""
    watch, limit = added.watch, rough(added.watch.limits.fresh_within)
    names = _named([one.label for one in added.covered])
    count = counted(len(added.covered), "instance")
    again = "Updated: t" if added.before else "T"
    covers = f"{count} now ({names}), and new ones that match" if _is_glob(watch) else names
    if not added.covered:
        covers = "no instance matches yet; new ones will be watched automatically"
    what = f"{_patterns(watch)}: {covers}" if _is_glob(watch) else names
    lines = [f"{again}his channel now watches {what}."]
    lines.append(
        f"I'll post here when a backup fails, when the last successful one is older than {limit}, "
        "and when something else looks wrong. "
        f"{code(f'{command} watches')} shows what is watched."
    )
    return listing([*lines, *_warnings(added)])


def _warnings(added: WatchAdded) -> Iterator[str]:
    limit = rough(added.watch.limits.fresh_within)
    if added.off:
        yield (
            f":warning: Automated backups are off for {_named(added.off)}: without them, I'll "
            f"expect a manual backup at least every {limit}."
        )
    if added.too_short:
        yield (
            f":warning: {limit} is shorter than the time between automated backups of "
            f"{_named(added.too_short)}. Expect an alert before each, or allow more time."
        )
    if added.elsewhere:
        where = listed([channel(one) for one in added.elsewhere])
        yield f"Some of these instances are also watched in {where}; each channel is told."


def watch_removed(removed: WatchRemoved, command: str) -> Message:
    """Say that a watch has ended, or why not."""
    lines: list[str] = []
    if removed.removed:
        lines.append(
            f"This channel no longer watches {code(removed.pattern)}. Its open incidents are "
            "closed."
        )
    if removed.of_file:
        lines.append(
            f"{code(removed.pattern)} is watched by the bot's config file (watch "
            f"{removed.of_file.number}). The bot's operator can remove it there."
        )
    if not lines:
        lines.append(f"This channel doesn't watch {code(removed.pattern)}. Nothing changed.")
        if removed.others:
            patterns = listed([_patterns(watch) for watch in removed.others])
            lines.append(f"It watches {patterns}.")
        else:
            lines.append(f"To watch an instance: {code(f'{command} watch <instance>')}")
    return listing(lines)


def watches_message(view: WatchesView, command: str) -> Message:
    """List a channel's watches and what is wrong now."""
    if not view.watches:
        watch = code(f"{command} watch <instance>")
        return listing([f"This channel watches no instances. To start: {watch}"])
    lines = [f"*Watched in this channel* ({len(view.watches)})"]
    lines += [_watch(watch, count) for watch, count in view.watches]
    if view.incidents:
        lines.append(f"*Open incidents* ({len(view.incidents)})")
        lines += [_incident(incident, view.at) for incident in view.incidents]
    else:
        lines.append("Nothing is wrong right now.")
    return listing(fitting(lines, MESSAGE_ROOM))


def watch_test(test: WatchTest, command: str) -> Message:
    """Say which watches cover an instance, and what each would say now."""
    shown = name(test.instance.label)
    if not test.covering:
        watch = code(f"{command} watch {test.instance.typed}")
        return listing([f"No channel watches {shown}. To watch it here: {watch}"])
    read = f"as of {date(test.read_at)}" if test.read_at else "not checked yet"
    lines = [f"*Watches that cover {shown}* ({len(test.covering)}, {read})"]
    for one, findings in test.covering:
        where = f"• {channel(one.channel_id)} · {_patterns(one)} · {_limits(one.limits)}"
        lines += [where, *(f"      {line}" for line in _findings(findings, test.read_at))]
    return listing(fitting(lines, MESSAGE_ROOM))


def _findings(findings: Sequence[Finding], read_at: datetime | None) -> list[str]:
    if read_at is None:
        return ["I don't know yet whether anything is wrong."]
    if not findings:
        return ["Nothing is wrong right now."]
    return [f"Would alert now: {KINDS[one.kind]} (since {date(one.since)})." for one in findings]


def _watch(watch: Watch, count: int) -> str:
    by = (
        f"added by {mention(watch.created_by)}"
        if watch.created_by
        else f"from the config file (watch {watch.number})"
    )
    matches = counted(count, "instance")
    return f"• {_patterns(watch)} · {matches} · {_limits(watch.limits)} · {by}"


def _limits(limits: Limits) -> str:
    return f"alerts after {rough(limits.fresh_within)} without a successful backup"


def _incident(incident: Incident, now: datetime) -> str:
    what = label(incident.instance_name, incident.kind)
    state = f"open for {rough(now - incident.opened_at)}"
    if incident.is_snoozed(now) and incident.snoozed_until:
        state += f" · snoozed until {date(incident.snoozed_until)}"
    elif incident.acknowledged_by:
        state += f" · acknowledged by {mention(incident.acknowledged_by)}"
    if incident.calm_since:
        state += " · fine for now"
    return f"• {what} · {state}"


def _is_glob(watch: Watch) -> bool:
    return any(set("*?[") & set(pattern) for pattern in watch.instances)


def _patterns(watch: Watch) -> str:
    return listed([code(pattern) for pattern in watch.instances])


def _named(names: Sequence[str]) -> str:
    return listed([name(one) for one in names], most=MOST_NAMED)
