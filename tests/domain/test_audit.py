"""The trail's lines."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.requests import RequestState

ENTRY = AuditEntry(
    at=datetime(2026, 11, 23, 14, 5, tzinfo=UTC),
    request_id="r1",
    actor="UBEN",
    action=AuditAction.APPROVED,
    detail={"verdict": "decided"},
    rule="rule 2 (orders-*)",
)


def test_an_entry_is_never_changed() -> None:
    """What is written stays."""
    with pytest.raises(ValidationError, match="frozen"):
        ENTRY.actor = "UEVE"  # type: ignore[misc]  # the very thing that must fail


def test_an_entry_survives_writing_and_reading() -> None:
    """As JSON and back it is the same entry."""
    assert AuditEntry.model_validate_json(ENTRY.model_dump_json()) == ENTRY


def test_a_time_without_its_zone_is_no_time() -> None:
    """An auditor must not have to guess where the clock hung."""
    with pytest.raises(ValidationError, match="timezone"):
        AuditEntry(
            at=datetime(2026, 11, 23, 14, 5),  # noqa: DTZ001, the very thing that must fail
            request_id=None,
            actor="UBEN",
            action=AuditAction.ASK_REFUSED,
        )


def test_every_end_of_a_request_has_its_action() -> None:
    """A request that ends can be written down under its state's own name."""
    ends = {state.value for state in RequestState if state.is_final}

    assert ends <= {action.value for action in AuditAction}
