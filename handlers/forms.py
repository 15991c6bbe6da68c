"""The forms in which a backup is asked for, or deleted: opened, chosen in, and sent."""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.backups import Asked
from bot.domain.commands import CommandError, DeleteBackup, Typed, checked_create
from bot.domain.errors import (
    AmbiguousInstance,
    ForeignWorkspace,
    FormNotOpened,
    NameTaken,
    RdsError,
    ReadReplica,
    UnknownInstance,
    UserError,
)
from bot.domain.folding import fold
from bot.domain.instances import Instance
from bot.domain.keeping import keep_problem
from bot.slack import answers
from bot.slack.codes import FAILURES, error_code
from bot.slack.deletion_form import DELETE_VIEW, deletion_form, wrong_name
from bot.slack.form import (
    CREATE_VIEW,
    INSTANCE,
    KEEP,
    TYPED_INSTANCE,
    Chosen,
    Purpose,
    channel_of,
    create_form,
    suggestions,
    unknown_instance,
    values_of,
)
from bot.slack.mrkdwn import Message
from bot.slack.views import DESCRIPTION, NAME, answer_view, name_taken
from handlers.asker import team_of
from handlers.door import Door

log = structlog.get_logger(__name__)

AT_ONCE = 0.5  # seconds for RDS's list before a form opens: Slack gives it three in all
TO_SUGGEST = 2.0  # the same for a typeahead
MOST_FORMS = 1000  # that are remembered; who chooses twice does so within seconds
WRONG_INSTANCE = UnknownInstance, AmbiguousInstance, ReadReplica


def register(app: AsyncApp, door: Door) -> None:
    app.options(INSTANCE)(partial(suggest, door))
    app.action(INSTANCE)(partial(choose, door, Choices()))
    app.view(CREATE_VIEW)(partial(send, door))
    app.view(DELETE_VIEW)(partial(send_deletion, door))


async def open_form(
    door: Door,
    client: AsyncWebClient,
    trigger_id: str,
    asked: Asked,
    typed: Typed | None = None,
    problems: tuple[str, ...] = (),
) -> None:
    """Open it with what was typed; nothing is waited for that could take long.

    Raises ForeignWorkspace.
    """
    if asked.team_id not in ("", door.team_id):
        raise ForeignWorkspace
    typed = typed or Typed()
    known = await door.inventory.known(AT_ONCE)
    purpose = Purpose(asked.channel_id, asked.thread_ts)
    if asked.channel_id.startswith("D"):  # where nobody could approve: the form asks for another
        purpose = Purpose()
    found = door.inventory.named(typed.instance, known) if typed.instance else None
    chosen = await _chosen(door, found, asked) if found else None
    if found and not typed.name:
        purpose = _proposing(door, purpose, found, typed.description)
    if typed.instance and known and not found:
        is_known = any(typed.instance in (one.id, one.name) for one in known)
        problems = (*problems, unknown_instance(typed, is_known=is_known))
    if problem := keep_problem(typed.keep):
        problems = (*problems, str(problem))
    view = create_form(typed, purpose, chosen, problems=problems, knows_instances=bool(known))
    await _open(client, trigger_id, view)


async def suggest(door: Door, ack: AsyncAck, body: dict[str, Any]) -> None:
    """Instances for what is typed so far."""
    text = fold(str(body.get("value") or ""))
    recent, others = await door.inventory.suggest(text, body["user"]["id"], TO_SUGGEST)
    await ack(**suggestions(recent, others))


