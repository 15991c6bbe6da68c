"""The form for requesting a backup."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.models.blocks import (
    Block,
    ContextBlock,
    ConversationSelectElement,
    ExternalDataSelectElement,
    InputBlock,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    SectionBlock,
    StaticSelectElement,
)
from slack_sdk.models.blocks.block_elements import ConversationFilter
from slack_sdk.models.views import View

from bot.domain.commands import Typed
from bot.domain.fields import LONGEST_INSTANCE, LONGEST_NAME
from bot.domain.instances import Instance
from bot.domain.keeping import keep_of
from bot.domain.policy import Terms
from bot.domain.quantities import counted
from bot.slack.messages.ids import (
    CHANNEL,
    CREATE_VIEW,
    FOR_EVER,
    INSTANCE,
    KEEP,
    NAME,
    TYPED_INSTANCE,
    Purpose,
)
from bot.slack.messages.instance_options import engine, instance_option
from bot.slack.messages.mrkdwn import channel, duration, name, people, plain, verbatim
from bot.slack.messages.policy_words import FEW, rule
from bot.slack.messages.views import NAME_RULE, why_field
from bot.slack.messages.words import keep_span, status

KEEPS = {"7d": "7 days", "14d": "14 days", "30d": "30 days", "90d": "90 days", "52w": "1 year"}


@dataclass(frozen=True)
class Chosen:
    """The instance chosen in the form, and the terms of its policy."""

    instance: Instance
    terms: Terms
    objection: str = ""  # why this person can't request it, in mrkdwn


def create_form(
    typed: Typed,
    purpose: Purpose,
    chosen: Chosen | None = None,
    *,
    problems: Sequence[str] = (),
    knows_instances: bool = True,
) -> dict[str, Any]:
    """Return the form, prefilled with what was typed; `problems` lists what is wrong with it."""
    blocks: list[Block] = []
    if problems:
        lines = "\n".join(f"• {plain(problem)}" for problem in problems)
        blocks.append(SectionBlock(text=verbatim(f"Please fix this:\n{lines}")))
    blocks.append(_instance(typed, chosen, knows_instances=knows_instances))
    if chosen:
        blocks.append(ContextBlock(elements=[verbatim(line) for line in _about(chosen)]))
    blocks += [_name(typed, purpose), why_field(typed.description), _keep(typed)]
    if not purpose.channel:
        blocks.append(_channel())
    return View(
        type="modal",
        callback_id=CREATE_VIEW,
        title=PlainTextObject(text="Back up a database"),
        submit=PlainTextObject(text="Request backup"),
        close=PlainTextObject(text="Cancel"),
        private_metadata=purpose.build(),
        blocks=blocks,
    ).to_dict()


def _instance(typed: Typed, chosen: Chosen | None, *, knows_instances: bool) -> InputBlock:
    if not knows_instances and chosen is None:
        return InputBlock(
            block_id=TYPED_INSTANCE,
            label="Instance",
            hint="I haven't loaded the instance list yet, so type the name or the ID. "
            "I'll look it up once RDS responds.",
            element=PlainTextInputElement(
                action_id=TYPED_INSTANCE,
                initial_value=typed.instance if len(typed.instance) <= LONGEST_INSTANCE else None,
                max_length=LONGEST_INSTANCE,
            ),
        )
    return InputBlock(
        block_id=INSTANCE,
        label="Instance",
        dispatch_action=True,
        element=ExternalDataSelectElement(
            action_id=INSTANCE,
            placeholder=PlainTextObject(text="Search by name"),
            initial_option=instance_option(chosen.instance) if chosen else None,
            min_query_length=0,
            focus_on_load=chosen is None,
        ),
    )


def _about(chosen: Chosen) -> list[str]:
    """The instance's status and the approval it needs, before anything is requested."""
    instance, terms = chosen.instance, chosen.terms
    if chosen.objection:
        return [chosen.objection]
    lines = [f"{name(engine(instance))} · {status(instance.status)}"]
    if terms.approvals:
        where = f" in {channel(terms.channel)}" if terms.channel else ""
        lines.append(
            f"Needs {_approvals(terms)}{where} within {duration(terms.expires_after)} "
            f"({rule(terms.rule)})"
        )
    else:
        lines.append(f"No approval needed: starts immediately ({rule(terms.rule)})")
    return lines


def _approvals(terms: Terms) -> str:
    """`2 approvals from @dba (not you)`."""
    approvers = people(terms.approvers, "or", FEW) or "anyone"
    but = "" if terms.self_approval else " (not you)"
    return f"{counted(terms.approvals, 'approval')} from {approvers}{but}"


def _name(typed: Typed, purpose: Purpose) -> InputBlock:
    return InputBlock(
        block_id=purpose.name_block,
        label="Name",
        optional=True,
        hint=f"{NAME_RULE} Leave empty and I'll build one from instance and time.",
        element=PlainTextInputElement(
            action_id=NAME,
            initial_value=(typed.name or purpose.proposed)[:LONGEST_NAME] or None,
            max_length=LONGEST_NAME,
        ),
    )


def _keep(typed: Typed) -> InputBlock:
    own = keep_of(typed.keep)
    spans = {typed.keep: keep_span(own), **KEEPS} if own else KEEPS
    stays = Option(value=FOR_EVER, text="Until someone deletes it")
    options = {span: Option(value=span, text=words) for span, words in spans.items()}
    return InputBlock(
        block_id=KEEP,
        label="Keep for",
        hint="RDS bills a manual backup until it's deleted. If you set a time, I'll post a notice "
        "the day before I delete it; anyone can keep it.",
        element=StaticSelectElement(
            action_id=KEEP,
            options=[stays, *options.values()],
            initial_option=options.get(typed.keep, stays),
        ),
    )


def _channel() -> InputBlock:
    return InputBlock(
        block_id=CHANNEL,
        label="Channel",
        hint="Where I post the request and its progress, unless the policy names another channel.",
        element=ConversationSelectElement(
            action_id=CHANNEL,
            default_to_current_conversation=True,
            filter=ConversationFilter(include=["public", "private"], exclude_bot_users=True),
        ),
    )


def unknown_instance(typed: Typed, *, is_known: bool) -> str:
    """Why the typed name can't be used: no instance has it, several do, or it is a replica."""
    if is_known:
        return (
            f"{typed.instance} can't be used: it's a read replica, or several instances have that "
            "name. Choose an instance from the list."
        )
    return f"I can't find an instance called {typed.instance}. Choose one from the list."
