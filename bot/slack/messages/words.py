"""Phrases that several messages share: about an instance, a backup or a request."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.domain.clicks import LONGEST_REASON
from bot.domain.folding import quoted as typed_word
from bot.domain.instances import Instance
from bot.domain.keeping import shown_keep
from bot.domain.progress import History, Oddity, unusual
from bot.domain.quantities import counted
from bot.domain.requests import BackupRequest, Choice, Kind
from bot.domain.states import Retention
from bot.slack.messages.mrkdwn import (
    LONGEST_TEXT,
    between,
    code,
    date,
    duration,
    mention,
    name,
    people,
    plain,
    rough,
    size,
)
from bot.slack.messages.policy_words import rule

TYPES = {"Single": "single", "Ha": "primary/standby", "Replica": "read replica"}
STATUSES = {  # as the RDS console calls them; RDS may send others
    "ACTIVE": "available",
    "FAILED": "abnormal",
    "BUILD": "being created",
    "MODIFYING": "being changed",
    "MODIFYING INSTANCE TYPE": "changing to primary/standby",
    "MODIFYING DATABASE PORT": "changing its port",
    "SWITCHOVER": "switching over",
    "SHUTDOWN": "stopped",
    "CREATE FAIL": "not created",
    "RESTORING": "being restored",
}


def action(request: BackupRequest) -> str:
    """What the request is for, as a verb phrase: `back up orders-prod as `before-42``."""
    if request.kind is Kind.DELETE:
        return f"delete the backup {code(request.name)} of {name(request.instance_name)}"
    return f"back up {name(request.instance_name)} as {code(request.name)}"


def what(request: BackupRequest) -> str:
    """What the request is for, as a noun phrase: "the backup of orders-prod"."""
    if request.kind is Kind.DELETE:
        return f"the deletion of {code(request.name)}"
    return f"the backup of {name(request.instance_name)}"


def nothing(request: BackupRequest) -> str:
    """That nothing was started or deleted; or, if that is unknown, how to find out."""
    done = "deleted" if request.kind is Kind.DELETE else "started"
    if request.state.is_final and request.is_in_doubt:
        return (
            f"RDS never confirmed whether it {done} the backup {code(request.name)}. Look for it "
            "in the RDS console."
        )
    return f"Nothing was {done}."


def kept(request: BackupRequest) -> str:
    """`kept for 14 days, then deleted`, or what became of that; empty if it has no end."""
    if request.keep is None:
        return ""
    match request.retention:
        case Retention.KEPT:
            who = mention(request.kept_by) if request.kept_by else "someone"
            return f"kept by {who}"
        case Retention.STAYS:
            return "kept until someone deletes it"
        case Retention.DELETING:
            return "being deleted"
        case Retention.DELETED:
            return f"deleted after {keep_span(request.keep)}"
        case _:
            return f"kept for {keep_span(request.keep)}, then deleted"


def keep_span(keep: timedelta) -> str:
    """`14 days`; in hours where it is not whole days."""
    days, rest = divmod(keep, timedelta(days=1))
    return counted(round(keep / timedelta(hours=1)), "hour") if rest else counted(days, "day")


def status(spelt: str) -> str:
    """An instance's status as the RDS console calls it; an unknown one as RDS spells it."""
    return STATUSES.get(spelt) or name(spelt.lower())


def facts(instance: Instance, checked: datetime | None) -> str:
    """The instance's engine, type and status when RDS was asked, at `checked`.

    A card is only posted while no other backup is running.
    """
    engine = name(f"{instance.engine} {instance.version}")
    kind = TYPES.get(instance.type) or name(instance.type)
    at = f" (as of {date(checked)})" if checked else ""
    parts = (engine, kind, status(instance.status), f"no other backup running{at}")
    return " · ".join(filter(None, parts))


def last_good_backup(history: History, now: datetime) -> str:
    """How long ago the instance was last backed up successfully, how large that was."""
    if history.last_finished is None:
        return "No successful backup in RDS" if history.runs else "No successful backup yet"
    details = [
        size(history.last_size_kb) if history.last_size_kb else "",
        f"took {rough(history.last_took)}" if history.last_took else "",
    ]
    shown = ", ".join(filter(None, details))
    return f"Last successful backup {rough(now - history.last_finished)} ago" + (
        f" ({shown})" if shown else ""
    )


