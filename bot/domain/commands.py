"""The commands people can give, as typed values; `grammar.py` parses them from text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain import fields
from bot.domain.errors import UserError
from bot.domain.fields import Problem
from bot.domain.folding import REFERENCE, quoted
from bot.domain.keeping import SUGGESTED_KEEP, keep_of, keep_problem, shown_keep

_NO_FLAGS = re.compile(r"(^| )-+(?=[A-Za-z])")  # would become an option without its quotes


@dataclass(frozen=True)
class CreateBackup:
    """Back up an instance. The values follow RDS's rules; the instance may not exist."""

    instance: str  # id, name or alias
    name: str = ""  # empty: the bot builds one
    description: str = ""
    keep: timedelta | None = None  # delete it automatically after this; None: never


@dataclass(frozen=True)
class Typed:
    """The words of a create command as they were typed, to be corrected in a form."""

    instance: str = ""
    name: str = ""
    description: str = ""
    keep: str = ""


@dataclass(frozen=True)
class OpenForm:
    """Open the request form."""

    typed: Typed = field(default_factory=Typed)


@dataclass(frozen=True)
class DeleteBackup:
    """Delete a manual backup; the instance is needed if this bot didn't make it."""

    name: str
    instance: str | None = None


@dataclass(frozen=True)
class ListBackups:
    """List the backups of an instance, or those that this bot made."""

    instance: str | None = None
    every: bool = False  # automated ones too


@dataclass(frozen=True)
class ShowStatus:
    """Show a request's status; without a name, the person's own and everything running."""

    about: str | None = None  # a backup's name or a request's ID


@dataclass(frozen=True)
class ListInstances:
    """List the instances; `like` is part of a name, an ID or an alias."""

    like: str | None = None


@dataclass(frozen=True)
class ShowPending:
    """List what is waiting for approval, this person's first."""


@dataclass(frozen=True)
class Withdraw:
    """Withdraw a pending request."""

    about: str


@dataclass(frozen=True)
class Help:
    """Explain one verb, which exists, or with None all of them."""

    verb: str | None = None


@dataclass(frozen=True)
class ShowPolicy:
    """Show the policy of one instance, or every rule."""

    instance: str | None = None


@dataclass(frozen=True)
class ShowAudit:
    """Show the audit log of an instance."""

    instance: str


@dataclass(frozen=True)
class WatchInstances:
    """Tell this channel about instances; `instances` is a name, an ID, or a glob."""

    instances: str
    fresh_within: timedelta | None = None  # None: the default


@dataclass(frozen=True)
class UnwatchInstances:
    """No longer tell this channel about them; the same text as in the watch."""

    instances: str


@dataclass(frozen=True)
class ShowWatches:
    """Show the channel's watches, or which of all watches would speak of an instance."""

    test: str | None = None


@dataclass(frozen=True)
class ShowPosture:
    """Show how well an instance is protected, or all that this channel watches."""

    instance: str | None = None


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
    | WatchInstances
    | UnwatchInstances
    | ShowWatches
    | ShowPosture
    | Help
)


class CommandError(UserError):
    """The command is invalid.

    `problems` lists everything that is wrong, in the order of the text. `corrected` is a
    complete command without these problems, or None if it would be a guess. `typed` is what
    to fill into the form, if it was a create command.
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
    """Check the words of a create command or form. Raises CommandError."""
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
    """Return the corrected command, with the instance as it was typed, or None without one.

    A wrong `--keep` becomes the suggested one: without it the backup would be kept forever.
    """
    meant = quoted(instance) if instance and not fields.instance_problem(instance) else None
    if meant is None:
        return None
    good_name = name if not name or not fields.name_problem(name) else fields.mended_name(name)
    why = _NO_FLAGS.sub(r"\1", fields.mended_description(description))
    if why and not good_name:
        good_name = fields.mended_name(f"{instance}-backup")
    span = keep_of(keep)
    lasts = f"--keep {shown_keep(span) if span else SUGGESTED_KEEP}" if keep else ""
    return " ".join(filter(None, (command, "create", meant, good_name, why, lasts)))


NO_INSTANCE = Problem(
    "instance",
    "The instance is missing. Give its ID, its name or an alias, for example orders-prod.",
)
