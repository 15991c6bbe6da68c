"""The installed release."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed


def version() -> str:
    """Return the version of the package, or "unknown" if only its sources are present."""
    try:
        return installed("backup-bot")
    except PackageNotFoundError:
        return "unknown"
