"""The stored form of errors: a stable code, so that classes can be renamed.

Never change or reuse a code, because rows in the database contain it.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic_core import to_jsonable_python

from bot.domain import errors
from bot.domain.commands import CommandError
from bot.domain.errors import RdsError, RdsRefused, RefusalReason, UserError
from bot.domain.policy import RuleReference

CODES: Mapping[str, type[UserError | RdsError]] = MappingProxyType(
    {
        "command_error": CommandError,
        "unknown_instance": errors.UnknownInstance,
        "ambiguous_instance": errors.AmbiguousInstance,
        "read_replica": errors.ReadReplica,
        "instance_busy": errors.InstanceBusy,
        "instance_not_ready": errors.InstanceNotReady,
        "name_taken": errors.NameTaken,
        "backup_unknown": errors.BackupUnknown,
        "backup_not_manual": errors.BackupNotManual,
        "backup_busy": errors.BackupBusy,
        "request_open": errors.RequestOpen,
        "request_unknown": errors.RequestUnknown,
        "asked_in_direct_message": errors.AskedInDirectMessage,
        "too_many_commands": errors.TooManyCommands,
        "foreign_workspace": errors.ForeignWorkspace,
        "workspace_unknown": errors.WorkspaceUnknown,
        "may_not_ask": errors.MayNotAsk,
        "other_channel": errors.OtherChannel,
        "too_few_approvers": errors.TooFewApprovers,
        "may_not_audit": errors.MayNotAudit,
        "groups_unknown": errors.GroupsUnknown,
        "cannot_post": errors.CannotPost,
        "gave_up": errors.GaveUp,
        "form_not_opened": errors.FormNotOpened,
        "store_unavailable": errors.StoreUnavailable,
        "rds_unreachable": errors.RdsUnreachable,
        "rds_outcome_unknown": errors.RdsOutcomeUnknown,
        "rds_refused": RdsRefused,
    }
)
FORMER_FIELDS = {"asked_by": "requested_by", "wish": "action"}  # what older releases called them
_CODE_OF = {error: code for code, error in CODES.items()}
_CAPITAL = re.compile("(?<=[a-z])(?=[A-Z])")


def code_of(error: Exception) -> str:
    """Return the code to store for an error; "unexpected" if it isn't one of the bot's own."""
    return _CODE_OF.get(type(error), "unexpected")  # type: ignore[arg-type]  # any class may be asked for


def current_code(written: str) -> str:
    """Return the code for a stored error; older releases stored class names (`NameTaken`)."""
    return _CAPITAL.sub("_", written).lower()


def current_fields(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored fields under their current names."""
    return {FORMER_FIELDS.get(key, key): value for key, value in written.items()}


def fields_of(error: UserError | RdsRefused) -> dict[str, Any]:
    """Return what an error was raised with, as JSON values."""
    found: dict[str, Any] = to_jsonable_python(vars(error))
    return found


def error_of(code: str, fields: Mapping[str, Any]) -> UserError | RdsRefused:
    """Return the error as it was raised."""
    given = dict(fields)
    if "rule" in given:
        given["rule"] = RuleReference.model_validate(given["rule"])
    kind = CODES[code]
    if issubclass(kind, RdsRefused):
        return kind(RefusalReason(given.pop("reason")), **given)
    error: UserError = kind(**given)  # type: ignore[assignment]  # refusals are the person's or RDS's
    return error
