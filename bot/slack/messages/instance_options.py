"""The instances from which one is chosen, as somebody types part of a name."""

from collections.abc import Sequence
from typing import Any

from slack_sdk.models.blocks import Option, OptionGroup, PlainTextObject

from bot.domain.instances import Instance
from bot.slack.messages.words import TYPES, status

LONGEST_OPTION = 75  # Slack's limit for the texts of an option


def instance_option(instance: Instance) -> Option:
    """An instance in the typeahead: its name first, then its state; the value is its id."""
    about = f"{status(instance.status)} · {engine(instance)} · {instance.id[:8]}…"
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


def engine(instance: Instance) -> str:
    """Which database it is, its version, and whether it has a standby."""
    kind = TYPES.get(instance.type) or instance.type
    return " ".join(filter(None, (instance.engine, instance.version, kind)))
