"""Answer `audit`: an instance's audit log, one line per entry."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.domain.audit import OURSELVES, AuditAction, AuditEntry
from bot.domain.clicks import LONGEST_REASON
from bot.domain.decisions import Verdict
from bot.domain.error_codes import current_code
from bot.domain.folding import quoted as typed_word
from bot.domain.policy import RuleReference
from bot.slack.messages.incident_words import KINDS
from bot.slack.messages.listing import MESSAGE_ROOM, fitting, listing
from bot.slack.messages.mrkdwn import Message, code, date, duration, mention, name, said, size
from bot.slack.messages.policy_words import rule
from bot.slack.messages.words import quoted

SHOWN = 20  # entries
SHORT_ID = 8  # characters of a request's id, where its backup's name is not at hand

_A = AuditAction
WORDS = {
    _A.SUBMITTED: "requested {it}",
    _A.ASK_REFUSED: "was refused when requesting {it}",
    _A.AUDIT_REFUSED: "was refused this audit log",
    _A.LOOKED_UP: "posted {it} for approval",
    _A.APPROVED: "approved {it}",
    _A.REJECTED: "rejected {it}",
    _A.CLICK_REFUSED: "pressed {button} on {it}",
    _A.EXPIRED: "{it} expired",
    _A.WITHDRAWN: "withdrew {it}",
    _A.STOPPED: "tried to withdraw {it}",
    _A.BREAK_GLASS: "*started {it} without approval*",
    _A.CREATE_SENT: "asked RDS to start {it}",
    _A.CREATE_ACCEPTED: "RDS accepted {it}",
    _A.OUTCOME_UNKNOWN: "no response from RDS for {it}",
    _A.ADOPTED: "RDS had started {it}",
    _A.REFUSED: "{it} was refused",
    _A.DELETE_SENT: "asked RDS to delete {it}",
    _A.DELETED: "{it} was deleted",
    _A.KEPT: "kept {it}",
    _A.STAYS: "RDS didn't delete {it}",
    _A.COMPLETED: "{it} completed",
    _A.FAILED: "{it} failed",
    _A.LOST: "{it} disappeared",
    _A.INCIDENT_OPENED: "found: {incident}",
    _A.INCIDENT_ACKNOWLEDGED: "acknowledged: {incident}",
    _A.INCIDENT_SNOOZED: "snoozed: {incident}",
    _A.INCIDENT_EXPECTED: "marked as expected: {incident}",
    _A.INCIDENT_ENDED: "over: {incident}",
    _A.WATCH_ADDED: "watched {watch}",
    _A.WATCH_REMOVED: "stopped watching {watch}",
    _A.ARCHIVED: "moved older entries to a file",
}
BY_THE_POLICY = {  # the entries that a rule decided
    _A.ASK_REFUSED,
    _A.AUDIT_REFUSED,
    _A.LOOKED_UP,
    _A.APPROVED,
    _A.REJECTED,
    _A.CLICK_REFUSED,
    _A.EXPIRED,
    _A.WITHDRAWN,
    _A.BREAK_GLASS,
}
BUTTONS = {
    "approve": "Approve",
    "reject": "Reject",
    "withdraw": "Withdraw",
    "break_glass": "Start without approval",
}
ERRORS = {  # why a command was refused, by the error's code
    "unknown_instance": "no such instance",
    "ambiguous_instance": "several instances have this name",
    "read_replica": "read replica",
    "instance_busy": "instance already being backed up",
    "instance_not_ready": "instance not available",
    "name_taken": "name already in use",
    "backup_unknown": "no such backup",
    "backup_not_manual": "not a manual backup",
    "backup_busy": "backup in use",
    "request_open": "another request is open",
    "request_unknown": "no such request",
    "asked_in_direct_message": "needs approval, but was requested in a direct message",
    "too_many_commands": "too many commands",
    "foreign_workspace": "from another workspace",
    "workspace_unknown": "from an unknown workspace",
    "may_not_ask": "not allowed to request",
    "other_channel": "not allowed in this channel",
    "too_few_approvers": "too few approvers",
    "may_not_audit": "not allowed to read the audit log",
    "groups_unknown": "group members unknown",
    "cannot_post": "can't post in the channel",
    "gave_up": "RDS gave no clear answer in time",
    "form_not_opened": "Slack didn't open the form",
    "store_unavailable": "database unavailable",
    "rds_unreachable": "RDS not responding",
    "rds_outcome_unknown": "outcome unknown",
    "rds_refused": "refused by RDS",
}
WHY_NOT: dict[str, str] = {
    Verdict.ALREADY_VOTED: "had already approved",
    Verdict.ALREADY_DECIDED: "already decided",
    Verdict.EXPIRED: "had expired",
    Verdict.SELF_APPROVAL: "their own request",
    Verdict.NOT_AN_APPROVER: "not an approver",
    Verdict.NOT_THE_REQUESTER: "not the requester",
    Verdict.MAY_NOT_BREAK_GLASS: "can't start it without approval",
    Verdict.GROUPS_UNKNOWN: "group members unknown",
    Verdict.OTHER_WORKSPACE: "from another workspace",
    Verdict.UNKNOWN_REQUEST: "no such request",
}


def audit_answer(
    instance_name: str, entries: Sequence[AuditEntry], *, now: datetime, command: str
) -> Message:
    """Show the last entries, oldest first; the oldest are left out where they don't fit."""
    shown_name = name(instance_name)
    if not entries:
        lookup = code(f"{command} policy {typed_word(instance_name) or '<id>'}")
        return said(
            f"The audit log of {shown_name} is empty. {lookup} shows who can request a backup."
        )
    names = {entry.request_id: entry.detail["name"] for entry in entries if "name" in entry.detail}
    last = entries[-SHOWN:]
    rules = {entry.rule for entry in last if entry.rule}
    lines = [_line(entry, names, with_rule=len(rules) > 1) for entry in last]
    newest_first = fitting(reversed(lines), MESSAGE_ROOM)
    counted = "last entry" if len(newest_first) == 1 else f"last {len(newest_first)} entries"
    under = f", all under {_rule(*rules)}" if len(rules) == 1 else ""
    head = f"*Audit log of {shown_name}*: {counted} as of {date(now)}{under}"
    return listing([head, *reversed(newest_first)])


