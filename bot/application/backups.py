"""Request a backup: check it, save it, and start its workflow."""

from contextlib import suppress

from bot.application.deadlines import ACK_DEADLINE
from bot.application.origin import Origin, request_entry, requested
from bot.application.ports import Catalogue, Conflict, Engine, Intake, Store
from bot.domain.audit import AuditAction
from bot.domain.commands import CreateBackup
from bot.domain.error_codes import code_of
from bot.domain.errors import (
    NameTaken,
    RdsError,
    RdsUnreachable,
    StoreUnavailable,
    UserError,
)
from bot.domain.instances import Instance
from bot.domain.naming import default_name, free_name
from bot.domain.requests import BackupRequest
from bot.runtime import tracing
from bot.runtime.clock import Clock


class Backups:
    """Requests backups."""

    def __init__(
        self,
        *,
        store: Store,
        intake: Intake,
        catalogue: Catalogue,
        engine: Engine,
        clock: Clock,
    ) -> None:
        self._store = store
        self._intake = intake
        self._catalogue = catalogue
        self._engine = engine
        self._clock = clock

    async def ask(
        self, create: CreateBackup, origin: Origin, *, again: str | None = None
    ) -> BackupRequest:
        """Save a request and start its workflow. A repeated delivery is one request.

        Raises UnknownInstance, AmbiguousInstance, ReadReplica, NameTaken (another open request
        has the name), and RdsRefused (RDS rejects the bot's keys) before anything is saved, and
        StoreUnavailable. `again` is the ID of the request that this one repeats.
        """
        request = requested(
            origin,
            self._clock.now(),
            reference=create.instance,
            name=create.name,
            description=create.description,
            keep=create.keep,
        )
        try:
            found = await self._found(create.instance)
            if not create.name:
                instance = found.name if found else create.instance
                name = default_name(instance, request.asked_at, create.description)
                request = request.model_copy(update={"name": name})
            request = request.model_copy(update={"instance": found})
            return await self.submit(request, found, again=again, renames=not create.name)
        except StoreUnavailable:
            raise  # no database to note it in
        except (UserError, RdsError) as error:
            await self.note_refusal(request, error)
            raise

    def propose(self, instance: Instance, description: str = "") -> str:
        """Return a name for a backup made now."""
        return default_name(instance.name, self._clock.now(), description)

    async def submit(
        self,
        request: BackupRequest,
        found: Instance | None,
        *,
        again: str | None = None,
        renames: bool = False,
    ) -> BackupRequest:
        """Save a request and start its workflow; return the command's earlier request, if any.

        Raises NameTaken if another open request has its name, unless it `renames` this one.
        """
        wanted, taken = request.name, set[str]()
        while True:
            try:
                trail = request_entry(request, AuditAction.SUBMITTED, found, again)
                await self._intake.write(request, trail)
            except Conflict:
                if same := await self._store.find_by_trigger(request.trigger_id):
                    return same
                taken.add(request.name)
                if not renames:
                    raise await self._name_taken(request) from None
                request = request.model_copy(update={"name": free_name(wanted, taken)})
            else:
                tracing.began(request.id, request.asked_at)
                self._engine.start(request.id)
                return request

    async def _found(self, reference: str) -> Instance | None:
        with suppress(RdsUnreachable):  # the workflow will look it up
            return await self._catalogue.find(reference, ACK_DEADLINE)
        return None

    async def _name_taken(self, request: BackupRequest) -> NameTaken:
        other = await self._store.open_named(request.name)
        free = free_name(request.name, {request.name})
        # RDS has one name for all; who uses it concerns only their workspace.
        is_ours = other is not None and other.team_id == request.team_id
        return NameTaken(request.name, free, other.requester if other and is_ours else None)

    async def note_refusal(self, request: BackupRequest, error: Exception) -> None:
        """Record in the audit log that a command was refused; nothing else is saved."""
        refused = request_entry(request, AuditAction.ASK_REFUSED, None)
        detail = refused.detail | {"error": code_of(error)}
        with suppress(StoreUnavailable):
            async with self._store.transaction() as transaction:
                await transaction.record(
                    refused.model_copy(update={"request_id": None, "detail": detail})
                )
