"""Make each channel's digest when it is due, once, by any replica."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import inf
from uuid import uuid4

import structlog

from bot.domain.channels import Channel
from bot.domain.digests import Digest, Schedule, digest_of
from bot.domain.observations import Observed
from bot.domain.watches import Limits, Watch, watching
from bot.monitor.ports import Digests, Incidents
from bot.runtime.clock import Clock

log = structlog.get_logger(__name__)

FIRST_SINCE = timedelta(days=1)  # that the first digest looks back


class DigestMaker:
    """`channels` are those with a schedule, and the others."""

    def __init__(
        self, incidents: Incidents, digests: Digests, clock: Clock, channels: Iterable[Channel]
    ) -> None:
        self._incidents = incidents
        self._digests = digests
        self._clock = clock
        self._channels = [channel for channel in channels if channel.digest.pace != "off"]
        self._started_at = clock.now()

    async def make_due(self, watches: Sequence[Watch]) -> float:
        """Make the digests that are due; return the seconds until the next one is.

        After a pause of the bot, only the latest is made.
        """
        if not self._channels:
            return inf
        now = self._clock.now()
        last = await self._digests.last(now)
        for channel in self._channels:
            before = last.get(channel.id)
            due_at = latest_due(channel.digest, before or self._started_at, now)
            if due_at is not None:
                await self._make(channel, due_at, before or due_at - FIRST_SINCE, watches)
        due = [channel.digest.next_after(now) for channel in self._channels]
        return min((at - now).total_seconds() for at in due if at)

    async def _make(
        self, channel: Channel, due_at: datetime, since: datetime, watches: Sequence[Watch]
    ) -> None:
        now = self._clock.now()
        watched: list[tuple[Observed, Limits]] = []
        owner = ""
        for known in await self._incidents.all_observed():
            for one in watching(watches, known.name, known.instance_id, known.project):
                if one.channel_id == channel.id and known.gone_at is None:
                    watched.append((known, one.limits))
                    owner = owner or one.owner
        incidents = await self._incidents.of_channel(channel.id, since)
        empty = Digest(
            id=f"d{uuid4().hex}",
            channel_id=channel.id,
            due_at=due_at,
            made_at=now,
            owner=owner,
        )
        kept = await self._digests.kept_for_a_while()
        if await self._digests.save(digest_of(empty, watched, incidents, since, kept)):
            log.info("digest_made", channel=channel.id, instances=len(watched))


def latest_due(schedule: Schedule, after: datetime, now: datetime) -> datetime | None:
    """Return the latest time after `after` that has come, or None."""
    latest: datetime | None = None
    due = schedule.next_after(max(after, now - timedelta(days=8)))
    while due is not None and due <= now:
        latest, due = due, schedule.next_after(due)
    return latest
