"""The ports of the dispatcher."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, Protocol

from bot.domain.errors import CannotPost
from bot.domain.outbox import MessageState, OutboxMessage
from bot.domain.topics import Topic


class NotShown(Exception):
    """Slack doesn't take the message's blocks or text; `args[0]` is its code."""


class Gone(Exception):
    """The message to edit, or the one to reply to, is gone or frozen; `args[0]` is the code."""


class Posted(NamedTuple):
    """Where a message is. `ts` is empty for one that only the requester saw.

    One that `is_found` was posted earlier, and may show an earlier state.
    """

    channel_id: str
    ts: str
    is_found: bool = False


class Courier(Protocol):
    """Carries a message to Slack, as what it is about is now."""

    async def deliver(self, message: OutboxMessage, topic: Topic) -> Posted:
        """Post or edit it. One that may have been posted is looked for first.

        Raises NotShown, Gone, and CannotPost, after which sending it again is pointless, and
        SlackUnreachable.
        """
        ...


class Listener(Protocol):
    """What depends on messages."""

    async def card_refused(self, topic: Topic, error: CannotPost) -> None:
        """A request's card can't be posted, so nobody could decide it."""
        ...

    def settled(self, message: OutboxMessage) -> None:
        """A message was sent or given up."""
        ...


class Pace(Protocol):
    """Slack's rate limits."""

    async def take(self, message: OutboxMessage) -> float:
        """Count the message and return 0 if it may be sent now; else the seconds to wait."""
        ...

    async def cool_down(self, message: OutboxMessage, seconds: float) -> None:
        """Send nothing like it for so many seconds, after Slack returned 429."""
        ...


class Outbox(Protocol):
    """The messages to send. Raises StoreUnavailable; `storage/outbox.py` says what each does."""

    async def due(
        self,
        now: datetime,
        *,
        full: Collection[str],
        busy: Collection[int],
        edits: bool,
        limit: int,
    ) -> list[OutboxMessage]: ...
    async def next_due(self, now: datetime) -> datetime | None: ...
    async def load(self, message: OutboxMessage) -> Topic | None: ...
    async def begin(self, message: OutboxMessage) -> bool: ...
    async def sent(
        self, message: OutboxMessage, channel_id: str, ts: str, *, again_at: datetime | None
    ) -> bool: ...
    async def put_off(
        self, message: OutboxMessage, error: str, due_at: datetime, *, in_doubt: bool
    ) -> None: ...
    async def hurry(self, now: datetime) -> None: ...
    async def simplify(self, message: OutboxMessage, shape: int, error: str) -> None: ...
    async def redirect(self, message: OutboxMessage, destination: str, error: str) -> None: ...
    async def repost(self, topic_id: str, now: datetime, most: int) -> bool: ...
    async def settle(
        self, message: OutboxMessage, state: MessageState, error: str | None = None
    ) -> None: ...
