"""The audit trail of an instance, a line an entry."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.domain.audit import OURSELVES, AuditAction, AuditEntry
from bot.domain.clicks import LONGEST_REASON
from bot.domain.decisions import Verdict
from bot.domain.folding import quoted as typed_word
from bot.slack.messages.listing import MESSAGE_ROOM, fitting, listing
from bot.slack.messages.mrkdwn import Message, code, date, duration, mention, name, said, size
from bot.slack.messages.policy_words import rule
from bot.slack.messages.words import quoted

SHOWN = 20  # entries
SHORT_ID = 8  # characters of a request's id, where its backup's name is not at hand

_A = AuditAction
WORDS = {
    _A.SUBMITTED: "asked for",
    _A.ASK_REFUSED: "asked in vain for",
    _A.AUDIT_REFUSED: "was not shown this trail",
    _A.LOOKED_UP: "put up for approval",
    _A.APPROVED: "approved",
    _A.REJECTED: "rejected",
    _A.CLICK_REFUSED: "pressed {button} on",
    _A.EXPIRED: "expired",
    _A.WITHDRAWN: "withdrew",
    _A.STOPPED: "asked to withdraw",
    _A.BREAK_GLASS: "*started without approval*",
    _A.CREATE_SENT: "asks RDS to start",
    _A.CREATE_ACCEPTED: "RDS accepted",
    _A.OUTCOME_UNKNOWN: "no answer from RDS about",
    _A.ADOPTED: "RDS has started",
    _A.REFUSED: "refused",
    _A.DELETE_SENT: "asks RDS to delete",
    _A.DELETED: "deleted",
    _A.KEPT: "keeps",
    _A.STAYS: "does not delete",
    _A.COMPLETED: "completed",
    _A.FAILED: "failed",
    _A.LOST: "lost",
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
    "break_glass": "Break glass",
}
WHY_NOT: dict[str, str] = {
    Verdict.ALREADY_VOTED: "had approved already",
    Verdict.ALREADY_DECIDED: "was decided already",
    Verdict.EXPIRED: "had expired",
    Verdict.SELF_APPROVAL: "asked for it themselves",
    Verdict.NOT_AN_APPROVER: "no approver",
    Verdict.NOT_THE_REQUESTER: "did not ask for it",
    Verdict.MAY_NOT_BREAK_GLASS: "may not start it without approval",
    Verdict.GROUPS_UNKNOWN: "Slack did not say who may",
    Verdict.OTHER_WORKSPACE: "from another workspace",
    Verdict.UNKNOWN_REQUEST: "no such request",
}


def audit_answer(
    instance_name: str, entries: Sequence[AuditEntry], *, now: datetime, command: str
) -> Message:
    """The last entries, oldest first; what does not fit is left out at the old end."""
    shown_name = name(instance_name)
    if not entries:
        lookup = code(f"{command} policy {typed_word(instance_name) or '<id>'}")
        return said(
            f"Nothing is on the audit trail of {shown_name} yet. {lookup} tells who may ask."
        )
    names = {entry.request_id: entry.detail["name"] for entry in entries if "name" in entry.detail}
    last = entries[-SHOWN:]
    rules = {entry.rule for entry in last if entry.rule}
    lines = [_line(entry, names, with_rule=len(rules) > 1) for entry in last]
    newest_first = fitting(reversed(lines), MESSAGE_ROOM)
    counted = "last entry" if len(newest_first) == 1 else f"last {len(newest_first)} entries"
    under = f", all under {rule(*rules)}" if len(rules) == 1 else ""
    head = f"*Audit trail of {shown_name}*: the {counted} up to {date(now)}{under}"
    return listing([head, *reversed(newest_first)])


def _line(entry: AuditEntry, names: dict[str | None, str], *, with_rule: bool) -> str:
    """When · who · what; what somebody wrote comes last."""
    who = entry.actor if entry.actor == OURSELVES else mention(entry.actor)
    it = ""
    if backup := entry.detail.get("name") or names.get(entry.request_id):
        it = code(backup)
    elif entry.request_id:
        it = f"request {code(entry.request_id[:SHORT_ID])}"
    choice = entry.detail.get("choice", "")
    what = WORDS[entry.action].format(button=BUTTONS.get(choice) or name(choice))
    what = f"{what} {it}" if it and entry.action is not _A.AUDIT_REFUSED else what
    decided = with_rule and entry.rule and entry.action in BY_THE_POLICY
    under = f" ({rule(entry.rule)})" if entry.rule and decided else ""
    more = _more(entry)
    return f"{date(entry.at)} · {who} · {what}{under}{more and f': {more}'}"


def _more(entry: AuditEntry) -> str:
    """What else the entry holds, as far as it says something to people."""
    detail = entry.detail
    match entry.action:
        case _A.LOOKED_UP:
            return f"{_number(detail, 'approvals')} needed"
        case _A.APPROVED if entry.actor == OURSELVES:
            return "nobody has to"
        case _A.CLICK_REFUSED:
            return f"{_verdict(detail)}; it did not count"
        case _A.COMPLETED | _A.FAILED:
            return _measured(entry)
        case _A.LOST:
            return "RDS lists it no more"
        case _:
            return _told(detail)


def _told(detail: dict[str, str]) -> str:
    """Why, the backup, and what support asks for."""
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
    """`NameTaken` and `name_taken` as `name taken`."""
    return name(re.sub("(?<=[a-z])(?=[A-Z])", " ", error).replace("_", " ").lower())


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
    )
    return " ".join(filter(None, parts))


def _number(detail: dict[str, str], key: str) -> int:
    text = detail.get(key, "")
    return int(text) if text.isdecimal() else 0
