"""The answers to clicks on a card, one for each verdict."""

from collections.abc import Callable

from bot.domain.clicks import Click
from bot.domain.decisions import Verdict
from bot.domain.policy import Terms, is_group
from bot.domain.quantities import counted
from bot.domain.requests import BackupRequest, Choice, Kind
from bot.slack.messages.already_decided import already_decided
from bot.slack.messages.mrkdwn import code, date, mention, name, people
from bot.slack.messages.policy_words import rule
from bot.slack.messages.words import action, missing_approvals, nothing, what

DO = {  # after "You can't"
    Choice.APPROVE: "approve this",
    Choice.REJECT: "reject this",
    Choice.WITHDRAW: "withdraw this",
    Choice.BREAK_GLASS: "start this without approval",
}
UNKNOWN = (
    "I can't find this request, so nothing was changed. "
    "If you still need a backup, request it with the command."
)


def decided(request: BackupRequest, click: Click) -> str:
    backup = what(request)
    match click.choice:
        case Choice.APPROVE:
            begins = "being deleted" if request.kind is Kind.DELETE else "starting"
            return f"You approved {backup}. It's {begins} now; follow it in the thread."
        case Choice.REJECT:
            requester = request.requester
            notified = f" {mention(requester)} has been notified."
            told = "" if requester == click.user_id else notified
            return f"You rejected {backup}. {nothing(request)}{told}"
        case Choice.WITHDRAW:
            return f"You withdrew your request to {action(request)}. {nothing(request)}"
        case Choice.BREAK_GLASS:
            approvers = _terms(request).approvers
            who = "The channel has"
            if approvers:
                who = f"{people(approvers)} and the channel have"
            return f"You started {backup} without approval. {who} been told why."


def in_doubt(request: BackupRequest, _: Click) -> str:
    done = "deleted" if request.kind is Kind.DELETE else "started"
    return (
        f"I won't ask RDS again, but it may already have {done} {code(request.name)}. "
        "I'm checking, and I'll post what I find in the thread."
    )


def approved_so_far(request: BackupRequest, _: Click) -> str:
    by = f" by {date(request.expires_at)}" if request.expires_at else ""
    return f"You approved {what(request)}. {_more_needed(request)}{by}."


def already_voted(request: BackupRequest, click: Click) -> str:
    mine = (vote.at for vote in request.votes if vote.user_id == click.user_id)
    at = "".join(f" ({date(moment)})" for moment in [*mine][:1])
    return (
        f"You already approved this{at}, and each person counts once. "
        f"{_more_needed(request)} from someone else."
    )


def expired(request: BackupRequest, _: Click) -> str:
    at = f" ({date(request.expires_at)})" if request.expires_at else ""
    again = "press Request again on the card"
    if request.kind is Kind.DELETE:  # its name has to be typed again
        again = "send the command again"
    return f"This request expired{at}. {nothing(request)} If you still need it, {again}."


def self_approval(request: BackupRequest, _: Click) -> str:
    terms = _terms(request)
    others = [approver for approver in terms.approvers if approver != request.requester]
    nobody = "Nobody else" if terms.approvers else "Anyone else here"
    return (
        f"You can't approve this: you requested it, and the policy for "
        f"{name(request.instance_name)} requires someone else ({rule(terms.rule)}). "
        f"{people(others, 'or') or nobody} can."
    )


def not_an_approver(request: BackupRequest, click: Click) -> str:
    terms = _terms(request)
    if click.user_id == request.requester:
        return (
            f"You can't {DO[click.choice]}: you requested it and aren't an approver. "
            "To cancel it, press Withdraw. Nothing was changed."
        )
    only = people(terms.approvers, "or") or "people in this workspace"
    return (
        f"You can't {DO[click.choice]}: only {only} can, for {name(request.instance_name)} "
        f"({rule(terms.rule)}). Nothing was changed."
    )


def not_the_requester(request: BackupRequest, _: Click) -> str:
    return (
        f"You can't withdraw this: only {mention(request.requester)}, who requested it, can. "
        "If you're an approver, press Reject. Nothing was changed."
    )


def may_not_break_glass(request: BackupRequest, _: Click) -> str:
    terms = _terms(request)
    only = people(terms.break_glass, "or")
    can = f"only {only} can" if only else "nobody can right now"
    return (
        f"You can't start this without approval: {can}, for {name(request.instance_name)} "
        f"({rule(terms.rule)}). Nothing was changed. It's still waiting for approval."
    )


def no_reason(_: BackupRequest, click: Click) -> str:
    """Also shown beside a form's field, where Slack draws no mentions and no dates."""
    if click.choice is Choice.BREAK_GLASS:
        return (
            "Please give a reason; everyone who could have approved it will see it. "
            "Nothing was changed."
        )
    return "Please give a reason; the requester will see it. Nothing was changed."


def groups_unknown(request: BackupRequest, click: Click) -> str:
    terms = _terms(request)
    allowed = terms.break_glass if click.choice is Choice.BREAK_GLASS else terms.approvers
    groups = people([*filter(is_group, allowed)], "or") or "the group that can"
    return (
        f"I can't tell whether you can {DO[click.choice]}: I couldn't get the members of {groups} "
        "from Slack. Nothing was changed. Press it again in a minute. If this keeps happening, "
        "the bot's operator needs to check the group's ID and the scopes `usergroups:read` and "
        "`users:read`."
    )


def other_workspace(_: BackupRequest, click: Click) -> str:
    return (
        f"You can't {DO[click.choice]}: it was requested in another workspace, and only people "
        "there can decide. Nothing was changed."
    )


def unknown_request(_: BackupRequest, __: Click) -> str:
    return UNKNOWN


def _terms(request: BackupRequest) -> Terms:
    return request.terms or Terms()


def _more_needed(request: BackupRequest) -> str:
    """At least one: the approvals given may include those of people who have left since."""
    missing = max(1, missing_approvals(request))
    return f"{counted(missing, 'more approval')} needed"


WORDS: dict[Verdict, Callable[[BackupRequest, Click], str]] = {
    Verdict.DECIDED: decided,
    Verdict.COUNTED: approved_so_far,
    Verdict.IN_DOUBT: in_doubt,
    Verdict.ALREADY_VOTED: already_voted,
    Verdict.ALREADY_DECIDED: already_decided,
    Verdict.EXPIRED: expired,
    Verdict.SELF_APPROVAL: self_approval,
    Verdict.NOT_AN_APPROVER: not_an_approver,
    Verdict.NOT_THE_REQUESTER: not_the_requester,
    Verdict.MAY_NOT_BREAK_GLASS: may_not_break_glass,
    Verdict.NO_REASON: no_reason,
    Verdict.GROUPS_UNKNOWN: groups_unknown,
    Verdict.OTHER_WORKSPACE: other_workspace,
    Verdict.UNKNOWN_REQUEST: unknown_request,
}
