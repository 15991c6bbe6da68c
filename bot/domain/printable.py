"""Make text safe for a terminal, a log or a spreadsheet."""

import json
import unicodedata

JOINERS = "\u200c\u200d"  # some scripts and emoji need them, and they are harmless
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, format marks, lone surrogates, line ends


def printable(text: str) -> str:
    r"""Return the text with control and invisible characters escaped, as in `\u001b`.

    The escapes are JSON's, so JSON text keeps its meaning.
    """
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def printable_lines(text: str) -> str:
    """Return a text of several lines with each line made `printable`."""
    return "\n".join(map(printable, text.split("\n")))


def _shown(character: str) -> str:
    if unicodedata.category(character) not in UNSEEN or character in JOINERS:
        return character
    if ord(character) > 0xFFFF:  # noqa: PLR2004, JSON writes two of them
        return json.dumps(character)[1:-1]
    return f"\\u{ord(character):04x}"
