"""The bot token and the refresh token that follows it, if the app's tokens rotate."""

from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import RowMapping, or_, select, update

from bot.domain.tokens import TokenPair
from bot.storage.store import Store
from bot.storage.tables import slack_tokens, upsert

CLAIM = timedelta(seconds=30)  # longer than a call of Slack's Web API can take
BOT = "bot"


class SlackTokens:
    """Keeps the current pair for all replicas. Raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self, given: TokenPair) -> TokenPair:
        """Return the current pair: the `given` one of the settings, or what has followed it.

        Another refresh token in the settings begins anew: the app was installed again.
        """
        values = given._asdict() | {"given": _fingerprint(given), "claimed_until": None}
        begin = upsert(self._store.engine.dialect, slack_tokens).values(name=BOT, **values)
        begin = begin.on_conflict_do_update(
            index_elements=[slack_tokens.c.name],
            set_=values,
            where=slack_tokens.c.given != values["given"],
        )
        await self._store.at_once(begin, slack_tokens.c.name)
        (row,) = await self._store.rows(select(slack_tokens))
        return _pair(row)

    async def claim(self, expires_before: datetime, now: datetime) -> TokenPair | None:
        """Return the pair if it expires before then, and no other replica is renewing it.

        The claim ends by itself, so that a pair whose renewal was cut off is renewed again.
        """
        is_free = or_(slack_tokens.c.claimed_until.is_(None), slack_tokens.c.claimed_until <= now)
        claim = update(slack_tokens).values(claimed_until=now + CLAIM)
        claim = claim.where(slack_tokens.c.expires_at <= expires_before, is_free)
        for row in await self._store.at_once(claim, *slack_tokens.c):
            return _pair(row)
        return None

    async def replace(self, old: TokenPair, new: TokenPair) -> None:
        """Save the pair that Slack gave for an older one, unless that was renewed meanwhile."""
        save = update(slack_tokens).values(**new._asdict(), claimed_until=None)
        save = save.where(slack_tokens.c.refresh_token == old.refresh_token)
        await self._store.at_once(save, slack_tokens.c.name)


def _fingerprint(given: TokenPair) -> str:
    return sha256(given.refresh_token.encode()).hexdigest()


def _pair(row: RowMapping) -> TokenPair:
    return TokenPair(row["access_token"], row["refresh_token"], row["expires_at"])