def _line(entry: AuditEntry, names: dict[str | None, str], *, with_rule: bool) -> str:
    """Return `when · who · what`, with whatever a person wrote at the end."""
    who = entry.actor if entry.actor == OURSELVES else mention(entry.actor)
    it = ""
    if backup := entry.detail.get("name") or names.get(entry.request_id):
        it = code(backup)
    elif entry.request_id:
        it = f"request {code(entry.request_id[:SHORT_ID])}"
    choice = entry.detail.get("choice", "")
    button = BUTTONS.get(choice) or name(choice)
    what = WORDS[entry.action].format(
        button=button,
        it=it or "a request",
        incident=_incident(entry.detail),
        watch=code(entry.detail.get("watch") or "instances"),
    )
    decided = with_rule and entry.rule and entry.action in BY_THE_POLICY
    under = f" ({_rule(entry.rule)})" if entry.rule and decided else ""
    more = _more(entry)
    return f"{date(entry.at)} · {who} · {what}{under}{more and f': {more}'}"


def _incident(detail: dict[str, str]) -> str:
    kind = detail.get("kind", "")
    return KINDS.get(kind) or name(kind) or "an incident"  # type: ignore[call-overload]  # a newer one


def _more(entry: AuditEntry) -> str:
    """Return the details of an entry that mean something to people."""
    detail = entry.detail
    match entry.action:
        case _A.LOOKED_UP:
            return f"{_number(detail, 'approvals')} needed"
        case _A.APPROVED if entry.actor == OURSELVES:
            return "no approval needed"
        case _A.CLICK_REFUSED:
            return f"{_verdict(detail)}; didn't count"
        case _A.COMPLETED | _A.FAILED:
            return _measured(entry)
        case _A.LOST:
            return "RDS no longer lists it"
        case _:
            return _told(detail)


def _told(detail: dict[str, str]) -> str:
    """Return the reason, the backup, and what support asks for."""
    error = detail.get("error") or ("" if "choice" in detail else detail.get("reason", ""))
    wrote = detail.get("reason", "") if "choice" in detail else detail.get("description", "")
    parts = (
        _spelt(error),
        code(detail["code"]) if detail.get("code") else "",
        f"backup {code(detail['backup_id'])}" if detail.get("backup_id") else "",
        f"request {code(detail['rds_request_id'])}" if detail.get("rds_request_id") else "",
        quoted(wrote, LONGEST_REASON),
    )
    return ", ".join(filter(None, parts))


def _spelt(error: str) -> str:
    """Return an error's code, or RDS's reason (`name_taken`), in words; class names are older."""
    code = current_code(error)
    return ERRORS.get(code) or name(code.replace("_", " "))


def _rule(written: str) -> str:
    """Return the rule an entry names; one that this release can't read, as it is written."""
    try:
        return rule(RuleReference.parse(written))
    except ValueError:
        return name(written)


def _verdict(detail: dict[str, str]) -> str:
    verdict = detail.get("verdict", "")
    return WHY_NOT.get(verdict) or name(verdict) or "refused"


def _measured(entry: AuditEntry) -> str:
    detail = entry.detail
    took = duration(timedelta(seconds=_number(detail, "seconds")))
    until = "in" if entry.action is _A.COMPLETED else "after"
    parts = (
        size(_number(detail, "size_kb")) if "size_kb" in detail else "",
        f"{until} {took}" if "seconds" in detail else "",
        f"({name(detail['unusual'])} than usual)" if "unusual" in detail else "",
    )
    return " ".join(filter(None, parts))


def _number(detail: dict[str, str], key: str) -> int:
    text = detail.get(key, "")
    return int(text) if text.isdecimal() else 0
