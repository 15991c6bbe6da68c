"""Sends what is in the outbox: the most urgent first, in order, at Slack's pace, until taken."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import structlog

from bot.domain.attempts import delay_after
from bot.domain.errors import CannotPost, SlackUnreachable, StoreUnavailable
from bot.domain.outbox import About, MessageState, OutboxMessage, Shape, is_outdated
from bot.domain.thread_lines import CARD, POINTER
from bot.domain.topics import Topic
from bot.outbox.ports import Courier, Gone, Listener, NotShown, Outbox, Pace, Posted
from bot.runtime.clock import Clock
from bot.runtime.in_flight import InFlight
from bot.runtime.loop_pacing import calm
from bot.runtime.metrics import SLACK_MESSAGES
from bot.runtime.tracing import span

log = structlog.get_logger(__name__)

AT_ONCE = 20  # messages on their way
FIRST_GAP, LONGEST_GAP = 1.0, 60.0  # seconds between two tries of a message
LONGEST_PROBE_GAP = 10.0  # seconds between two messages while Slack takes nothing
STORE_GAP = 0.5  # seconds until a database that isn't responding is tried again
IDLE = 3600.0  # seconds until the outbox is read again if nothing is due
REFRESH = timedelta(seconds=15)  # between two edits of a card that only move its progress
MOST_TRIES = 12  # of a message that Slack refuses for a reason the bot doesn't know
FOUND = -1  # the version of a card that was found: older than any
MOST_POSTS = 2  # of a card that someone deletes


class Dispatcher:
    """One per process. At most one post to a channel is on its way: a crash can double only that.

    `trouble` is the last error if Slack took nothing since.
    """

    def __init__(
        self,
        outbox: Outbox,
        courier: Courier,
        pace: Pace,
        clock: Clock,
        in_flight: InFlight,
        listener: Listener,
    ) -> None:
        self.trouble: str | None = None
        self._outbox = outbox
        self._courier = courier
        self._pace = pace
        self._clock = clock
        self._in_flight = in_flight
        self._listener = listener
        self._busy: dict[int, OutboxMessage] = {}  # on their way, by number
        self._sending: set[asyncio.Task[None]] = set()  # their tasks
        self._failures = 0  # in a row
        self._not_before = float("-inf")
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for new messages now."""
        self._woken.set()

    async def run(self, *, poll: float = IDLE) -> None:
        """Send messages forever, looking at least every `poll` seconds; no failure ends it."""
        while True:
            self._woken.clear()
            await calm()  # people who wait for an ack go first
            try:
                wait = await self.dispatch()
            except StoreUnavailable:
                wait = STORE_GAP
            except Exception:  # whatever it was, the next look may do better
                log.exception("dispatcher_fell_over")
                wait = FIRST_GAP
            await self._clock.wait(self._woken, min(wait, poll))

    async def close(self) -> None:
        """Cut off what is on its way; `InFlight.close` lets it finish before."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def dispatch(self) -> float:
        """Start to send what is due and allowed; return the seconds to the next look."""
        look, now = _Look(self._busy.values()), self._clock.now()
        if (wait := self._not_before - self._clock.monotonic()) > 0:
            return wait
        while (room := self._room) > 0:
            look.cards |= self._cards_on_their_way
            messages = await self._outbox.due(
                now, full=look.full, busy=look.held, edits=look.edits, limit=room
            )
            for message in messages:
                if look.has_room_for(message):
                    await self._take(message, look)
            if len(messages) < room:
                break
        if self._busy:
            return look.soonest  # or what ends wakes it
        next_due = await self._outbox.next_due(now)
        left = (next_due - now).total_seconds() if next_due else IDLE
        return min(look.soonest, max(0.0, left))

    async def _take(self, message: OutboxMessage, look: "_Look") -> None:
        if message.line != CARD and message.topic_id in look.cards | self._cards_on_their_way:
            look.held.add(message.number)
        elif (wait := await self._pace.take(message)) > 0:
            look.wait(message, wait)
        else:
            self._start(message)
            look.started(message)

    @property
    def _room(self) -> int:
        """How many more messages may be on their way; while Slack is away, one tries it."""
        return (1 if self.trouble else AT_ONCE) - len(self._busy)

    @property
    def _cards_on_their_way(self) -> set[str]:
        """The requests whose lines wait for their card, which people see with them."""
        return {busy.topic_id for busy in self._busy.values() if busy.line == CARD}

    def _start(self, message: OutboxMessage) -> None:
        self._busy[message.number] = message
        task = asyncio.create_task(self._send(message))
        self._sending.add(task)
        task.add_done_callback(partial(self._ended, message))

    def _ended(self, message: OutboxMessage, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        del self._busy[message.number]
        self._woken.set()

    async def _send(self, message: OutboxMessage) -> None:
        try:
            topic = await self._outbox.load(message)
            if topic is None or is_outdated(message, topic, self._clock.now()):
                await self._outbox.settle(message, MessageState.SUPERSEDED)
            elif not self._has_place(message, topic):
                await self._tell_elsewhere(message, topic)
            else:
                await self._deliver(message, topic)
        except StoreUnavailable:
            await self._clock.sleep(STORE_GAP)
        except Exception as error:  # a bug must not stop the others
            log.exception("message_fell_over", about=message.topic_id, line=message.line)
            later = self._clock.now() + timedelta(seconds=LONGEST_GAP)
            with suppress(StoreUnavailable):
                code = type(error).__name__
                await self._outbox.put_off(message, code, later, in_doubt=True)

    async def _tell_elsewhere(self, message: OutboxMessage, topic: Topic) -> None:
        """Tell the requester, if there is one, what has no thread; a link to no card is no use."""
        if message.line == POINTER or not topic.requester:
            await self._outbox.settle(message, MessageState.SUPERSEDED, "no_card")
        else:
            await self._outbox.redirect(message, topic.requester, "no_card")

    def _has_place(self, message: OutboxMessage, topic: Topic) -> bool:
        """Whether there is a thread for the message, if it needs one."""
        needs_card = message.destination == topic.card_channel_id and message.line != CARD
        return message.card_ts is not None or not needs_card

    async def _deliver(self, message: OutboxMessage, topic: Topic) -> None:
        try:
            async with self._in_flight:
                if not await self._outbox.begin(message):
                    return
                await calm()  # a busy moment lies long between a post and the note of it
                with span("message", message.topic_id, line=message.line):
                    posted = await self._courier.deliver(message, topic)
                await self._note(message, topic, posted)
        except SlackUnreachable as error:
            await self._put_off(message, topic, error)
        except NotShown as error:
            await self._simplify(message, topic, str(error))
        except Gone as error:
            await self._replace(message, topic, str(error))
        except CannotPost as error:
            await self._give_up(message, topic, error)
        else:
            self._listener.settled(message)

    async def _note(self, message: OutboxMessage, topic: Topic, posted: Posted) -> None:
        """Save where it is, and retry until that is stored: posting it again would double it."""
        SLACK_MESSAGES.labels("ok").inc()
        if posted.is_found and message.line == CARD:
            message = replace(message, version=FOUND)  # it is edited next
        is_back, self.trouble, self._failures = self.trouble is not None, None, 0
        self._not_before = float("-inf")
        moves = message.line == CARD and topic.is_moving
        again_at = self._clock.now() + REFRESH if moves else None
        while True:
            try:
                saved = await self._outbox.sent(
                    message, posted.channel_id, posted.ts, again_at=again_at
                )
            except StoreUnavailable:
                log.warning("post_not_saved", about=message.topic_id, line=message.line)
                await self._clock.sleep(STORE_GAP)
            else:
                break
        if not saved:
            log.warning("sent_elsewhere", about=message.topic_id, line=message.line)
        if is_back:
            log.info("slack_takes_messages_again")
            await self._outbox.hurry(self._clock.now())

    async def _put_off(
        self, message: OutboxMessage, topic: Topic, error: SlackUnreachable
    ) -> None:
        throttled = error.retry_after is not None
        SLACK_MESSAGES.labels("throttled" if throttled else "refused").inc()
        if error.retry_after is not None:
            delay = error.retry_after
            await self._pace.cool_down(message, delay)
        else:
            attempts, key = message.attempts + 1, str(message.number)
            delay = delay_after(attempts, FIRST_GAP, LONGEST_GAP, key)
            if error.is_outage:
                self._cool_down(error)
            elif attempts >= MOST_TRIES and not error.in_doubt:
                where = CannotPost(message.destination, error.error)
                await self._give_up(message, topic, where)
                return
        due_at = self._clock.now() + timedelta(seconds=min(delay, LONGEST_GAP))
        in_doubt = error.in_doubt or message.in_doubt  # which only a look settles
        await self._outbox.put_off(message, error.error, due_at, in_doubt=in_doubt)

    def _cool_down(self, error: SlackUnreachable) -> None:
        """Have one message at a time find out whether Slack is back."""
        if self.trouble is None:
            log.warning("slack_takes_nothing", error=error.error)
        self.trouble = error.error
        self._failures += 1
        gap = delay_after(self._failures, FIRST_GAP, LONGEST_PROBE_GAP, error.error)
        self._not_before = self._clock.monotonic() + gap

    async def _simplify(self, message: OutboxMessage, topic: Topic, code: str) -> None:
        """Send this message with fewer blocks; other messages keep theirs."""
        shape = Shape(message.shape).less(message.line)
        if shape is None:
            await self._give_up(message, topic, CannotPost(message.destination, code))
            return
        log.warning("message_simplified", line=message.line, shape=shape.name, error=code)
        await self._outbox.simplify(message, shape, code)

    async def _replace(self, message: OutboxMessage, topic: Topic, code: str) -> None:
        """Post a card again that someone deleted, once, while people have to decide."""
        waits = topic.awaits_people
        is_gone = code == "message_not_found" or (
            code == "thread_not_found" and message.line != POINTER
        )
        if waits and is_gone:
            now = self._clock.now()
            if await self._outbox.repost(message.topic_id, now, MOST_POSTS):
                log.info("card_posted_again", about=message.topic_id)
                if not message.is_edit:
                    await self._outbox.put_off(message, code, now, in_doubt=False)
                return
        if message.is_edit:
            log.info("card_gone", about=message.topic_id, error=code)
            await self._outbox.settle(message, MessageState.SUPERSEDED, code)
        else:
            await self._give_up(message, topic, CannotPost(message.destination, code))

    async def _give_up(self, message: OutboxMessage, topic: Topic, error: CannotPost) -> None:
        """Tell the requester or owner instead; without a card, nobody could decide a request."""
        SLACK_MESSAGES.labels("refused").inc()
        line, code = message.line, error.error
        if line == CARD and not message.is_edit and message.about is About.REQUEST:
            log.warning("card_not_posted", about=topic.id, error=code)
            await self._listener.card_refused(topic, error)
            await self._outbox.settle(message, MessageState.GIVEN_UP, code)
        elif topic.requester in {message.destination, ""}:
            how = log.error if message.must_be_told else log.warning
            how("message_given_up", about=topic.id, line=line, error=code)
            await self._outbox.settle(message, MessageState.GIVEN_UP, code)
        elif message.must_be_told and not message.is_edit:
            await self._outbox.redirect(message, topic.requester, code)
        else:
            log.warning("message_dropped", about=topic.id, line=line, error=code)
            await self._outbox.settle(message, MessageState.SUPERSEDED, code)
        self._listener.settled(message)


class _Look:
    """One look at the outbox: what is left out of it from here on."""

    def __init__(self, busy: Iterable[OutboxMessage]) -> None:
        self.full: set[str] = set()  # destinations
        self.held: set[int] = set()  # messages, by number
        self.cards: set[str] = set()  # whose edits were on their way, by request
        self.edits = True
        self.soonest = IDLE  # seconds until something has its turn
        for message in busy:
            self.started(message)

    def has_room_for(self, message: OutboxMessage) -> bool:
        return self.edits if message.is_edit else message.destination not in self.full

    def started(self, message: OutboxMessage) -> None:
        self.held.add(message.number)
        if not message.is_edit:
            self.full.add(message.destination)

    def wait(self, message: OutboxMessage, seconds: float) -> None:
        self.soonest = min(self.soonest, seconds)
        if message.is_edit:
            self.edits = False
        else:
            self.full.add(message.destination)
