"""What messages mean for the requests they are about."""

from contextlib import suppress

from bot.application.ports import Conflict
from bot.domain.errors import CannotPost
from bot.domain.outbox import OutboxMessage
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.thread_lines import NO_CARD, ThreadLine
from bot.domain.topics import Topic
from bot.workflow.context import StepContext
from bot.workflow.workflow import Lifecycle


class MessageEvents:
    """Listens to the dispatcher."""

    def __init__(self, context: StepContext, lifecycle: Lifecycle) -> None:
        self._context = context
        self._lifecycle = lifecycle

    async def card_refused(self, topic: Topic, error: CannotPost) -> None:
        """Tell the requester why; refuse the request if nobody could decide it."""
        request = topic
        if not isinstance(request, BackupRequest):
            return
        if request.state is RequestState.AWAITING_APPROVAL:
            with suppress(Conflict):
                await self._context.refuse(request, error)
            self._lifecycle.wake(request.id)
        elif not request.state.is_final:
            await self._context.tell_requester(request, NO_CARD, error.error)

    def settled(self, message: OutboxMessage) -> None:
        """Wake the deletion that counts from its announcement."""
        if message.line == ThreadLine.EXPIRING:
            self._lifecycle.wake(message.topic_id)
