"""What a form carries in its private metadata, and the values that were entered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.commands import Typed
from bot.slack.messages.views import DESCRIPTION, NAME

INSTANCE, KEEP, CHANNEL = "instance", "keep", "channel"  # block ids, and action ids
TYPED_INSTANCE = "typed_instance"  # instead of INSTANCE while the instance list isn't loaded
FOR_EVER = "for_ever"


@dataclass(frozen=True)
class Purpose:
    """A form's private metadata: where it was opened, and the name that it proposed."""

    channel: str = ""  # empty: the form asks for one
    thread_ts: str | None = None
    proposed: str = ""
    turn: int = 0  # Slack only shows a new initial value under a new block id

    @classmethod
    def read(cls, metadata: str) -> "Purpose":
        """Read a form's metadata. Raises ValueError if another release wrote it."""
        try:
            found = cls(**json.loads(metadata))
        except TypeError as error:
            raise ValueError(metadata) from error
        texts = found.channel, found.thread_ts or "", found.proposed
        if not all(isinstance(text, str) for text in texts) or not isinstance(found.turn, int):
            raise ValueError(metadata)
        return found

    @property
    def name_block(self) -> str:
        return f"{NAME}-{self.turn}"


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