class Choices:
    """When somebody chose last in each form, so that no earlier choice is drawn over it."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def came(self, view_id: str, at: float) -> None:
        self._last[view_id] = max(at, self._last.pop(view_id, 0.0))
        while len(self._last) > MOST_FORMS:
            self._last.pop(next(iter(self._last)))

    def is_last(self, view_id: str, at: float) -> bool:
        return at >= self._last.get(view_id, 0.0)


async def choose(
    door: Door, choices: Choices, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient
) -> None:
    """An instance was chosen: show what it takes, and propose a name."""
    await ack()
    view, at = body["view"], float(body["actions"][0]["action_ts"])
    choices.came(view["id"], at)
    typed, purpose = values_of(view), Purpose.read(view["private_metadata"])
    found = door.inventory.named(typed.instance, await door.inventory.known(AT_ONCE))
    if found is None:
        return
    chosen = await _chosen(door, found, _asked(body, purpose))
    if typed.name in ("", purpose.proposed):
        purpose = _proposing(door, purpose, found, typed.description)
        typed = Typed(typed.instance, "", typed.description, typed.keep)
    for seen in (view["hash"], None):  # an earlier choice may have been drawn meanwhile
        if not choices.is_last(view["id"], at):
            return
        changed = create_form(typed, purpose, chosen)
        try:
            await client.views_update(view_id=view["id"], hash=seen, view=changed)
        except FAILURES as error:
            log.info("form_not_updated", error=error_code(error))
            if error_code(error) != "hash_conflict":  # they closed it
                return
            purpose = replace(purpose, turn=purpose.turn + 1)
        else:
            return


async def send(door: Door, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
    """Ask. What is wrong stands beside its field; nothing that was typed is lost."""
    purpose = Purpose.read(view["private_metadata"])
    purpose = Purpose(
        channel_of(view) or purpose.channel, purpose.thread_ts, purpose.proposed, purpose.turn
    )
    typed = values_of(view)
    fields = {
        "instance": INSTANCE if INSTANCE in _blocks(view) else TYPED_INSTANCE,
        "name": purpose.name_block,
        "description": DESCRIPTION,
        "keep": KEEP,
    }
    try:
        wish = checked_create(
            fold(typed.instance).strip(),
            fold(typed.name).strip(),
            fold(typed.description),
            typed.keep,
            command=door.command,
        )
        request = await door.backups.ask(wish, _asked(body, purpose, view))
    except CommandError as error:
        problems = {fields[problem.about]: str(problem) for problem in error.problems}
        await ack(response_action="errors", errors=problems)
    except NameTaken as error:
        await ack(response_action="errors", errors={fields["name"]: name_taken(error)})
    except WRONG_INSTANCE as error:
        why = answers.in_plain_text(error)
        await ack(response_action="errors", errors={fields["instance"]: why})
    except (UserError, RdsError) as error:
        await show(ack, view, answers.refusal(error, door.command))
    else:
        await show(ack, view, answers.accepted(request, door.command))


async def confirm_deletion(
    door: Door, client: AsyncWebClient, trigger_id: str, wish: DeleteBackup, asked: Asked
) -> None:
    """Let the name be typed again. Raises what keeps the backup from being deleted."""
    doomed = await door.deletions.find(wish)
    await _open(client, trigger_id, deletion_form(doomed, asked.channel_id))


async def send_deletion(
    door: Door, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]
) -> None:
    """Ask for the deletion, if the name is the one."""
    carried = json.loads(view["private_metadata"])
    typed = fold(values_of(view).name).strip()
    if typed != carried["name"]:
        await ack(response_action="errors", errors={NAME: wrong_name(carried["name"])})
        return
    wish = DeleteBackup(carried["name"], carried["instance"])
    asked = _asked(body, Purpose(carried["channel"]), view)
    try:
        request = await door.deletions.ask(wish, asked)
    except (UserError, RdsError) as error:
        message = answers.refusal(error, door.command, "Nothing was deleted.")
        await show(ack, view, message)
    else:
        await show(ack, view, answers.accepted(request, door.command))


async def show(ack: AsyncAck, view: dict[str, Any], message: Message) -> None:
    """What came of a form, in its place."""
    await ack(response_action="update", view=answer_view(view["title"]["text"], message))


async def _open(client: AsyncWebClient, trigger_id: str, view: dict[str, Any]) -> None:
    try:
        await client.views_open(trigger_id=trigger_id, view=view)
    except FAILURES as error:
        log.warning("form_not_opened", error=error_code(error))
        raise FormNotOpened from error


async def _chosen(door: Door, found: Instance, asked: Asked) -> Chosen:
    view = await door.overview.policy_of(found, asked)
    return Chosen(found, view.terms, answers.objection(view))


def _proposing(door: Door, purpose: Purpose, found: Instance, why: str) -> Purpose:
    proposed = door.backups.propose(found, why)
    return Purpose(purpose.channel, purpose.thread_ts, proposed, purpose.turn + 1)


def _blocks(view: dict[str, Any]) -> set[str]:
    return {block["block_id"] for block in view.get("blocks", [])}


def _asked(body: dict[str, Any], purpose: Purpose, view: dict[str, Any] | None = None) -> Asked:
    return Asked(
        user_id=body["user"]["id"],
        team_id=team_of(body),
        channel_id=purpose.channel,
        trigger_id=f"view-{view['id']}" if view else "",
        response_url=None,
        thread_ts=purpose.thread_ts,
    )
