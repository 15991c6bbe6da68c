"""Every error that a user or an operator can meet.

BotError
├── UserError              the requester can fix it; nothing was started
│   ├── CommandError       the command is invalid (see commands.py)
│   ├── UnknownInstance
│   ├── AmbiguousInstance
│   ├── ReadReplica
│   ├── InstanceBusy
│   ├── InstanceNotReady
│   ├── NameTaken
│   ├── BackupUnknown      no backup of this name to delete
│   ├── BackupNotManual    RDS created it and deletes it automatically
│   ├── BackupBusy         it is still running or being deleted
│   ├── RequestOpen        another request about this backup is still open
│   ├── RequestUnknown     no request with this name or ID
│   ├── AskedInDirectMessage  no one could approve it there
│   ├── TooManyCommands    too many from one person in a minute
│   ├── ForeignWorkspace   the requester belongs to another workspace
│   ├── WorkspaceUnknown   Slack doesn't say from which of the workspaces they act
│   ├── MayNotAsk
│   ├── OtherChannel       the policy allows it only in other channels
│   ├── TooFewApprovers    fewer people can approve it than are required
│   ├── MayNotAudit
│   ├── GroupsUnknown      Slack couldn't say who is allowed, so no one is now
│   ├── CannotPost         Slack doesn't let the bot post in the channel
│   ├── GaveUp             RDS gave no clear answer for too long
│   ├── FormNotOpened      Slack didn't open the form
│   └── StoreUnavailable   the database is down, so nothing was accepted
├── RdsError               a call to RDS failed
│   ├── RdsUnreachable     nothing was carried out: no connection, throttled, or a failed read
│   ├── RdsOutcomeUnknown  a create that may have been carried out
│   └── RdsRefused         RDS refused it; `reason` says why
├── SlackUnreachable       Slack didn't accept a message; it may later
├── LeaseLost              another replica took over this one's work
└── SettingsError          the settings are wrong; it lists every problem

Errors carry data. Their words for people are in `bot/slack/messages/reasons.py`, and the codes
under which they are stored in `error_codes.py`.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # pydantic would keep `--help` waiting
    from bot.domain.policy import RuleReference


class BotError(Exception):
    """Base class of the bot's own errors."""


class UserError(BotError):
    """The requester can fix it; nothing was started."""


class UnknownInstance(UserError):
    """No instance in the project has this ID, name or alias.

    `suggestions` are the most similar names, best first, at most three.
    """

    def __init__(self, reference: str, suggestions: Sequence[str] = ()) -> None:
        super().__init__(reference)
        self.reference = reference
        self.suggestions = tuple(suggestions)


class AmbiguousInstance(UserError):
    """Several instances have this name, so more than the name is needed.

    `instance_ids` tell them apart: each is `project/name` where that is enough, or an ID.
    """

    def __init__(self, reference: str, instance_ids: Sequence[str]) -> None:
        super().__init__(reference)
        self.reference = reference
        self.instance_ids = tuple(instance_ids)


class ReadReplica(UserError):
    """RDS can't back up a read replica; `primary` is its primary's name, if known."""

    def __init__(self, instance_name: str, primary: str | None) -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name
        self.primary = primary


class InstanceBusy(UserError):
    """The instance is already being backed up; RDS runs one backup per instance at a time.

    `backup_name` and `since` (ISO 8601) describe the running backup, if RDS lists it.
    """

    def __init__(
        self, instance_name: str, backup_name: str | None = None, since: str | None = None
    ) -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name
        self.backup_name = backup_name
        self.since = since


class InstanceNotReady(UserError):
    """The instance's status (`FROZEN`, `REBOOTING`, …) doesn't allow a backup."""

    def __init__(self, instance_name: str, status: str) -> None:
        super().__init__(instance_name, status)
        self.instance_name = instance_name
        self.status = status


