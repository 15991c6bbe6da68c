"""The form for requesting a backup: opened, changed and submitted."""

from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.application.origin import Origin
from bot.domain.commands import Typed
from bot.domain.folding import fold
from bot.domain.instances import Instance
from bot.domain.keeping import keep_problem
from bot.domain.references import References
from bot.slack.messages import answers
from bot.slack.messages.form import CREATE_VIEW, Chosen, create_form, unknown_instance
from bot.slack.messages.form_values import (
    INSTANCE,
    KEEP,
    TYPED_INSTANCE,
    Purpose,
    channel_of,
    values_of,
)
from bot.slack.messages.instance_options import suggestions
from bot.slack.messages.views import DESCRIPTION
from bot.slack.transport.slack_errors import FAILURES, error_code
from handlers.modals import ask, open_modal
from handlers.origin import of_this_release, origin_of_form
from handlers.services import Services

log = structlog.get_logger(__name__)

AT_ONCE = 0.5  # seconds to wait for the instance list before a form opens; Slack waits three
TO_SUGGEST = 2.0  # seconds for the same before suggestions are sent
MOST_FORMS = 1000  # remembered; a second choice comes within seconds


def register(app: AsyncApp, services: Services) -> None:
    app.options(INSTANCE)(partial(suggest, services))
    app.action(INSTANCE)(partial(choose, services, Choices()))
    app.view(CREATE_VIEW)(partial(send, services))


async def open_form(
    services: Services,
    client: AsyncWebClient,
    trigger_id: str,
    origin: Origin,
    typed: Typed | None = None,
    problems: tuple[str, ...] = (),
) -> None:
    """Open the form, prefilled with what was typed; waits at most AT_ONCE for RDS."""
    typed = typed or Typed()
    known = await services.instance_search.known(AT_ONCE)
    purpose = Purpose(origin.channel_id, origin.thread_ts)
    if origin.channel_id.startswith("D"):  # nobody could approve there
        purpose = Purpose()
    found = services.instance_search.named(typed.instance, known) if typed.instance else None
    chosen = await _chosen(services, found, origin) if found else None
    if found and not typed.name:
        purpose = _proposing(services, purpose, found, typed.description)
    if typed.instance and known and not found:
        is_known = bool(References(known).named(typed.instance))
        problems = (*problems, unknown_instance(typed, is_known=is_known))
    if problem := keep_problem(typed.keep):
        problems = (*problems, str(problem))
    view = create_form(typed, purpose, chosen, problems=problems, knows_instances=bool(known))
    await open_modal(client, trigger_id, view)


async def suggest(services: Services, ack: AsyncAck, body: dict[str, Any]) -> None:
    """Suggest instances for what is typed so far."""
    text = fold(str(body.get("value") or ""))
    recent, others = await services.instance_search.suggest(text, body["user"]["id"], TO_SUGGEST)
    await ack(**suggestions(recent, others))


class Choices:
    """The time of the last choice in each form, so that an earlier one isn't drawn over it."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def came(self, view_id: str, at: float) -> None:
        self._last[view_id] = max(at, self._last.pop(view_id, 0.0))
        while len(self._last) > MOST_FORMS:
            self._last.pop(next(iter(self._last)))

    def is_last(self, view_id: str, at: float) -> bool:
        return at >= self._last.get(view_id, 0.0)


async def choose(
    services: Services,
    choices: Choices,
    ack: AsyncAck,
    body: dict[str, Any],
    client: AsyncWebClient,
) -> None:
    """Show the chosen instance's status and approval, and propose a name."""
    await ack()
    view, at = body["view"], float(body["actions"][0]["action_ts"])
    choices.came(view["id"], at)
    with of_this_release():
        typed, purpose = values_of(view), Purpose.read(view["private_metadata"])
    found = services.instance_search.named(
        typed.instance, await services.instance_search.known(AT_ONCE)
    )
    if found is None:
        return
    chosen = await _chosen(
        services, found, origin_of_form(body, purpose.channel, purpose.thread_ts)
    )
    if typed.name in ("", purpose.proposed):
        purpose = _proposing(services, purpose, found, typed.description)
        typed = Typed(typed.instance, "", typed.description, typed.keep)
    for seen in (view["hash"], None):  # an earlier choice may have been drawn in the meantime
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


async def send(
    services: Services, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]
) -> None:
    """Request the backup. Problems are shown beside their fields; the form keeps its values."""
    with of_this_release():
        purpose = Purpose.read(view["private_metadata"])
    purpose = Purpose(
        channel_of(view) or purpose.channel, purpose.thread_ts, purpose.proposed, purpose.turn
    )
    fields = {
        "instance": INSTANCE if INSTANCE in _blocks(view) else TYPED_INSTANCE,
        "name": purpose.name_block,
        "description": DESCRIPTION,
        "keep": KEEP,
    }
    typed = values_of(view)
    instance = await _by_name(services, fold(typed.instance).strip())
    typed = Typed(instance, fold(typed.name).strip(), fold(typed.description), typed.keep)
    origin = origin_of_form(body, purpose.channel, purpose.thread_ts)
    await ask(services, ack, view, typed, origin, fields)


async def _chosen(services: Services, found: Instance, origin: Origin) -> Chosen:
    view = await services.policy_queries.policy_of(found, origin)
    return Chosen(found, view.terms, answers.objection(view))


async def _by_name(services: Services, reference: str) -> str:
    """The chosen instance's name where no other instance has it, since people can read that."""
    search = services.instance_search
    known = await search.known(AT_ONCE)
    found = search.named(reference, known)
    if found and reference == found.id and search.named(found.typed, known) == found:
        return found.typed
    return reference


def _proposing(services: Services, purpose: Purpose, found: Instance, why: str) -> Purpose:
    proposed = services.backups.propose(found, why)
    return Purpose(purpose.channel, purpose.thread_ts, proposed, purpose.turn + 1)


def _blocks(view: dict[str, Any]) -> set[str]:
    return {block["block_id"] for block in view.get("blocks", [])}
