"""The verbs of the command: everything about one is in its `Verb`, at the end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

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
    ShowPosture,
    ShowStatus,
    ShowWatches,
    Typed,
    UnwatchInstances,
    WatchInstances,
    Withdraw,
    checked_create,
)
from bot.domain.fields import Problem
from bot.domain.folding import quoted
from bot.domain.keeping import NOT_SAID
from bot.domain.likeness import nearest
from bot.domain.watches import span_of

LONGEST_PATTERN = 256  # characters
WHICH_PATTERN = Problem(
    "instance",
    "The instances are missing. Give a name, an ID, or a pattern, for example orders-*.",
)
WRONG_SPAN = Problem("flag", "--fresh-within must be a duration from 1h to 60d, such as 26h.")
LIKE = 0.7  # least similarity of a misspelled verb: "restore" isn't "create"
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


@dataclass(frozen=True)
class Verb:
    """One verb: its usage, its help, and the parser of its arguments.

    `details` may hold Slack's `*bold*` and `` `code` ``, and is otherwise plain text.
    """

    name: str
    usage: str  # with the verb itself, as in help and in the README
    summary: str  # one sentence, without its period
    example: str
    parse: Callable[[CommandLine], Command]
    details: str = ""
    flags: Mapping[str, bool] = field(default_factory=dict)  # whether each takes a value


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


def _watch(line: CommandLine) -> Command:
    pattern, typed = _pattern(line), line.flags.get("fresh-within")
    span = span_of(typed) if typed is not None else None
    if typed is not None and span is None:
        _raise(
            [WRONG_SPAN], f"{line.command} watch {quoted(pattern) or pattern} --fresh-within 26h"
        )
    return WatchInstances(pattern, span)


def _unwatch(line: CommandLine) -> Command:
    return UnwatchInstances(_pattern(line))


def _watches(line: CommandLine) -> Command:
    _raise([_too_much(line, 0)], f"{line.command} watches")
    test = line.flags.get("test")
    problem = WHICH_INSTANCE if test == NOT_SAID else test and fields.instance_problem(test)
    _raise([problem or None])
    return ShowWatches(test)


def _posture(line: CommandLine) -> Command:
    return ShowPosture(_instance(line) if line.words else None)


def _pattern(line: CommandLine) -> str:
    """Return the only word after the verb, a name, an ID, or a glob. Raises CommandError."""
    pattern = line.words[0][:LONGEST_PATTERN] if line.words else ""
    _raise([None if pattern else WHICH_PATTERN, _too_much(line, 1)])
    return pattern


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
    text = f"isn't expected here: {line.verb} takes {wanted}."
    if most:
        text += " If a name contains spaces, put it in quotes."
    return Problem("extra", text, extra) if extra else None


def _raise(found: Sequence[Problem | None], corrected: str | None = None) -> None:
    """Raise CommandError if there are problems.

    Pass no `corrected` line if it would leave out words: it could name another instance or
    backup.
    """
    if problems := [problem for problem in found if problem]:
        raise CommandError(problems, corrected)


_ALL = (
    Verb(
        name="create",
        usage="create [instance] [name] [description] [--keep 14d]",
        summary="requests a backup: I check it with RDS and post it for approval",
        example="create orders-prod before-migration-42 for the upgrade",
        parse=_create,
        details=(
            "• *instance*: its ID, its name or an alias. Without one, a form opens.\n"
            "• *name*: 4–64 letters, digits, `-` or `_`, starting with a letter. Must be "  # noqa: RUF001, a range
            "unique in RDS. Without one, I build it from the instance and the time.\n"
            "• *description*: the reason, shown to approvers. Up to 256 characters; "
            f"not allowed: `{' '.join(fields.FORBIDDEN)}`.\n"
            "• *--keep*: delete it automatically after `14d`, `2w` or `36h`. I'll post a notice "
            "the day before; anyone can keep it. Without this, it's kept until someone deletes "
            "it.\n"
            "The backup starts once it is approved; follow it in the thread of its card."
        ),
        flags={"keep": True},
    ),
    Verb(
        name="list",
        usage="list [instance] [--all]",
        summary="lists backups made by this bot, or those of one instance",
        example="list orders-prod",
        parse=_list,
        details=(
            "With `--all` it also lists automated backups, and incremental ones unless "
            "the instance has more than 300 backups."
        ),
        flags={"all": False},
    ),
    Verb(
        name="status",
        usage="status [backup]",
        summary="shows a request's status; without a name, yours and everything running",
        example="status before-migration-42",
        parse=_status,
        details="Use the backup's name, or the request's ID if it has none.",
    ),
    Verb(
        name="instances",
        usage="instances [part of a name]",
        summary="lists instances, their last successful backup, and whether you can request one",
        example="instances orders",
        parse=_instances,
        details="Read replicas aren't listed: back up their primaries instead.",
    ),
    Verb(
        name="pending",
        usage="pending",
        summary="lists what is waiting for approval, yours first",
        example="pending",
        parse=_pending,
        details="Decide with the buttons on the cards.",
    ),
    Verb(
        name="withdraw",
        usage="withdraw <backup>",
        summary="withdraws your pending request",
        example="withdraw before-migration-42",
        parse=_withdraw,
        details="A backup that has started can no longer be stopped.",
    ),
    Verb(
        name="delete",
        usage="delete <backup> [instance]",
        summary="requests the permanent deletion of a manual backup",
        example="delete before-migration-42",
        parse=_delete,
        details=(
            "You confirm by typing its name. If a backup needs approval there, so does its "
            "deletion. Automated and running backups can't be deleted. The instance is "
            "needed only for a backup that I didn't make."
        ),
    ),
    Verb(
        name="policy",
        usage="policy [instance]",
        summary="shows who can request and approve backups, and by which rule",
        example="policy orders-prod",
        parse=_policy,
        details="Without an instance it lists every rule; the first one that matches applies.",
    ),
    Verb(
        name="audit",
        usage="audit <instance>",
        summary="shows the audit log of an instance (auditors only)",
        example="audit orders-prod",
        parse=_audit,
        details=(
            "Shows the last 20 entries. For the whole log, the bot's operator can run "
            "`backup-bot audit export`."
        ),
    ),
    Verb(
        name="watch",
        usage="watch <instance|pattern> [--fresh-within 26h]",
        summary="tells this channel when backups of an instance fail or don't happen",
        example="watch orders-* --fresh-within 26h",
        parse=_watch,
        details=(
            "I read the automated and manual backups of every instance that matches, new ones "
            "too, and post here when a backup fails, is missing, gets stuck, or is unusual, when "
            "point-in-time recovery is behind, when automated backups are switched off, or when "
            "someone deletes a backup outside this bot.\n"
            "• *--fresh-within*: how old the last successful backup can get, `26h` by default."
        ),
        flags={"fresh-within": True},
    ),
    Verb(
        name="unwatch",
        usage="unwatch <instance|pattern>",
        summary="stops watching an instance or pattern in this channel",
        example="unwatch orders-*",
        parse=_unwatch,
        details="Use the same text as in the watch; `watches` lists them.",
    ),
    Verb(
        name="watches",
        usage="watches [--test <instance>]",
        summary="lists this channel's watches and what is wrong now",
        example="watches --test orders-prod",
        parse=_watches,
        details="With `--test` it shows which watches cover an instance, and why.",
        flags={"test": True},
    ),
    Verb(
        name="posture",
        usage="posture [instance]",
        summary="checks how well an instance is protected",
        example="posture orders-prod",
        parse=_posture,
        details=(
            "Each control passes, fails, or is unknown. Without an instance it lists those that "
            "this channel watches, worst first."
        ),
    ),
    Verb(
        name="help",
        usage="help [verb]",
        summary="explains one command",
        example="help create",
        parse=_help,
    ),
)
VERBS: Mapping[str, Verb] = MappingProxyType({verb.name: verb for verb in _ALL})


def usage_hint() -> str:
    """Every verb in one line, as Slack shows it beside the command while it is typed."""
    first, *others = VERBS
    return " | ".join((f"{first} [instance]", *others))