class NameTaken(UserError):
    """A backup or an open request already has the name; `suggestion` is a free one.

    `requested_by` is whose request that is, `instance_name` which other instance the backup is of.
    """

    def __init__(
        self,
        name: str,
        suggestion: str,
        requested_by: str | None = None,
        instance_name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.name = name
        self.suggestion = suggestion
        self.requested_by = requested_by
        self.instance_name = instance_name


class BackupUnknown(UserError):
    """The instance, or without one the bot itself, has no manual backup with this name."""

    def __init__(self, name: str, instance_name: str | None = None) -> None:
        super().__init__(name)
        self.name = name
        self.instance_name = instance_name


class BackupNotManual(UserError):
    """RDS created the backup and deletes it automatically; `type` is RDS's own term."""

    def __init__(self, name: str, type: str) -> None:  # noqa: A002, RDS's own name
        super().__init__(name)
        self.name = name
        self.type = type


class BackupBusy(UserError):
    """The backup is in use; `status` is RDS's own term."""

    def __init__(self, name: str, status: str) -> None:
        super().__init__(name)
        self.name = name
        self.status = status


class RequestOpen(UserError):
    """Another request about the backup to delete is still open."""

    def __init__(self, name: str, requested_by: str | None = None) -> None:
        super().__init__(name)
        self.name = name
        self.requested_by = requested_by


class RequestUnknown(UserError):
    """No request has this backup name, or an ID that starts with it."""

    def __init__(self, about: str) -> None:
        super().__init__(about)
        self.about = about


class AskedInDirectMessage(UserError):
    """Only the requester would see the card, and someone else has to approve."""

    def __init__(self, instance_name: str) -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name


class TooManyCommands(UserError):
    """This person sent `count` commands in the last minute and must wait `wait` seconds."""

    def __init__(self, count: int, wait: float) -> None:
        super().__init__(count, wait)
        self.count = count
        self.wait = wait


class ForeignWorkspace(UserError):
    """The requester belongs to another workspace, as people in a shared channel can."""


class WorkspaceUnknown(UserError):
    """Slack names the requester's organization, but not the workspace where they did it."""


class MayNotAsk(UserError):
    """The policy doesn't let this person request backups of this instance."""

    def __init__(
        self, instance_name: str, rule: "RuleReference", requesters: Sequence[str]
    ) -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name
        self.rule = rule
        self.requesters = tuple(requesters)


class OtherChannel(UserError):
    """The policy allows requests for this instance only in `channels`."""

    def __init__(self, instance_name: str, rule: "RuleReference", channels: Sequence[str]) -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name
        self.rule = rule
        self.channels = tuple(channels)


class TooFewApprovers(UserError):
    """`approvals` people have to approve it, but only `able` can."""

    def __init__(
        self, instance_name: str, rule: "RuleReference", approvals: int, able: Sequence[str]
    ) -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name
        self.rule = rule
        self.approvals = approvals
        self.able = tuple(able)


class MayNotAudit(UserError):
    """The policy lets only `auditors` read the instance's audit log."""

    def __init__(self, instance_name: str, rule: "RuleReference", auditors: Sequence[str]) -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name
        self.rule = rule
        self.auditors = tuple(auditors)


class GroupsUnknown(UserError):
    """Slack couldn't say who is in the user groups that are `allowed`.

    `action` is what needs permission: "ask for" or "read the audit trail of". These words are
    stored, so they don't change.
    """

    def __init__(
        self, instance_name: str, allowed: Sequence[str], action: str = "ask for"
    ) -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name
        self.allowed = tuple(allowed)
        self.action = action


class CannotPost(UserError):
    """Slack doesn't let the bot post in the channel; `error` is Slack's code."""

    def __init__(self, channel_id: str, error: str) -> None:
        super().__init__(channel_id, error)
        self.channel_id = channel_id
        self.error = error


class GaveUp(UserError):
    """RDS gave no clear answer within `seconds` of the decision, after `tries` calls."""

    def __init__(self, seconds: float, tries: int) -> None:
        super().__init__(seconds, tries)
        self.seconds = seconds
        self.tries = tries


class FormNotOpened(UserError):
    """Slack didn't open the form; it accepts one only within three seconds."""


class StoreUnavailable(UserError):
    """The database is unavailable, so nothing was accepted."""


class RefusalReason(StrEnum):
    """Why RDS refused; `bot/rds/errors.py` maps RDS's codes to these."""

    INSTANCE_NOT_FOUND = "instance_not_found"
    INSTANCE_BUSY = "instance_busy"  # another operation; wait and retry
    BACKUP_RUNNING = "backup_running"  # wait and retry
    INSTANCE_STATE = "instance_state"  # its status does not allow a backup
    STORAGE_FULL = "storage_full"
    NAME_TAKEN = "name_taken"
    BAD_PARAMETER = "bad_parameter"
    BACKUP_NOT_FOUND = "backup_not_found"
    BACKUP_IN_USE = "backup_in_use"  # created, restored or copied; wait and retry
    NOT_PERMITTED = "not_permitted"  # the bot's account lacks the permission
    CREDENTIALS = "credentials"  # wrong or expired keys, or a wrong clock; retried rarely
    QUOTA = "quota"
    WRONG_ENDPOINT = "wrong_endpoint"
    OTHER = "other"


# RDS rejects the bot's key, or what the key may do: no other call will do better.
REFUSED_KEYS = (RefusalReason.CREDENTIALS, RefusalReason.NOT_PERMITTED)


class RdsError(BotError):
    """A call to RDS failed.

    `code` is RDS's error code (`DBS.…`, `APIGW.…`) or empty, `status` the HTTP status or None,
    `request_id` RDS's request ID or None. The gateway's message is never kept, because it can
    contain the Authorization header.
    """

    def __init__(
        self, code: str = "", *, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(code or f"HTTP {status}" if status else code)
        self.code = code
        self.status = status
        self.request_id = request_id

    @property
    def for_support(self) -> dict[str, str]:
        """RDS's code and request ID, as far as they are known."""
        told = {"code": self.code, "rds_request_id": self.request_id or ""}
        return {key: value for key, value in told.items() if value}


class RdsUnreachable(RdsError):
    """Nothing was carried out; the call can be retried after `retry_after` seconds."""

    def __init__(
        self,
        code: str = "",
        *,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, status=status, request_id=request_id)
        self.retry_after = retry_after


class RdsOutcomeUnknown(RdsError):
    """A create that may have been carried out; look up its name before sending it again."""


class RdsRefused(RdsError):
    """RDS refused the call."""

    def __init__(
        self,
        reason: RefusalReason,
        code: str = "",
        *,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(code, status=status, request_id=request_id)
        self.reason = reason

    @property
    def says_gone(self) -> bool:
        """Whether RDS itself says it doesn't exist; a 404 without a code may be a proxy's."""
        return bool(self.code) and self.reason in (
            RefusalReason.INSTANCE_NOT_FOUND,
            RefusalReason.BACKUP_NOT_FOUND,
        )


class LeaseLost(BotError):
    """Another replica took over this one's work; it must no longer act or post."""


class SlackUnreachable(BotError):
    """Slack didn't accept a message but may later; `error` is its code or the failure.

    `in_doubt` says whether Slack may have carried it out without saying so, `is_outage` whether
    any other message would have failed, too, and `retry_after` how many seconds to wait before
    sending another one like it.
    """

    def __init__(
        self,
        error: str,
        *,
        in_doubt: bool = True,
        is_outage: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(error)
        self.error = error
        self.in_doubt = in_doubt
        self.is_outage = is_outage
        self.retry_after = retry_after


class SettingsError(BotError):
    """The settings are wrong; `problems` lists every problem and what to do about it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
