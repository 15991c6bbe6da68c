"""The /backup grammar: text → a typed command, or every problem with it and a corrected command.

create <instance> <name> [description …]
policy [instance]
audit <instance>
help [verb]
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import count

from bot.domain import fields
from bot.domain.errors import UserError
from bot.domain.fields import LONGEST_NAME, Problem
from bot.domain.folding import REFERENCE, words

LIKE = 0.7  # how like a verb a word must be to be taken for it: "restore" is no "create"


@dataclass(frozen=True)
class CreateBackup:
    """Back up an instance. All three are within RDS's rules; whether they exist is not known."""

    instance: str  # id, name or alias
    name: str
    description: str = ""


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


Command = CreateBackup | ShowPolicy | ShowAudit | Help


class CommandError(UserError):
    """The text cannot be right.

    `problems` holds everything that is wrong with it, in the order of the text. `corrected`
    is a whole command line that has none of them, or None if it would be a mere guess.
    """

    def __init__(self, problems: Sequence[Problem], corrected: str | None = None) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
        self.corrected = corrected


def parse(text: str, *, command: str = "/backup") -> Command:
    """Read what was typed after the slash command. Raises CommandError, and nothing else."""
    verb, *rest = words(text) or ["help"]
    if known := VERBS.get(verb.lower()):
        return known(rest, command)
    raise _unknown_verb(verb, rest, command)


def _help(rest: list[str], _: str) -> Help:
    topic = rest[0].lower() if rest else None
    return Help(topic if topic in VERBS else None)


def _create(rest: list[str], command: str) -> CreateBackup:
    instance, name, *more = (*rest, "", "")[: max(2, len(rest))]
    return checked_create(instance, name, " ".join(more), command=command)


def checked_create(
    instance: str, name: str, description: str, *, command: str = "/backup"
) -> CreateBackup:
    """The three words of a create, wherever they were typed. Raises CommandError."""
    description = " ".join(description.replace(REFERENCE, "").split())
    problems = [
        *_checked(instance, fields.instance_problem, _NO_INSTANCE),
        *_checked(name, fields.name_problem, _NO_NAME),
        *fields.description_problems(description),
    ]
    if problems:
        raise CommandError(problems, _corrected(command, instance, name, description))
    return CreateBackup(instance, name, description)


def _policy(rest: list[str], command: str) -> ShowPolicy:
    return ShowPolicy(_only_instance("policy", rest, command) if rest else None)


def _audit(rest: list[str], command: str) -> ShowAudit:
    return ShowAudit(_only_instance("audit", rest, command))


def _only_instance(verb: str, rest: list[str], command: str) -> str:
    """The one word after the verb."""
    instance, *more = rest or [""]
    problems = _checked(instance, fields.instance_problem, _WHICH_INSTANCE)
    if more:
        extra = fields.shown(" ".join(more))
        problems.append(Problem("instance", "is too much: one instance is enough.", extra))
    if problems:
        meant = fields.mended_instance(instance)
        raise CommandError(problems, f"{command} {verb} {meant}" if meant else None)
    return instance


def _checked(word: str, check: Callable[[str], Problem | None], missing: Problem) -> list[Problem]:
    problem = check(word) if word else missing
    return [problem] if problem else []


_NO_INSTANCE = Problem(
    "instance",
    "The instance is missing: say which one to back up, by its id, its name or an alias, "
    "for example orders-prod.",
)
_WHICH_INSTANCE = Problem(
    "instance",
    "The instance is missing: say which one, by its id, its name or an alias, "
    "for example orders-prod.",
)
_NO_NAME = Problem(
    "name",
    "The backup's name is missing: give it one that nobody has used yet, "
    "for example before-migration-42.",
)


def _corrected(command: str, instance: str, name: str, description: str) -> str | None:
    meant = fields.mended_instance(instance)
    if meant is None:
        return None
    if not fields.name_problem(name):
        good_name = name
    else:
        good_name = fields.mended_name(name) or fields.mended_name(f"{meant}-backup") or ""
    return " ".join(
        (command, "create", meant, good_name, fields.mended_description(description))
    ).rstrip()


VERBS: dict[str, Callable[[list[str], str], Command]] = {
    "create": _create,
    "policy": _policy,
    "audit": _audit,
    "help": _help,
}


def _unknown_verb(verb: str, rest: list[str], command: str) -> CommandError:
    """A misspelt verb, with whatever else is wrong once it is mended."""
    shown = fields.shown(verb)
    near = get_close_matches(shown.lower(), VERBS, n=1, cutoff=LIKE)
    if not near:
        text = f"is not something I can do: I know {', '.join(VERBS)}."
        problem = Problem("verb", text, shown)
        return CommandError([problem], f"{command} help")
    problem = Problem("verb", "is not something I can do.", shown, near[0])
    try:
        meant = VERBS[near[0]](rest, command)
    except CommandError as error:
        return CommandError([problem, *error.problems], error.corrected)
    match meant:
        case CreateBackup(instance, name, description):
            line = _corrected(command, instance, name, description)
        case Help(topic) | ShowPolicy(topic):
            line = f"{command} {near[0]} {topic or ''}".rstrip()
        case ShowAudit(topic):
            line = f"{command} {near[0]} {topic}"
    return CommandError([problem], line)


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, or the first of name-2, name-3, … that nobody has taken; never over 64 long."""
    if name not in taken:
        return name
    tails = (f"-{number}" for number in count(2))
    candidates = (name[: LONGEST_NAME - len(tail)] + tail for tail in tails)
    return next(candidate for candidate in candidates if candidate not in taken)
