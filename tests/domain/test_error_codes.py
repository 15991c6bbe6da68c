"""Errors are written down by a code of their own, and what older releases wrote is still read."""

from collections.abc import Iterator

import pytest

from bot.domain.commands import CommandError
from bot.domain.error_codes import CODES, code_of, current_code
from bot.domain.errors import (
    BotError,
    GroupsUnknown,
    MayNotAsk,
    NameTaken,
    RdsError,
    RdsRefused,
    RefusalReason,
    RequestOpen,
    UserError,
)
from bot.domain.policy import RuleReference, RuleSource
from bot.domain.requests import Refusal
from tests.slack.samples import errors

REFUSALS = [
    error
    for error in errors()
    if isinstance(error, UserError | RdsRefused) and not isinstance(error, CommandError)
]
RULE = RuleReference(source=RuleSource.RULE, number=2, instances=("orders-*", "dev-?"))

# Rows that older releases wrote, and what they mean. Never change these.
WRITTEN_BEFORE = [
    (
        (
            '{"kind": "NameTaken", "fields": {"name": "a-1", "suggestion": "a-1-2",'
            ' "asked_by": "U0BEN", "instance_name": null}}'
        ),
        NameTaken("a-1", "a-1-2", requested_by="U0BEN"),
    ),
    (
        '{"kind": "RequestOpen", "fields": {"name": "a-1", "asked_by": "U0BEN"}}',
        RequestOpen("a-1", "U0BEN"),
    ),
    (
        (
            '{"kind": "MayNotAsk", "fields": {"instance_name": "orders",'
            ' "rule": "rule 2 (orders-*, dev-?)", "requesters": ["S0DBA"]}}'
        ),
        MayNotAsk("orders", RULE, ["S0DBA"]),
    ),
    (
        (
            '{"kind": "GroupsUnknown", "fields": {"instance_name": "orders", "allowed": ["S0DBA"],'
            ' "wish": "ask for"}}'
        ),
        GroupsUnknown("orders", ["S0DBA"]),
    ),
    (
        (
            '{"code": "groups_unknown", "fields": {"instance_name": "orders",'
            ' "allowed": ["S0DBA"], "wish": "read the audit trail of"}}'
        ),
        GroupsUnknown("orders", ["S0DBA"], action="read the audit trail of"),
    ),
    (
        (
            '{"kind": "RdsRefused", "fields": {"code": "DBS.201202", "status": 400,'
            ' "request_id": "r-1", "reason": "quota"}}'
        ),
        RdsRefused(RefusalReason.QUOTA, "DBS.201202", status=400, request_id="r-1"),
    ),
]
# The classes of that release that could be in a row, by the names that they had.
CLASSES_BEFORE = [
    "UnknownInstance",
    "AmbiguousInstance",
    "ReadReplica",
    "InstanceBusy",
    "InstanceNotReady",
    "NameTaken",
    "BackupUnknown",
    "BackupNotManual",
    "BackupBusy",
    "RequestOpen",
    "RequestUnknown",
    "AskedInDirectMessage",
    "ForeignWorkspace",
    "WorkspaceUnknown",
    "MayNotAsk",
    "OtherChannel",
    "TooFewApprovers",
    "MayNotAudit",
    "GroupsUnknown",
    "CannotPost",
    "FormNotOpened",
    "StoreUnavailable",
    "RdsUnreachable",
    "RdsOutcomeUnknown",
    "RdsRefused",
    "GaveUp",
    "TooManyCommands",
]


def subclasses(of: type[BotError]) -> Iterator[type[BotError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from subclasses(kind)


def test_every_error_has_a_code() -> None:
    """All that a person or RDS can cause, and each code means one of them."""
    caused = {*subclasses(UserError), *subclasses(RdsError)}

    assert {kind for kind in caused if kind.__module__.startswith("bot.")} == set(CODES.values())
    assert len(set(CODES.values())) == len(CODES)


@pytest.mark.parametrize("error", REFUSALS)
def test_a_refusal_comes_back_as_it_was_raised(error: UserError | RdsRefused) -> None:
    """Through JSON, with everything that it carries."""
    refusal = Refusal.of(error)
    again = Refusal.model_validate_json(refusal.model_dump_json())

    assert again == refusal
    assert refusal.code == code_of(error)
    assert (type(again.error), vars(again.error)) == (type(error), vars(error))


@pytest.mark.parametrize(("row", "meant"), WRITTEN_BEFORE)
def test_what_the_release_before_wrote_is_read(row: str, meant: UserError | RdsRefused) -> None:
    """Class names, and attributes that have other names today."""
    error = Refusal.model_validate_json(row).error

    assert (type(error), vars(error)) == (type(meant), vars(meant))


@pytest.mark.parametrize("name", CLASSES_BEFORE)
def test_the_class_names_of_the_release_before_are_known(name: str) -> None:
    """Each has a code, whatever the class is called today."""
    assert current_code(name) in CODES


def test_a_code_is_left_as_it_is() -> None:
    """So what is new and what is old can stand on one trail."""
    assert all(current_code(code) == code for code in CODES)
    assert code_of(KeyError("x")) == "unexpected"
