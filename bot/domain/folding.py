"""Normalize what people type on phones and through Slack, and split it into words.

Phones make quotes curly and `--` a dash, and paste special spaces and invisible marks; Slack
escapes `& < >` and writes mentions and links as `<@U1|ana>`, `<#C1|ops>`, `<http://a|b>`.
"""

import re
import unicodedata
from functools import lru_cache

# Marks the label of a mention or a link; `fold` removes it from what people type.
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
    """Return the text with straight quotes, plain dashes and spaces, and nothing invisible."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_folded, text))


@lru_cache(maxsize=32_768)  # the same names are compared on each keystroke
def name_key(name: str) -> str:
    """Return the key by which names are compared, the same for RDS's form and a typed one.

    Letters that look alike, such as full-width ones, stay different.
    """
    return unicodedata.normalize("NFC", " ".join(fold(name).split()))


@lru_cache(maxsize=32_768)
def search_key(name: str) -> str:
    """Return a case-insensitive `name_key`, for searches."""
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
    """Split a command as Slack sent it into words; quoted words become one.

    A quote opens only at the start of a word and closes only at the end of one, so that an
    apostrophe is a letter; so is a quote that is never closed. Takes linear time.
    """
    return _split(_unescaped(_SLACK.sub(_label, fold(text))))


def quoted(word: str) -> str | None:
    """Return the word as it is typed in a command, in quotes if needed.

    None if `words` wouldn't return exactly this word, or if Slack can't show it as code.
    """
    if fold(word) != word or "`" in word or _FLAG_LIKE.match(word):
        return None
    return next((t for t in (word, f'"{word}"', f"'{word}'") if _split(t) == [word]), None)


def _label(match: re.Match[str]) -> str:
    """Return what Slack shows for a mention or a link."""
    target, label = match[1], match[2] or ""
    if target[0] in "@#!":
        sign = "#" if target[0] == "#" else "@"
        return f"{REFERENCE}{sign}{(label or target[1:]).lstrip(sign)}"
    # Slack turns names like `orders.dev` into links; these count as plain text.
    typed = label and target in (f"http://{label}", f"https://{label}", f"mailto:{label}")
    return label if typed else REFERENCE + (label or target)


def _unescaped(text: str) -> str:
    """Undo Slack's three escapes once, so that a typed `&lt;` stays `&lt;`."""
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
