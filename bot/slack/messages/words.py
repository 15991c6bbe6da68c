"""RDS's own values, and a request's, in a reader's words."""

from datetime import datetime

from bot.domain.clicks import LONGEST_REASON
from bot.domain.folding import quoted as typed_word
from bot.domain.instances import Instance
from bot.domain.keeping import shown_keep
from bot.domain.progress import History
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
STATUSES = {  # the console's words; the set is open
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


def wish(request: BackupRequest) -> str:
    """What is asked for: `back up orders-prod as `before-42``, or what is to be deleted."""
    if request.kind is Kind.DELETE:
        return f"delete the backup {code(request.name)} of {name(request.instance_name)}"
    return f"back up {name(request.instance_name)} as {code(request.name)}"


def what(request: BackupRequest) -> str:
    """The thing itself, after "you approved" or "reject"."""
    if request.kind is Kind.DELETE:
        return f"the deletion of {code(request.name)}"
    return f"the backup of {name(request.instance_name)}"


def nothing(request: BackupRequest) -> str:
    """What is not so, where it ended early; or that nobody knows."""
    done = "deleted" if request.kind is Kind.DELETE else "started"
    if request.state.is_final and request.is_in_doubt:
        return (
            f"RDS never confirmed whether it {done} {code(request.name)}: look for it in the RDS "
            "console. I won't send the request again."
        )
    return f"Nothing was {done}."


def lower(sentence: str) -> str:
    """The sentence, to go on after a colon."""
    return sentence[:1].lower() + sentence[1:]


def upper(words: str) -> str:
    """The words, to begin a sentence."""
    return words[:1].upper() + words[1:]


def kept(request: BackupRequest) -> str:
    """`kept 14 d, then deleted`, or what became of that; nothing where it stays anyway."""
    if request.keep is None:
        return ""
    match request.retention:
        case Retention.KEPT:
            who = mention(request.kept_by) if request.kept_by else "somebody"
            return f"{who} keeps it"
        case Retention.STAYS:
            return "stays until somebody deletes it"
        case Retention.DELETING:
            return "being deleted"
        case Retention.DELETED:
            return f"deleted after {duration(request.keep)}"
        case _:
            return f"kept {duration(request.keep)}, then deleted"


def status(spelt: str) -> str:
    """An instance's status; one that nobody told us of is shown as RDS spells it."""
    return STATUSES.get(spelt) or name(spelt.lower())


def facts(instance: Instance, checked: datetime | None) -> str:
    """What RDS said of the instance, and when: then nothing else ran on it, or no card were up."""
    engine = name(f"{instance.engine} {instance.version}")
    kind = TYPES.get(instance.type) or name(instance.type)
    at = f" (checked {date(checked)})" if checked else ""
    parts = (engine, kind, status(instance.status), f"nothing else running{at}")
    return " · ".join(filter(None, parts))


def last_good_backup(history: History, now: datetime) -> str:
    if history.last_finished is None:
        return "no good backup yet"
    details = [
        size(history.last_size_kb) if history.last_size_kb else "",
        f"took {rough(history.last_took)}" if history.last_took else "",
    ]
    shown = ", ".join(filter(None, details))
    return f"last good backup {rough(now - history.last_finished)} ago" + (
        f" ({shown})" if shown else ""
    )


def target(request: BackupRequest, now: datetime) -> str:
    """What is about to be deleted."""
    measured = size(request.size_kb) if request.size_kb else "size unknown"
    began = request.started_at or now
    return f"manual backup of {date(began)} ({rough(now - began)} ago) · {measured}"


def usually(history: History) -> str:
    """`usually 6–9 min`, or nothing without a history."""  # noqa: RUF002, a range
    if history.quick is None or history.slow is None:
        return ""
    return f"usually {between(history.quick, history.slow)}"


def outcome(request: BackupRequest) -> str:
    """`38.4 GB in 7 min 12 s`, as far as RDS told."""
    measured = size(request.size_kb) if request.size_kb else "size unknown"
    return f"{measured} in {duration(request.took)}" if request.took else measured


def missing_approvals(request: BackupRequest) -> int:
    needed = request.terms.approvals if request.terms else 1
    return max(0, needed - len(request.approvers))


def went_ahead(request: BackupRequest) -> bool:
    """Whether it was let start: enough people approved, which may be none, or the glass broke."""
    if request.vote(Choice.BREAK_GLASS):
        return True
    return request.terms is not None and not missing_approvals(request)


def approval(request: BackupRequest) -> str:
    """Who let it start."""
    if vote := request.vote(Choice.BREAK_GLASS):
        return f"{mention(vote.user_id)} started it without approval"
    if request.approvers:
        return f"{people(request.approvers)} approved"
    if request.terms:
        return f"No approval needed ({rule(request.terms.rule)})"
    return "No approval needed"


def ask_again(request: BackupRequest, command: str) -> str:
    """The command that asks for the same again, to be copied; under a new name if need be."""
    instance = typed_word(request.reference) or typed_instance(request)
    again = f"{command} create {instance} {request.next_name} {request.description}"
    if request.keep:
        again = f"{again} --keep {shown_keep(request.keep)}"
    if request.kind is Kind.DELETE:
        again = f"{command} delete {request.name} {instance}".rstrip()
    return f"To ask again: {code(again.rstrip(), LONGEST_TEXT)}"


def typed_instance(request: BackupRequest) -> str:
    """How one names the request's instance in a command; nothing while it is not known."""
    return request.instance.typed if request.instance else typed_word(request.reference) or ""


def quoted(text: str, longest: int = LONGEST_TEXT) -> str:
    """What somebody wrote, in their own words; nothing if they wrote none.

    Inside, no quotation mark is left with which they could seem to end it.
    """
    shown = plain(text, longest).replace('"', "'")
    return f'"{shown}"' if shown else ""


def reason_of(request: BackupRequest, choice: Choice) -> str:
    """`: "why"`, as the one who chose it wrote it; nothing if they wrote none."""
    vote = request.vote(choice)
    why = quoted(vote.reason, LONGEST_REASON) if vote else ""
    return f": {why}" if why else ""
