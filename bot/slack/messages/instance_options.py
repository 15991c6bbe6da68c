"""The options that a form suggests while someone types part of an instance's name."""

from collections.abc import Sequence
from typing import Any

from slack_sdk.models.blocks import Option, OptionGroup, PlainTextObject

from bot.domain.instances import Instance
from bot.slack.messages.words import TYPES, status

LONGEST_OPTION = 75  # Slack's limit for the texts of an option


def instance_option(instance: Instance) -> Option:
    """Return the option for an instance: its name, then its status; the value is its id."""
    about = f"{status(instance.status)} · {engine(instance)} · {instance.id[:8]}…"
    return Option(
        value=instance.id,
        text=PlainTextObject(text=instance.label.strip()[:LONGEST_OPTION] or instance.id),
        description=PlainTextObject(text=about[:LONGEST_OPTION]),
    )


def suggestions(recent: Sequence[Instance], others: Sequence[Instance]) -> dict[str, Any]:
    """Return the options, the person's own recent instances first, if there are any."""
    if not recent:
        return {"options": [instance_option(found).to_dict() for found in others]}
    groups = {"Recently requested": recent, "Instances": others}
    return {
        "option_groups": [
            OptionGroup(label=label, options=[*map(instance_option, found)]).to_dict()
            for label, found in groups.items()
            if found
        ]
    }


def engine(instance: Instance) -> str:
    """The engine, its version and the instance's type: `MySQL 8.0 primary/standby`."""
    kind = TYPES.get(instance.type) or instance.type
    return " ".join(filter(None, (instance.engine, instance.version, kind)))
