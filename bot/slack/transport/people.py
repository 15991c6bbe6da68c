"""Cache the members of Slack user groups, and which users are active."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple

import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.policy import Members, is_group
from bot.domain.workspaces import Workspaces
from bot.runtime.cache import Cache
from bot.runtime.clock import Clock
from bot.runtime.rate_limit import Budget, CallLog
from bot.slack.transport.slack_errors import FAILURES, error_code, retry_after

log = structlog.get_logger(__name__)

Behind = frozenset[str] | None  # None: Slack couldn't say
NOBODY: frozenset[str] = frozenset()

MINUTE = 60.0
GROUP_CALLS = 20  # a minute: Tier 2
USER_CALLS = 100  # a minute: Tier 4
URGENT, IDLE = 0, 1  # someone is waiting for the answer; no one is
CHECKS = 8  # group members that are looked up at a time
UNTOLD = 5.0  # seconds that a failure is cached, so that the next click needn't wait for it
LIKE_NEW = 10.0  # seconds that an answer counts as new while Slack allows no calls
NO_SUCH_USER = {"user_not_found", "user_not_visible"}
# Another workspace of the organization may have the group.
NOT_HERE = {
    "no_such_subteam",
    "subteam_not_found",
    "invalid_team",
    "team_not_found",
    "team_access_not_granted",
}


class _Ages(NamedTuple):
    """Seconds after which a cached answer is reloaded, and after which it is not used."""

    stale: float
    useless: float


GROUP = _Ages(stale=60.0, useless=300.0)
USER = _Ages(stale=3600.0, useless=86400.0)


class People:
    """Reads `usergroups.users.list` (scope `usergroups:read`) and `users.info` (`users:read`).

        One call returns the members of a group. Whether each is still active is checked in the
    background; until Slack says otherwise, they count as active. A person who acts is looked up
    by their own ID.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        clock: Clock,
        call_log: CallLog | None = None,
        workspaces: Workspaces | None = None,
    ) -> None:
        self._client = client
        self._workspaces = workspaces or Workspaces()
        self._homes: dict[str, str] = {}  # group → its workspace, in an organization
        self._clock = clock
        self._group_calls = Budget("slack groups", GROUP_CALLS, MINUTE, clock, call_log)
        self._user_calls = Budget(
            "slack users", USER_CALLS, MINUTE, clock, call_log, spared_from=IDLE
        )
        self._cache = Cache[str, frozenset[str]](clock)
        self._failed: dict[str, float] = {}  # ID → when
        self._to_check: dict[str, None] = {}  # in order of arrival
        self._checking: asyncio.Task[None] | None = None
        self._checks = asyncio.Semaphore(CHECKS)
        self.problems: dict[str, str] = {}  # ID → Slack's error code

    async def members(self, ids: Iterable[str], *, max_age: float | None = None) -> Members:
        """Return the people behind each user and user group; None where Slack couldn't say.

        From a cache that is refreshed in the background. Nothing older than `max_age` seconds is
        used; with 0, Slack is asked now, unless it allows no calls and the cached answer is
        younger than `LIKE_NEW`.
        """
        wanted = list(dict.fromkeys(ids))
        answers = await asyncio.gather(*(self._behind(one, max_age) for one in wanted))
        behind = dict(zip(wanted, answers, strict=True))
        return {one: self._still_there(users) for one, users in behind.items()}

    async def everybody(self, ids: Iterable[str]) -> Members:
        """Return the same, after checking that each member of the groups is active."""
        wanted = list(dict.fromkeys(ids))
        found = await self.members(wanted)
        await asyncio.gather(
            *(self._check(user) for one in wanted if is_group(one) for user in found[one] or ())
        )
        return await self.members(wanted)

    async def close(self) -> None:
        """Stop all lookups."""
        if self._checking:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)
        await self._cache.close()

    def _still_there(self, users: Behind) -> Behind:
        if users is None:
            return None
        return users - {user for user in users if self._cache.peek(user) == NOBODY}

    async def _behind(self, slack_id: str, max_age: float | None) -> Behind:
        age, ages = self._cache.age(slack_id), GROUP if is_group(slack_id) else USER
        if age < (ages.useless if max_age is None else max_age):
            if age >= ages.stale and not self._failed_lately(slack_id):
                self._cache.refresh(slack_id, self._reader(slack_id), turn=self._turn(slack_id))
            return self._cache.peek(slack_id)
        if self._failed_lately(slack_id):
            return None
        if max_age is None or self._cache.is_loading(slack_id):
            return await self._answer(slack_id)
        has_turn = await self._calls(slack_id).take_now(URGENT)
        if not has_turn and age < LIKE_NEW:
            return self._cache.peek(slack_id)
        return await self._answer(slack_id, has_turn=has_turn)

    async def _answer(self, slack_id: str, *, has_turn: bool = False) -> Behind:
        turn = None if has_turn else self._turn(slack_id)
        try:
            return await self._cache.load(slack_id, self._reader(slack_id), turn=turn)
        except FAILURES:
            return None

    def _turn(self, slack_id: str) -> Callable[[], Awaitable[None]]:
        return partial(self._calls(slack_id).take, URGENT)

    def _reader(self, slack_id: str) -> Callable[[], Coroutine[Any, Any, frozenset[str]]]:
        return partial(self._read, slack_id)

    async def _read(self, slack_id: str) -> frozenset[str]:
        """Ask Slack. Raises FAILURES, which are cached for a few seconds."""
        try:
            async with _cooling_down(self._calls(slack_id)):
                ask = self._group if is_group(slack_id) else self._user
                behind = await ask(slack_id)
        except FAILURES as error:
            self.problems[slack_id] = error_code(error)
            self._failed[slack_id] = self._clock.monotonic()
            log.warning("people_unknown", slack_id=slack_id, error=error_code(error))
            raise
        self.problems.pop(slack_id, None)
        self._failed.pop(slack_id, None)
        if is_group(slack_id):
            self._check_behind(behind)
        return behind

    async def _group(self, group_id: str) -> frozenset[str]:
        if not self._workspaces.is_org_wide:
            return await self._members_in(group_id)
        known = self._homes.get(group_id)
        teams = sorted(self._workspaces.served, key=lambda team_id: (team_id != known, team_id))
        for number, team_id in enumerate(teams):
            if number:
                await self._group_calls.take(URGENT)
            try:
                users = await self._members_in(group_id, team_id)
            except SlackApiError as error:
                if error_code(error) not in NOT_HERE:
                    raise
            else:
                self._homes[group_id] = team_id
                return users
        raise SlackClientError("no workspace has this group")

    async def _members_in(self, group_id: str, team_id: str | None = None) -> frozenset[str]:
        """Ask with an org-wide token's `team_id`; Slack doesn't say which workspace has it."""
        answer = await self._client.usergroups_users_list(usergroup=group_id, team_id=team_id)
        users = answer.get("users")
        if not isinstance(users, list):
            raise SlackClientError("no list of users")
        return frozenset(map(str, users))

    async def _user(self, user_id: str) -> frozenset[str]:
        try:
            user = (await self._client.users_info(user=user_id)).get("user")
        except SlackApiError as error:
            if error_code(error) in NO_SUCH_USER:
                return NOBODY
            raise
        if not isinstance(user, dict):
            raise SlackClientError("no user")
        return NOBODY if user.get("deleted") or user.get("is_bot") else frozenset({user_id})

    def _check_behind(self, users: Iterable[str]) -> None:
        self._to_check |= dict.fromkeys(user for user in users if self._is_due(user))
        if self._to_check and (self._checking is None or self._checking.done()):
            self._checking = asyncio.create_task(self._check_all())
            self._checking.add_done_callback(_seen)

    async def _check_all(self) -> None:
        while self._to_check:
            user = next(iter(self._to_check))
            del self._to_check[user]
            await self._check(user)

    async def _check(self, user_id: str) -> None:
        """Check that a member is still active, when there are no urgent calls."""
        async with self._checks:
            if not self._is_due(user_id):
                return
            await self._user_calls.take(IDLE)
            await self._answer(user_id, has_turn=True)

    def _is_due(self, user_id: str) -> bool:
        return self._cache.age(user_id) >= USER.stale and not self._failed_lately(user_id)

    def _failed_lately(self, slack_id: str) -> bool:
        at = self._failed.get(slack_id, float("-inf"))
        return self._clock.monotonic() - at < UNTOLD

    def _calls(self, slack_id: str) -> Budget:
        return self._group_calls if is_group(slack_id) else self._user_calls


def _seen(task: asyncio.Task[Any]) -> None:
    """Retrieve the error of a task that no one awaits; the next lookup reports it."""
    if not task.cancelled():
        task.exception()


@asynccontextmanager
async def _cooling_down(calls: Budget) -> AsyncIterator[None]:
    """Make no calls of this kind for a while after a 429."""
    try:
        yield
    except FAILURES as error:
        if (seconds := retry_after(error)) is not None:
            await calls.cool_down(seconds)
        raise
