"""What is to be sent, in which order, and by whom."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select

from bot.domain.incident_lines import IncidentLine
from bot.domain.outbox import (
    About,
    MessageState,
    OutboxMessage,
    Owed,
    Urgency,
    card,
    reply,
    to_requester,
)
from bot.domain.policy import Terms
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState, Retention
from bot.domain.thread_lines import CARD, PUT_OFF, ThreadLine
from bot.storage.engine import open_engine
from bot.storage.outbox import Outbox
from bot.storage.store import Store
from bot.storage.tables import outbox as rows
from bot.storage.tables import replicas
from tests.requests import NOON, asked
from tests.stepped_clock import SteppedClock

_L = ThreadLine
SOON, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(NOON)


@pytest.fixture
def store(store: Store, clock: SteppedClock) -> Store:
    """On both databases, at noon."""
    return Store(store.engine, clock=clock)


@pytest.fixture
async def outbox(store: Store) -> Outbox:
    """As the one dispatcher has it."""
    is_shared = store.engine.dialect.name == "postgresql"
    return await replica(store, "one") if is_shared else Outbox(store)


async def replica(store: Store, name: str) -> Outbox:
    """The outbox as this living replica has it."""
    lease = {"id": name, "lease_expires_at": NOON + HOUR}
    async with store.engine.begin() as connection:
        await connection.execute(insert(replicas).values(lease))
    return Outbox(store, name)


async def dies(store: Store, name: str) -> None:
    """Its lease ran out, and another replica noticed."""
    async with store.engine.begin() as connection:
        await connection.execute(delete(replicas).where(replicas.c.id == name))


async def waits(store: Store, number: int = 1) -> BackupRequest:
    """A request that waits for approval; nothing is owed yet."""
    request = asked(number, state=RequestState.AWAITING_APPROVAL, terms=Terms())
    async with store.transaction() as transaction:
        await transaction.insert(request)
    return request


async def owes(store: Store, *messages: Owed) -> None:
    async with store.transaction() as transaction:
        await transaction.owe(*messages)


async def has_card(store: Store, outbox: Outbox, number: int = 1) -> BackupRequest:
    """A request whose card is posted."""
    request = await waits(store, number)
    await owes(store, card(request))
    (posted,) = await outbox.due(NOON)
    assert await outbox.sent(posted, "C0OPS", f"{number}.1")
    return request


def line(request: BackupRequest, line: ThreadLine, subject: str = "") -> Owed:
    """A line without the card's edit."""
    return reply(request, line, subject=subject)[1]


async def one(outbox: Outbox) -> OutboxMessage:
    """The only message that is due."""
    (message,) = await outbox.due(NOON)
    return message


async def now(store: Store, message: OutboxMessage) -> dict[str, object]:
    """The message's row."""
    (row,) = await store.rows(select(rows).where(rows.c.number == message.number))
    return dict(row)


def lines(messages: list[OutboxMessage]) -> list[tuple[str, str]]:
    return [(message.line, message.subject) for message in messages]


async def test_lines_of_a_thread_go_one_after_the_other(store: Store, outbox: Outbox) -> None:
    """As they came; however urgent a later one is."""
    request = await has_card(store, outbox)
    await owes(store, line(request, _L.COUNTED, "U0BEN"), line(request, _L.APPROVED))
    await owes(store, line(request, _L.ENDED))
    sent = []
    for number in range(3):
        message = await one(outbox)
        sent.append(message.line)
        assert await outbox.sent(message, "C0OPS", f"2.{number}")

    assert sent == [_L.COUNTED, _L.APPROVED, _L.ENDED]
    assert await outbox.due(NOON) == []


async def test_a_line_waits_for_its_card(store: Store, outbox: Outbox) -> None:
    """Also while the card is on its way, or was put off."""
    request = await waits(store)
    await owes(store, *reply(request, _L.COUNTED, subject="U0BEN"))
    waiting = await one(outbox)
    assert waiting.line == CARD
    assert await outbox.due(NOON, busy=[waiting.number]) == []
    await outbox.put_off(waiting, "ratelimited", NOON + MINUTE, in_doubt=False)
    assert await outbox.due(NOON) == []

    (waiting,) = await outbox.due(NOON + MINUTE)
    await outbox.sent(waiting, "C0OPS", "1.1")
    counted = await one(outbox)
    assert (counted.line, counted.card_channel_id, counted.card_ts) == (_L.COUNTED, "C0OPS", "1.1")


