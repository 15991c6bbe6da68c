"""The values that someone entered in the form for a backup."""

from collections.abc import Mapping
from typing import Any

from bot.domain.commands import Typed
from bot.slack.messages.ids import (
    CHANNEL,
    DESCRIPTION,
    FOR_EVER,
    INSTANCE,
    KEEP,
    NAME,
    TYPED_INSTANCE,
)


def values_of(view: Mapping[str, Any]) -> Typed:
    """Return what was entered in the form."""
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
    """Return the id of the channel chosen in the form; empty if there is none."""
    field = view.get("state", {}).get("values", {}).get(CHANNEL, {}).get(CHANNEL, {})
    return str(field.get("selected_conversation") or "")


def _selected(state: Mapping[str, Any] | None) -> str:
    return str(((state or {}).get("selected_option") or {}).get("value", ""))


def _value(state: Mapping[str, Any] | None) -> str:
    return str((state or {}).get("value") or "")
