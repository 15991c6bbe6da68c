"""Which release this is."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed


def version() -> str:
    """The version of the package; "unknown" where only its sources are."""
    try:
        return installed("backup-bot")
    except PackageNotFoundError:
        return "unknown"
