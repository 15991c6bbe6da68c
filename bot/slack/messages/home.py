"""The home tab: what waits for you, what runs, what you requested, what is overdue."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ContextBlock,
    DividerBlock,
    HeaderBlock,
    Option,
    SectionBlock,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from bot.application.request_queries import HomeView
from bot.domain.instances import Backup, Instance
from bot.domain.preferences import Finished
from bot.domain.requests import BackupRequest
from bot.slack.messages.cards import deciding_buttons
from bot.slack.messages.ids import APPROVALS_CHOICE, FINISHED_CHOICE, START, card_link
from bot.slack.messages.incident_words import label
from bot.slack.messages.listing import sections
from bot.slack.messages.mrkdwn import Message, channel, code, date, name, rough, said, verbatim
from bot.slack.messages.postures import posture_summary
from bot.slack.messages.request_lines import line_of

FINISHED = {
    Finished.NEVER: "Never",
    Finished.FAILED: "Only if it fails",
    Finished.ALWAYS: "Always",
}
APPROVALS = {"no": "Never", "yes": "Always"}
FOR_ME, RUNNING, LATE = 10, 10, 10  # shown of each; Slack shows 100 blocks at most
Links = Mapping[str, str]  # request id → address of its card


def home_view(home: HomeView, links: Links, command: str) -> dict[str, Any]:
    """Return one person's home tab; `links` holds the addresses of the cards."""
    blocks: list[Block] = [
        ActionsBlock(
            elements=[ButtonElement(text="Back up a database", action_id=START, style="primary")]
        ),
        *_welcome(home, command),
        *_waiting(home, links),
        *_running(home, links),
        *_recent(home, links, command),
        *_incidents(home),
        *_worst(home, command),
        *_stale(home, command),
        *_preferences(home),
        ContextBlock(elements=[verbatim(f"{code(f'{command} help')} shows what I can do.")]),
    ]
    return View(type="home", blocks=blocks).to_dict()


def welcome(command: str) -> Message:
    """Return what someone reads who opens the app's messages for the first time."""
    return said(_welcoming(command))


def _welcome(home: HomeView, command: str) -> list[Block]:
    """Say what the bot is for, until the person has requested something."""
    return [] if home.recent else [_says(_welcoming(command))]


def _welcoming(command: str) -> str:
    return (
        "*Back up your team's RDS databases from Slack.*\n"
        f"• Request a backup with {code(f'{command} create')} in a channel, or in a form on the "
        "*Home* tab.\n"
        "• Your team's approvers approve it there or on their *Home* tab.\n"
        "• The request's thread tells you when RDS has finished, and what to do if something "
        "goes wrong."
    )


def _waiting(home: HomeView, links: Links) -> list[Block]:
    blocks = _title("Waiting for you", len(home.for_me))
    if not home.for_me:
        return [*blocks, _says("Nothing is waiting for your approval.")]
    for request in home.for_me[:FOR_ME]:
        line = line_of(request, home.at)
        if request.description:
            line = f"{line}\n{name(request.description)}"
        buttons = [*deciding_buttons(request), *_card_button(request, links)]
        blocks += [_says(line), ActionsBlock(elements=[*buttons])]
    return [*blocks, *_more(len(home.for_me) - FOR_ME)]


def _running(home: HomeView, links: Links) -> list[Block]:
    blocks = _title("Running", len(home.running))
    if not home.running:
        return [*blocks, _says("No backups are running.")]
    lines = [_linked(request, home.at, links) for request in home.running[:RUNNING]]
    return [*blocks, *sections(lines), *_more(len(home.running) - RUNNING)]


def _recent(home: HomeView, links: Links, command: str) -> list[Block]:
    blocks = _title("Your recent requests", 0)
    if not home.recent:
        create = code(f"{command} create <instance>")
        hint = f"Request a backup with {create} or the button above."
        return [*blocks, _says(f"You haven't requested anything yet. {hint}")]
    lines = [_linked(request, home.at, links) for request in home.recent]
    return [*blocks, *sections(lines)]


def _stale(home: HomeView, command: str) -> list[Block]:
    if not home.stale:
        return []
    lines = [f"• {_late(row, home.at)}" for row in home.stale[:LATE]]
    see = code(f"{command} instances")
    if len(home.stale) > LATE:
        lines.append(f"… and {len(home.stale) - LATE} more: see {see}.")
    return [*_title("Overdue backups", len(home.stale)), *sections(lines)]


def _incidents(home: HomeView) -> list[Block]:
    """Show what is wrong with watched instances."""
    if not home.incidents:
        return []
    lines = [
        f"• {label(incident.instance_name, incident.kind)} · open since "
        f"{date(incident.opened_at)} ({channel(incident.channel_id)})"
        for incident in home.incidents[:LATE]
    ]
    if len(home.incidents) > LATE:
        lines.append(f"… and {len(home.incidents) - LATE} more.")
    return [*_title("Open incidents", len(home.incidents)), *sections(lines)]


def _worst(home: HomeView, command: str) -> list[Block]:
    """Show the watched instances that are protected worst."""
    if not home.worst:
        return []
    lines = [f"• {posture_summary(posture)}" for posture in home.worst]
    lines.append(f"{code(f'{command} posture <instance>')} shows every control.")
    return [*_title("Least protected", 0), *sections(lines)]


def _preferences(home: HomeView) -> list[Block]:
    """Let people choose what they hear in a direct message."""
    if home.preferences is None:
        return []
    mine, approvals = "When my request finishes", "When I'm an approver and my approval is needed"
    chosen = "yes" if home.preferences.approvals else "no"
    return [
        *_title("Direct messages to you", 0),
        _choice(mine, FINISHED_CHOICE, FINISHED, home.preferences.finished),
        _choice(approvals, APPROVALS_CHOICE, APPROVALS, chosen),
    ]


def _choice(text: str, action_id: str, words: Mapping[Any, str], chosen: str) -> SectionBlock:
    options = {str(value): Option(value=str(value), label=said) for value, said in words.items()}
    select = StaticSelectElement(
        action_id=action_id, options=[*options.values()], initial_option=options[chosen]
    )
    return SectionBlock(text=verbatim(text), accessory=select)


def _late(row: tuple[Instance, Backup | None], now: datetime) -> str:
    instance, last = row
    if last is None or last.begin_time is None:
        return f"{name(instance.label)}: no successful backup"
    return f"{name(instance.label)}: last successful backup {rough(now - last.begin_time)} ago"


def _title(title: str, count: int) -> list[Block]:
    return [DividerBlock(), HeaderBlock(text=f"{title} ({count})" if count else title)]


def _more(count: int) -> list[Block]:
    return [_says(f"… and {count} more.")] if count > 0 else []


def _linked(request: BackupRequest, now: datetime, links: Links) -> str:
    line = f"• {line_of(request, now)}"
    address = links.get(request.id)
    return f"{line} · <{address}|View card>" if address else line


def _card_button(request: BackupRequest, links: Links) -> list[ButtonElement]:
    address = links.get(request.id)
    if address is None:
        return []
    return [ButtonElement(text="View card", action_id=card_link(request.id), url=address)]


def _says(mrkdwn: str) -> SectionBlock:
    return SectionBlock(text=verbatim(mrkdwn))


def shown_requests(home: HomeView) -> Sequence[BackupRequest]:
    """Return the requests whose cards the tab links to."""
    return (*home.for_me[:FOR_ME], *home.running[:RUNNING], *home.recent)
