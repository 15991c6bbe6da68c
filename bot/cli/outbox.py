"""`backup-bot outbox`: the messages that Slack has yet to take."""

import os
from datetime import UTC, datetime

from bot.config.settings import database_url
from bot.domain.outbox import OwedMessage
from bot.domain.printable import printable
from bot.domain.quantities import counted
from bot.storage.owed import owed_messages

HEADINGS = ("WAITING SINCE (UTC)", "MESSAGE", "BACKUP", "TO", "TRIES", "NEXT TRY", "LAST ERROR")


def outbox() -> int:
    """List the messages that Slack has yet to take: since when, and why."""
    owed = owed_messages(database_url(os.environ))
    if not owed:
        print("Slack has taken every message.")
        return 0
    print(f"{counted(len(owed), 'message is', 'messages are')} waiting for Slack.\n")
    rows = [HEADINGS, *(_row(message) for message in owed)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    return 0


def _row(message: OwedMessage) -> tuple[str, ...]:
    cells = (
        _time(message.created_at),
        f"{message.line} {message.subject}".rstrip(),
        f"{message.instance}/{message.name}",
        message.destination,
        str(message.attempts),
        _time(message.due_at) if message.attempts else "",
        message.last_error or "",
    )
    return tuple(printable(cell) for cell in cells)


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
