"""What somebody hears who pressed Approve or Reject."""

from collections.abc import Callable

from bot.domain.clicks import Click
from bot.domain.policy import Terms, Verdict
from bot.domain.requests import BackupRequest, Choice, RequestState
from bot.slack.mrkdwn import date, mention, name, people
from bot.slack.reasons import reason
from bot.slack.words import missing_approvals, outcome, rule

_S = RequestState
NOWS = {
    _S.ASKED: "It is being looked up in RDS.",
    _S.AWAITING_APPROVAL: "It waits for approval.",
    _S.APPROVED: "It is starting now.",
    _S.CREATING: "It is starting now.",
    _S.RUNNING: "It is backing up now.",
    _S.FAILED: "It failed: nothing was kept.",
    _S.LOST: "It is lost: RDS lists it no more.",
    _S.REJECTED: "Nothing was started.",
    _S.EXPIRED: "It expired: nothing was started.",
}
UNKNOWN = (
    "I don't know this request, so nothing was changed. "
    "If a backup is still wanted, ask for it with the command."
)


def decided(request: BackupRequest, click: Click) -> str:
    instance = name(request.instance_name)
    if click.choice is Choice.REJECT:
        told = f"{mention(request.requester)} is told."
        return f"You rejected the backup of {instance}. Nothing was started; {told}"
    return f"You approved the backup of {instance}. It starts now; the thread says how it goes."


def counted(request: BackupRequest, _: Click) -> str:
    until = f", until {date(request.expires_at)}" if request.expires_at else ""
    return (
        f"You approved the backup of {name(request.instance_name)}. "
        f"It waits for {missing_approvals(request)} more{until}."
    )


def already_voted(request: BackupRequest, click: Click) -> str:
    at = next((f" {date(v.at)}" for v in request.votes if v.user_id == click.user_id), "")
    return (
        f"You approved this already{at and f',{at}'}, and each person counts once. "
        f"It waits for {missing_approvals(request)} more, from somebody else."
    )


def already_decided(request: BackupRequest, click: Click) -> str:
    did = "rejected" if request.rejecter else "approved"
    deciders = (request.rejecter,) if request.rejecter else request.approvers
    at = f", {date(request.decided_at)}" if request.decided_at else ""
    who = "You" if deciders == (click.user_id,) else people(deciders)
    first = f"{who} already {did} this{at}." if deciders else "This is not up for decision."
    return f"{first} {_now(request)}"


def _now(request: BackupRequest) -> str:
    if request.state is _S.COMPLETED:
        return f"It is completed: {outcome(request)}."
    if request.state is _S.REFUSED:
        why = f" {reason(request.refusal.error).why}" if request.refusal else ""
        return f"It was refused.{why} Nothing was started."
    return NOWS[request.state]


def expired(request: BackupRequest, _: Click) -> str:
    at = f", {date(request.expires_at)}" if request.expires_at else ""
    return (
        f"This expired{at}: nothing was started. "
        f"{mention(request.requester)} can ask again; the command stands in the thread."
    )


def self_approval(request: BackupRequest, _: Click) -> str:
    terms = _terms(request)
    return (
        f"You can't approve this: you asked for it, and {name(request.instance_name)} wants "
        f"somebody else ({rule(terms)}). {_others(request)} may."
    )


def _others(request: BackupRequest) -> str:
    approvers = _terms(request).approvers
    if others := [approver for approver in approvers if approver != request.requester]:
        return people(others)
    return "Nobody else" if approvers else "Anybody else here"


def not_an_approver(request: BackupRequest, click: Click) -> str:
    terms = _terms(request)
    return (
        f"You can't {click.choice} this: for {name(request.instance_name)} only "
        f"{people(terms.approvers, 'or')} may ({rule(terms)}). Nothing was changed."
    )


def groups_unknown(request: BackupRequest, click: Click) -> str:
    groups = people(_terms(request).groups, "or") or "the approvers' group"
    return (
        f"I can't tell whether you may {click.choice} this: Slack does not say who is in "
        f"{groups}. Nothing was changed. Press again in a minute; if this stays, whoever runs the "
        "bot has to check the group's id and the scope `usergroups:read`."
    )


def other_workspace(_: BackupRequest, click: Click) -> str:
    return (
        f"You can't {click.choice} this: it was asked in another workspace, and is decided there. "
        "Nothing was changed."
    )


def unknown_request(_: BackupRequest, __: Click) -> str:
    return UNKNOWN


def _terms(request: BackupRequest) -> Terms:
    return request.terms or Terms()


WORDS: dict[Verdict, Callable[[BackupRequest, Click], str]] = {
    Verdict.DECIDED: decided,
    Verdict.COUNTED: counted,
    Verdict.ALREADY_VOTED: already_voted,
    Verdict.ALREADY_DECIDED: already_decided,
    Verdict.EXPIRED: expired,
    Verdict.SELF_APPROVAL: self_approval,
    Verdict.NOT_AN_APPROVER: not_an_approver,
    Verdict.GROUPS_UNKNOWN: groups_unknown,
    Verdict.OTHER_WORKSPACE: other_workspace,
    Verdict.UNKNOWN_REQUEST: unknown_request,
}
