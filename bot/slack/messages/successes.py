"""A day's successful backups."""

from bot.domain.quantities import counted
from bot.domain.successes import Success, SuccessDay
from bot.slack.messages.listing import MESSAGE_ROOM, fitting, listing
from bot.slack.messages.mrkdwn import Message, code, date, duration, name, said, size

MOST_SHOWN = 50


def successes_message(day: SuccessDay) -> Message:
    """Return the day's message: how many backups completed, and which, unless they are replies."""
    head = f":white_check_mark: *{_counted(day)} completed*"
    if len(day.successes) > 1 and (last := day.successes[0].backup.end_time):
        head += f", the last {date(last)}"
    if day.in_thread:
        return listing([f"{head}."])
    lines = [f"• {_line(one)}" for one in day.successes[:MOST_SHOWN]]
    shown = fitting([f"{head}:", *lines], MESSAGE_ROOM)
    if left := len(day.successes) + 1 - len(shown):
        shown.append(f"… and {left} more.")
    return listing(shown)


def success_reply(success: Success) -> Message:
    """Return the reply about one backup."""
    return said(f":white_check_mark: {_line(success)}")


def _counted(day: SuccessDay) -> str:
    types = {one.backup.type for one in day.successes}
    kind = {"auto": "automated backup", "manual": "manual backup"}.get(
        types.pop() if len(types) == 1 else "", "backup"
    )
    return counted(len(day.successes), kind)


def _line(success: Success) -> str:
    backup = success.backup
    parts = [size(backup.size_kb)] if backup.size_kb else []
    if backup.duration is not None:
        parts.append(f"in {duration(backup.duration)}")
    result = " ".join(parts) or "complete"
    at = f" · {date(backup.end_time)}" if backup.end_time else ""
    made = f" · manual backup {code(backup.name)}" if backup.type == "manual" else ""
    return f"*{name(success.instance_name)}*: {result}{at}{made}"
