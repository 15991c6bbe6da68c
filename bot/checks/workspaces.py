"""Check to which workspaces of an organization the app was added."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

from slack_sdk.web.async_client import AsyncWebClient

from bot.checks.codes import Code
from bot.checks.findings import Finding, ok, problem, unknown
from bot.domain.workspaces import Workspaces
from bot.slack.transport.identity import added_to
from bot.slack.transport.slack_errors import FAILURES, error_code


async def workspace_findings(
    slack: AsyncWebClient, workspaces: Workspaces
) -> AsyncIterator[Finding]:
    """Hold the workspaces of the file against those that the token is for."""
    if not workspaces.is_org_wide:
        if not workspaces.organization:
            why = "the bot's own workspace is in no organization, so this can't be its sister"
            for finding in _missing(workspaces.named - {workspaces.own}, why):
                yield finding
        return
    try:
        added = await added_to(slack)
    except FAILURES as error:
        text = f"workspaces: Slack doesn't tell where the app was added ({error_code(error)})"
        yield unknown(Code.SLACK_NOT_ADDED, text)
        return
    workspaces.added = frozenset(added)
    for finding in _added(added, workspaces.named):
        yield finding


def _added(added: Mapping[str, str], named: Iterable[str]) -> Iterator[Finding]:
    if added:
        listed = ", ".join(f"{name} ({team_id})" for team_id, name in sorted(added.items()))
        yield ok(f"workspaces: the app was added to {listed}")
    else:
        yield problem(Code.SLACK_NOT_ADDED, "workspaces: the app was added to none yet")
    yield from _missing(set(named) - added.keys(), "the app wasn't added to it")


def _missing(team_ids: Iterable[str], why: str) -> Iterator[Finding]:
    for team_id in sorted(team_ids):
        yield problem(Code.SLACK_WORKSPACE_UNKNOWN, f"workspace {team_id}: {why}")
