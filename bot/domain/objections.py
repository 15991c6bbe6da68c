"""Check that a person can make a request, and raise the error that says why not."""

from bot.domain.decisions import AskVerdict, able_to_approve, decide_request
from bot.domain.errors import (
    AskedInDirectMessage,
    GroupsUnknown,
    MayNotAsk,
    OtherChannel,
    TooFewApprovers,
    UserError,
)
from bot.domain.policy import Members, Terms
from bot.domain.requests import BackupRequest


def check_may_ask(request: BackupRequest, instance: str, terms: Terms, members: Members) -> None:
    """Raise a UserError if this person can't request it there, or no one could approve it."""
    if terms.approvals and (terms.channel or request.channel_id).startswith("D"):
        raise AskedInDirectMessage(instance)
    decision = decide_request(
        terms, user=request.requester, channel=request.channel_id, members=members
    )
    if error := _objection(decision.verdict, request, instance, terms, members):
        raise error


def _objection(
    verdict: AskVerdict, request: BackupRequest, instance: str, terms: Terms, members: Members
) -> UserError | None:
    match verdict:
        case AskVerdict.MAY_NOT_ASK:
            return MayNotAsk(instance, terms.rule, terms.requesters)
        case AskVerdict.OTHER_CHANNEL:
            return OtherChannel(instance, terms.rule, terms.channels)
        case AskVerdict.GROUPS_UNKNOWN:
            return GroupsUnknown(instance, terms.requesters)
        case AskVerdict.TOO_FEW_APPROVERS:
            able = able_to_approve(terms, request.requester, members) or ()
            return TooFewApprovers(instance, terms.rule, terms.approvals, sorted(able))
        case AskVerdict.NEEDS_APPROVAL | AskVerdict.RUNS_AT_ONCE:
            return None