async def test_a_line_does_not_wait_for_an_edit(store: Store, outbox: Outbox) -> None:
    """Edits have a limit of their own, and may take longer."""
    request = await has_card(store, outbox)
    await owes(store, *reply(request, _L.COUNTED, subject="U0BEN"))

    assert lines(await outbox.due(NOON)) == [(CARD, ""), (_L.COUNTED, "U0BEN")]
    assert lines(await outbox.due(NOON, edits=False)) == [(_L.COUNTED, "U0BEN")]


async def test_a_line_is_as_urgent_as_what_waits_behind_it(store: Store, outbox: Outbox) -> None:
    """An outcome goes before another request's news, and so does all that it waits for."""
    other, request = await has_card(store, outbox, 1), await has_card(store, outbox, 2)
    await owes(store, line(other, _L.COUNTED, "U0BEN"), line(request, _L.STARTED))
    first, _ = await outbox.due(NOON)
    assert first.topic_id == other.id
    await owes(store, line(request, _L.ENDED))

    (first,) = await outbox.due(NOON, limit=1)
    assert (first.topic_id, first.line) == (request.id, _L.STARTED)


async def test_an_edit_is_no_more_urgent_than_it_is(store: Store, outbox: Outbox) -> None:
    """No line waits for it."""
    request = await has_card(store, outbox)
    await owes(store, replace(card(request), urgency=Urgency.REFRESH), line(request, _L.ENDED))

    assert lines(await outbox.due(NOON)) == [(_L.ENDED, ""), (CARD, "")]


async def test_a_line_that_is_there_draws_no_card(store: Store, outbox: Outbox) -> None:
    """A step says it again at each try, and after each restart."""
    request = await has_card(store, outbox)
    for _ in range(2):
        async with store.transaction() as transaction:
            await transaction.owe_once(*reply(request, _L.BUSY))
        for message in await outbox.due(NOON):
            await outbox.sent(message, "C0OPS", message.ts or "2.1")
    rows_of_card = select(rows.c.version).where(rows.c.line == CARD)

    assert [row["version"] for row in await store.rows(rows_of_card)] == [1]
    assert await store.posted(request.id, _L.BUSY) == ("C0OPS", "2.1")


async def test_what_has_no_room_is_left_out(store: Store, outbox: Outbox) -> None:
    """Posts to a full channel, and what is on its way; not the edits there."""
    request = await has_card(store, outbox)
    await owes(store, *reply(request, _L.ENDED))
    ended, edit = await outbox.due(NOON)

    assert lines(await outbox.due(NOON, full=["C0OPS"])) == [(CARD, "")]
    assert lines(await outbox.due(NOON, full=["C0OTHER"], busy=[edit.number])) == [(_L.ENDED, "")]
    assert await outbox.due(NOON, full=["C0OPS"], edits=False) == []
    assert await outbox.due(NOON, busy=[edit.number, ended.number]) == []


async def test_a_line_is_said_once_a_subject(store: Store, outbox: Outbox) -> None:
    """However often it is put in, before it is sent and after."""
    request = await has_card(store, outbox)
    for _ in range(2):
        await owes(store, line(request, _L.COUNTED, "U0BEN"))
    counted = await one(outbox)
    await outbox.sent(counted, "C0OPS", "2.1")
    await owes(store, line(request, _L.COUNTED, "U0BEN"), line(request, _L.COUNTED, "U0CAT"))

    assert lines(await outbox.due(NOON)) == [(_L.COUNTED, "U0CAT")]


async def test_a_card_that_changes_while_it_is_sent_is_sent_again(
    store: Store, outbox: Outbox
) -> None:
    """What was sent shows it as it was before."""
    request = await waits(store)
    await owes(store, card(request))
    message = await one(outbox)
    await owes(store, card(request))
    assert await outbox.sent(message, "C0OPS", "1.1")

    edit = await one(outbox)
    assert (edit.channel_id, edit.ts, edit.is_edit) == ("C0OPS", "1.1", True)
    await outbox.sent(edit, "C0OPS", "1.1")
    assert await outbox.due(NOON) == []


async def test_a_card_that_slack_refused_is_not_drawn_again(store: Store, outbox: Outbox) -> None:
    """There is none."""
    request = await waits(store)
    await owes(store, card(request))
    await outbox.settle(await one(outbox), MessageState.GIVEN_UP, "is_archived")
    await owes(store, card(request))

    assert await outbox.due(NOON) == []
    assert await store.message_state(request.id, CARD) is MessageState.GIVEN_UP


