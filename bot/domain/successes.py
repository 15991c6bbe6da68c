"""Successful backups that a channel is told of, a day's in one message."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from bot.domain.frozen import Frozen
from bot.domain.instances import Backup, BackupStatus
from bot.domain.observations import Observed
from bot.domain.outbox import About, Owed, Urgency
from bot.domain.thread_lines import CARD
from bot.domain.topics import ChannelTopic

Successes = Literal["off", "thread", "channel"]
SUCCESS = "success"  # the line of a backup in the thread of its day; subject: the backup's ID
LISTED_LATE = timedelta(days=1)  # that RDS may list a backup after it has ended


class Success(Frozen):
    """One successful backup of a watched instance."""

    instance_name: str
    backup: Backup


class SuccessDay(ChannelTopic):
    """What a channel is told of one day."""

    in_thread: bool  # each is a reply, and the message only counts them
    successes: tuple[Success, ...] = ()  # the last to end first


class NewSuccess(NamedTuple):
    """A success that a channel hasn't been told of."""

    channel_id: str
    day: date  # on which the channel is told, in its time zone
    in_thread: bool
    success: Success
    not_before: datetime | None = None  # the end of its quiet hours

    @property
    def topic_id(self) -> str:
        """The ID of the day's message."""
        kind = "thread" if self.in_thread else "channel"
        return f"s-{self.channel_id}-{self.day.isoformat()}-{kind}"


def new_successes(before: Observed, after: Observed) -> list[Backup]:
    """Return the backups that a reading found complete, and that weren't before.

    What the first reading lists is no news, and neither is what RDS has listed for long and the
    bot only forgot.
    """
    known = {b.id for b in before.completed}
    reads = {"auto": before.read_at, "manual": before.manual_read_at}

    def is_news(backup: Backup) -> bool:
        read_at, ended = reads.get(backup.type), backup.end_time or backup.begin_time
        if read_at is None or ended is None or backup.id in known:
            return False
        return backup.status == BackupStatus.COMPLETED and ended >= read_at - LISTED_LATE

    return [backup for backup in after.full if is_news(backup)]


def latest_first(successes: Sequence[Success]) -> tuple[Success, ...]:
    """Return them in the order in which they are shown."""
    by_end = sorted(successes, key=lambda one: (str(one.backup.end_time), one.backup.id))
    return tuple(reversed(by_end))


def owed_by_success(new: NewSuccess) -> Iterator[Owed]:
    """Yield the day's message, posted or edited, and the reply in its thread."""
    for line, subject in ((CARD, ""), (SUCCESS, new.success.backup.id)):
        if line == CARD or new.in_thread:
            yield Owed(
                topic_id=new.topic_id,
                about=About.SUCCESSES,
                line=line,
                subject=subject,
                destination=new.channel_id,
                urgency=Urgency.PROGRESS,
                not_before=new.not_before,
            )
