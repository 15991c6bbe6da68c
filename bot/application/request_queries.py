"""Look up requests: what is waiting, running, and done, for one person."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.application.deadlines import FORM_TIMEOUT, members_within
from bot.application.inventory import Inventory
from bot.application.origin import Origin, request_about
from bot.application.ports import People, Store
from bot.application.watches import Watches
from bot.domain.decisions import decide_approval
from bot.domain.incidents import Incident
from bot.domain.instances import Backup, Instance
from bot.domain.policy import Members, Policy
from bot.domain.posture import Posture
from bot.domain.preferences import Preferences
from bot.domain.requests import BackupRequest
from bot.domain.states import OPEN_STATES, RequestState
from bot.runtime.clock import Clock

AT_ONCE = 50  # requests judged before other tasks can run
MOST = 1000  # open requests that are searched
SHOWN = 20  # of each kind, in one answer
RECENT = 5  # of the person's own requests, on the home tab

WAITING = {RequestState.SUBMITTED, RequestState.AWAITING_APPROVAL}


@dataclass(frozen=True)
class Status:
    """One person's open requests, and the running ones of others."""

    mine: Sequence[BackupRequest]
    running: Sequence[BackupRequest]
    at: datetime


@dataclass(frozen=True)
class Pending:
    """What is waiting for approval: by this person, and by others."""

    for_me: Sequence[BackupRequest]
    for_others: Sequence[BackupRequest]
    at: datetime


@dataclass(frozen=True)
class HomeView:
    """What one person's home tab shows."""

    for_me: Sequence[BackupRequest]
    running: Sequence[BackupRequest]
    recent: Sequence[BackupRequest]  # their own, newest first
    stale: Sequence[tuple[Instance, Backup | None]]
    at: datetime
    incidents: Sequence[Incident] = ()  # open ones, oldest first
    worst: Sequence[Posture] = ()  # watched instances that fail most controls
    preferences: Preferences | None = None


class RequestQueries:
    """Read-only queries. `teams` are the workspaces whose requests the person sees."""

    def __init__(
        self,
        *,
        store: Store,
        inventory: Inventory,
        watches: Watches,
        policy: Policy,
        people: People,
        clock: Clock,
        stale_after: timedelta,
    ) -> None:
        self._store = store
        self._inventory = inventory
        self._watches = watches
        self._policy = policy
        self._people = people
        self._clock = clock
        self._stale_after = stale_after

    async def look_around(self) -> None:
        """Refresh the home tab's data on instances that weren't looked up recently."""
        await self._inventory.look_around()

    def now(self) -> datetime:
        return self._clock.now()

    async def request(self, about: str, origin: Origin, teams: Collection[str]) -> BackupRequest:
        """Return a request by its backup's name or its ID. Raises RequestUnknown."""
        return await request_about(self._store, about, origin, teams)

    async def status(self, origin: Origin, teams: Collection[str]) -> Status:
        """Return this person's open requests, and the running ones of others."""
        open_now = await self._store.requests(states=OPEN_STATES, teams=teams, limit=MOST)
        mine = [request for request in open_now if request.requester == origin.user_id]
        others = [request for request in open_now if request.requester != origin.user_id]
        running = [request for request in others if request.state not in WAITING]
        return Status(mine, running, self._clock.now())

    async def pending(self, user_id: str, teams: Collection[str]) -> Pending:
        """Return what is waiting for approval, by this person and by others."""
        waiting = await self._store.requests(
            states=[RequestState.AWAITING_APPROVAL],
            teams=teams,
            limit=MOST,
        )
        waiting = [r.under(self._policy) async for r in yielding([*reversed(waiting)])]
        members = await self._members(waiting, user_id)
        for_me = [r async for r in yielding(waiting) if _may(r, user_id, members)]
        mine = {request.id for request in for_me}
        for_others = [request for request in waiting if request.id not in mine]
        return Pending(for_me, for_others, self._clock.now())

    async def home(self, user_id: str, teams: Collection[str]) -> HomeView:
        """Return the content of a person's home tab."""
        pending = await self.pending(user_id, teams)
        running = await self._store.requests(states=OPEN_STATES - WAITING, teams=teams, limit=MOST)
        recent = await self._store.requests(requester=user_id, teams=teams, limit=RECENT)
        stale = await self._inventory.stale(self._stale_after)
        return HomeView(
            pending.for_me,
            running,
            recent,
            stale,
            self._clock.now(),
            await self._watches.open_incidents(),
            await self._watches.worst(),
            await self._store.preferences(user_id),
        )

    async def save_preferences(self, chosen: Preferences) -> None:
        """Save what a person wants to hear."""
        await self._store.save_preferences(chosen)

    async def preferences(self, user_id: str) -> Preferences:
        """Return what a person wants to hear."""
        return await self._store.preferences(user_id)

    async def _members(self, waiting: Sequence[BackupRequest], user_id: str) -> Members:
        named = {person for r in waiting if r.terms for person in r.terms.approvers}
        voted = {person for request in waiting for person in request.approvers}
        return await members_within(FORM_TIMEOUT, self._people, (*named, *voted, user_id))


async def yielding(requests: Sequence[BackupRequest]) -> AsyncIterator[BackupRequest]:
    """Yield the requests, letting other tasks run: judging a thousand takes a while."""
    for number, request in enumerate(requests, start=1):
        yield request
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)


def _may(request: BackupRequest, user_id: str, members: Members) -> bool:
    """Return whether this person's approval would count."""
    if request.terms is None:
        return False
    decision = decide_approval(
        request.terms,
        requester=request.requester,
        approved_by=request.approvers,
        user=user_id,
        members=members,
    )
    return decision.verdict.counts
