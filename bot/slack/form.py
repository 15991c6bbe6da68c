"""The form with which a backup is asked for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from slack_sdk.models.blocks import (
    Block,
    ContextBlock,
    ConversationSelectElement,
    ExternalDataSelectElement,
    InputBlock,
    Option,
    OptionGroup,
    PlainTextInputElement,
    PlainTextObject,
    SectionBlock,
    StaticSelectElement,
)
from slack_sdk.models.blocks.block_elements import ConversationFilter
from slack_sdk.models.views import View

from bot.domain.commands import Typed
from bot.domain.fields import LONGEST_DESCRIPTION, LONGEST_NAME
from bot.domain.instances import Instance
from bot.domain.keeping import keep_of
from bot.domain.policy import Terms
from bot.slack.mrkdwn import channel, duration, name, plain, verbatim
from bot.slack.policy_words import rule, who_approves
from bot.slack.views import DESCRIPTION, DESCRIPTION_RULE, NAME, NAME_RULE
from bot.slack.words import TYPES, status

CREATE_VIEW = "create_backup"  # callback id
INSTANCE, KEEP, CHANNEL = "instance", "keep", "channel"  # block ids, and action ids
TYPED_INSTANCE = "typed_instance"  # instead of INSTANCE while RDS has not listed any
FOR_EVER = "for_ever"
KEEPS = {"7d": "7 days", "14d": "14 days", "30d": "30 days", "90d": "90 days", "52w": "a year"}
LONGEST_OPTION = 75  # Slack's limit for the texts of an option


@dataclass(frozen=True)
class Purpose:
    """What a form carries along unseen: where it was opened, and the name that it proposed."""

    channel: str = ""  # empty: the form asks for one
    thread_ts: str | None = None
    proposed: str = ""
    turn: int = 0  # a field that gets another value from us needs another id

    @classmethod
    def read(cls, metadata: str) -> "Purpose":
        """Raises ValueError if a form of another release carried something else."""
        try:
            return cls(**json.loads(metadata))
        except TypeError as error:
            raise ValueError(metadata) from error

    @property
    def name_block(self) -> str:
        return f"{NAME}-{self.turn}"


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
    blocks += [_name(typed, purpose), _why(typed), _keep(typed)]
    if not purpose.channel:
        blocks.append(_channel())
    return View(
        type="modal",
        callback_id=CREATE_VIEW,
        title=PlainTextObject(text="Back up a database"),
        submit=PlainTextObject(text="Ask"),
        close=PlainTextObject(text="Cancel"),
        private_metadata=json.dumps(asdict(purpose)),
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
                initial_value=typed.instance[:LONGEST_NAME] or None,
                max_length=LONGEST_NAME,
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
    lines = [f"{name(_engine(instance))} · {status(instance.status)}"]
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


def _why(typed: Typed) -> InputBlock:
    return InputBlock(
        block_id=DESCRIPTION,
        label="Why",
        optional=True,
        hint=DESCRIPTION_RULE,
        element=PlainTextInputElement(
            action_id=DESCRIPTION,
            initial_value=typed.description[:LONGEST_DESCRIPTION] or None,
            max_length=LONGEST_DESCRIPTION,
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


def instance_option(instance: Instance) -> Option:
    """An instance in the typeahead: its name first, then its state; the value is its id."""
    about = f"{status(instance.status)} · {_engine(instance)} · {instance.id[:8]}…"
    return Option(
        value=instance.id,
        text=PlainTextObject(text=instance.name.strip()[:LONGEST_OPTION] or instance.id),
        description=PlainTextObject(text=about[:LONGEST_OPTION]),
    )


def suggestions(recent: Sequence[Instance], others: Sequence[Instance]) -> dict[str, Any]:
    """The answer to a typeahead: one's own recent instances on top, if there are any."""
    if not recent:
        return {"options": [instance_option(found).to_dict() for found in others]}
    groups = {"You asked for lately": recent, "Instances": others}
    return {
        "option_groups": [
            OptionGroup(label=label, options=[*map(instance_option, found)]).to_dict()
            for label, found in groups.items()
            if found
        ]
    }


def _engine(instance: Instance) -> str:
    kind = TYPES.get(instance.type) or instance.type
    return " ".join(filter(None, (instance.engine, instance.version, kind)))


def unknown_instance(typed: Typed, *, is_known: bool) -> str:
    """What is wrong where a name was typed that no instance has, or a replica, or several."""
    if is_known:
        return f"{typed.instance} is a read replica, or several have that name: choose one."
    return f"I know no instance {typed.instance}: choose one."


def values_of(view: Mapping[str, Any]) -> Typed:
    """What stands in the form."""
    values: Mapping[str, Mapping[str, Any]] = view.get("state", {}).get("values", {})
    fields = {action: state for block in values.values() for action, state in block.items()}
    keep = _selected(fields.get(KEEP))
    return Typed(
        instance=_selected(fields.get(INSTANCE)) or _value(fields.get(TYPED_INSTANCE)),
        name=_value(fields.get(NAME)),
        description=_value(fields.get(DESCRIPTION)),
        keep="" if keep == FOR_EVER else keep,
    )


def channel_of(view: Mapping[str, Any]) -> str:
    """The channel that was chosen in the form."""
    field = view.get("state", {}).get("values", {}).get(CHANNEL, {}).get(CHANNEL, {})
    return str(field.get("selected_conversation") or "")


def _selected(state: Mapping[str, Any] | None) -> str:
    return str(((state or {}).get("selected_option") or {}).get("value", ""))


def _value(state: Mapping[str, Any] | None) -> str:
    return str((state or {}).get("value") or "")
