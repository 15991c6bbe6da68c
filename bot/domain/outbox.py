"""What is owed to Slack: the messages that each change of a request brings, by urgency."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from bot.domain.incident_lines import IncidentLine
from bot.domain.incidents import Incident
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import SENDING, RequestState, Retention
from bot.domain.thread_lines import (
    CARD,
    FINISHED,
    NO_KEYS,
    POINTER,
    PUT_OFF,
    WANTED,
    ThreadLine,
)
from bot.domain.topics import Topic

SETTLES = timedelta(seconds=2)  # in which a card's edits for progress become one
# After which progress isn't worth sending once the request has ended: if Slack refused it before,
# and if it only waited for its turn.
LATE, VERY_LATE = timedelta(seconds=30), timedelta(minutes=30)


class Urgency(IntEnum):
    """What goes first when messages have to wait."""

    OUTCOME = 0
    PEOPLE = 1  # they have to decide, or just did: their buttons must go
    PROGRESS = 2
    REFRESH = 3  # nothing changed but time


class MessageState(StrEnum):
    """The state of a message in the outbox."""

    PENDING = "pending"
    SENT = "sent"
    SUPERSEDED = "superseded"  # it no longer matters, or can't be shown
    GIVEN_UP = "given_up"  # Slack refuses it for good, and nobody else can be told


class About(StrEnum):
    """What a message is about."""

    REQUEST = "request"
    INCIDENT = "incident"
    DIGEST = "digest"
    SUCCESSES = "successes"


@dataclass(frozen=True, kw_only=True)
class Owed:
    """A message to send. There is one per topic, line, and subject."""

    topic_id: str  # the ID of what it is about
    line: str  # ThreadLine, IncidentLine, CARD, POINTER, PUT_OFF, NO_KEYS, NO_CARD, or SUCCESS
    destination: str  # a channel, or a person who is told alone
    urgency: Urgency
    subject: str = ""
    call: tuple[str, ...] = ()  # who is mentioned
    about: About = About.REQUEST
    not_before: datetime | None = None  # it waits until then; None: it is sent at once

    @property
    def id(self) -> str:
        """Its name in the metadata of the message."""
        return f"{self.topic_id}/{self.line}/{self.subject}"


@dataclass(frozen=True, kw_only=True)
class OutboxMessage(Owed):
    """A message in the outbox."""

    number: int  # in the order in which they were enqueued
    state: MessageState
    created_at: datetime
    due_at: datetime  # when it is tried next
    attempts: int = 0
    version: int = 0  # of what a card has to show
    in_doubt: bool = False  # it may have been posted without the bot knowing
    posts: int = 0  # how often it was posted: more than once if someone deletes a card
    shape: int = 0  # of what Slack takes of its blocks; see `Shape`
    channel_id: str | None = None  # where it is
    ts: str | None = None
    last_error: str | None = None
    card_channel_id: str | None = None  # where the request's card is
    card_ts: str | None = None
    known_channel_id: str | None = None  # where the last message to its destination is

    @property
    def is_edit(self) -> bool:
        """Whether it is posted already and has to change."""
        return self.ts is not None

    @property
    def must_be_told(self) -> bool:
        """Whether someone has to hear it, wherever that is possible."""
        return self.line in _URGENT or (self.about is About.INCIDENT and self.line == CARD)


@dataclass(frozen=True, kw_only=True)
class OwedMessage:
    """A message that Slack has yet to take, as the operator sees it."""

    line: str
    subject: str
    instance: str
    name: str  # of the backup, or the kind of incident
    topic_id: str
    destination: str
    urgency: Urgency
    created_at: datetime
    due_at: datetime
    attempts: int
    last_error: str | None


class Shape(IntEnum):
    """What is left of a message's blocks after Slack refused the fuller ones."""

    WHOLE = 0
    NO_PLAN = 1  # of a card; of a digest: no chart
    BUTTONS = 2  # of a card: plain words and its buttons
    WORDS = 3

    def less(self, line: str) -> "Shape | None":
        """Return the next simpler shape, or None."""
        if self is Shape.WORDS:
            return None
        return Shape(self + 1) if line == CARD else Shape.WORDS


_URGENT = {
    ThreadLine.ENDED,
    ThreadLine.BREAK_GLASS,
    ThreadLine.EXPIRING,
    ThreadLine.KEPT,
    ThreadLine.BACKUP_DELETED,
    ThreadLine.STAYS,
}
_PROGRESS = {
    ThreadLine.STARTED,
    ThreadLine.OVERDUE,
    ThreadLine.RDS_AWAY,
    ThreadLine.KEYS_REFUSED,
    ThreadLine.RDS_BACK,
}
RETENTION_LINES = {
    Retention.WARNED: ThreadLine.EXPIRING,
    Retention.KEPT: ThreadLine.KEPT,
    Retention.DELETED: ThreadLine.BACKUP_DELETED,
    Retention.STAYS: ThreadLine.STAYS,
}


