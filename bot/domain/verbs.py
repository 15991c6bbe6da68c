"""The verbs: what can follow each one, and the command that it becomes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain import fields
from bot.domain.commands import (
    Command,
    CommandError,
    DeleteBackup,
    Help,
    ListBackups,
    ListInstances,
    OpenForm,
    ShowAudit,
    ShowPending,
    ShowPolicy,
    ShowStatus,
    Typed,
    Withdraw,
    checked_create,
)
from bot.domain.fields import Problem
from bot.domain.likeness import nearest

LIKE = 0.7  # how like a verb a word must be to be taken for it: "restore" is no "create"
WHICH_INSTANCE = Problem(
    "instance",
    "The instance is missing. Give its ID, its name or an alias, for example orders-prod.",
)
NO_BACKUP = Problem(
    "name", "The backup is missing. Give its name, for example before-migration-42."
)


@dataclass(frozen=True)
class CommandLine:
    """What follows a verb: its words, and its options with their values."""

    command: str
    verb: str
    words: list[str]
    flags: Mapping[str, str]


def _create(line: CommandLine) -> Command:
    typed = typed_of(line)
    if typed == Typed():
        return OpenForm()
    return checked_create(
        typed.instance, typed.name, typed.description, typed.keep, command=line.command
    )


def typed_of(line: CommandLine) -> Typed:
    """Return the words of a create command, valid or not."""
    instance, name, *more = (*line.words, "", "")[: max(2, len(line.words))]
    return Typed(instance, name, " ".join(more), line.flags.get("keep", ""))


def _list(line: CommandLine) -> Command:
    every = "all" in line.flags
    return ListBackups(_instance(line) if line.words else None, every)


def _status(line: CommandLine) -> Command:
    return ShowStatus(_backup(line) if line.words else None)


def _instances(line: CommandLine) -> Command:
    return ListInstances(" ".join(line.words)[: fields.LONGEST_NAME] or None)


def _pending(line: CommandLine) -> Command:
    _raise([_too_much(line, 0)], f"{line.command} pending")
    return ShowPending()


def _withdraw(line: CommandLine) -> Command:
    return Withdraw(_backup(line))


def _delete(line: CommandLine) -> Command:
    name, *instance = line.words or [""]
    problems = [
        _backup_problem(name),
        fields.instance_problem(instance[0]) if instance else None,
        _too_much(line, 2),
    ]
    _raise(problems)
    return DeleteBackup(name, instance[0] if instance else None)


def _policy(line: CommandLine) -> Command:
    return ShowPolicy(_instance(line) if line.words else None)


def _audit(line: CommandLine) -> Command:
    return ShowAudit(_instance(line))


def _help(line: CommandLine) -> Command:
    topic = fields.shown(line.words[0]).lower() if line.words else ""
    return Help(next(iter(nearest(topic, VERBS, cutoff=LIKE)), None))


def _instance(line: CommandLine) -> str:
    """Return the only word after the verb, an instance. Raises CommandError."""
    instance = line.words[0] if line.words else ""
    problem = fields.instance_problem(instance) if instance else WHICH_INSTANCE
    _raise([problem, _too_much(line, 1)])
    return instance


def _backup(line: CommandLine) -> str:
    """Return the only word after the verb, a backup's name or a request's ID.

    Raises CommandError.
    """
    about = line.words[0] if line.words else ""
    problem = _backup_problem(about)
    if fields.REQUEST_ID.fullmatch(about.lower()):
        problem = None
    _raise([problem, _too_much(line, 1)])
    return about


def _backup_problem(name: str) -> Problem | None:
    """Return what is wrong with a backup's name; a similar one could be another backup."""
    if not name:
        return NO_BACKUP
    problem = fields.name_problem(name)
    return replace(problem, suggestion=None) if problem else None


def _too_much(line: CommandLine, most: int) -> Problem | None:
    extra = fields.shown(" ".join(line.words[most:]))
    wanted = {0: "no arguments", 1: "one argument", 2: "a backup and its instance"}[most]
    text = f"must be removed: {line.verb} takes {wanted}."
    if most:
        text += " Put a name with spaces in quotes."
    return Problem("extra", text, extra) if extra else None


def _raise(found: Sequence[Problem | None], corrected: str | None = None) -> None:
    """Raise CommandError if there are problems.

    Pass no `corrected` line if it would leave out words: it could name another instance or
    backup.
    """
    if problems := [problem for problem in found if problem]:
        raise CommandError(problems, corrected)


VERBS: dict[str, Callable[[CommandLine], Command]] = {
    "create": _create,
    "list": _list,
    "status": _status,
    "instances": _instances,
    "pending": _pending,
    "withdraw": _withdraw,
    "delete": _delete,
    "policy": _policy,
    "audit": _audit,
    "help": _help,
}
FLAGS: dict[str, dict[str, bool]] = {  # a verb's flags, and whether each wants a value
    "create": {"keep": True},
    "list": {"all": False},
}
