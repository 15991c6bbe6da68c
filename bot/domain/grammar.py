"""The /backup grammar: text → a typed command, or every problem with it and a corrected command.

create [instance] [name] [description …] [--keep 14d]
list [instance] [--all]          status [request | backup]      instances [part of a name]
pending                          withdraw <request | backup>    delete <backup> [instance]
policy [instance]                audit <instance>               help [verb]

A flag may stand anywhere behind the verb, with one dash or two: phones make one of two.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from bot.domain import fields
from bot.domain.commands import (
    Command,
    CommandError,
    CreateBackup,
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
from bot.domain.folding import REFERENCE, words
from bot.domain.keeping import NOT_SAID, shown_keep

LIKE = 0.7  # how like a verb a word must be to be taken for it: "restore" is no "create"
FLAG = re.compile("-{1,2}([a-z][a-z-]*)(?:=(.*))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Line:
    """What stands behind a verb: its words, and its flags with their values."""

    command: str
    verb: str
    words: list[str]
    flags: Mapping[str, str]


def parse(text: str, *, command: str = "/backup") -> Command:
    """Read what was typed after the slash command. Raises CommandError, and nothing else."""
    verb, *rest = words(text) or ["create"]
    if known := VERBS.get(verb.lower()):
        return known(_line(command, verb.lower(), rest))
    raise _unknown_verb(verb, rest, command)


def typed_in(text: str) -> Typed | None:
    """The words of a text that asks for a backup, right or wrong; None if it asks for none."""
    try:
        wish = parse(text)
    except CommandError as error:
        return error.typed
    if isinstance(wish, CreateBackup):
        keep = shown_keep(wish.keep) if wish.keep else ""
        return Typed(wish.instance, wish.name, wish.description, keep)
    return None


def _line(command: str, verb: str, rest: list[str]) -> Line:
    """Take the flags out of the words. Raises CommandError for one that the verb does not know."""
    known = FLAGS.get(verb, {})
    plain: list[str] = []
    flags: dict[str, str] = {}
    problems: list[Problem] = []
    left = iter(rest)
    for word in left:
        if not (found := FLAG.fullmatch(word)):
            plain.append(word)
            continue
        name, value = found[1].lower(), found[2]
        if name not in known:
            problem, name = _unknown_flag(word, name, verb)
            problems.append(problem)
        if known.get(name):
            flags[name] = (next(left, "") if value is None else value) or NOT_SAID
        elif name in known:
            flags[name] = ""
    line = Line(command, verb, plain, flags)
    if problems:
        raise _beside(problems, line)
    return line


def _beside(problems: list[Problem], line: Line) -> CommandError:
    """The problems, with whatever else is wrong once they are mended."""
    try:
        meant = VERBS[line.verb](line)
    except CommandError as error:
        return CommandError([*problems, *error.problems], error.corrected, error.typed)
    typed = None
    if line.verb == "create":
        typed = meant.typed if isinstance(meant, OpenForm) else _typed(line)
    flags = [f"--{name} {value}".rstrip() for name, value in line.flags.items()]
    corrected = " ".join((line.command, line.verb, *map(_quoted, line.words), *flags))
    return CommandError(problems, corrected, typed)


def _quoted(word: str) -> str:
    word = word.replace(REFERENCE, "")
    return f'"{word}"' if " " in word else word


def _unknown_flag(word: str, name: str, verb: str) -> tuple[Problem, str]:
    """What is wrong, and the flag that was meant, if one is near."""
    known = [f"--{flag}" for flag in FLAGS.get(verb, {})]
    near = get_close_matches(name, FLAGS.get(verb, {}), n=1)
    knows = f"{verb} knows {' and '.join(known)}" if known else f"{verb} knows none"
    text = f"is no flag of {verb}." if near else f"is no flag: {knows}."
    meant = f"--{near[0]}" if near else None
    return Problem("flag", text, fields.shown(word), meant), near[0] if near else ""


def _create(line: Line) -> Command:
    typed = _typed(line)
    if typed == Typed():
        return OpenForm()
    return checked_create(
        typed.instance, typed.name, typed.description, typed.keep, command=line.command
    )


def _typed(line: Line) -> Typed:
    instance, name, *more = (*line.words, "", "")[: max(2, len(line.words))]
    return Typed(instance, name, " ".join(more), line.flags.get("keep", ""))


def _list(line: Line) -> Command:
    every = "all" in line.flags
    return ListBackups(_instance(line) if line.words else None, every)


def _status(line: Line) -> Command:
    return ShowStatus(_backup(line) if line.words else None)


def _instances(line: Line) -> Command:
    return ListInstances(" ".join(line.words)[: fields.LONGEST_NAME] or None)


def _pending(line: Line) -> Command:
    _expect(line, 0)
    return ShowPending()


def _withdraw(line: Line) -> Command:
    return Withdraw(_backup(line))


def _delete(line: Line) -> Command:
    name, *instance = line.words or [""]
    problems = [
        fields.name_problem(name) if name else NO_BACKUP,
        fields.instance_problem(instance[0]) if instance else None,
        _too_much(line, 2),
    ]
    found = [problem for problem in problems if problem]
    is_named = all(problem.about == "extra" for problem in found)
    _raise(line, found, " ".join(line.words[:2]) if is_named else "")
    return DeleteBackup(name, instance[0] if instance else None)


def _policy(line: Line) -> Command:
    return ShowPolicy(_instance(line) if line.words else None)


def _audit(line: Line) -> Command:
    return ShowAudit(_instance(line))


def _help(line: Line) -> Command:
    topic = fields.shown(line.words[0]).lower() if line.words else ""
    return Help(next(iter(get_close_matches(topic, VERBS, n=1, cutoff=LIKE)), None))


def _instance(line: Line) -> str:
    """The one word behind the verb, which is an instance."""
    instance = line.words[0] if line.words else ""
    problem = fields.instance_problem(instance) if instance else WHICH_INSTANCE
    problems = [found for found in (problem, _too_much(line, 1)) if found]
    _raise(line, problems, fields.mended_instance(instance) or "")
    return instance


def _backup(line: Line) -> str:
    """The one word behind the verb, which is a backup's name or a request's id."""
    about = line.words[0] if line.words else ""
    problem = fields.name_problem(about) if about else NO_BACKUP
    if fields.REQUEST_ID.fullmatch(about.lower()):
        problem = None
    problems = [found for found in (problem, _too_much(line, 1)) if found]
    _raise(line, problems, fields.mended_name(about) or "")
    return about


def _expect(line: Line, most: int) -> None:
    problem = _too_much(line, most)
    _raise(line, [problem] if problem else [], "")


def _too_much(line: Line, most: int) -> Problem | None:
    extra = fields.shown(" ".join(line.words[most:]))
    wanted = {0: "nothing", 1: "one word", 2: "a backup and its instance"}[most]
    text = f"is too much: {wanted} can stand behind {line.verb}."
    return Problem("extra", text, extra) if extra else None


def _raise(line: Line, problems: list[Problem], meant: str) -> None:
    """Raise CommandError if there are problems; `meant` is what could stand behind the verb."""
    if not problems:
        return
    is_whole = meant or all(problem.about == "extra" for problem in problems)
    raise CommandError(
        problems, f"{line.command} {line.verb} {meant}".rstrip() if is_whole else None
    )


WHICH_INSTANCE = Problem(
    "instance",
    "The instance is missing: say which one, by its id, its name or an alias, "
    "for example orders-prod.",
)
NO_BACKUP = Problem(
    "name", "The backup is missing: say which one, by its name, for example before-migration-42."
)
VERBS: dict[str, Callable[[Line], Command]] = {
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


def _unknown_verb(verb: str, rest: list[str], command: str) -> CommandError:
    """A misspelt verb, with whatever else is wrong once it is mended."""
    shown = fields.shown(verb)
    near = get_close_matches(shown.lower(), VERBS, n=1, cutoff=LIKE)
    if not near:
        text = f"is not something I can do: I know {', '.join(VERBS)}."
        return CommandError([Problem("verb", text, shown)], f"{command} help")
    problem = Problem("verb", "is not something I can do.", shown, near[0])
    try:
        line = _line(command, near[0], rest)
    except CommandError as error:
        return CommandError([problem, *error.problems], error.corrected, error.typed)
    return _beside([problem], line)
