"""The /backup grammar: text → a typed command, or every problem with it and a corrected command.

create <instance> <name> [description …]
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


Command = CreateBackup | Help


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
    description = " ".join(" ".join(more).replace(REFERENCE, "").split())
    problems = [
        *_checked(instance, fields.instance_problem, _NO_INSTANCE),
        *_checked(name, fields.name_problem, _NO_NAME),
        *fields.description_problems(description),
    ]
    if problems:
        raise CommandError(problems, _corrected(command, instance, name, description))
    return CreateBackup(instance, name, description)


def _checked(word: str, check: Callable[[str], Problem | None], missing: Problem) -> list[Problem]:
    problem = check(word) if word else missing
    return [problem] if problem else []


_NO_INSTANCE = Problem(
    "instance",
    "The instance is missing: say which one to back up, by its id, its name or an alias, "
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


VERBS: dict[str, Callable[[list[str], str], Command]] = {"create": _create, "help": _help}


def _unknown_verb(verb: str, rest: list[str], command: str) -> CommandError:
    """A misspelt verb, with whatever else is wrong once it is mended."""
    shown = fields.shown(verb)
    near = get_close_matches(shown.lower(), VERBS, n=1, cutoff=LIKE)
    if not near:
        text = f"is not something I can do: I know {' and '.join(VERBS)}."
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
        case Help(topic):
            line = f"{command} help {topic or ''}".rstrip()
    return CommandError([problem], line)


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, or the first of name-2, name-3, … that nobody has taken; never over 64 long."""
    if name not in taken:
        return name
    tails = (f"-{number}" for number in count(2))
    candidates = (name[: LONGEST_NAME - len(tail)] + tail for tail in tails)
    return next(candidate for candidate in candidates if candidate not in taken)
