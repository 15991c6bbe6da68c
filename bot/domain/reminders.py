"""When to remind people of a waiting request, and whom."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.domain.policy import Members, Terms, is_group
from bot.domain.requests import BackupRequest

FEW = 5  # mention this many people instead of their group


def reminders(request: BackupRequest) -> tuple[datetime, ...]:
    """Return the times of all reminders: after 1, 3, 7, … times `remind_after`."""
    return tuple(_reminders(request))


def _reminders(request: BackupRequest) -> Iterator[datetime]:
    terms, since, ends = request.terms, request.waits_since, request.expires_at
    if terms is None or since is None or ends is None or terms.remind_after <= timedelta(0):
        return
    gap, at = terms.remind_after, since + terms.remind_after
    while at < ends:
        yield at
        gap *= 2
        at += gap


def can_still_act(
    terms: Terms, *, requester: str, approved_by: tuple[str, ...], members: Members
) -> tuple[str, ...]:
    """Return whom to mention: those the policy notifies who can still approve.

    A group some of whose members have approved is replaced by the others, if at most five.
    Unknown groups stay.
    """
    done = {*approved_by} if terms.self_approval else {*approved_by, requester}
    called: list[str] = []
    for slack_id in terms.mentioned:
        people = members.get(slack_id)
        if people is None:
            called += [slack_id] if slack_id not in done else []
        elif is_group(slack_id) and (not people & done or len(people - done) > FEW):
            called.append(slack_id)
        else:
            called += sorted(people - done)
    return tuple(dict.fromkeys(called))
