"""Lists of backups and instances as tables, a page at a time."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, SectionBlock, TableBlock

from bot.application.inventory import PAGE, BackupsView, InstanceRow, InstancesView, MadeView, Page
from bot.domain.decisions import AskVerdict
from bot.domain.instances import Backup, BackupStatus
from bot.domain.requests import BackupRequest
from bot.domain.states import Retention
from bot.slack.messages.ids import (
    BACK,
    BACKUPS_PAGE,
    INSTANCES_PAGE,
    MADE_PAGE,
    ON,
    BackupsPage,
    Carried,
    InstancesPage,
    MadePage,
)
from bot.slack.messages.listing import TEXT_ROOM, fitting
from bot.slack.messages.mrkdwn import (
    Message,
    code,
    mention,
    name,
    rough,
    said,
    size,
    spoken,
    verbatim,
)
from bot.slack.messages.words import status as instance_status

TYPES = {
    "manual": "manual",
    "auto": "automated",
    "fragment": "differential",
    "incremental": "incremental",
}
STATUSES = {
    BackupStatus.BUILDING: "running",
    BackupStatus.COMPLETED: "completed",
    BackupStatus.FAILED: "failed",
    BackupStatus.DELETING: "being deleted",
}
MAY = {
    AskVerdict.NEEDS_APPROVAL: "yes",
    AskVerdict.RUNS_AT_ONCE: "yes, starts at once",
    AskVerdict.MAY_NOT_ASK: "no",
    AskVerdict.OTHER_CHANNEL: "not in this channel",
    AskVerdict.GROUPS_UNKNOWN: "not known now",
    AskVerdict.TOO_FEW_APPROVERS: "nobody could approve",
}

Cell = dict[str, Any]


def backups_table(view: BackupsView, command: str) -> Message:
    """Backups of one instance."""
    shown_name = name(view.instance.name)
    kind = "Backups" if view.every else "Manual backups"
    if not view.backups:
        more = "" if view.every else f" {code(f'{command} list {view.instance.typed} --all')} "
        also = f"{more}shows the automated ones." if more else ""
        return said(f"{shown_name} has no {kind.lower()}.{also}")
    head = f"*{kind} of {shown_name}*{_part(view.page)}"
    rows = [
        [
            _text(backup.name),
            _text(TYPES.get(backup.type, backup.type)),
            _text(STATUSES.get(backup.status, backup.status.lower())),  # type: ignore[call-overload]  # an open set
            _text(size(backup.size_kb) if backup.size_kb else "–"),  # noqa: RUF001, nothing
            _text(_age(backup, view.at)),
            _asker(view.made.get(backup.id)),
        ]
        for backup in view.backups
    ]
    columns = ("Name", "Type", "Status", "Size", "Age", "Asked by")
    shown = partial(BackupsPage, instance=view.instance.id, every=view.every)
    turns = _pacer(BACKUPS_PAGE, view.page, lambda number: shown(number=number))
    return _table(head, columns, rows, turns)


def made_table(view: MadeView, command: str) -> Message:
    """Backups that were made through this bot."""
    requests, now = view.requests, view.at
    hint = code(f"{command} list <instance>")
    if not requests:
        return said(f"I have made no backup yet. {hint} shows those of an instance.")
    rows = [
        [
            _text(request.name),
            _text(request.instance_name),
            _text(size(request.size_kb) if request.size_kb else "–"),  # noqa: RUF001, nothing
            _text(f"{rough(now - (request.finished_at or now))} ago"),
            _asker(request),
            _text("deleted" if request.backup_id in view.deleted else _stays(request, now)),
        ]
        for request in requests
    ]
    first = view.number * PAGE + 1
    head = f"*Backups I made*: {first} to {first + len(requests) - 1}. {hint} asks RDS."
    page = Page(view.number, first + len(requests) - 1 + view.has_more)
    turns = _pacer(MADE_PAGE, page, lambda number: MadePage(number=number))
    return _table(head, ("Name", "Instance", "Size", "Age", "Asked by", "Stays"), rows, turns)


def instances_table(view: InstancesView, command: str) -> Message:
    """Instances, and what the asker may do with each."""
    if not view.rows:
        like = f" that is like {code(view.like)}" if view.like else ""
        return said(
            f"I know no instance{like}. Read replicas are left out: RDS backs up their primaries."
        )
    head = f"*Instances*{_part(view.page)}. {code(f'{command} create <instance>')} asks for one."
    rows = [_instance(row, view.at) for row in view.rows]
    turns = _pacer(
        INSTANCES_PAGE, view.page, lambda number: InstancesPage(number=number, like=view.like)
    )
    columns = ("Instance", "State", "Engine", "Last good backup", "May I ask?")
    return _table(head, columns, rows, turns)


def _instance(row: InstanceRow, now: datetime) -> list[Cell]:
    instance = row.instance
    last = "not known yet"
    if row.last_good:
        measured = f", {size(row.last_good.size_kb)}" if row.last_good.size_kb else ""
        last = f"{_age(row.last_good, now)}{measured}"
    elif row.looked:
        last = "none"
    return [
        _text(instance.name),
        _text(instance_status(instance.status)),
        _text(f"{instance.engine} {instance.version}".strip()),
        _text(last),
        _text(_may(row)),
    ]


def _may(row: InstanceRow) -> str:
    """By the policy, and as long as RDS would do it."""
    may = MAY[row.decision.verdict]
    if row.instance.status == "ACTIVE" or not may.startswith("yes"):
        return may
    return f"not while it is {instance_status(row.instance.status)}"


def _stays(request: BackupRequest, now: datetime) -> str:
    if request.retention is Retention.DELETED:
        return "deleted"
    if request.retention is Retention.DELETING:
        return "being deleted"
    if request.deleted_after is None or request.retention in (Retention.KEPT, Retention.STAYS):
        return "until deleted"
    return f"{rough(request.deleted_after - now)} more"


def _age(backup: Backup, now: datetime) -> str:
    return f"{rough(now - backup.begin_time)} ago" if backup.begin_time else "–"  # noqa: RUF001, nothing


def _part(page: Page) -> str:
    if page.count == 1:
        return ""
    first = page.number * PAGE + 1
    return f", {first} to {min(first + PAGE - 1, page.items)} of {page.items}"


def _pacer(action: str, page: Page, at: Callable[[int], Carried]) -> list[ButtonElement]:
    buttons = []
    if page.number > 0:
        back = at(page.number - 1).build()
        buttons.append(ButtonElement(text="Back", action_id=action + BACK, value=back))
    if page.number < page.count - 1:
        on = at(page.number + 1).build()
        buttons.append(ButtonElement(text="Next page", action_id=action + ON, value=on))
    return buttons


def _text(text: str) -> Cell:
    """A cell of plain text, which Slack does not read as mrkdwn; it takes none that is empty."""
    return {"type": "raw_text", "text": text or "–"}  # noqa: RUF001, nothing


def _asker(request: BackupRequest | None) -> Cell:
    if request is None:
        return _text("")
    person = {"type": "user", "user_id": request.requester}
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [person]}],
    }


def _table(
    head: str, columns: Sequence[str], rows: list[list[Cell]], turns: list[ButtonElement]
) -> Message:
    """Head, table and buttons; `text` says it line by line to those who see no tables."""
    blocks: list[Block] = [
        SectionBlock(text=verbatim(head)),
        TableBlock(rows=[[_text(column) for column in columns], *rows]),
    ]
    if turns:
        blocks.append(ActionsBlock(elements=[*turns]))
    lines = [head, *(", ".join(map(_aloud, row)) + "." for row in rows)]
    return Message(spoken("\n".join(fitting(lines, TEXT_ROOM))), (*blocks,))


def _aloud(cell: Cell) -> str:
    if cell["type"] == "raw_text":
        return name(cell["text"])
    return f"asked by {mention(cell['elements'][0]['elements'][0]['user_id'])}"
