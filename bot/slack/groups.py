"""Who is in which Slack user group, cached so as to stay far under the method's tier."""

import asyncio
from collections.abc import Iterable, Mapping

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock
from bot.slack.codes import FAILURES, error_code

log = structlog.get_logger(__name__)

FRESH = 300.0  # seconds for which an answer is believed
UNTOLD = 5.0  # seconds for which a failure is: clicks in a row need not wait for it again
PATIENCE = 2.0  # seconds; a click must be acked within three


class UserGroups:
    """Reads `usergroups.users.list` (scope `usergroups:read`, Tier 2)."""

    def __init__(self, client: AsyncWebClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._known: dict[str, tuple[float, frozenset[str] | None]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def members(self, group_ids: Iterable[str]) -> Mapping[str, frozenset[str] | None]:
        """The user ids in each group; None for a group of which Slack could not say."""
        wanted = list(dict.fromkeys(group_ids))
        answers = await asyncio.gather(*(self._members(group_id) for group_id in wanted))
        return dict(zip(wanted, answers, strict=True))

    async def _members(self, group_id: str) -> frozenset[str] | None:
        async with self._locks.setdefault(group_id, asyncio.Lock()):
            until, users = self._known.get(group_id, (float("-inf"), None))
            if self._clock.monotonic() >= until:
                users = await self._ask(group_id)
                fresh = UNTOLD if users is None else FRESH
                self._known[group_id] = (self._clock.monotonic() + fresh, users)
            return users

    async def _ask(self, group_id: str) -> frozenset[str] | None:
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self._client.usergroups_users_list(usergroup=group_id)
        except FAILURES as error:
            log.warning("usergroup_unknown", usergroup=group_id, error=error_code(error))
            return None
        return frozenset[str](answer["users"])