def card(request: BackupRequest) -> Owed:
    """The card: posted, or edited to show the request's current state."""
    return Owed(
        topic_id=request.id,
        line=CARD,
        destination=request.card_channel_id,
        urgency=_card_urgency(request),
    )


def reply(
    request: BackupRequest, line: ThreadLine, *, subject: str = "", call: tuple[str, ...] = ()
) -> tuple[Owed, Owed]:
    """A line in the thread, and the card's edit that goes with it."""
    return card(request), _in_thread(request, line, subject, call)


def _in_thread(
    request: BackupRequest, line: ThreadLine, subject: str = "", call: tuple[str, ...] = ()
) -> Owed:
    return Owed(
        topic_id=request.id,
        line=line,
        destination=request.card_channel_id,
        urgency=_line_urgency(line),
        subject=subject,
        call=call,
    )


def to_requester(request: BackupRequest, line: str, subject: str = "") -> Owed:
    """Return a message to the requester alone, while there is no card."""
    return Owed(
        topic_id=request.id,
        line=line,
        destination=request.requester,
        urgency=Urgency.OUTCOME if line == ThreadLine.ENDED else Urgency.PEOPLE,
        subject=subject,
    )


def finished(request: BackupRequest) -> Owed:
    """Return the direct message about the end, for a requester who wants one."""
    return Owed(
        topic_id=request.id,
        line=FINISHED,
        destination=request.requester,
        urgency=Urgency.PEOPLE,
    )


def wanted(request: BackupRequest, user_id: str) -> Owed:
    """Return the direct message to an approver who wants one."""
    return Owed(
        topic_id=request.id,
        line=WANTED,
        destination=user_id,
        urgency=Urgency.PEOPLE,
        subject=user_id,
    )


def owed_by(request: BackupRequest) -> tuple[Owed, ...]:
    """Return the messages that a request owes once it has entered its state."""
    return tuple(_owed_by(request))


def _owed_by(request: BackupRequest) -> Iterator[Owed]:
    if request.terms is None:  # no card yet; a withdrawal is answered directly
        if request.state.is_final and request.state is not RequestState.WITHDRAWN:
            yield to_requester(request, ThreadLine.ENDED)
        return
    yield card(request)
    is_new = request.state in (RequestState.AWAITING_APPROVAL, RequestState.APPROVED)
    if is_new and request.thread_ts:
        yield Owed(
            topic_id=request.id,
            line=POINTER,
            destination=request.channel_id,
            urgency=Urgency.PEOPLE,
        )
    if line := _line_of_state(request):
        yield _in_thread(request, line)


def _line_of_state(request: BackupRequest) -> ThreadLine | None:
    broken = request.vote(Choice.BREAK_GLASS) is not None
    match request.state:
        case RequestState.APPROVED:
            return ThreadLine.BREAK_GLASS if broken else None
        case RequestState.CREATING | RequestState.DELETING:
            return None if broken else ThreadLine.APPROVED
        case RequestState.RUNNING:
            return ThreadLine.STARTED
        case _:
            return ThreadLine.ENDED if request.state.is_final else None


def owed_by_retention(request: BackupRequest) -> tuple[Owed, ...]:
    """Return the messages that a backup owes once its retention has changed."""
    line = RETENTION_LINES.get(request.retention) if request.retention else None
    if line is None or (line is ThreadLine.BACKUP_DELETED and request.warned_at is None):
        return ()
    return reply(request, line)


def is_outdated(message: OutboxMessage, topic: Topic, now: datetime) -> bool:
    """Whether the message no longer says anything that people need."""
    if isinstance(topic, BackupRequest):
        return _is_outdated(message, topic, now)
    if isinstance(topic, Incident) and message.line == IncidentLine.SNOOZE_OVER:
        return not topic.is_open or topic.calm_since is not None
    return False


def _is_outdated(message: OutboxMessage, request: BackupRequest, now: datetime) -> bool:
    match message.line:
        case line if line in (ThreadLine.REMINDER, WANTED):
            return request.state is not RequestState.AWAITING_APPROVAL
        case ThreadLine.EXPIRING:
            return request.retention is not Retention.WARNED
        case line if line in (PUT_OFF, NO_KEYS):
            return request.state is not RequestState.SUBMITTED
        case _:
            is_late = now - message.created_at > (LATE if message.attempts else VERY_LATE)
            is_progress = message.line not in (CARD, POINTER) and not message.must_be_told
            return is_progress and is_late and request.state.is_final


def _card_urgency(request: BackupRequest) -> Urgency:
    if request.state.is_final:
        return Urgency.OUTCOME
    is_under_way = request.state is RequestState.RUNNING or request.state in SENDING
    return Urgency.PROGRESS if is_under_way else Urgency.PEOPLE


def _line_urgency(line: ThreadLine) -> Urgency:
    if line in _URGENT:
        return Urgency.OUTCOME
    return Urgency.PROGRESS if line in _PROGRESS else Urgency.PEOPLE
