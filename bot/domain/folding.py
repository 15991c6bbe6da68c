"""What people type, on a phone and through Slack, folded to what they meant, and cut into words.

Phones turn quotes curly and `--` into a dash, and paste in blanks and marks nobody sees; Slack
escapes `& < >` and writes mentions and links as `<@U1|ana>`, `<#C1|ops>`, `<http://a|b>`.
"""

import re
import unicodedata
from functools import lru_cache

# Stands before the label of what was a mention or a link; `fold` lets nobody type it.
REFERENCE = "\x1a"

_QUOTES = {  # curly, low, angular, full-width; and primes, which some keyboards send instead
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02\u2033", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a\uff07\u2032", "'"),
}
# An em dash may have been `--`, but no word of the grammar begins with one and names read
# better with a single dash: every dash is one `-`.
_MINUS = "\N{MINUS SIGN}"
_SLACK = re.compile(r"<(?=[@#!]|[a-z]{2,10}:)([^<>|]+)(?:\|([^<>]*))?>")


_FLAG_LIKE = re.compile("-{1,2}[a-z]", re.IGNORECASE)


def fold(text: str) -> str:
    """The text with straight quotes, plain dashes and blanks, and nothing that is not seen."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_folded, text))


@lru_cache(maxsize=32_768)  # a catalogue's names, again for each keystroke
def name_key(name: str) -> str:
    """What names are compared by: as RDS lists one and as somebody types it give the same.

    Letters that look alike, full-width ones among them, stay different.
    """
    return unicodedata.normalize("NFC", " ".join(fold(name).split()))


@lru_cache(maxsize=32_768)
def search_key(name: str) -> str:
    """The same, whatever the case: for searches."""
    return unicodedata.normalize("NFC", name_key(name).casefold())


def _folded(char: str) -> str:
    if char.isascii() and char.isprintable():
        return char
    if char in _QUOTES:
        return _QUOTES[char]
    match unicodedata.category(char):
        case "Pd":
            return "-"
        case "Zs" | "Zl" | "Zp" | "Cc":
            return " "
        case "Cf" | "Cs":  # zero-width and bidi marks; halves of characters
            return ""
        case _:
            return "-" if char == _MINUS else char


def words(text: str) -> list[str]:
    """The words of a command as Slack sent it, quotes around several of them making one.

    A quote opens a group only at the start of a word and closes it only at the end of one, so
    that an apostrophe is a letter; one that is never closed is a letter too. Takes time in
    proportion to the text.
    """
    return _split(_unescaped(_SLACK.sub(_label, fold(text))))


def quoted(word: str) -> str | None:
    """The word as one types it in a command, in quotes if need be.

    None if `words` would not give back just this word, or if Slack could not show it in a code
    span.
    """
    if fold(word) != word or "`" in word or _FLAG_LIKE.match(word):
        return None
    return next((t for t in (word, f'"{word}"', f"'{word}'") if _split(t) == [word]), None)


def _label(match: re.Match[str]) -> str:
    """What Slack would show in the place of a mention or a link."""
    target, label = match[1], match[2] or ""
    if target[0] in "@#!":
        sign = "#" if target[0] == "#" else "@"
        return f"{REFERENCE}{sign}{(label or target[1:]).lstrip(sign)}"
    # Slack makes links of what looks like one: `orders.dev` was typed, and is no link to us.
    typed = label and target in (f"http://{label}", f"https://{label}", f"mailto:{label}")
    return label if typed else REFERENCE + (label or target)


def _unescaped(text: str) -> str:
    """Undo Slack's three escapes, once: what was typed as `&lt;` stays `&lt;`."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _split(text: str) -> list[str]:
    padded = text + " "
    last_closing = {quote: padded.rfind(quote + " ") for quote in ('"', "'")}
    found = []
    at = 0
    while at < len(text):
        if last_closing.get(padded[at], -1) > at:
            end = padded.find(padded[at] + " ", at + 1)
            found.append(padded[at + 1 : end].strip())
            at = end + 2
        else:
            end = padded.find(" ", at)
            found.append(padded[at:end])
            at = end + 1
    return [word for word in found if word]
