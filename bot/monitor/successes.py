"""Which channels are told of a successful backup, and when."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from bot.domain.channels import Channel
from bot.domain.instances import Backup
from bot.domain.successes import NewSuccess, Success
from bot.domain.watches import Watching


class SuccessTeller:
    """Knows which channels hear of successes."""

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._channels = {one.id: one for one in channels if one.successes != "off"}

    def of(
        self,
        instance_name: str,
        completed: Iterable[Backup],
        conditions: Iterable[Watching],
        now: datetime,
    ) -> Iterator[NewSuccess]:
        """Yield what each channel that watches the instance is told of its new backups."""
        told = [self._channels.get(one.channel_id) for one in conditions]
        for channel in filter(None, told):
            for backup in completed:
                yield NewSuccess(
                    channel_id=channel.id,
                    day=channel.next_day(now),
                    in_thread=channel.successes == "thread",
                    success=Success(instance_name=instance_name, backup=backup),
                    not_before=channel.not_before(now),
                )