async def test_what_a_failed_transaction_owes_is_not_owed(store: Store, outbox: Outbox) -> None:
    """And nobody is woken for it."""
    request = await waits(store)
    woken: list[bool] = []
    store.on_owed = lambda: woken.append(True)

    async def cut_off() -> None:
        async with store.transaction() as transaction:
            await transaction.owe(card(request))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await cut_off()
    assert (await outbox.due(NOON), woken) == ([], [])

    await owes(store, card(request))
    assert woken == [True]


async def test_a_send_is_on_disk_before_it_begins(store: Store, outbox: Outbox) -> None:
    """Should the process die in it, the message may have been posted; an edit is just repeated."""
    request = await waits(store)
    await owes(store, card(request))
    assert await outbox.begin(await one(outbox))
    again = await one(outbox)
    assert (again.attempts, again.in_doubt) == (1, True)

    await outbox.sent(again, "C0OPS", "1.1")
    await owes(store, card(request))
    assert await outbox.begin(await one(outbox))
    again = await one(outbox)
    assert (again.attempts, again.in_doubt) == (1, False)


async def test_what_was_settled_is_neither_begun_nor_sent(store: Store, outbox: Outbox) -> None:
    """By whoever still has it in hand."""
    request = await has_card(store, outbox)
    await owes(store, line(request, _L.STARTED))
    message = await one(outbox)
    await outbox.settle(message, MessageState.SUPERSEDED)
    before = await now(store, message)

    assert not await outbox.begin(message)
    assert not await outbox.sent(message, "C0OPS", "2.1")
    assert await now(store, message) == before


async def test_a_card_is_posted_again_so_often_and_no_more(store: Store, outbox: Outbox) -> None:
    """Who deletes it twice means it."""
    request = await has_card(store, outbox)
    assert await outbox.repost(request.id, NOON, 2)
    again = await one(outbox)
    assert (again.line, again.ts, again.in_doubt) == (CARD, None, False)
    await outbox.sent(again, "C0OPS", "2.1")

    assert not await outbox.repost(request.id, NOON, 2)
    assert await store.posted(request.id, CARD) == ("C0OPS", "2.1")


async def test_what_is_put_off_is_due_in_time(store: Store, outbox: Outbox) -> None:
    """Not before; unless the clock was set back meanwhile, which would make it wait for hours."""
    request = await has_card(store, outbox)
    await owes(store, line(request, _L.ENDED))
    await outbox.put_off(await one(outbox), "TimeoutError", NOON + MINUTE, in_doubt=True)

    assert await outbox.due(NOON + SOON) == []
    assert await outbox.next_due(NOON + SOON) == NOON + MINUTE
    assert lines(await outbox.due(NOON - HOUR)) == [(_L.ENDED, "")]
    (late,) = await outbox.due(NOON + MINUTE)
    assert (late.last_error, late.in_doubt) == ("TimeoutError", True)
    assert await outbox.next_due(NOON + MINUTE) is None


async def test_what_was_put_off_hurries_once_slack_is_back(store: Store, outbox: Outbox) -> None:
    """A card that only waits for time to pass has no reason to."""
    request, running = await has_card(store, outbox, 1), await has_card(store, outbox, 2)
    await owes(store, card(running))
    await outbox.sent(await one(outbox), "C0OPS", "2.1", again_at=NOON + MINUTE)
    await owes(store, line(request, _L.ENDED))
    message = await one(outbox)
    await outbox.begin(message)
    await outbox.put_off(message, "fatal_error", NOON + MINUTE, in_doubt=True)
    await outbox.hurry(NOON + SOON)

    assert lines(await outbox.due(NOON + SOON)) == [(_L.ENDED, "")]


async def test_a_running_card_is_drawn_again_as_time_goes_by(store: Store, outbox: Outbox) -> None:
    """After everything else; a change of its request is drawn at once."""
    request = await has_card(store, outbox)
    await owes(store, card(request))
    await outbox.sent(await one(outbox), "C0OPS", "1.1", again_at=NOON + MINUTE)
    assert await outbox.due(NOON) == []
    (idle,) = await outbox.due(NOON + MINUTE)
    assert idle.urgency is Urgency.REFRESH

    await owes(store, card(request))
    assert (await one(outbox)).urgency is Urgency.PEOPLE


async def test_a_change_during_a_refresh_is_drawn_at_once(store: Store, outbox: Outbox) -> None:
    """The next refresh would come too late for it."""
    request = await has_card(store, outbox)
    await owes(store, card(request))
    message = await one(outbox)
    await owes(store, card(request))
    await outbox.sent(message, "C0OPS", "1.1", again_at=NOON + MINUTE)

    assert (await one(outbox)).urgency is Urgency.PEOPLE


