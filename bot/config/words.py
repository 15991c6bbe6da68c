"""Check settings that are one word."""

import re

from pydantic import BeforeValidator

from bot.config import credentials


def matching(pattern: str, hint: str) -> BeforeValidator:
    """Accept one word that matches the pattern; else the hint is the problem."""

    def check(value: object) -> str:
        word = credentials.one_word(str(value))
        if not re.fullmatch(pattern, word):
            raise ValueError(hint)
        return word

    return BeforeValidator(check)
