"""Publish home tabs and keep them current."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.application.request_queries import RequestQueries
from bot.domain.errors import StoreUnavailable
from bot.domain.requests import BackupRequest
from bot.domain.thread_lines import CARD
from bot.domain.workspaces import Workspaces
from bot.runtime.clock import Clock
from bot.runtime.rate_limit import Budget, CallLog
from bot.slack.messages.home import home_view, shown_requests, welcome
from bot.slack.transport.slack_errors import FAILURES, error_code, retry_after
from bot.slack.transport.web_client import SlackClient

log = structlog.get_logger(__name__)

# https://docs.slack.dev/reference/methods/views.publish is Tier 4: 100 a minute and more.
PUBLISHES, MINUTE = 90, 60.0
GAP = 5.0  # seconds in which changes are drawn together
PROGRESS = 60.0  # seconds between two drawings of progress
LOOKED_AT = timedelta(minutes=15)  # after it was opened, progress is drawn for this long
IN_USE = timedelta(days=7)  # it is kept up to date for this long


class Store(Protocol):
    async def posted(self, request_id: str, line: str) -> tuple[str, str] | None: ...
    async def open_home(self, user_id: str, at: datetime, team_id: str) -> None: ...
    async def met(self, user_id: str, at: datetime) -> bool:
        """Save that a person opened one of the app's tabs; return whether it's the first time."""
        ...

    async def homes(self, opened_since: datetime) -> list[tuple[str, str | None]]:
        """Return who has opened their home tab since then, and in which workspace."""
        ...


class Homes:
    """Publishes a home tab when it is opened, and again when it would look different."""

    def __init__(  # noqa: PLR0913, all that a tab is drawn from
        self,
        client: SlackClient,
        request_queries: RequestQueries,
        store: Store,
        clock: Clock,
        call_log: CallLog,
        workspaces: Workspaces,
        *,
        address: str,
        command: str,
    ) -> None:
        self._workspaces = workspaces
        self._client = client
        self._request_queries = request_queries
        self._store = store
        self._clock = clock
        self._budget = Budget("slack homes", PUBLISHES, MINUTE, clock, call_log)
        self._address = address  # of the workspace
        self._command = command
        self._shown: dict[str, str] = {}  # by person: what their tab shows
        self._changed = asyncio.Event()

    async def opened(self, user_id: str, team_id: str) -> None:
        """Publish a home tab that was opened in a workspace, and keep it current from now on."""
        with suppress(StoreUnavailable):
            await self._store.open_home(user_id, self._clock.now(), team_id)
        self._shown.pop(user_id, None)
        await self._publish(user_id, team_id)
        await self._request_queries.look_around()
        await self._publish(user_id, team_id)

    async def greet(self, user_id: str) -> None:
        """Send one direct message, ever, to a person who hasn't seen the home tab yet.

        It isn't sent again if Slack loses it: two are worse than none.
        """
        try:
            is_new = await self._store.met(user_id, self._clock.now() - IN_USE)
        except StoreUnavailable:
            return
        if is_new:
            with suppress(*FAILURES):
                await self._client.tell(user_id, welcome(self._command).as_slack())

    def changed(self) -> None:
        """Note that a request changed; home tabs that show it are published again soon."""
        self._changed.set()

    async def run(self) -> None:
        """Publish home tabs when they change, as long as the bot runs."""
        while True:
            is_news = await self._clock.wait(self._changed, PROGRESS)
            self._changed.clear()
            await self._refresh(IN_USE if is_news else LOOKED_AT)
            await self._clock.sleep(GAP)

    async def links(self, requests: Iterable[BackupRequest]) -> dict[str, str]:
        """Return the links to the requests' cards."""
        found = {}
        for request in requests:
            if card := await self._store.posted(request.id, CARD):
                found[request.id] = self._link(*card)
        return found

    def _link(self, channel: str, ts: str) -> str:
        return f"{self._address.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}"

    async def _refresh(self, opened_within: timedelta) -> None:
        try:
            for user_id, opened_in in await self._store.homes(self._clock.now() - opened_within):
                # What an older release saved is of the token's own workspace.
                team_id = opened_in or self._workspaces.own
                if team_id in self._workspaces.served:
                    await self._publish(user_id, team_id)
        except StoreUnavailable:
            log.warning("homes_not_drawn")

    async def _publish(self, user_id: str, team_id: str) -> None:
        teams = self._workspaces.seen_from(team_id)
        home = await self._request_queries.home(user_id, teams)
        view = home_view(home, await self.links(shown_requests(home)), self._command)
        drawn = json.dumps(view)
        if self._shown.get(user_id) == drawn:
            return
        await self._budget.take()
        try:
            await self._client.views_publish(user_id=user_id, view=view)
        except FAILURES as error:
            seconds = retry_after(error)
            if seconds is not None:
                await self._budget.cool_down(seconds)
                self._changed.set()
            log.warning("home_not_published", user=user_id, error=error_code(error))
        else:
            self._shown[user_id] = drawn
