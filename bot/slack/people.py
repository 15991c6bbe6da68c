"""Who is behind a Slack user or user group, asked sparingly and remembered for a while."""

import asyncio
from collections import deque
from collections.abc import Iterable
from http import HTTPStatus

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.clock import Clock
from bot.domain.policy import Members, is_group
from bot.slack.codes import FAILURES, error_code

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

    def __init__(self, client: AsyncWebClient, clock: Clock) -> None:
        # A 429 is an answer here; waiting it out is for who has the time.
        self._client = AsyncWebClient(
            token=client.token, base_url=client.base_url, session=client.session, retry_handlers=[]
        )
        self._clock = clock
        self._group_calls = _Tier(GROUP_CALLS, clock)
        self._user_calls = _Tier(USER_CALLS, clock)
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
        async with self._group_calls:
            answer = await self._client.usergroups_users_list(usergroup=group_id)
        users = await self.members(answer["users"])
        if None in users.values():
            self.problems[group_id] = "its members are unknown"
            return None
        return NOBODY.union(*(behind for behind in users.values() if behind))

    async def _user(self, user_id: str) -> Behind:
        try:
            async with self._user_calls:
                user = (await self._client.users_info(user=user_id))["user"]
        except SlackApiError as error:
            if error_code(error) in NO_SUCH_USER:
                return NOBODY
            raise
        return NOBODY if user.get("deleted") or user.get("is_bot") else frozenset({user_id})


class _Tier:
    """`async with` around a call: at most so many begin in a minute, and none after a 429."""

    def __init__(self, calls: int, clock: Clock) -> None:
        self._calls = calls
        self._clock = clock
        self._begun: deque[float] = deque()
        self._not_before = float("-inf")

    async def __aenter__(self) -> None:
        while True:
            now = self._clock.monotonic()
            while self._begun and self._begun[0] <= now - MINUTE:
                self._begun.popleft()
            if now >= self._not_before and len(self._begun) < self._calls:
                return self._begun.append(now)
            full = self._begun[0] + MINUTE if len(self._begun) >= self._calls else now
            await self._clock.sleep(max(self._not_before, full) - now)

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        if not isinstance(error, SlackApiError):
            return
        response: AsyncSlackResponse = error.response
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            seconds = float(response.headers.get("Retry-After", MINUTE))
            self._not_before = self._clock.monotonic() + seconds
