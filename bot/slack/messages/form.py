"""The form with which a backup is asked for."""

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
from bot.slack.messages.mrkdwn import channel, duration, name, plain, verbatim
from bot.slack.messages.policy_words import rule, who_approves
from bot.slack.messages.views import NAME_RULE, why_field
from bot.slack.messages.words import status

KEEPS = {"7d": "7 days", "14d": "14 days", "30d": "30 days", "90d": "90 days", "52w": "a year"}


@dataclass(frozen=True)
class Chosen:
    """What is known of the instance in the form."""

    instance: Instance
    terms: Terms
    objection: str = ""  # why this person may not ask, in mrkdwn


def create_form(
    typed: Typed,
    purpose: Purpose,
    chosen: Chosen | None = None,
    *,
    problems: Sequence[str] = (),
    knows_instances: bool = True,
) -> dict[str, Any]:
    """Ask for a backup, prefilled with what was typed; `problems` are what was wrong with it."""
    blocks: list[Block] = []
    if problems:
        lines = "\n".join(f"• {plain(problem)}" for problem in problems)
        blocks.append(SectionBlock(text=verbatim(f"This doesn't work yet:\n{lines}")))
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
        submit=PlainTextObject(text="Ask"),
        close=PlainTextObject(text="Cancel"),
        private_metadata=purpose.build(),
        blocks=blocks,
    ).to_dict()


def _instance(typed: Typed, chosen: Chosen | None, *, knows_instances: bool) -> InputBlock:
    if not knows_instances and chosen is None:
        return InputBlock(
            block_id=TYPED_INSTANCE,
            label="Instance",
            hint="RDS has not told me its instances yet, so type the name or the id. "
            "I look it up as soon as RDS answers.",
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
            placeholder=PlainTextObject(text="Part of its name"),
            initial_option=instance_option(chosen.instance) if chosen else None,
            min_query_length=0,
            focus_on_load=chosen is None,
        ),
    )


def _about(chosen: Chosen) -> list[str]:
    """Its state, and the approval it will take, before anything is asked."""
    instance, terms = chosen.instance, chosen.terms
    if chosen.objection:
        return [chosen.objection]
    lines = [f"{name(engine(instance))} · {status(instance.status)}"]
    if terms.approvals:
        where = f", in {channel(terms.channel)}" if terms.channel else ""
        lines.append(
            f"Needs approval by {who_approves(terms)}{where}, within "
            f"{duration(terms.expires_after)} ({rule(terms.rule)})"
        )
    else:
        lines.append(f"Needs no approval: it starts at once ({rule(terms.rule)})")
    return lines


def _name(typed: Typed, purpose: Purpose) -> InputBlock:
    return InputBlock(
        block_id=purpose.name_block,
        label="Name",
        optional=True,
        hint=f"{NAME_RULE} Left empty, I make one of the instance and the time.",
        element=PlainTextInputElement(
            action_id=NAME,
            initial_value=(typed.name or purpose.proposed)[:LONGEST_NAME] or None,
            max_length=LONGEST_NAME,
        ),
    )


def _keep(typed: Typed) -> InputBlock:
    own = {typed.keep: typed.keep} if keep_of(typed.keep) else {}
    spans = {**own, **KEEPS}
    stays = Option(value=FOR_EVER, text="until somebody deletes it")
    options = {span: Option(value=span, text=f"for {words}") for span, words in spans.items()}
    return InputBlock(
        block_id=KEEP,
        label="Keep it",
        hint="RDS bills a manual backup until it is deleted. A day before I delete it I say so, "
        "and anybody can keep it.",
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
        hint="Where the request is put up and followed, unless the policy names another.",
        element=ConversationSelectElement(
            action_id=CHANNEL,
            default_to_current_conversation=True,
            filter=ConversationFilter(include=["public", "private"], exclude_bot_users=True),
        ),
    )


def unknown_instance(typed: Typed, *, is_known: bool) -> str:
    """What is wrong where a name was typed that no instance has, or a replica, or several."""
    if is_known:
        return f"{typed.instance} is a read replica, or several have that name: choose one."
    return f"I know no instance {typed.instance}: choose one."
