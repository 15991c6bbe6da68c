"""RDS's and the policy's own values in a reader's words."""

from datetime import datetime

from bot.domain.commands import free_name
from bot.domain.errors import RdsRefused, RefusalReason
from bot.domain.instances import Instance
from bot.domain.policy import Terms
from bot.domain.progress import History
from bot.domain.requests import BackupRequest, RequestState
from bot.slack.mrkdwn import (
    LONGEST_TEXT,
    between,
    code,
    duration,
    name,
    people,
    plain,
    rough,
    size,
)

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
}
NAME_IS_SPENT = {RequestState.FAILED, RequestState.LOST}  # RDS may list it for ever


def status(spelt: str) -> str:
    """An instance's status; one that nobody told us of is shown as RDS spells it."""
    return STATUSES.get(spelt) or name(spelt.lower())


def facts(instance: Instance, history: History, now: datetime) -> str:
    """What somebody needs to know of an instance to decide in five seconds."""
    engine = name(f"{instance.engine} {instance.version}")
    kind = TYPES.get(instance.type) or name(instance.type)
    parts = (engine, kind, status(instance.status), last_good_backup(history, now))
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


def usually(history: History) -> str:
    """`usually 6–9 min`, or nothing without a history."""  # noqa: RUF002, a range
    if history.quick is None or history.slow is None:
        return ""
    return f"usually {between(history.quick, history.slow)}"


def outcome(request: BackupRequest) -> str:
    """`38.4 GB in 7 min 12 s`, as far as RDS told."""
    measured = size(request.size_kb) if request.size_kb else "size unknown"
    return f"{measured} in {duration(request.took)}" if request.took else measured


def rule(terms: Terms) -> str:
    """Where the terms come from: `rule 2 (orders-*)` has its patterns as code."""
    head, bracket, patterns = terms.rule.partition(" (")
    if not bracket:
        return name(head)
    return f"{name(head)}, {code(patterns.removesuffix(')'))}"


def who_may_decide(terms: Terms) -> str:
    if terms.approvers:
        return f"Only {people(terms.approvers, 'or')} may decide"
    if terms.self_approval:
        return "Anybody here may decide"
    return "Anybody here but the requester may approve"


def missing_approvals(request: BackupRequest) -> int:
    needed = request.terms.approvals if request.terms else 1
    return max(0, needed - len(request.approvers))


def was_approved(request: BackupRequest) -> bool:
    """Whether enough people approved, which may be none."""
    return request.terms is not None and not missing_approvals(request)


def ask_again(request: BackupRequest, command: str) -> str:
    """The command that asks for the same again, to be copied; under a new name if need be."""
    again = request.name
    refused = request.refusal.error if request.refusal else None
    taken = isinstance(refused, RdsRefused) and refused.reason is RefusalReason.NAME_TAKEN
    if taken or request.state in NAME_IS_SPENT:
        again = free_name(again, {again})
    line = f"{command} create {request.reference} {again} {request.description}".rstrip()
    return f"To ask again: {code(line, LONGEST_TEXT)}"


def quoted(description: str) -> str:
    """Why somebody asks, in their own words; nothing if they gave none."""
    return f'"{plain(description)}"' if description.strip() else ""
