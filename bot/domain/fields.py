"""Check instance, name and description of a create command by RDS's rules, and correct them.

The rules for name and description come from the RDS page "Creating a Manual Backup". A word
for an instance is never corrected, because that could name another one. Every check takes time
linear in the length of its word.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from bot.domain.folding import REFERENCE
from bot.domain.quantities import counted

SHORTEST_NAME, LONGEST_NAME = 4, 64
LONGEST_DESCRIPTION = 256
FORBIDDEN = ">!<\"&'="  # in a description
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{3,63}")
LONGEST_INSTANCE = 128  # of any ID, name or alias; RDS allows 64
REQUEST_ID = re.compile(r"[0-9a-f]{8,32}")  # of the bot, or its beginning
HUAWEI_ID = re.compile(r"[0-9a-f]{32}([a-z]{2})([0-9]{2})")

KINDS = {"br": "a backup", "no": "a node", "pr": "a parameter template"}
# Unknown numbers are accepted: RDS for MariaDB's isn't documented.
OTHER_SERVICES = {
    "02": "DDS",
    **dict.fromkeys(("06", "10", "12"), "GeminiDB"),
    **dict.fromkeys(("07", "16", "17"), "TaurusDB"),
    "09": "DDM",
    "14": "GaussDB",
}
_MENDED_DESCRIPTION = str.maketrans(
    {"&": " and ", "=": ":", "<": " ", ">": " ", "!": "", '"': "", "'": ""}
)
_LONGEST_SHOWN = 80


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong and what to do about it, as plain text not escaped for Slack.

    Reads as `word` (as it was typed, shown as code, or ""), a space, `text`, and if there is a
    `suggestion`: "Try `suggestion`."
    """

    about: Literal["verb", "flag", "instance", "name", "description", "keep", "extra"]
    text: str
    word: str = ""
    suggestion: str | None = None

    def __str__(self) -> str:
        tried = f"Try {self.suggestion}." if self.suggestion else ""
        return " ".join(filter(None, (self.word, self.text, tried)))


def shown(word: str) -> str:
    """Return the word as it was typed, shortened if it is long."""
    word = word.replace(REFERENCE, "")
    return word if len(word) <= _LONGEST_SHOWN else word[: _LONGEST_SHOWN - 1] + "…"


def name_problem(word: str) -> Problem | None:
    """Return what is wrong with a backup's name, if anything."""
    if NAME.fullmatch(word):
        return None
    faults = []
    if REFERENCE in word:
        faults.append("it must be plain text, not a link or a mention")
    else:
        if not re.match("[A-Za-z]", word):
            faults.append("it must start with a letter")
        if re.search("[^A-Za-z0-9_-]", word):
            faults.append("it can contain only letters a to z, digits, hyphens and underscores")
        if not SHORTEST_NAME <= len(word) <= LONGEST_NAME:
            faults.append(
                f"it has {counted(len(word), 'character')}, but needs "
                f"{SHORTEST_NAME} to {LONGEST_NAME}"
            )
    text = f"isn't a valid backup name: {'; '.join(faults)}."
    return Problem("name", text, shown(word), mended_name(word))


def mended_name(word: str) -> str | None:
    """Return the closest valid name, or None if nothing of the word can be kept."""
    ascii_only = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode()
    plain = re.sub("[^A-Za-z0-9_-]+", "-", ascii_only).strip("-_")
    rest = plain.lstrip("0123456789-_")
    number = plain[: len(plain) - len(rest)]
    if number and rest and not number[-1].isdigit():
        plain = f"{rest}-{number.strip('-_')}"  # 42-before → before-42
    elif number:
        plain = f"b-{plain}"
    plain = plain[:LONGEST_NAME].rstrip("-_")
    if not plain:
        return None
    return plain if len(plain) >= SHORTEST_NAME else f"{plain}-backup"


def instance_problem(word: str) -> Problem | None:
    """Return what is wrong with a word for an instance: its ID, its name or an alias."""
    if REFERENCE in word:
        text = "is a link or a mention. Give the instance's ID, its name or an alias."
        return Problem("instance", text, shown(word))
    if len(word) > LONGEST_INSTANCE:
        text = (
            f"has {counted(len(word), 'character')}, but an instance's ID, name or alias "
            f"has at most {LONGEST_INSTANCE}."
        )
        return Problem("instance", text, shown(word))
    foreign = _foreign_id(word)
    return Problem("instance", foreign, word) if foreign else None


def _foreign_id(word: str) -> str | None:
    """Return the problem with an ID that certainly isn't an RDS instance's."""
    if not (parts := HUAWEI_ID.fullmatch(word)):
        return None
    kind, number = parts.groups()
    if kind in KINDS:
        return f"is the ID of {KINDS[kind]}. Give the instance's ID, which ends in in{number}."
    if service := OTHER_SERVICES.get(number):
        return f"is the ID of a {service} instance. Give an RDS instance's ID, name or alias."
    return None


def description_problems(description: str) -> list[Problem]:
    """Return everything that is wrong with a backup's description."""
    problems = []
    if found := [char for char in FORBIDDEN if char in description]:
        verb = "isn't" if len(found) == 1 else "aren't"
        text = f"{verb} allowed in a description."
        problems.append(Problem("description", text, " ".join(found)))
    if len(description) > LONGEST_DESCRIPTION:
        text = (
            f"The description has {counted(len(description), 'character')}; "
            f"the limit is {LONGEST_DESCRIPTION}."
        )
        problems.append(Problem("description", text))
    return problems


def mended_description(description: str) -> str:
    """Return the description without forbidden characters, cut to the longest allowed."""
    plain = description.translate(_MENDED_DESCRIPTION)
    return " ".join(plain.split())[:LONGEST_DESCRIPTION].rstrip()
