"""Who the bot is in Slack: asked once, at the start."""

import structlog
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import SettingsError
from bot.runtime.clock import Clock
from bot.slack.transport.slack_errors import FAILURES, error_code

log = structlog.get_logger(__name__)

# Slack's codes for a token that no waiting mends.
REFUSED = {
    "invalid_auth",
    "not_authed",
    "not_allowed_token_type",
    "missing_scope",
    "account_inactive",
    "token_revoked",
    "token_expired",
}
LONGEST_GAP = 30.0


async def identify(client: AsyncWebClient, clock: Clock) -> AuthorizeResult:
    """The bot's own ids, from `auth.test`; asked until Slack answers.

    Raises SettingsError when Slack does not know the token.
    """
    gap = 1.0
    while True:
        try:
            answer = await client.auth_test()
        except FAILURES as error:
            code = error_code(error)
            if code in REFUSED:
                problem = f"SLACK_BOT_TOKEN: Slack does not take it ({code})."
                raise SettingsError([problem]) from error
            log.warning("slack_unreachable", error=code, again_in=gap)
        else:
            return AuthorizeResult.from_auth_test_response(
                auth_test_response=answer, bot_token=client.token
            )
        await clock.sleep(gap)
        gap = min(gap * 2, LONGEST_GAP)
