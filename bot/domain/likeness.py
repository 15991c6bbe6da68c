"""Which of the words there are somebody probably meant."""

from collections.abc import Iterable

from rapidfuzz import fuzz, process

LONGEST = 128  # characters of a word that are compared: nothing longer is a misspelling
CUTOFF = 0.6


def nearest(
    word: str, choices: Iterable[str], *, most: int = 1, cutoff: float = CUTOFF
) -> list[str]:
    """At most `most` of the choices, best first, each at least `cutoff` (0 to 1) alike."""
    found = process.extract(
        word[:LONGEST], list(choices), scorer=fuzz.ratio, limit=most, score_cutoff=100 * cutoff
    )
    return [choice for choice, *_ in found]
