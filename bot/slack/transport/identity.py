"""Look up who the bot is in Slack, once, at the start."""

import structlog
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import SettingsError
from bot.runtime.backoff import Backoff
from bot.runtime.clock import Clock
from bot.slack.transport.slack_errors import FAILURES, TOKEN, error_code

log = structlog.get_logger(__name__)

FIRST_GAP, LONGEST_GAP = 1.0, 30.0  # seconds between two tries


async def identify(client: AsyncWebClient, clock: Clock) -> AuthorizeResult:
    """Return the bot's own ids, from `auth.test`, which is retried until Slack responds.

    Raises SettingsError when Slack refuses the token.
    """
    backoff = Backoff(clock, FIRST_GAP, LONGEST_GAP)
    while True:
        try:
            answer = await client.auth_test()
        except FAILURES as error:
            code = error_code(error)
            if code in TOKEN:
                problem = f"SLACK_BOT_TOKEN: Slack does not take it ({code})."
                raise SettingsError([problem]) from error
            delay = backoff.failed()
            log.warning("slack_unreachable", error=code, retry_in=round(delay, 1))
        else:
            return AuthorizeResult.from_auth_test_response(
                auth_test_response=answer, bot_token=client.token
            )
        await clock.sleep(delay)
