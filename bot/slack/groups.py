"""Who is in which Slack user group, cached so as to stay far under the method's tier."""

import asyncio
from collections.abc import Iterable, Mapping

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock
from bot.slack.codes import FAILURES, error_code

log = structlog.get_logger(__name__)

FRESH = 300.0  # seconds for which an answer is believed
PATIENCE = 2.0  # seconds; a click must be acked within three


class UserGroups:
    """Reads `usergroups.users.list` (scope `usergroups:read`, Tier 2)."""

    def __init__(self, client: AsyncWebClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._known: dict[str, tuple[float, frozenset[str]]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def members(self, group_ids: Iterable[str]) -> Mapping[str, frozenset[str] | None]:
        """The user ids in each group; None for a group of which Slack could not say."""
        wanted = list(dict.fromkeys(group_ids))
        answers = await asyncio.gather(*(self._members(group_id) for group_id in wanted))
        return dict(zip(wanted, answers, strict=True))

    async def _members(self, group_id: str) -> frozenset[str] | None:
        async with self._locks.setdefault(group_id, asyncio.Lock()):
            known = self._known.get(group_id)
            if known and self._clock.monotonic() - known[0] < FRESH:
                return known[1]
            try:
                async with asyncio.timeout(PATIENCE):
                    answer = await self._client.usergroups_users_list(usergroup=group_id)
            except FAILURES as error:
                log.warning("usergroup_unknown", usergroup=group_id, error=error_code(error))
                return None
            users = frozenset[str](answer["users"])
            self._known[group_id] = (self._clock.monotonic(), users)
            return users
