"""What somebody hears who pressed a button of a card that waits."""

from collections.abc import Callable

from bot.domain.clicks import Click
from bot.domain.decisions import Verdict
from bot.domain.policy import Terms, is_group
from bot.domain.requests import BackupRequest, Choice, Kind
from bot.slack.messages.already_decided import already_decided
from bot.slack.messages.mrkdwn import code, date, mention, name, people
from bot.slack.messages.policy_words import rule
from bot.slack.messages.words import lower, missing_approvals, nothing, what

DO = {  # after "You can't"
    Choice.APPROVE: "approve this",
    Choice.REJECT: "reject this",
    Choice.WITHDRAW: "withdraw this",
    Choice.BREAK_GLASS: "start this without approval",
}
UNKNOWN = (
    "I don't know this request, so nothing was changed. "
    "If a backup is still wanted, ask for it with the command."
)


def decided(request: BackupRequest, click: Click) -> str:
    backup = what(request)
    match click.choice:
        case Choice.APPROVE:
            begins = "It's being deleted now" if request.kind is Kind.DELETE else "It starts now"
            return f"You approved {backup}. {begins}; the thread says how it goes."
        case Choice.REJECT:
            asker = request.requester
            told = f"; {mention(asker)} is told" if asker != click.user_id else ""
            return f"You rejected {backup}. {nothing(request).rstrip('.')}{told}."
        case Choice.WITHDRAW:
            return f"You withdrew {backup}. {nothing(request)}"
        case Choice.BREAK_GLASS:
            approvers = _terms(request).approvers
            who = f"{people(approvers)} and the channel are" if approvers else "The channel is"
            return f"You started {backup} without approval. {who} told why."


def in_doubt(request: BackupRequest, _: Click) -> str:
    done = "deleted" if request.kind is Kind.DELETE else "started"
    return (
        f"I won't ask RDS again, but it may already have {done} {code(request.name)}. "
        "I'm checking, and the thread will say what I find."
    )


def counted(request: BackupRequest, _: Click) -> str:
    until = f", until {date(request.expires_at)}" if request.expires_at else ""
    return f"You approved {what(request)}. It waits for {_missing(request)} more{until}."


def already_voted(request: BackupRequest, click: Click) -> str:
    mine = (vote.at for vote in request.votes if vote.user_id == click.user_id)
    at = "".join(f", {date(moment)}" for moment in [*mine][:1])
    return (
        f"You approved this already{at}, and each person counts once. "
        f"It waits for {_missing(request)} more, from somebody else."
    )


def expired(request: BackupRequest, _: Click) -> str:
    at = f", {date(request.expires_at)}" if request.expires_at else ""
    again = "press Ask again on the card"
    if request.kind is Kind.DELETE:  # whose name has to be typed again
        again = "send the command again"
    return f"This expired{at}: {lower(nothing(request))} If it is still wanted, {again}."


def self_approval(request: BackupRequest, _: Click) -> str:
    terms = _terms(request)
    others = [approver for approver in terms.approvers if approver != request.requester]
    nobody = "Nobody else" if terms.approvers else "Anybody else here"
    return (
        f"You can't approve this: you asked for it, and {name(request.instance_name)} wants "
        f"somebody else ({rule(terms.rule)}). {people(others) or nobody} may."
    )


def not_an_approver(request: BackupRequest, click: Click) -> str:
    terms = _terms(request)
    if click.user_id == request.requester:
        return (
            f"You can't {DO[click.choice]}: you asked for it and are no approver. "
            "To take it back, press Withdraw. Nothing was changed."
        )
    only = people(terms.approvers, "or") or "people of this workspace"
    return (
        f"You can't {DO[click.choice]}: for {name(request.instance_name)} only {only} may "
        f"({rule(terms.rule)}). Nothing was changed."
    )


def not_the_requester(request: BackupRequest, _: Click) -> str:
    asker = mention(request.requester)
    return (
        f"You can't withdraw this: {asker} asked for it, and only {asker} may. "
        "If you may decide, press Reject. Nothing was changed."
    )


def may_not_break_glass(request: BackupRequest, _: Click) -> str:
    terms = _terms(request)
    only = people(terms.break_glass, "or")
    may = f"only {only} may" if only else "nobody may now"
    return (
        f"You can't start this without approval: for {name(request.instance_name)} {may} "
        f"({rule(terms.rule)}). Nothing was changed: it still waits for approval."
    )


def no_reason(_: BackupRequest, click: Click) -> str:
    """Also stands beside a form's field, where Slack shows no mention and no date."""
    if click.choice is Choice.BREAK_GLASS:
        return "Say why: everybody who could have approved it is told. Nothing was changed."
    return "Say why: whoever asked is told. Nothing was changed."


def groups_unknown(request: BackupRequest, click: Click) -> str:
    terms = _terms(request)
    allowed = terms.break_glass if click.choice is Choice.BREAK_GLASS else terms.approvers
    groups = people([*filter(is_group, allowed)], "or") or "the group that may"
    return (
        f"I can't tell whether you may {DO[click.choice]}: Slack does not say who is in {groups}. "
        "Nothing was changed. Press again in a minute; if this stays, whoever runs the bot has to "
        "check the group's id and the scopes `usergroups:read` and `users:read`."
    )


def other_workspace(_: BackupRequest, click: Click) -> str:
    return (
        f"You can't {DO[click.choice]}: it was asked in another workspace, and is decided there. "
        "Nothing was changed."
    )


def unknown_request(_: BackupRequest, __: Click) -> str:
    return UNKNOWN


def _terms(request: BackupRequest) -> Terms:
    return request.terms or Terms()


def _missing(request: BackupRequest) -> int:
    """At least one; the votes of people who left may still be among those given."""
    return max(1, missing_approvals(request))


WORDS: dict[Verdict, Callable[[BackupRequest, Click], str]] = {
    Verdict.DECIDED: decided,
    Verdict.COUNTED: counted,
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
