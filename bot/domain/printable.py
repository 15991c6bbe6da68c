"""Text as a terminal, a log or a spreadsheet may have it."""

import json
import unicodedata

JOINERS = "\u200c\u200d"  # written languages and emoji need them, and they move nothing
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, direction and tags, lone surrogates, line ends


def printable(text: str) -> str:
    r"""The text with each character that a terminal obeys, or nobody sees, as `\u001b`.

    The escapes are JSON's, so JSON text stays JSON, and means the same.
    """
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def printable_lines(text: str) -> str:
    """The same, of a text of several lines."""
    return "\n".join(map(printable, text.split("\n")))


def _shown(character: str) -> str:
    if unicodedata.category(character) not in UNSEEN or character in JOINERS:
        return character
    if ord(character) > 0xFFFF:  # noqa: PLR2004, JSON writes two of them
        return json.dumps(character)[1:-1]
    return f"\\u{ord(character):04x}"
