"""What happened in one run of the bot, as seen from outside of it, and what it left on disk."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.audit import AuditEntry
from bot.domain.decisions import Verdict
from bot.domain.requests import BackupRequest, Choice


@dataclass(frozen=True)
class Rules:
    """What has to be for a backup of an instance to be started."""

    approvals: int
    approvers: frozenset[str] | None = None  # None: anybody
    self_approval: bool = False
    break_glass: frozenset[str] = frozenset()

    def allow(self, user: str, requester: str) -> bool:
        """Whether this person's approval counts."""
        may = self.approvers is None or user in self.approvers
        return may and (user != requester or self.self_approval)


@dataclass(frozen=True)
class Accepted:
    """Somebody asked, and was told that it is on its way."""

    request_id: str
    trigger_id: str
    requester: str
    instance: str
    name: str  # unique in a run


@dataclass(frozen=True)
class Pressed:
    """Somebody presses a button; what it comes to is answered later, or never."""

    number: int
    request_id: str
    choice: Choice
    user: str


@dataclass(frozen=True)
class Answered:
    """What somebody was told of their click."""

    number: int
    verdict: Verdict


@dataclass(frozen=True)
class Left:
    """Somebody left Slack: what they approve, or did, counts no more."""

    user: str


@dataclass(frozen=True)
class Sent:
    """A create reached RDS."""

    name: str
    made: bool  # a backup
    answered: bool = True  # the bot was told


@dataclass(frozen=True)
class Looked:
    """RDS listed the backups of an instance."""

    instance: str


@dataclass(frozen=True)
class Ended:
    """RDS finished a backup, or lost it."""

    name: str
    status: str


@dataclass(frozen=True)
class Posted:
    """A message is in Slack."""

    ts: str
    channel: str
    id: str  # in its metadata: the same if it is posted again
    text: str
    answered: bool = True  # the bot was told


@dataclass(frozen=True)
class Killed:
    """The process died; the next event is of its next life."""


Event = Accepted | Pressed | Answered | Left | Sent | Looked | Ended | Posted | Killed


@dataclass(frozen=True)
class History:
    """A run from its beginning to the moment when nothing more was to come."""

    rules: Mapping[str, Rules]  # by instance
    events: tuple[Event, ...]
    requests: Mapping[str, BackupRequest]  # as they were left, by id
    trail: tuple[AuditEntry, ...]
    notes: Mapping[tuple[str, str], str] = field(default_factory=dict)  # request, line → ts
    readable: frozenset[str] = frozenset()  # channels in which the bot can look for a message
    chain: str | None = None  # what is wrong with it
