"""The outbox as the dispatcher uses it. On PostgreSQL replicas share its messages."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, and_, case, func, or_, select, update

from bot.domain.outbox import About, MessageState, OutboxMessage, Urgency
from bot.domain.thread_lines import CARD
from bot.domain.topics import Topic
from bot.storage.digests import load_digest
from bot.storage.incidents import load_incident
from bot.storage.store import Store
from bot.storage.successes import load_successes
from bot.storage.tables import UtcDateTime, outbox, replicas

FAR = timedelta(minutes=3)  # further ahead than any delay, so a clock was set back meanwhile

LONGEST_QUIET = timedelta(days=1)  # for which what can wait may have to

_card = outbox.alias("card")
_other = outbox.alias("other")
_COLUMNS = [c.label(c.key) for c in outbox.c if c is not outbox.c.claimed_by]
_PENDING = outbox.c.state == MessageState.PENDING
# Lines come in order, after their card. The card's edits and the lines don't wait for each other.
_WAITS = (
    select(_other.c.number)
    .where(
        _other.c.topic_id == outbox.c.topic_id,
        _other.c.state == MessageState.PENDING,
        or_(
            and_(_other.c.line == CARD, _other.c.ts.is_(None)),
            and_(_other.c.line != CARD, _other.c.number < outbox.c.number),
        ),
    )
    .exists()
)
_known = (
    select(func.max(_other.c.channel_id))
    .where(_other.c.destination == outbox.c.destination, _other.c.ts != "", outbox.c.in_doubt)
    .scalar_subquery()
)


class Outbox:
    """Raises StoreUnavailable when the database isn't responding.

    `replica` is this process's id where several share the database: a message belongs to the one
    that claimed it until it is settled, or until that one has lost its lease.
    """

    def __init__(self, store: Store, replica: str | None = None) -> None:
        self._store = store
        self._replica = replica

    async def due(
        self,
        now: datetime,
        *,
        full: Collection[str] = (),
        busy: Collection[int] = (),
        edits: bool = True,
        limit: int = 50,
    ) -> list[OutboxMessage]:
        """Return messages to send now, the most urgent first. They are claimed.

        Left out are posts to destinations that are `full`, the messages in `busy`, and, without
        `edits`, all edits.
        """
        is_due = or_(outbox.c.due_at <= now, _is_too_far(now))
        is_in_order = or_(outbox.c.line == CARD, ~_WAITS)
        has_room = or_(outbox.c.ts.is_not(None), outbox.c.destination.not_in(full))
        wanted = (_PENDING, is_due, is_in_order, has_room, outbox.c.number.not_in(busy))
        query = _messages().where(*wanted, self._is_free)
        query = query if edits else query.where(outbox.c.ts.is_(None))
        query = query.order_by(outbox.c.urgency, outbox.c.number).limit(limit)
        rows = await self._store.rows(query)
        claimed = await self._claim([row["number"] for row in rows])
        if self._replica is not None and claimed:  # as they are now that nobody changes them
            rows = await self._store.rows(query.where(outbox.c.number.in_(claimed)))
        return [_message(row) for row in rows if row["number"] in claimed]

    @property
    def _is_free(self) -> ColumnElement[bool]:
        """Whether a message is claimed by no other living replica."""
        if self._replica is None:
            return outbox.c.claimed_by.is_(None)
        others = select(replicas.c.id).where(replicas.c.id != self._replica)
        return or_(outbox.c.claimed_by.is_(None), outbox.c.claimed_by.not_in(others))

    async def _claim(self, numbers: Collection[int]) -> Collection[int]:
        """Return those of the messages that are this process's now."""
        if self._replica is None or not numbers:
            return numbers
        free = (
            select(outbox.c.number)
            .where(outbox.c.number.in_(numbers), _PENDING, self._is_free)
            .with_for_update(skip_locked=True)
        )
        claim = update(outbox).where(outbox.c.number.in_(free)).values(claimed_by=self._replica)
        return {row["number"] for row in await self._store.at_once(claim, outbox.c.number)}

    async def next_due(self, now: datetime) -> datetime | None:
        """Return when the next message is due that isn't yet."""
        query = select(func.min(outbox.c.due_at, type_=UtcDateTime).label("at"))
        (row,) = await self._store.rows(query.where(_PENDING, outbox.c.due_at > now))
        at: datetime | None = row["at"]
        return at

    async def load(self, message: OutboxMessage) -> Topic | None:
        """Return what a message is about, as it is now."""
        match message.about:
            case About.REQUEST:
                return await self._store.load(message.topic_id)
            case About.INCIDENT:
                return await load_incident(self._store, message.topic_id)
            case About.DIGEST:
                return await load_digest(self._store, message.topic_id)
            case About.SUCCESSES:
                return await load_successes(self._store, message.topic_id)

    async def begin(self, message: OutboxMessage) -> bool:
        """Save that the message is being sent; return False if it is no longer this process's."""
        begun = self._mine(message).values(
            attempts=outbox.c.attempts + 1, in_doubt=outbox.c.ts.is_(None)
        )
        return bool(await self._store.at_once(begun, outbox.c.number))

    async def sent(
        self, message: OutboxMessage, channel_id: str, ts: str, *, again_at: datetime | None = None
    ) -> bool:
        """Save where the message is; return False if another process has sent it meanwhile.

        It stays pending if it has more to show than what was sent. With `again_at` it is edited
        again then, even if nothing changes.
        """
        is_current = outbox.c.version == message.version
        values: dict[str, Any] = {
            "channel_id": channel_id,
            "ts": ts,
            "posts": message.posts if message.is_edit else message.posts + 1,
            "attempts": 0,
            "in_doubt": False,
            "last_error": None,
            "claimed_by": None,
        }
        if again_at is None:
            values["state"] = case((is_current, MessageState.SENT), else_=outbox.c.state)
        else:
            values["urgency"] = case((is_current, Urgency.REFRESH), else_=outbox.c.urgency)
            values["due_at"] = case((is_current, again_at), else_=outbox.c.due_at)
        saved = self._mine(message).values(values)
        return bool(await self._store.at_once(saved, outbox.c.number))

    async def put_off(
        self, message: OutboxMessage, error: str, due_at: datetime, *, in_doubt: bool
    ) -> None:
        """Save why the message couldn't be sent, and when it is tried again."""
        await self._change(message, last_error=error, due_at=due_at, in_doubt=in_doubt)

    async def hurry(self, now: datetime) -> None:
        """Make everything due that was put off, since Slack is back."""
        waits = (_PENDING, outbox.c.attempts > 0, outbox.c.due_at > now)
        await self._store.at_once(update(outbox).where(*waits).values(due_at=now), outbox.c.number)

    async def simplify(self, message: OutboxMessage, shape: int, error: str) -> None:
        """Try the message again at once, with fewer blocks."""
        await self._change(message, shape=shape, last_error=error, in_doubt=False)

    async def redirect(self, message: OutboxMessage, destination: str, error: str) -> None:
        """Send the message to someone else."""
        changes = {"destination": destination, "last_error": error, "in_doubt": False}
        await self._change(message, **changes)

    async def repost(self, topic_id: str, now: datetime, most: int) -> bool:
        """Have a card posted again that someone deleted, unless it was posted `most` times."""
        again = update(outbox).where(
            outbox.c.topic_id == topic_id, outbox.c.line == CARD, outbox.c.posts < most
        )
        pending = {
            "state": MessageState.PENDING,
            "created_at": now,
            "due_at": now,
            "version": outbox.c.version + 1,
            "ts": None,
            "in_doubt": False,
            "claimed_by": None,
        }
        return bool(await self._store.at_once(again.values(pending), outbox.c.number))

    async def settle(
        self, message: OutboxMessage, state: MessageState, error: str | None = None
    ) -> None:
        """End a message that isn't sent."""
        await self._change(message, state=state, last_error=error, in_doubt=False)

    async def _change(self, message: OutboxMessage, **values: Any) -> None:
        values["claimed_by"] = None
        await self._store.at_once(self._mine(message).values(values), outbox.c.number)

    def _mine(self, message: OutboxMessage) -> Any:
        return update(outbox).where(
            outbox.c.number == message.number,
            _PENDING,
            outbox.c.claimed_by.is_not_distinct_from(self._replica),
        )


def _is_too_far(now: datetime) -> ColumnElement[bool]:
    """Whether no delay can be so long; but what can wait may wait for quiet hours to end."""
    waits = and_(
        outbox.c.about.in_((About.INCIDENT, About.SUCCESSES)),
        outbox.c.created_at <= now,
        outbox.c.due_at <= now + LONGEST_QUIET,
    )
    return and_(outbox.c.due_at > now + FAR, ~waits)


def _messages() -> Select[Any]:
    """All messages, each with where its request's card is."""
    with_card = outbox.outerjoin(
        _card, and_(_card.c.topic_id == outbox.c.topic_id, _card.c.line == CARD)
    )
    return select(
        *_COLUMNS,
        _card.c.channel_id.label("card_channel_id"),
        _card.c.ts.label("card_ts"),
        _known.label("known_channel_id"),
    ).select_from(with_card)


def _message(row: RowMapping) -> OutboxMessage:
    typed = {
        "urgency": Urgency(row["urgency"]),
        "state": MessageState(row["state"]),
        "about": About(row["about"]),
        "call": tuple(row["call"]),
    }
    return OutboxMessage(**{**row, **typed})
