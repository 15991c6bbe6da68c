"""Bot tokens that expire, and the refresh tokens that each get the next one.

https://docs.slack.dev/authentication/using-token-rotation
"""

from datetime import datetime, timedelta
from secrets import token_hex

from bot.demo.slack.records import Json, Refused
from bot.runtime.clock import Clock

LIFETIME = timedelta(seconds=43_200)
GRACE = timedelta(minutes=1)  # in which a used refresh token still works; Slack doesn't say
MOST_LIVE = 2  # bot tokens; the oldest is revoked


class Tokens:
    """What the app's tokens are, once they `rotate`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.rotate = False
        self.client_id, self.client_secret = "1.2", "client-secret"
        self.live: dict[str, datetime] = {}  # bot tokens, and until when
        self.gone: dict[str, str] = {}  # bot tokens, and the error that they get
        self._refresh: dict[str, datetime | None] = {}  # tokens, and when they were first used

    def begin(self) -> Json:
        """Let tokens rotate from now on, and return the first pair."""
        self.rotate = True
        return self._next()

    def check(self, token: str) -> None:
        """Raise Refused for a bot token that has expired or was revoked."""
        if token in self.live and self._clock.now() >= self.live[token]:
            del self.live[token]
            self.gone[token] = "token_expired"
        if token in self.gone:
            raise Refused(self.gone[token])

    def exchange(self, args: Json) -> Json:
        """oauth.v2.access with a refresh token. The bot token before lives on."""
        if args.get("grant_type") != "refresh_token":
            raise Refused("invalid_grant_type")
        known = args.get("client_id"), args.get("client_secret")
        if known != (self.client_id, self.client_secret):
            raise Refused("bad_client_secret")
        now, used = self._clock.now(), str(args.get("refresh_token"))
        if used not in self._refresh or now > (self._refresh[used] or now) + GRACE:
            raise Refused("invalid_refresh_token")
        self._refresh[used] = self._refresh[used] or now
        return self._next()

    def _next(self) -> Json:
        access, refresh = f"xoxe.xoxb-{token_hex(8)}", f"xoxe-{token_hex(8)}"
        self.live[access] = self._clock.now() + LIFETIME
        self._refresh[refresh] = None
        for oldest in list(self.live)[:-MOST_LIVE]:
            del self.live[oldest]
            self.gone[oldest] = "token_revoked"
        return {
            "access_token": access,
            "token_type": "bot",
            "expires_in": int(LIFETIME.total_seconds()),
            "refresh_token": refresh,
        }
