"""The three things that a create command gives, each held against RDS's rules and mended.

Name and description as the RDS page "Creating a Manual Backup" rules them; ids as RDS makes
them. An instance may have any name, and only RDS's list says which there are: a word for one is
never mended, because that could name another. Every check takes time in proportion to the word.
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
LONGEST_INSTANCE = 128  # of any id, name or alias; RDS allows 64
REQUEST_ID = re.compile(r"[0-9a-f]{8,32}")  # ours, or how it begins
HUAWEI_ID = re.compile(r"[0-9a-f]{32}([a-z]{2})([0-9]{2})")

KINDS = {"br": "a backup", "no": "a node", "pr": "a parameter template"}
# Unknown numbers pass: RDS for MariaDB's is not documented.
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
    """One thing that is wrong, and what to do about it: plain text, not yet escaped for Slack.

    Reads as `word` (as it was typed, to be shown as code; "" where nothing was typed), a
    blank, `text`, and where there is a `suggestion`: "Try `suggestion`."
    """

    about: Literal["verb", "flag", "instance", "name", "description", "keep", "extra"]
    text: str
    word: str = ""
    suggestion: str | None = None

    def __str__(self) -> str:
        tried = f"Try {self.suggestion}." if self.suggestion else ""
        return " ".join(filter(None, (self.word, self.text, tried)))


def shown(word: str) -> str:
    """The word as it was typed, cut where it is long."""
    word = word.replace(REFERENCE, "")
    return word if len(word) <= _LONGEST_SHOWN else word[: _LONGEST_SHOWN - 1] + "…"


def name_problem(word: str) -> Problem | None:
    """What keeps the word from being a backup's name."""
    if NAME.fullmatch(word):
        return None
    faults = []
    if REFERENCE in word:
        faults.append("it is a link or a mention, and must be plain text")
    else:
        if not re.match("[A-Za-z]", word):
            faults.append("it must start with a letter")
        if re.search("[^A-Za-z0-9_-]", word):
            faults.append("it may hold only the letters a to z, digits, hyphens and underscores")
        if not SHORTEST_NAME <= len(word) <= LONGEST_NAME:
            faults.append(
                f"it is {counted(len(word), 'character')} long, and must be "
                f"{SHORTEST_NAME} to {LONGEST_NAME}"
            )
    text = f"can't be a backup's name: {'; '.join(faults)}."
    return Problem("name", text, shown(word), mended_name(word))


def mended_name(word: str) -> str | None:
    """The nearest name within the rule, or None if nothing of the word can be kept."""
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
    """What keeps the word from being the id, the name or an alias of an RDS instance."""
    if REFERENCE in word:
        text = "is a link or a mention: give the instance's id, its name or an alias."
        return Problem("instance", text, shown(word))
    if len(word) > LONGEST_INSTANCE:
        text = (
            f"is {counted(len(word), 'character')} long, and an instance's id, name or alias "
            f"has at most {LONGEST_INSTANCE}."
        )
        return Problem("instance", text, shown(word))
    foreign = _foreign_id(word)
    return Problem("instance", foreign, word) if foreign else None


def _foreign_id(word: str) -> str | None:
    """What to say of an id that is certainly no RDS instance's."""
    if not (parts := HUAWEI_ID.fullmatch(word)):
        return None
    kind, number = parts.groups()
    if kind in KINDS:
        return f"is the id of {KINDS[kind]}: give the instance's, which ends in in{number}."
    if service := OTHER_SERVICES.get(number):
        return f"is the id of a {service} instance: give an RDS instance's id, name or alias."
    return None


def description_problems(description: str) -> list[Problem]:
    """What keeps the text from being a backup's description."""
    problems = []
    if found := [char for char in FORBIDDEN if char in description]:
        text = "can't stand in a description: RDS does not take it, so leave it out."
        if len(found) > 1:
            text = "can't stand in a description: RDS does not take them, so leave them out."
        problems.append(Problem("description", text, " ".join(found)))
    if len(description) > LONGEST_DESCRIPTION:
        text = (
            f"The description is {counted(len(description), 'character')} long: "
            f"RDS takes {LONGEST_DESCRIPTION}, so shorten it."
        )
        problems.append(Problem("description", text))
    return problems


def mended_description(description: str) -> str:
    """The description without what RDS does not take, cut to the length that it takes."""
    plain = description.translate(_MENDED_DESCRIPTION)
    return " ".join(plain.split())[:LONGEST_DESCRIPTION].rstrip()
