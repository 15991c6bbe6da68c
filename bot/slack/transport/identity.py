"""Look up who the bot is in Slack, at the start, and to which workspaces an org-wide app belongs.

https://docs.slack.dev/reference/methods/auth.test, and `auth.teams.list`, which needs no scope.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import SettingsError
from bot.domain.workspaces import Workspaces
from bot.runtime.backoff import Backoff
from bot.runtime.clock import Clock
from bot.slack.transport.slack_errors import FAILURES, TOKEN, error_code

log = structlog.get_logger(__name__)

FIRST_GAP, LONGEST_GAP = 1.0, 30.0  # seconds between two tries
ANEW = 60.0  # seconds between two looks at the workspaces of an org-wide app
PAGE = 1000  # workspaces in one answer, the most that Slack gives


async def identify(
    client: AsyncWebClient, clock: Clock, workspaces: Workspaces
) -> AuthorizeResult:
    """Return the bot's own IDs, and note in `workspaces` where it is installed.

    Retried until Slack responds. Raises SettingsError when Slack refuses the token.
    """
    backoff = Backoff(clock, FIRST_GAP, LONGEST_GAP)
    while True:
        try:
            return await _identify(client, workspaces)
        except FAILURES as error:
            delay = backoff.failed()
            log.warning("slack_unreachable", error=error_code(error), retry_in=round(delay, 1))
        await clock.sleep(delay)


async def identify_within(
    seconds: float, client: AsyncWebClient, workspaces: Workspaces
) -> AuthorizeResult | None:
    """Do the same in a single try; return None if Slack doesn't answer in time."""
    try:
        async with asyncio.timeout(seconds):
            return await _identify(client, workspaces)
    except FAILURES as error:
        log.warning("slack_unreachable", error=error_code(error))
        return None


async def stay_informed(client: AsyncWebClient, clock: Clock, workspaces: Workspaces) -> None:
    """Notice within a minute when an org-wide app is added to a workspace, or removed."""
    backoff = Backoff(clock, FIRST_GAP, LONGEST_GAP)
    while True:
        try:
            workspaces.added = frozenset(await added_to(client))
        except FAILURES as error:
            delay = backoff.failed()
            log.warning("workspaces_unknown", error=error_code(error), retry_in=round(delay, 1))
        else:
            backoff.reset()
            delay = ANEW
        await clock.sleep(delay)


def settle(workspaces: Workspaces, answer: Mapping[str, Any]) -> None:
    """Note the workspace, or the organization, that `auth.test` says the token is for."""
    # In place of an org-wide app's workspace, Slack may name the organization.
    own = None if answer.get("is_enterprise_install") else answer.get("team_id")
    workspaces.own = str(own or "")
    workspaces.organization = str(answer.get("enterprise_id") or "")


async def added_to(client: AsyncWebClient) -> dict[str, str]:
    """Return the workspaces that an org-wide app was added to, with their names.

    Raises FAILURES.
    """
    found, cursor = dict[str, str](), None
    while True:
        answer = await client.auth_teams_list(limit=PAGE, cursor=cursor)
        teams = answer.get("teams")
        if not isinstance(teams, list):
            raise SlackClientError("no list of workspaces")
        named = [team for team in teams if isinstance(team, dict) and team.get("id")]
        found |= {str(team["id"]): str(team.get("name", "")) for team in named}
        cursor = (answer.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return found


async def _identify(client: AsyncWebClient, workspaces: Workspaces) -> AuthorizeResult:
    try:
        answer = await client.auth_test()
    except FAILURES as error:
        if (code := error_code(error)) in TOKEN:
            problem = f"SLACK_BOT_TOKEN: Slack does not take it ({code})."
            raise SettingsError([problem]) from error
        raise
    settle(workspaces, answer.data if isinstance(answer.data, dict) else {})
    if not (workspaces.own or workspaces.organization):
        raise SlackClientError("neither a workspace nor an organization")
    if workspaces.is_org_wide:
        workspaces.added = frozenset(await added_to(client))
    return AuthorizeResult.from_auth_test_response(
        auth_test_response=answer, bot_token=client.token
    )
