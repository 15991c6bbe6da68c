"""What a person can want of the bot, as typed commands; `grammar.py` reads them out of a text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain import fields
from bot.domain.errors import UserError
from bot.domain.fields import Problem
from bot.domain.folding import REFERENCE, quoted
from bot.domain.keeping import keep_of, keep_problem, shown_keep

_NO_FLAGS = re.compile(r"(^| )-+(?=[A-Za-z])")  # what a quoted flag would become without quotes


@dataclass(frozen=True)
class CreateBackup:
    """Back up an instance. All is within RDS's rules; whether it exists is not known."""

    instance: str  # id, name or alias
    name: str = ""  # empty: the bot finds one
    description: str = ""
    keep: timedelta | None = None  # delete it by itself after so long; None: it stays


@dataclass(frozen=True)
class Typed:
    """The words of a create as they were typed, to be mended in a form."""

    instance: str = ""
    name: str = ""
    description: str = ""
    keep: str = ""


@dataclass(frozen=True)
class OpenForm:
    """Ask in a form instead of a line."""

    typed: Typed = field(default_factory=Typed)


@dataclass(frozen=True)
class DeleteBackup:
    """Delete a manual backup; the instance is wanted where this bot did not make it."""

    name: str
    instance: str | None = None


@dataclass(frozen=True)
class ListBackups:
    """Which backups there are: of an instance, or those that this bot made."""

    instance: str | None = None
    every: bool = False  # automated ones, too


@dataclass(frozen=True)
class ShowStatus:
    """How a request stands; without one, what is mine and runs."""

    about: str | None = None  # a backup's name, or a request's id


@dataclass(frozen=True)
class ListInstances:
    """Which instances there are; `like` is part of a name, an id or an alias."""

    like: str | None = None


@dataclass(frozen=True)
class ShowPending:
    """What waits for approval, and what of it for me."""


@dataclass(frozen=True)
class Withdraw:
    """Take my request back."""

    about: str


@dataclass(frozen=True)
class Help:
    """How to use the command; `verb` is one that exists, or None for all of it."""

    verb: str | None = None


@dataclass(frozen=True)
class ShowPolicy:
    """Who may do what with an instance, or with all of them."""

    instance: str | None = None


@dataclass(frozen=True)
class ShowAudit:
    """What the audit trail says of an instance."""

    instance: str


Command = (
    CreateBackup
    | OpenForm
    | DeleteBackup
    | ListBackups
    | ShowStatus
    | ListInstances
    | ShowPending
    | Withdraw
    | ShowPolicy
    | ShowAudit
    | Help
)


class CommandError(UserError):
    """The text cannot be right.

    `problems` holds everything that is wrong with it, in the order of the text. `corrected`
    is a whole command line that has none of them, or None if it would be a mere guess.
    `typed` is what a form can begin with, if a backup was asked for.
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        corrected: str | None = None,
        typed: Typed | None = None,
    ) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
        self.corrected = corrected
        self.typed = typed


def checked_create(
    instance: str, name: str, description: str, keep: str = "", *, command: str = "/backup"
) -> CreateBackup:
    """The words of a create, wherever they were typed. Raises CommandError."""
    description = " ".join(description.replace(REFERENCE, "").split())
    problems = [
        fields.instance_problem(instance) if instance else NO_INSTANCE,
        fields.name_problem(name) if name else None,
        *fields.description_problems(description),
        keep_problem(keep),
    ]
    if found := [problem for problem in problems if problem]:
        corrected = corrected_create(command, instance, name, description, keep)
        raise CommandError(found, corrected, Typed(instance, name, description, keep))
    return CreateBackup(instance, name, description, keep_of(keep))


def corrected_create(
    command: str, instance: str, name: str, description: str, keep: str = ""
) -> str | None:
    """The line that was meant, with the instance as it was typed; None if that cannot be."""
    meant = quoted(instance) if instance and not fields.instance_problem(instance) else None
    if meant is None:
        return None
    good_name = name if not name or not fields.name_problem(name) else fields.mended_name(name)
    why = _NO_FLAGS.sub(r"\1", fields.mended_description(description))
    if why and not good_name:
        good_name = fields.mended_name(f"{instance}-backup")
    lasts = f"--keep {shown_keep(span)}" if (span := keep_of(keep)) else ""
    return " ".join(filter(None, (command, "create", meant, good_name, why, lasts)))


NO_INSTANCE = Problem(
    "instance",
    "The instance is missing: say which one to back up, by its id, its name or an alias, "
    "for example orders-prod.",
)
