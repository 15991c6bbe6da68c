"""Slack's tokens, of an app whose tokens rotate."""

from datetime import datetime
from typing import NamedTuple


class TokenPair(NamedTuple):
    """A bot token, until when it is valid, and what it is renewed with, once."""

    access_token: str
    refresh_token: str
    expires_at: datetime


class Credentials(NamedTuple):
    """The first pair, as the settings have it, and what proves to Slack that it's the app's."""

    bot_token: str
    refresh_token: str
    client_id: str
    client_secret: str
