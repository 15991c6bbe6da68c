"""Check the people and channels that backup-bot.toml names."""

from collections.abc import AsyncIterator

from slack_sdk.web.async_client import AsyncWebClient

from bot.application.deadlines import everybody_within
from bot.checks.codes import Code
from bot.checks.findings import Finding, ok, problem
from bot.config.file import ConfigFile, Source
from bot.config.settings import Reading
from bot.domain.policy import is_group
from bot.domain.policy_problems import problems
from bot.domain.quantities import counted
from bot.domain.workspaces import Workspaces
from bot.runtime.clock import Clock
from bot.slack.transport.people import People
from bot.slack.transport.probe import NoPost, why_no_post

TIMEOUT = 20.0  # seconds
CHANNEL_CODES = {
    NoPost.UNREACHABLE: Code.CHANNEL_UNREACHABLE,
    NoPost.ARCHIVED: Code.CHANNEL_ARCHIVED,
    NoPost.REFUSED: Code.CHANNEL_REFUSED,
    NoPost.LEFTOVER: Code.CHANNEL_LEFTOVER,
}


async def people_findings(
    slack: AsyncWebClient, reading: Reading, workspaces: Workspaces
) -> AsyncIterator[Finding]:
    """Check the people and channels of backup-bot.toml."""
    if reading.file is None:
        return
    async for finding in _people(slack, reading.file, reading.source, workspaces):
        yield finding
    for channel in _channels(reading.file):
        why = await why_no_post(slack, channel)
        if why is None:
            yield ok(f"channel {channel}: the bot can post there")
        else:
            yield problem(CHANNEL_CODES[why.kind], f"channel {channel}: {why.text}")


async def _people(
    slack: AsyncWebClient, file: ConfigFile, source: Source, workspaces: Workspaces
) -> AsyncIterator[Finding]:
    people = People(slack, Clock(), workspaces=workspaces)
    mentioned = [one for watch in file.watches for one in watch.mention]
    named = tuple(dict.fromkeys((*file.policy.people, *mentioned)))
    try:
        members = await everybody_within(TIMEOUT, people, named)
    finally:
        await people.close()
    for slack_id in named:
        behind = members.get(slack_id)
        if behind is None:
            why = people.problems.get(slack_id, "no response")
            text = f"{slack_id}: Slack can't say who that is ({why})"
            yield problem(Code.PERSON_UNKNOWN, text)
        elif behind:
            active = counted(len(behind), "active member") if is_group(slack_id) else "active"
            yield ok(f"{slack_id}: {active}")
        elif slack_id in mentioned and slack_id not in file.policy.people:
            what = "it has no active members" if is_group(slack_id) else "left Slack or is a bot"
            yield problem(Code.PERSON_GONE, f"{slack_id}: {what}")
    known = problems(file.policy, {})  # the settings' own checks have found these
    for found in (one for one in problems(file.policy, members) if one not in known):
        gone = "left Slack" in found.text
        code = Code.PERSON_GONE if gone else Code.POLICY_IMPOSSIBLE
        yield problem(code, source.located(found))


def _channels(file: ConfigFile) -> list[str]:
    named = [terms.channel for terms in file.policy.all_terms if terms.channel]
    named += [watch.channel_id for watch in file.watches]
    named += [channel.id for channel in file.channels]
    return sorted(set(named))
