"""The trail's lines."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from bot.domain.audit import AuditAction, AuditEntry, ChainedEntry, break_between, chained
from bot.domain.states import RequestState

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


def trail(length: int = 5) -> list[ChainedEntry]:
    """Some entries in their chain."""
    return chained(ENTRY.model_copy(update={"actor": f"U{n}"}) for n in range(length))


def first_break(entries: list[ChainedEntry]) -> tuple[int, str] | None:
    """Where the chain breaks, and why."""
    before = None
    for entry in entries:
        if why := break_between(before, entry):
            return entry.number, why
        before = entry
    return None


def test_a_chain_as_it_was_written_is_whole() -> None:
    """Also one that goes on where another ended."""
    begun = trail(3)
    more = chained([ENTRY], begun[-1].number, begun[-1].hash)

    assert first_break(begun + more) is None
    assert more[0].number == 4


@pytest.mark.parametrize("name", sorted(set(ChainedEntry.model_fields) - {"number", "previous"}))
def test_no_field_of_an_entry_can_be_changed_unseen(name: str) -> None:
    """Whichever it is: the entry is named."""
    other = {
        "at": ENTRY.at.replace(microsecond=1),
        "detail": {"verdict": "decided", "more": ""},
    }.get(name, "x")
    entries = trail()
    entries[2] = entries[2].model_copy(update={name: other})

    assert first_break(entries) == (3, "its content was changed")


def test_nothing_can_be_removed_swapped_or_put_in_unseen() -> None:
    """Numbers show what is gone; hashes show what came instead."""
    whole = trail()
    forged = chained([ENTRY.model_copy(update={"actor": "UEVE"})], 2, whole[1].hash)

    assert first_break(whole[:2] + whole[3:]) == (4, "entry 3 is missing")
    assert first_break(whole[1:]) == (2, "entry 1 is missing")
    assert first_break([whole[0], whole[2], whole[1]]) == (3, "entry 2 is missing")
    assert first_break(whole[:2] + forged + whole[3:]) == (
        4,
        "it doesn't follow the entry before it: one of them was inserted or replaced",
    )


def test_the_form_of_the_hash_never_changes() -> None:
    """Trails that were written by releases before must stay whole."""
    digest = "0a30e2f5c2a42b1c4b3ca39fd1d6ed9a151d47bfb5066cc5a12c0dc6d9918f50"

    assert chained([ENTRY])[0].hash == digest
