"""Find the words that a misspelled word probably means."""

from collections.abc import Iterable

LONGEST = 128  # characters of a word that are compared
CUTOFF = 0.6


def nearest(
    word: str, choices: Iterable[str], *, most: int = 1, cutoff: float = CUTOFF
) -> list[str]:
    """Return up to `most` similar choices, best first, with at least `cutoff` (0 to 1)."""
    from rapidfuzz import fuzz, process  # noqa: PLC0415, 4 MB that only a misspelled word needs

    found = process.extract(
        word[:LONGEST], list(choices), scorer=fuzz.ratio, limit=most, score_cutoff=100 * cutoff
    )
    return [choice for choice, *_ in found]
