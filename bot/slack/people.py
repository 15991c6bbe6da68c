"""Who is behind a Slack user or user group, asked sparingly and remembered for a while."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.budget import Budget, Ledger
from bot.clock import Clock
from bot.domain.policy import Members, is_group
from bot.slack.codes import FAILURES, error_code, retry_after

log = structlog.get_logger(__name__)

Behind = frozenset[str] | None  # the living people; None: Slack could not say
NOBODY: frozenset[str] = frozenset()

GROUP_FRESH = 300.0  # seconds for which the members of a group are believed
LIVING_FRESH = 3600.0  # the same for somebody's being there
UNTOLD = 5.0  # seconds for which a failure is: clicks in a row need not wait for it again
MINUTE = 60.0
GROUP_CALLS = 20  # a minute: Tier 2
USER_CALLS = 100  # a minute: Tier 4
NO_SUCH_USER = {"user_not_found", "user_not_visible"}


class People:
    """Reads `usergroups.users.list` (scope `usergroups:read`) and `users.info` (`users:read`).

    Members of a group who left Slack, and bots, are left out. A group of which Slack does not
    say everything is unknown as a whole.
    """

    def __init__(self, client: AsyncWebClient, clock: Clock, ledger: Ledger | None = None) -> None:
        self._client = client
        self._clock = clock
        self._group_calls = Budget("slack groups", GROUP_CALLS, MINUTE, clock, ledger)
        self._user_calls = Budget("slack users", USER_CALLS, MINUTE, clock, ledger)
        self._known: dict[str, tuple[float, Behind]] = {}
        self._asking: dict[str, asyncio.Task[Behind]] = {}
        self.problems: dict[str, str] = {}  # id → Slack's word for why it is unknown

    async def members(self, ids: Iterable[str]) -> Members:
        """The living people behind each user and user group; None where Slack could not say."""
        wanted = list(dict.fromkeys(ids))
        answers = await asyncio.gather(*map(self._behind, wanted))
        return dict(zip(wanted, answers, strict=True))

    async def close(self) -> None:
        """Ask nothing more."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def _behind(self, slack_id: str) -> Behind:
        until, behind = self._known.get(slack_id, (float("-inf"), None))
        if self._clock.monotonic() < until:
            return behind
        if slack_id not in self._asking:  # one question, however many wait for its answer
            task = asyncio.create_task(self._ask(slack_id))
            self._asking[slack_id] = task
            task.add_done_callback(lambda _: self._asking.pop(slack_id, None))
        # Who gives up waiting does not stop it: the answer is for the next one, too.
        return await asyncio.shield(self._asking[slack_id])

    async def _ask(self, slack_id: str) -> Behind:
        try:
            ask = self._group if is_group(slack_id) else self._user
            behind = await ask(slack_id)
        except FAILURES as error:
            self.problems[slack_id] = error_code(error)
            log.warning("people_unknown", slack_id=slack_id, error=error_code(error))
            behind = None
        else:
            if behind is not None:
                self.problems.pop(slack_id, None)
        fresh = GROUP_FRESH if is_group(slack_id) else LIVING_FRESH
        fresh = UNTOLD if behind is None else fresh
        self._known[slack_id] = (self._clock.monotonic() + fresh, behind)
        return behind

    async def _group(self, group_id: str) -> Behind:
        async with _within(self._group_calls):
            answer = await self._client.usergroups_users_list(usergroup=group_id)
        users = await self.members(answer["users"])
        if None in users.values():
            self.problems[group_id] = "its members are unknown"
            return None
        return NOBODY.union(*(behind for behind in users.values() if behind))

    async def _user(self, user_id: str) -> Behind:
        try:
            async with _within(self._user_calls):
                user = (await self._client.users_info(user=user_id))["user"]
        except SlackApiError as error:
            if error_code(error) in NO_SUCH_USER:
                return NOBODY
            raise
        return NOBODY if user.get("deleted") or user.get("is_bot") else frozenset({user_id})


@asynccontextmanager
async def _within(budget: Budget) -> AsyncIterator[None]:
    """Around a call: its turn first, and none for a while after a 429."""
    await budget.take()
    try:
        yield
    except FAILURES as error:
        if (seconds := retry_after(error)) is not None:
            await budget.stand_back(seconds)
        raise
