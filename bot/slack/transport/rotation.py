"""Renew a bot token that expires: https://docs.slack.dev/authentication/using-token-rotation.

A token lives for 12 hours. A refresh token is used once; Slack revokes it after a short grace,
and lets the older bot token live on until it expires.
"""

from datetime import datetime, timedelta
from typing import Protocol

import structlog
from aiohttp import encode_basic_auth

from bot.domain.errors import StoreUnavailable
from bot.domain.tokens import Credentials, TokenPair
from bot.runtime.clock import Clock
from bot.slack.transport.slack_errors import FAILURES, error_code
from bot.slack.transport.web_client import SlackClient

log = structlog.get_logger(__name__)

EARLY = timedelta(hours=6)  # before the token expires: time to mend what keeps it from renewal
LOOK = 15.0  # seconds between two looks, also for what another replica has renewed


class Tokens(Protocol):
    """Keeps the current pair. Raises StoreUnavailable."""

    async def load(self, given: TokenPair) -> TokenPair: ...
    async def claim(self, expires_before: datetime, now: datetime) -> TokenPair | None: ...
    async def replace(self, old: TokenPair, new: TokenPair) -> None: ...


class Rotation:
    """Gives the client the current token, and renews it well before it expires."""

    def __init__(
        self, client: SlackClient, tokens: Tokens, credentials: Credentials, clock: Clock
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._credentials = credentials
        self._clock = clock
        # Slack won't give the new pair again, so it's kept while the database is away.
        self._unsaved: tuple[TokenPair, TokenPair] | None = None

    async def run(self) -> None:
        """Keep the token current as long as the bot runs."""
        while True:
            await self._clock.sleep(LOOK)
            await self.look()

    async def look(self) -> None:
        """Use the current token, and renew it if that is due and no other replica does."""
        now = self._clock.now()
        given = TokenPair(self._credentials.bot_token, self._credentials.refresh_token, now)
        try:
            self._client.token = (await self._tokens.load(given)).access_token
            # The claim is on disk before Slack hears of it. If the process dies before Slack's
            # answer is, a later look uses the same refresh token again, within Slack's grace.
            if self._unsaved is None and (old := await self._tokens.claim(now + EARLY, now)):
                self._unsaved = old, await self._renewed(old)
            if self._unsaved is not None:
                await self._save(*self._unsaved)
        except StoreUnavailable:
            log.warning("slack_token_unknown", why="the database isn't responding")
        except FAILURES as error:
            log.warning("slack_token_not_renewed", error=error_code(error))

    async def _save(self, old: TokenPair, new: TokenPair) -> None:
        await self._tokens.replace(old, new)
        self._unsaved = None
        self._client.token = new.access_token
        log.info("slack_token_renewed", expires_at=new.expires_at.isoformat())

    async def _renewed(self, old: TokenPair) -> TokenPair:
        asked_at = self._clock.now()
        client = self._credentials.client_id, self._credentials.client_secret
        answer = await self._client.api_call(
            "oauth.v2.access",
            data={"grant_type": "refresh_token", "refresh_token": old.refresh_token},
            headers={"Authorization": encode_basic_auth(*client)},  # the SDK's way is deprecated
        )
        expires_at = asked_at + timedelta(seconds=answer["expires_in"])
        return TokenPair(answer["access_token"], answer["refresh_token"], expires_at)
