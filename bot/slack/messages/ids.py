"""Ids and values that travel through Slack and come back: written and read here alone."""

import re
from typing import Self

from pydantic import ConfigDict

from bot.domain.frozen import Frozen

# Action ids of buttons. On a card and in a thread the value is the request's id.
APPROVE = "approve_request"
REJECT = "reject_request"
WITHDRAW = "withdraw_request"
BREAK_GLASS = "break_glass"
ASK_AGAIN = "ask_again"
KEEP_BACKUP = "keep_backup"
START = "start_backup"  # of the home tab
BACK_UP_NOW = "back_up_now"  # of an incident, like the three below: its value is its id
ACKNOWLEDGE_INCIDENT = "acknowledge_incident"
SNOOZE_INCIDENT = "snooze_incident"
EXPECT_INCIDENT = "expect_incident"
DELETE_OLD = "delete_old_backup"  # of a digest; its value is an `OldBackup`
DELETE_OLDS = re.compile(f"^{DELETE_OLD}:")
FINISHED_CHOICE, APPROVALS_CHOICE = "hear_finished", "hear_approvals"  # of the home tab
FIX = "fix_in_a_form"  # its value is a `TypedCommand`
BACKUPS_PAGE, MADE_PAGE, INSTANCES_PAGE = "backups_page", "made_page", "instances_page"
BACK, ON = ":back", ":on"  # behind the id of a page: two buttons of a message need two

# Callback ids of modals, and of shortcuts as in the manifest.
CREATE_VIEW = "create_backup"  # carries a `Purpose`
DELETE_VIEW = "delete_backup"  # carries a `Deletion`
REJECT_VIEW = "reject_request"  # these three carry the request's id
BREAK_GLASS_VIEW = "break_glass"
ASK_AGAIN_VIEW = "ask_again"
SNOOZE_VIEW = "snooze_incident"  # carries the incident's id
BACK_UP = "back_up_a_database"
BACK_UP_FROM_HERE = "back_up_from_here"

# Fields of modals: block ids, and action ids.
INSTANCE, KEEP, CHANNEL = "instance", "keep", "channel"
TYPED_INSTANCE = "typed_instance"  # instead of INSTANCE while RDS has not listed any
SNOOZE = "snooze"
REASON, NAME, DESCRIPTION = "reason", "name", "description"
FOR_EVER = "for_ever"  # the option of KEEP that deletes nothing

_CARD_LINK = "open_card"
CARD_LINKS = re.compile(f"^{_CARD_LINK}:")


def card_link(request_id: str) -> str:
    """The action id of a button that only leads to a card; one message may have several."""
    return f"{_CARD_LINK}:{request_id}"


class Carried(Frozen):
    """What a button or a modal carries along, as JSON."""

    model_config = ConfigDict(strict=True, extra="forbid")

    def build(self) -> str:
        """As Slack carries it."""
        return self.model_dump_json()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError if another release wrote something else."""
        return cls.model_validate_json(text)


class BackupsPage(Carried):
    """A page, from 0, of an instance's backups."""

    number: int
    instance: str  # its id
    every: bool  # automated ones, too


class MadePage(Carried):
    """A page, from 0, of the backups that this bot made."""

    number: int


class InstancesPage(Carried):
    """A page, from 0, of the instances; `like` is part of a name, an id or an alias."""

    number: int
    like: str | None


class TypedCommand(Carried):
    """The words of a create as they were typed, to be mended in a form."""

    instance: str
    name: str
    description: str
    keep: str


class Purpose(Carried):
    """Where the form for a backup was opened, and the name that it proposed."""

    channel: str = ""  # empty: the form asks for one
    thread_ts: str | None = None
    proposed: str = ""
    turn: int = 0  # a field that gets another value from us needs another id

    @property
    def name_block(self) -> str:
        return f"{NAME}-{self.turn}"


class OldBackup(Carried):
    """A backup that a digest offers to delete."""

    name: str
    instance: str  # its id


class Deletion(Carried):
    """Which backup the form deletes, once its name is typed again."""

    name: str
    instance: str  # its id
    channel: str
