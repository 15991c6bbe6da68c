"""Files of the repository's top level that the wheel brings along, too."""

from importlib.resources import files
from pathlib import Path


def packaged(name: str) -> str:
    """Return the text of such a file: the wheel's copy, or the one of a clone."""
    in_wheel = files("bot") / "packaged" / name
    in_clone = Path(__file__).parents[2] / name
    return (in_wheel if in_wheel.is_file() else in_clone).read_text("utf-8")
