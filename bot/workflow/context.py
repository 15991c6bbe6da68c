"""What the steps share: their collaborators, and the transitions of a request."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.application.ports import People, Store
from bot.domain.audit import OURSELVES, AuditAction, AuditEntry
from bot.domain.errors import RdsRefused, UserError
from bot.domain.outbox import Owed, card, reply, to_requester
from bot.domain.policy import Policy
from bot.domain.requests import BackupRequest, Refusal
from bot.domain.states import RequestState, Retention
from bot.domain.thread_lines import ThreadLine
from bot.runtime.clock import Clock
from bot.runtime.in_flight import InFlight
from bot.workflow.ports import Catalogue, Rds, Watcher


@dataclass(frozen=True)
class StepContext:
    """The collaborators of every step."""

    store: Store
    rds: Rds
    catalogue: Catalogue
    watcher: Watcher
    people: People
    policy: Policy
    clock: Clock
    give_up_after: timedelta = timedelta(hours=2)  # from a decision until nothing more is sent
    in_flight: InFlight = field(default_factory=InFlight)  # calls that change something
    wakeups: MutableMapping[str, asyncio.Event] = field(
        default_factory=lambda: defaultdict(asyncio.Event)
    )

    async def load(self, request_id: str) -> BackupRequest:
        """Return the request. It exists: workflows are started after their request is stored."""
        request = await self.store.load(request_id)
        if request is None:
            raise LookupError(request_id)
        return request

    async def move(
        self,
        request: BackupRequest,
        to: RequestState,
        action: AuditAction,
        detail: Mapping[str, str] | None = None,
        *,
        also: Sequence[Owed] = (),
        **changes: object,
    ) -> BackupRequest:
        """Change the state and write the audit log, in one transaction. Raises Conflict.

        Messages that it owes `also` go into the outbox with it.
        """
        async with self.store.transaction() as transaction:
            moved = await transaction.move(request, to, **changes)
            await transaction.owe(*also)
            await transaction.record(self._entry(moved, action, detail))
        return moved

    async def refuse(self, request: BackupRequest, error: UserError | RdsRefused) -> RequestState:
        """End a request that can't be carried out, and save why. Raises Conflict."""
        refusal = Refusal.of(error)
        reason = {"reason": refusal.code}
        if isinstance(error, RdsRefused):
            reason = {"reason": error.reason.value} | error.for_support
        moved = await self.move(
            request,
            RequestState.REFUSED,
            AuditAction.REFUSED,
            reason,
            refusal=refusal,
            finished_at=self.clock.now(),
            rds_request_id=getattr(error, "request_id", None),
        )
        return moved.state

    async def retain(
        self,
        request: BackupRequest,
        to: Retention,
        action: AuditAction | None,
        detail: Mapping[str, str] | None = None,
        **changes: object,
    ) -> None:
        """Change the retention and write the audit log, in one transaction. Raises Conflict."""
        async with self.store.transaction() as transaction:
            changed = await transaction.retain(request, to, **changes)
            if action:
                await transaction.record(self._entry(changed, action, detail))

    async def note(
        self,
        request: BackupRequest,
        action: AuditAction,
        detail: Mapping[str, str],
        line: ThreadLine,
    ) -> None:
        """Write the audit log for something that changed no state, and tell the thread."""
        async with self.store.transaction() as transaction:
            await transaction.record(self._entry(request, action, detail))
            await transaction.owe_once(*reply(request, line))

    async def tell(
        self,
        request: BackupRequest,
        line: ThreadLine,
        *,
        subject: str = "",
        call: tuple[str, ...] = (),
    ) -> None:
        """Put a line for the thread into the outbox, once a subject."""
        async with self.store.transaction() as transaction:
            await transaction.owe_once(*reply(request, line, subject=subject, call=call))

    async def redraw(self, request: BackupRequest) -> None:
        """Have the card edited, though the request hasn't changed."""
        await self._owe(card(request))

    async def tell_requester(self, request: BackupRequest, line: str, subject: str = "") -> None:
        """Put a message for the requester alone into the outbox, once a subject."""
        await self._owe(to_requester(request, line, subject))

    async def _owe(self, *messages: Owed) -> None:
        async with self.store.transaction() as transaction:
            await transaction.owe(*messages)

    def _entry(
        self, request: BackupRequest, action: AuditAction, detail: Mapping[str, str] | None
    ) -> AuditEntry:
        now = self.clock.now()
        return request.on_trail(action, at=now, actor=OURSELVES, detail=detail or {})
