"""Tables of backups and instances, one page at a time."""

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
    date,
    listed,
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
    AskVerdict.RUNS_AT_ONCE: "yes, starts immediately",
    AskVerdict.MAY_NOT_ASK: "no",
    AskVerdict.OTHER_CHANNEL: "not in this channel",
    AskVerdict.GROUPS_UNKNOWN: "unknown right now",
    AskVerdict.TOO_FEW_APPROVERS: "no one could approve",
}

Cell = dict[str, Any]


def backups_table(view: BackupsView, command: str) -> Message:
    """Show the backups of one instance."""
    shown_name = name(view.instance.label)
    kind = "Backups" if view.every else "Manual backups"
    if not view.backups:
        more = "" if view.every else f" {code(f'{command} list {view.instance.typed} --all')} "
        also = f"{more}lists the automated ones." if more else ""
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
    columns = ("Name", "Type", "Status", "Size", "Age", "Requested by")
    shown = partial(BackupsPage, instance=view.instance.id, every=view.every)
    turns = _pacer(BACKUPS_PAGE, view.page, lambda number: shown(number=number))
    return _table(head, columns, rows, turns)


def made_table(view: MadeView, command: str) -> Message:
    """Show the backups that this bot made."""
    requests, now = view.requests, view.at
    hint = code(f"{command} list <instance>")
    if not requests:
        return said(f"This bot hasn't made any backups yet. {hint} lists those of an instance.")
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
    last = first + len(requests) - 1
    shown = f"{first} to {last}" if view.number or view.has_more else f"{last}"
    head = f"*Backups made by this bot* ({shown}). {hint} shows all in RDS."
    page = Page(view.number, last + view.has_more)
    turns = _pacer(MADE_PAGE, page, lambda number: MadePage(number=number))
    columns = ("Name", "Instance", "Size", "Age", "Requested by", "Kept for")
    return _table(head, columns, rows, turns)


def instances_table(view: InstancesView, command: str) -> Message:
    """Show the instances, and whether the reader can request a backup of each."""
    if not view.rows:
        none = f"No instance matches {code(view.like)}." if view.like else "No instances found."
        return said(
            f"{none}{_as_of(view)} Read replicas aren't listed: back up their primaries instead."
        )
    hint = f"To request a backup: {code(f'{command} create <instance>')}"
    head = f"*Instances*{_part(view.page)}.{_as_of(view)} {hint}"
    rows = [_instance(row, view.at) for row in view.rows]
    turns = _pacer(
        INSTANCES_PAGE, view.page, lambda number: InstancesPage(number=number, like=view.like)
    )
    columns = ("Instance", "Status", "Engine", "Last successful backup", "Can I request?")
    return _table(head, columns, rows, turns)


def _instance(row: InstanceRow, now: datetime) -> list[Cell]:
    instance = row.instance
    last = "unknown"
    if row.last_good:
        measured = f", {size(row.last_good.size_kb)}" if row.last_good.size_kb else ""
        last = f"{_age(row.last_good, now)}{measured}"
    elif row.looked:
        last = "none"
    return [
        _text(instance.label),
        _text(instance_status(instance.status)),
        _text(f"{instance.engine} {instance.version}".strip()),
        _text(last),
        _text(_may(row)),
    ]


def _may(row: InstanceRow) -> str:
    """Say whether the reader can request a backup, by the policy and the instance's status."""
    may = MAY[row.decision.verdict]
    if row.instance.status == "ACTIVE" or not may.startswith("yes"):
        return may
    return f"not now: {instance_status(row.instance.status)}"


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
    last = min(first + PAGE - 1, page.items)
    return f", {first} to {last} of {page.items}"


def _as_of(view: InstancesView) -> str:
    """Say how old the list is, or what it lacks, because RDS isn't responding."""
    if view.unread:
        projects = listed([code(project) for project in view.unread])
        return f" I can't read {projects} right now, so instances may be missing or outdated."
    return f" As of {date(view.as_of)}." if view.as_of else ""


def _pacer(action: str, page: Page, at: Callable[[int], Carried]) -> list[ButtonElement]:
    buttons = []
    if page.number > 0:
        back = at(page.number - 1).build()
        buttons.append(ButtonElement(text="Previous page", action_id=action + BACK, value=back))
    if page.number < page.count - 1:
        on = at(page.number + 1).build()
        buttons.append(ButtonElement(text="Next page", action_id=action + ON, value=on))
    return buttons


def _text(text: str) -> Cell:
    """Return a cell of plain text, which Slack shows as it is. A cell must not be empty."""
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
    """Return heading, table and buttons; `text` has the rows for those who see no tables."""
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
    return f"requested by {mention(cell['elements'][0]['elements'][0]['user_id'])}"
