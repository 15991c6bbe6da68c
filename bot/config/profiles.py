"""Access keys in the profile file of Huawei Cloud's SDKs, an INI file with a section per profile.

Source: the manual of huaweicloud-sdk-python-v3, "Profile". The SDKs read only the section
`[basic]` for regional services such as RDS; the others here are ours.
"""

import configparser
import re
from collections.abc import Mapping
from pathlib import Path

PATTERN = r"profile(?::[A-Za-z0-9._-]+)?"
FILE = "HUAWEICLOUD_SDK_CREDENTIALS_FILE"
KEYS = ("ak", "sk", "security_token")
DEFAULT_FILE = "~/.huaweicloud/credentials"


class Profile:
    """One section of the profile file. The repr shows no value."""

    def __init__(self, path: Path, section: str, values: Mapping[str, str]) -> None:
        self.path = path
        self.section = section
        self._values = values

    def get(self, key: str) -> str | None:
        """Return a value, or None if there is none."""
        return self._values.get(key) or None

    def named(self, key: str) -> str:
        """Return how a value is called in a message."""
        return f"{key} in [{self.section}] of {self.path}"


def is_profile(keys: str | None) -> bool:
    """Return whether keys come from the profile file: `profile` or `profile:<section>`."""
    return bool(re.fullmatch(PATTERN, keys or ""))


def section_of(keys: str) -> str:
    """Return the section that `profile` or `profile:<section>` means: `profile` is `[basic]`."""
    return keys.partition(":")[2] or "basic"


def read_profile(keys: str, given: Mapping[str, str]) -> Profile:
    """Read the section that the keys come from.

    Raises ValueError with what is wrong with the file; it contains no line of it.
    """
    section = section_of(keys)
    path = Path(given.get(FILE, DEFAULT_FILE).strip()).expanduser()
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise ValueError(f"{path} doesn't exist") from None
    except OSError as error:
        raise ValueError(f"{path} can't be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} isn't UTF-8") from None
    except configparser.Error as error:
        raise ValueError(f"{path}, {_line(error)}: it isn't an INI file") from None
    if not parser.has_section(section):
        raise ValueError(f"{path} has no section [{section}]")
    return Profile(path, section, dict(parser[section]))


def _line(error: configparser.Error) -> str:
    """Return the line at which a file can't be parsed; most errors have it, some have several."""
    several: list[tuple[int, str]] = getattr(error, "errors", [])
    return f"line {several[0][0] if several else getattr(error, 'lineno', 1)}"
