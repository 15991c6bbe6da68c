"""Which instances are meant: by name, by ID, or by a glob that matches names."""

import re
from collections.abc import Sequence
from fnmatch import translate
from functools import lru_cache
from unicodedata import normalize


def covers(patterns: Sequence[str], instance_name: str, instance_id: str) -> bool:
    """Return whether one of them means this instance; case-sensitive, as in RDS.

    Composed and decomposed accents are equal.
    """
    if instance_id in patterns or instance_name in patterns:
        return True
    return _globs(tuple(patterns)).match(normalize("NFC", instance_name)) is not None


@lru_cache(maxsize=1024)
def _globs(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Compile them once, because lists check every rule many times."""
    return re.compile("|".join(translate(normalize("NFC", glob)) for glob in patterns))
