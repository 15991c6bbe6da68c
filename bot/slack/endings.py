"""How a request ended, as its thread tells it: what is so, what is not, what to do."""

from bot.domain.requests import BackupRequest, Choice, RequestState
from bot.slack.mrkdwn import code, date, mention, name, rough
from bot.slack.reasons import told
from bot.slack.words import approval, ask_again, outcome, reason_of

_S = RequestState


def ended(request: BackupRequest, command: str) -> str:
    """The last line, to the requester; wants a final state."""
    if request.state is _S.WITHDRAWN:
        instance = name(request.instance_name)
        who = mention(request.requester)
        return f"{who} withdrew the request to back up {instance}. Nothing was started."
    ending = {
        _S.COMPLETED: _completed,
        _S.FAILED: _failed,
        _S.LOST: _lost,
        _S.REFUSED: _refused,
        _S.REJECTED: _rejected,
        _S.EXPIRED: _expired,
    }[request.state]
    line = f"{mention(request.requester)} {ending(request)}"
    return line if request.state is _S.COMPLETED else f"{line} {ask_again(request, command)}"


def _completed(request: BackupRequest) -> str:
    let_start = approval(request)
    return (
        f"completed: {outcome(request)}. "
        f"{code(request.name)} stays until somebody deletes it in the RDS console. "
        f"Asked by {mention(request.requester)}; {let_start[0].lower()}{let_start[1:]}."
    )


def _failed(request: BackupRequest) -> str:
    after = f" after {rough(request.took)}" if request.took else ""
    quote = ""
    if request.rds_request_id:
        quote = f", and quote request {code(request.rds_request_id)} to support"
    return (
        f"the backup of {name(request.instance_name)} *failed*: RDS says `FAILED`{after}. "
        f"Nothing was kept. RDS does not say why: look at the instance's events{quote}."
    )


def _lost(request: BackupRequest) -> str:
    return (
        f"the backup of {name(request.instance_name)} is *lost*: RDS accepted it as "
        f"{code(request.backup_id or '?')}, and lists it no more. Don't count on it. RDS does not "
        "say why: look in the RDS console whether somebody deleted it."
    )


def _refused(request: BackupRequest) -> str:
    why = told(request.refusal.error) if request.refusal else "Nothing was started."
    return f"the backup of {name(request.instance_name)} was *refused*. {why}"


def _rejected(request: BackupRequest) -> str:
    vote = request.vote(Choice.REJECT)
    by = mention(vote.user_id) if vote and vote.user_id != request.requester else "you"
    return (
        f"the backup of {name(request.instance_name)} was *rejected* by {by}"
        f"{reason_of(request, Choice.REJECT)}. Nothing was started."
    )


def _expired(request: BackupRequest) -> str:
    needed = request.terms.approvals if request.terms else 1
    given = len(request.approvers)
    until = request.expires_at or request.decided_at
    by = f" by {date(until)}" if until else " in time"
    why = f"only {given} of {needed} approved it{by}" if given else f"nobody decided{by}"
    return (
        f"the request to back up {name(request.instance_name)} *expired*: {why}. "
        "Nothing was started."
    )