async def test_a_message_is_tried_with_fewer_blocks(store: Store, outbox: Outbox) -> None:
    """At once, and it was surely not posted."""
    request = await waits(store)
    await owes(store, card(request))
    message = await one(outbox)
    await outbox.begin(message)
    await outbox.simplify(message, 2, "invalid_blocks")
    simpler = await one(outbox)

    assert (simpler.shape, simpler.in_doubt, simpler.last_error) == (2, False, "invalid_blocks")


async def test_an_outcome_goes_to_whoever_asked_instead(store: Store, outbox: Outbox) -> None:
    """It is the same message, with another place."""
    request = await has_card(store, outbox)
    await owes(store, line(request, _L.ENDED))
    message = await one(outbox)
    await outbox.begin(message)
    await outbox.redirect(message, "U0ANA", "is_archived")
    redirected = await one(outbox)

    assert (redirected.number, redirected.destination) == (message.number, "U0ANA")
    assert (redirected.in_doubt, redirected.last_error) == (False, "is_archived")


async def test_a_doubtful_message_knows_where_others_to_the_person_are(
    store: Store, outbox: Outbox
) -> None:
    """A direct message has a channel, which only Slack's answer says."""
    await owes(store, to_requester(await waits(store, 1), PUT_OFF))
    await outbox.sent(await one(outbox), "D0ANA", "1.1")
    await owes(store, to_requester(await waits(store, 2), PUT_OFF))
    message = await one(outbox)
    assert message.known_channel_id is None
    await outbox.begin(message)

    assert (await one(outbox)).known_channel_id == "D0ANA"


async def test_a_change_of_state_owes_by_itself(store: Store, outbox: Outbox) -> None:
    """Card and line are put in with it; and what is owed is told to the operator."""
    request = await has_card(store, outbox)
    async with store.transaction() as transaction:
        await transaction.move(request, RequestState.EXPIRED)
    (told,) = [owed for owed in await store.owed(least=Urgency.OUTCOME) if owed.line != CARD]

    assert lines(await outbox.due(NOON)) == [(CARD, ""), (_L.ENDED, "")]
    assert (told.line, told.instance, told.name) == (_L.ENDED, "orders-prod", "before-1")
    assert sorted(await store.owed_by_line()) == [(CARD, 1, NOON), (_L.ENDED, 1, NOON)]


async def test_a_change_of_retention_owes_by_itself(store: Store, outbox: Outbox) -> None:
    """A deletion is announced with the change that makes it one."""
    request = await has_card(store, outbox)
    async with store.transaction() as transaction:
        await transaction.retain(request, Retention.WARNED, warned_at=NOON)

    assert lines(await outbox.due(NOON)) == [(_L.EXPIRING, ""), (CARD, "")]


async def test_what_an_older_release_left_is_owed(store: Store) -> None:
    """Its process moved the requests during an update, and knew no outbox; each is owed once."""
    ended = {"state": RequestState.COMPLETED, "terms": Terms()}
    withdrawn = {"state": RequestState.WITHDRAWN}  # before there was a card: that was answered
    open_one = {"state": RequestState.RUNNING, "terms": Terms()}
    async with store.transaction() as transaction:
        await transaction.insert(asked(1, **ended), asked(2, **withdrawn), asked(3, **open_one))

    assert await store.owe_untold() == ["request1", "request3"]
    assert await store.owe_untold() == []
    assert await store.message_state("request1", _L.ENDED) is MessageState.PENDING
    assert await store.message_state("request3", CARD) is MessageState.PENDING
    assert await store.message_state("request2", _L.ENDED) is None


LATER = NOON + 8 * HOUR


def of_incident(line: str, not_before: datetime | None = None) -> Owed:
    return Owed(
        topic_id="i1",
        about=About.INCIDENT,
        line=line,
        destination="C0OPS",
        urgency=Urgency.OUTCOME,
        not_before=not_before,
    )


async def test_what_can_wait_waits_for_the_end_of_quiet_hours(
    store: Store, outbox: Outbox, clock: SteppedClock
) -> None:
    await owes(store, of_incident(CARD, LATER))
    await owes(store, of_incident(CARD, LATER), of_incident(IncidentLine.ENDED, LATER))

    assert await outbox.due(NOON) == []
    assert await outbox.next_due(NOON) == LATER
    assert await outbox.due(LATER - MINUTE) == []
    (posted,) = await outbox.due(LATER)
    clock.advance(hours=8)
    await outbox.sent(posted, "C0OPS", "1.1")
    assert lines(await outbox.due(LATER)) == [(IncidentLine.ENDED, "")]


