"""Which instances are meant: by name, by ID, or by a glob.

A glob without a slash matches names, in every project; one with a slash matches `project/name`.
"""

import re
from collections.abc import Sequence
from fnmatch import translate
from functools import lru_cache
from unicodedata import normalize


def covers(
    patterns: Sequence[str], instance_name: str, instance_id: str, project: str = ""
) -> bool:
    """Return whether one of them means this instance; case-sensitive, as in RDS.

    Composed and decomposed accents are equal.
    """
    if instance_id in patterns or instance_name in patterns:
        return True
    of_names, of_projects = _globs(tuple(patterns))
    name = normalize("NFC", instance_name)
    if of_names and of_names.match(name):
        return True
    return of_projects is not None and of_projects.match(f"{project}/{name}") is not None


@lru_cache(maxsize=1024)
def _globs(patterns: tuple[str, ...]) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    """Compile those without and with a slash once, because lists check every rule many times."""
    globs = [normalize("NFC", glob) for glob in patterns]
    return (
        _any_of([glob for glob in globs if "/" not in glob]),
        _any_of([glob for glob in globs if "/" in glob]),
    )


def _any_of(globs: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(translate, globs))) if globs else None
