"""What is wrong with a secret, found at the start: it was pasted with something, or elsewhere.

Each check returns the value as it is to be used. Raises ValueError, and its words, which say
what to do, hold no part of the value.
"""

import re

# Curly ones, too: documents and chats turn quotes into them.
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
BOT_TOKEN = "xoxb-"  # noqa: S105, how it begins
APP_TOKEN = "xapp-"  # noqa: S105, the same
# How what Slack issues begins: what it is, and where it belongs.
KINDS = {
    BOT_TOKEN: "a bot token, which belongs in SLACK_BOT_TOKEN",
    APP_TOKEN: "an app-level token, which belongs in SLACK_APP_TOKEN",
    "xoxp-": "a user token, which the bot doesn't use",
    "xoxe-": "a refresh token, which the bot doesn't use",
    "https://hooks.slack.com/": "the address of a webhook, which the bot doesn't use",
}
AK_LENGTH, SK_LENGTH = 20, 40  # as Huawei Cloud issues them


def unwrapped(value: str) -> str:
    """A value without the blanks around it. Quotes, its name and placeholders are refused."""
    value = value.strip()
    if value[:1] in QUOTES or value[-1:] in QUOTES:
        raise ValueError("remove the quotes around it")
    if OWN_NAME.match(value):
        raise ValueError("it repeats its name; write only what comes after the =")
    if NOT_FILLED_IN.search(value):
        raise ValueError("it has a placeholder in it; put the real value there")
    return value


def one_word(value: str) -> str:
    """The same, of visible ASCII alone: all else can be in no header and no address."""
    value = unwrapped(value)
    if value.lower().startswith("bearer "):
        raise ValueError('write the token alone, without "Bearer"')
    for place, character in enumerate(value, 1):
        if character.isspace():
            raise ValueError(f"character {place} is a blank or a line break; copy it again")
        if not "!" <= character <= "~":
            raise ValueError(f"character {place} isn't plain ASCII; copy it again")
    return value


def bot_token(value: str) -> str:
    """`xoxb-…`, of the installed app; `xoxe.xoxb-…` where tokens are rotated."""
    return _token(value, BOT_TOKEN, "the bot token (xoxb-…)")


def app_token(value: str) -> str:
    """`xapp-…`, for Socket Mode."""
    return _token(value, APP_TOKEN, "an app-level token (xapp-…)")


def other_secret(value: str) -> str:
    """A secret that is no token of Slack's."""
    value = _secret(value)
    if kind := _kind(value):
        raise ValueError(f"it's {kind}")
    return value


def look_swapped(access_key: str, secret_key: str) -> bool:
    """Whether the access key is as long as a secret key, and the other way around."""
    return (len(access_key.strip()), len(secret_key.strip())) == (SK_LENGTH, AK_LENGTH)


def _secret(value: str) -> str:
    if PLACEHOLDER.search(value):
        raise ValueError("it's a placeholder; put the real value there")
    return one_word(value)


def _token(value: str, begins: str, wanted: str) -> str:
    value = _secret(value)
    if value.removeprefix("xoxe.").startswith(begins):
        return value
    if kind := _kind(value):
        raise ValueError(f"it's {kind}; this has to be {wanted}")
    raise ValueError(f"it doesn't begin with {begins}; this has to be {wanted}")


def _kind(value: str) -> str | None:
    return next((kind for begins, kind in KINDS.items() if value.startswith(begins)), None)
