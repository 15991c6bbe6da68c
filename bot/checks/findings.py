"""A finding of `backup-bot check`: how bad it is, a stable code, and the cure."""

from dataclasses import dataclass
from enum import StrEnum

from bot.checks.codes import CURES, Code

PAGE = "docs/check.md"


class Level(StrEnum):
    OK = "ok"
    UNKNOWN = "unknown"  # it can't be found out from here; not the same as ok
    WARNING = "warning"  # the bot runs, but not as someone might expect
    PROBLEM = "problem"  # something won't work


@dataclass(frozen=True)
class Finding:
    """The result of one check; `code` is None only for what is in order."""

    level: Level
    text: str
    code: Code | None = None
    exit_code: int = 1  # if it is a problem
    detail: str = ""  # what to do in this very case; otherwise the code's cure

    @property
    def cure(self) -> str:
        """What to do about it; "" if nothing."""
        return self.detail or (CURES[self.code].cure if self.code else "")

    @property
    def page(self) -> str:
        """Where the code is explained."""
        return f"{PAGE}#{self.code}" if self.code else ""


def ok(text: str) -> Finding:
    return Finding(Level.OK, text)


def unknown(code: Code, text: str, cure: str = "") -> Finding:
    return Finding(Level.UNKNOWN, text, code, detail=cure)


def warning(code: Code, text: str, cure: str = "") -> Finding:
    return Finding(Level.WARNING, text, code, detail=cure)


def problem(code: Code, text: str, cure: str = "", *, exit_code: int = 1) -> Finding:
    return Finding(Level.PROBLEM, text, code, exit_code, cure)
