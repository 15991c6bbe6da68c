"""Parse the text of /backup into a command, or list every problem with it and a corrected line.

The arguments of each verb are defined in `verbs.py`.

Options can be anywhere after the verb, with one dash or two: phones turn two into one.
"""

import re

from bot.domain import fields
from bot.domain.commands import Command, CommandError, CreateBackup, Help, OpenForm, Typed
from bot.domain.fields import Problem
from bot.domain.folding import REFERENCE, quoted, words
from bot.domain.keeping import NOT_SAID, shown_keep
from bot.domain.likeness import nearest
from bot.domain.verbs import LIKE, VERBS, CommandLine, Verb, typed_of

LONGEST_TEXT = 4000  # characters; the longest command that can be right has some 500
FLAG = re.compile("-{1,2}([a-z][a-z-]*)(?:=(.*))?", re.IGNORECASE | re.DOTALL)


def parse(text: str, *, command: str = "/backup") -> Command:
    """Parse what was typed after the slash command. Raises CommandError and nothing else."""
    if len(text) > LONGEST_TEXT:
        raise _too_long(text)
    name, *rest = words(text) or ["create"]
    if verb := VERBS.get(name.lower()):
        return _command(_line(command, verb, rest))
    raise _unknown_verb(name, rest, command)


def _command(line: CommandLine) -> Command:
    """Return the command of a line. Raises CommandError, also for help on an unknown verb."""
    command = VERBS[line.verb].parse(line)
    if command == Help() and line.words:
        raise _unknown_verb(line.words[0], [], line.command)
    return command


def _too_long(text: str) -> CommandError:
    why = f"The command has {len(text)} characters; the limit is {LONGEST_TEXT}."
    return CommandError([Problem("extra", why)])


def typed_in(text: str) -> Typed | None:
    """Return the words of a create command, valid or not; None for any other command."""
    try:
        command = parse(text)
    except CommandError as error:
        return error.typed
    if isinstance(command, CreateBackup):
        keep = shown_keep(command.keep) if command.keep else ""
        return Typed(command.instance, command.name, command.description, keep)
    return None


def _line(command: str, verb: Verb, rest: list[str]) -> CommandLine:
    """Separate the options from the words. Raises CommandError for one the verb doesn't have."""
    plain: list[str] = []
    flags: dict[str, str] = {}
    problems: list[Problem] = []
    left = iter(rest)
    for word in left:
        if not (found := FLAG.fullmatch(word)):
            plain.append(word)
            continue
        name, value = found[1].lower(), found[2]
        if name not in verb.flags:
            problem, name = _unknown_flag(word, name, verb)
            problems.append(problem)
        if verb.flags.get(name):
            flags[name] = (next(left, "") if value is None else value) or NOT_SAID
        elif name in verb.flags:
            flags[name] = ""
    line = CommandLine(command, verb.name, plain, flags)
    if problems:
        raise _beside(problems, line)
    return line


def _beside(problems: list[Problem], line: CommandLine) -> CommandError:
    """Return these problems together with those that remain once they are fixed."""
    try:
        meant = _command(line)
    except CommandError as error:
        return CommandError([*problems, *error.problems], error.corrected, error.typed)
    typed = None
    if line.verb == "create":
        typed = meant.typed if isinstance(meant, OpenForm) else typed_of(line)
    return CommandError(problems, _corrected(line), typed)


def _corrected(line: CommandLine) -> str | None:
    """Return the line as it can be typed, or None if one of its words can't be."""
    typed = [quoted(word.replace(REFERENCE, "")) for word in line.words]
    if None in typed:
        return None
    flags = [f"--{name} {value}".rstrip() for name, value in line.flags.items()]
    return " ".join((line.command, line.verb, *filter(None, typed), *flags))


def _unknown_flag(word: str, name: str, verb: Verb) -> tuple[Problem, str]:
    """Return the problem, and the option that was probably meant, or ""."""
    known = [f"--{flag}" for flag in verb.flags]
    near = nearest(name, verb.flags)
    options = f"its options: {', '.join(known)}." if known else "it has none."
    text = f"isn't an option of {verb.name}" + ("." if near else f"; {options}")
    meant = f"--{near[0]}" if near else None
    return Problem("flag", text, fields.shown(word), meant), near[0] if near else ""


def _unknown_verb(name: str, rest: list[str], command: str) -> CommandError:
    """Return the problem of an unknown verb; for a misspelled one, also what else is wrong."""
    shown = fields.shown(name)
    near = nearest(shown.lower(), VERBS, cutoff=LIKE)
    if not near:
        text = f"isn't a command. Commands: {', '.join(VERBS)}."
        return CommandError([Problem("verb", text, shown)], f"{command} help")
    problem = Problem("verb", "isn't a command.", shown, near[0])
    try:
        line = _line(command, VERBS[near[0]], rest)
    except CommandError as error:
        return CommandError([problem, *error.problems], error.corrected, error.typed)
    return _beside([problem], line)
