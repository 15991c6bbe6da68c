"""Checks of the secrets in the settings, done at startup, for common copy-and-paste mistakes.

Each check returns the value to use. Raises ValueError, whose message says what to do and
contains no part of the value.
"""

import re

# Including curly ones, into which documents and chats turn quotes.
QUOTES = "\"'`\u201c\u201d\u2018\u2019"
NOT_FILLED_IN = re.compile(
    r"<[A-Za-z][\w -]*> | \$\{\w+\} | \{\{.*\}\} | \$\(.*\) | ^\$\w+$ | ^%\w+%$", re.VERBOSE
)
PLACEHOLDER = re.compile(
    r"""\.\.\. | \u2026 | ^ (?:xoxb-|xapp-)? [xX*.]{3,} (?:-[xX*.]+)* $
    | (?:^|[-_.]) (?:your|change[-_]?me|replace[-_]?me|placeholder|to-?do|example) (?:$|[-_.])""",
    re.VERBOSE | re.IGNORECASE,
)
OWN_NAME = re.compile(r"(?:export\s+)?[A-Z]+(?:_[A-Z]+)+\s*=")
BOT_TOKEN = "xoxb-"  # noqa: S105, a prefix
APP_TOKEN = "xapp-"  # noqa: S105, a prefix
CONFIG_TOKEN = "xoxe.xoxp-"  # noqa: S105, a prefix
REFRESH_TOKEN = "xoxe-"  # noqa: S105, a prefix
# Prefix of what Slack issues → what it is and where it belongs.
KINDS = {
    BOT_TOKEN: "a bot token, which belongs in SLACK_BOT_TOKEN",
    APP_TOKEN: "an app-level token, which belongs in SLACK_APP_TOKEN",
    CONFIG_TOKEN: "a configuration token, which belongs in SLACK_CONFIG_TOKEN",
    "xoxp-": "a user token, which the bot doesn't use",
    REFRESH_TOKEN: "a refresh token, which belongs in SLACK_REFRESH_TOKEN",
    "https://hooks.slack.com/": "a webhook URL, which the bot doesn't use",
}
AK_LENGTH, SK_LENGTH = 20, 40  # as Huawei Cloud issues them


def unwrapped(value: str) -> str:
    """Strip a value. Raises ValueError for quotes, its own name and placeholders."""
    value = value.strip()
    if value[:1] in QUOTES or value[-1:] in QUOTES:
        raise ValueError("remove the quotes around it")
    if OWN_NAME.match(value):
        raise ValueError("it repeats its name; write only what comes after the =")
    if NOT_FILLED_IN.search(value):
        raise ValueError("it contains a placeholder; use the real value")
    return value


def one_word(value: str) -> str:
    """Like `unwrapped`, and only visible ASCII, as headers and addresses require."""
    value = unwrapped(value)
    if value.lower().startswith("bearer "):
        raise ValueError('write the token alone, without "Bearer"')
    for place, character in enumerate(value, 1):
        if character.isspace():
            raise ValueError(f"character {place} is a space or a line break; copy it again")
        if not "!" <= character <= "~":
            raise ValueError(f"character {place} isn't plain ASCII; copy it again")
    return value


def bot_token(value: str) -> str:
    """Check a bot token: `xoxb-…`, or `xoxe.xoxb-…` with token rotation."""
    return _token(value, BOT_TOKEN, "the bot token (xoxb-…)")


def app_token(value: str) -> str:
    """Check an app-level token for Socket Mode: `xapp-…`."""
    return _token(value, APP_TOKEN, "an app-level token (xapp-…)")


def config_token(value: str) -> str:
    """Check a configuration token, which only `backup-bot check` uses: `xoxe.xoxp-…`."""
    value = _secret(value)
    if not value.startswith(CONFIG_TOKEN):
        raise ValueError(f"it doesn't begin with {CONFIG_TOKEN}; use a configuration token")
    return value


def refresh_token(value: str) -> str:
    """Check the refresh token of a bot token that expires: `xoxe-…`."""
    value = _secret(value)
    if not value.startswith(REFRESH_TOKEN):
        raise ValueError(f"it doesn't begin with {REFRESH_TOKEN}; use the bot's refresh token")
    return value


def other_secret(value: str) -> str:
    """Check a secret that isn't a Slack token."""
    value = _secret(value)
    if kind := _kind(value):
        raise ValueError(f"it's {kind}")
    return value


def look_swapped(access_key: str, secret_key: str) -> bool:
    """Return whether access key and secret key have each other's length."""
    return (len(access_key.strip()), len(secret_key.strip())) == (SK_LENGTH, AK_LENGTH)


def _secret(value: str) -> str:
    if PLACEHOLDER.search(value):
        raise ValueError("it's a placeholder; use the real value")
    return one_word(value)


def _token(value: str, begins: str, wanted: str) -> str:
    value = _secret(value)
    if value.removeprefix("xoxe.").startswith(begins):
        return value
    if kind := _kind(value):
        raise ValueError(f"it's {kind}; use {wanted}")
    raise ValueError(f"it doesn't begin with {begins}; use {wanted}")


def _kind(value: str) -> str | None:
    return next((kind for begins, kind in KINDS.items() if value.startswith(begins)), None)
