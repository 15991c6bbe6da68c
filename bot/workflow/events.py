"""What messages mean for the requests they are about."""

from contextlib import suppress

from bot.application.ports import Conflict
from bot.domain.errors import CannotPost
from bot.domain.outbox import OutboxMessage
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from bot.workflow.context import StepContext
from bot.workflow.workflow import Lifecycle


class MessageEvents:
    """Listens to the dispatcher."""

    def __init__(self, context: StepContext, lifecycle: Lifecycle) -> None:
        self._context = context
        self._lifecycle = lifecycle

    async def card_refused(self, request: BackupRequest, error: CannotPost) -> None:
        """Refuse a request that nobody could decide; the requester hears why."""
        if request.state is RequestState.AWAITING_APPROVAL:
            with suppress(Conflict):
                await self._context.refuse(request, error)
            self._lifecycle.wake(request.id)

    def settled(self, message: OutboxMessage) -> None:
        """Wake the deletion that counts from its announcement."""
        if message.line == ThreadLine.EXPIRING:
            self._lifecycle.wake(message.request_id)