def target(request: BackupRequest, now: datetime) -> str:
    """The backup that is about to be deleted: its age and its size."""
    measured = size(request.size_kb) if request.size_kb else "size unknown"
    began = request.started_at or now
    return f"Manual backup from {date(began)} ({rough(now - began)} ago) · {measured}"


def usually(history: History) -> str:
    """`usually 6–9 min`, or an estimate from one or two backups; empty without a history."""  # noqa: RUF002, a range
    if history.quick is None or history.slow is None:
        return ""
    span = between(history.quick, history.slow)
    if history.is_learning:
        return f"estimated {span}, based on {counted(history.runs or 0, 'backup')}"
    return f"usually {span}"


def outcome(request: BackupRequest) -> str:
    """`38.4 GB in 7 min 12 s`, as far as RDS reported it."""
    took = duration(request.took) if request.took else ""
    if not request.size_kb:
        return "; ".join(filter(None, (took, "RDS reported no size yet")))
    measured = size(request.size_kb)
    return f"{measured} in {took}" if took else measured


def to_check(request: BackupRequest, command: str) -> str:
    """What is unusual about a completed backup, beside what is usual; empty if nothing is."""
    odd = unusual(request.history, request.took, request.size_kb)
    sentences: list[str] = []
    if not request.size_kb:
        see = code(f"{command} list {typed_instance(request)}", LONGEST_TEXT)
        sentences.append(f"Before you rely on it, check its size with {see}.")
    elif Oddity.SMALLER in odd or Oddity.LARGER in odd:
        than = "smaller" if Oddity.SMALLER in odd else "larger"
        usual = size(request.history.usual_size_kb or 0)
        sentences.append(
            f"Check it: at {size(request.size_kb)} it's much {than} than usual ({usual})."
        )
    return " ".join((*sentences, *_odd_duration(request, odd)))


def _odd_duration(request: BackupRequest, odd: Sequence[Oddity]) -> list[str]:
    took, usual = request.took, usually(request.history)
    if took and usual and (Oddity.FASTER in odd or Oddity.SLOWER in odd):
        only = "only " if Oddity.FASTER in odd else ""
        return [f"It took {only}{rough(took)}; {usual}."]
    return []


def missing_approvals(request: BackupRequest) -> int:
    needed = request.terms.approvals if request.terms else 1
    return max(0, needed - len(request.approvers))


def went_ahead(request: BackupRequest) -> bool:
    """Whether it could start: it had the approvals it needed, or someone skipped approval."""
    if request.vote(Choice.BREAK_GLASS):
        return True
    return request.terms is not None and not missing_approvals(request)


def approval(request: BackupRequest) -> str:
    """Who let it start, to follow "Requested by …"."""
    if vote := request.vote(Choice.BREAK_GLASS):
        return f"started without approval by {mention(vote.user_id)}"
    if request.approvers:
        return f"approved by {people(request.approvers)}"
    if request.terms:
        return f"no approval needed ({rule(request.terms.rule)})"
    return "no approval needed"


def ask_again(request: BackupRequest, command: str) -> str:
    """How to request the same again."""
    return f"To request it again: {again(request, command)}"


def again(request: BackupRequest, command: str) -> str:
    """The command that requests the same again, under a new name where the old one is used."""
    instance = typed_word(request.reference) or typed_instance(request)
    typed = f"{command} create {instance} {request.next_name} {request.description}"
    if request.keep:
        typed = f"{typed} --keep {shown_keep(request.keep)}"
    if request.kind is Kind.DELETE:
        typed = f"{command} delete {request.name} {instance}"
    return code(typed.rstrip(), LONGEST_TEXT)


def typed_instance(request: BackupRequest) -> str:
    """The request's instance as it can be typed in a command; empty while it is unknown."""
    return request.instance.typed if request.instance else typed_word(request.reference) or ""


def quoted(text: str, longest: int = LONGEST_TEXT) -> str:
    """A person's text in quotation marks; empty if there is none.

    Quotation marks inside it are replaced, so that it can't seem to end early.
    """
    shown = plain(text, longest).replace('"', "'")
    return f'"{shown}"' if shown else ""


def reason_of(request: BackupRequest, choice: Choice) -> str:
    """`: "why"`, the reason given with the choice; empty if none was given."""
    vote = request.vote(choice)
    why = quoted(vote.reason, LONGEST_REASON) if vote else ""
    return f": {why}" if why else ""