async def test_an_edit_disturbs_nobody_and_waits_for_nothing(store: Store, outbox: Outbox) -> None:
    await owes(store, of_incident(CARD))
    (posted,) = await outbox.due(NOON)
    await outbox.sent(posted, "C0OPS", "1.1")
    await owes(store, of_incident(CARD, LATER))

    assert lines(await outbox.due(NOON)) == [(CARD, "")]


async def test_quiet_hours_of_a_wrong_clock_hold_nothing(store: Store, outbox: Outbox) -> None:
    await owes(store, of_incident(CARD, NOON + 30 * HOUR))

    assert lines(await outbox.due(NOON)) == [(CARD, "")]
    assert lines(await outbox.due(NOON - 100 * HOUR)) == [(CARD, "")]


async def test_an_incident_that_an_older_release_took_for_nothing_is_owed_again(
    store: Store, outbox: Outbox
) -> None:
    """During an update, a process of the release before knows nothing but requests."""
    await owes(store, of_incident(CARD))
    (message,) = await outbox.due(NOON)
    await outbox.settle(message, MessageState.SUPERSEDED)

    assert await store.owe_untold() == ["i1"]
    assert lines(await outbox.due(NOON)) == [(CARD, "")]
    assert await store.owe_untold() == []


@pytest.fixture
async def shared(migrated_postgresql_url: str, clock: SteppedClock) -> AsyncIterator[Store]:
    """A PostgreSQL; one process at a time has an SQLite file."""
    engine = open_engine(migrated_postgresql_url)
    yield Store(engine, clock=clock)
    await engine.dispose()


@pytest.fixture
async def two(shared: Store) -> tuple[Outbox, Outbox]:
    """Two replicas, and a dozen cards to post."""
    await owes(shared, *[card(await waits(shared, number)) for number in range(12)])
    return await replica(shared, "one"), await replica(shared, "two")


async def test_two_replicas_never_have_the_same_message(two: tuple[Outbox, Outbox]) -> None:
    """Even if they ask at the same moment; together they have all."""
    looks = [outbox.due(NOON, limit=3) for _ in range(4) for outbox in two]
    found = await asyncio.gather(*looks)
    mine, theirs = (
        {message.number for messages in found[n::2] for message in messages} for n in (0, 1)
    )
    rest = [*await two[0].due(NOON), *await two[1].due(NOON)]

    assert not mine & theirs
    assert len({message.number for message in rest}) == len(rest) == 12


async def test_what_a_dead_replica_had_is_free(shared: Store, two: tuple[Outbox, Outbox]) -> None:
    """Not before it is dead."""
    one, other = two
    assert len(await one.due(NOON)) == 12
    assert await other.due(NOON) == []
    await dies(shared, "one")

    assert len(await other.due(NOON)) == 12


async def test_who_lost_a_message_changes_nothing_any_more(
    shared: Store, two: tuple[Outbox, Outbox]
) -> None:
    """It was taken for dead in the middle of a send; another has it now."""
    one, other = two
    message, *_ = await one.due(NOON)
    await dies(shared, "one")
    (again,) = [found for found in await other.due(NOON) if found.number == message.number]
    assert await other.begin(again)
    before = await now(shared, message)

    assert not await one.begin(message)
    assert not await one.sent(message, "C0OPS", "1.1")
    await one.put_off(message, "TimeoutError", NOON + HOUR, in_doubt=True)
    await one.redirect(message, "U0ANA", "is_archived")
    await one.settle(message, MessageState.GIVEN_UP)
    assert await now(shared, message) == before
    assert await other.sent(again, "C0OPS", "2.2")
    assert (await now(shared, message))["ts"] == "2.2"


async def test_a_change_leaves_a_message_with_who_sends_it(
    shared: Store, two: tuple[Outbox, Outbox]
) -> None:
    """Another replica carries the request out: what changes meanwhile is sent after this."""
    one, other = two
    message, *_ = await one.due(NOON)
    request = await shared.load(message.topic_id)
    assert request
    await owes(shared, card(request))
    assert message.number not in {found.number for found in await other.due(NOON)}

    await one.sent(message, "C0OPS", "1.1")
    assert message.number in {found.number for found in await other.due(NOON)}
