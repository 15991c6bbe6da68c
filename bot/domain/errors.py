"""Every error that a user or an operator can meet.

BotError
├── UserError              the person who asked can mend it; nothing was started
│   ├── CommandError       the text of the command cannot be right (see commands.py)
│   ├── UnknownInstance
│   ├── AmbiguousInstance
│   ├── ReadReplica
│   ├── InstanceBusy
│   ├── InstanceNotReady
│   ├── NameTaken
│   ├── BackupUnknown      nothing of this name is to be deleted
│   ├── BackupNotManual    RDS made it, and deletes it itself
│   ├── BackupBusy         it is still running, or being deleted
│   ├── RequestOpen        one about this backup has not ended yet
│   ├── RequestUnknown     no request of this name or id
│   ├── AskedInDirectMessage  nobody could approve it there
│   ├── TooManyCommands    in a minute, from one person
│   ├── ForeignWorkspace   who asks belongs to another one
│   ├── MayNotAsk
│   ├── OtherChannel       the policy lets people ask for it elsewhere only
│   ├── TooFewApprovers    fewer people can approve it than have to
│   ├── MayNotAudit
│   ├── GroupsUnknown      Slack could not say who may, so nobody may now
│   ├── CannotPost         Slack does not let the bot write in the channel
│   ├── GaveUp             RDS gave no clear answer for too long
│   ├── FormNotOpened      Slack did not show the form in which it would go on
│   └── StoreUnavailable   nothing could be written down, so nothing was accepted
├── RdsError               RDS, or the way to it, said no
│   ├── RdsUnreachable     nothing was carried out: connect error, throttled, or a look that failed
│   ├── RdsOutcomeUnknown  a create that may or may not have been carried out
│   └── RdsRefused         RDS answered and will not do it; `reason` says why
├── SlackUnreachable       Slack did not take a message now; it may later
├── LeaseLost              this process was silent for so long that another took over its work
└── SettingsError          the operator's: every problem at once

Errors carry data. The words for them stand in `bot/slack/messages/reasons.py`, the codes under
which they are stored in `error_codes.py`.
"""

from collections.abc import Sequence
from enum import StrEnum

from bot.domain.policy import RuleReference


class BotError(Exception):
    """Anything this bot raises on purpose."""


class UserError(BotError):
    """The person who asked can mend it; nothing was started."""


class UnknownInstance(UserError):
    """No instance of the project has this id, name or alias.

    `suggestions` are the names nearest to it, best first, at most three.
    """

    def __init__(self, reference: str, suggestions: Sequence[str] = ()) -> None:
        super().__init__(reference)
        self.reference = reference
        self.suggestions = tuple(suggestions)


class AmbiguousInstance(UserError):
    """Several instances bear the name: only an id can tell them apart."""

    def __init__(self, reference: str, instance_ids: Sequence[str]) -> None:
        super().__init__(reference)
        self.reference = reference
        self.instance_ids = tuple(instance_ids)


class ReadReplica(UserError):
    """RDS takes no backups of a read replica; `primary` is its primary's name, if known."""

    def __init__(self, instance_name: str, primary: str | None) -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name
        self.primary = primary


class InstanceBusy(UserError):
    """The instance is being backed up: RDS runs one backup of an instance at a time.

    `backup_name` and `since` (ISO 8601) are those of the running backup, if RDS lists it.
    """

    def __init__(
        self, instance_name: str, backup_name: str | None = None, since: str | None = None
    ) -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name
        self.backup_name = backup_name
        self.since = since


class InstanceNotReady(UserError):
    """The instance is in a status (`FROZEN`, `REBOOTING`, …) in which RDS takes no backup."""

    def __init__(self, instance_name: str, status: str) -> None:
        super().__init__(instance_name, status)
        self.instance_name = instance_name
        self.status = status


class NameTaken(UserError):
    """A backup, or an open request, already has the name; `suggestion` is one that is free.

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
    """No manual backup has the name: of the instance, or, without one, of those the bot made."""

    def __init__(self, name: str, instance_name: str | None = None) -> None:
        super().__init__(name)
        self.name = name
        self.instance_name = instance_name


class BackupNotManual(UserError):
    """RDS made the backup by itself (`type` as it spells it), and deletes it by itself."""

    def __init__(self, name: str, type: str) -> None:  # noqa: A002, RDS's own name
        super().__init__(name)
        self.name = name
        self.type = type


class BackupBusy(UserError):
    """The backup is not at rest: `status` as RDS spells it."""

    def __init__(self, name: str, status: str) -> None:
        super().__init__(name)
        self.name = name
        self.status = status


class RequestOpen(UserError):
    """Another request about the backup that is to be deleted is still open."""

    def __init__(self, name: str, requested_by: str | None = None) -> None:
        super().__init__(name)
        self.name = name
        self.requested_by = requested_by


class RequestUnknown(UserError):
    """No request has this backup name, or an id that begins so."""

    def __init__(self, about: str) -> None:
        super().__init__(about)
        self.about = about


class AskedInDirectMessage(UserError):
    """The card would stand where only the asker reads it, and somebody else has to approve."""

    def __init__(self, instance_name: str) -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name


class TooManyCommands(UserError):
    """This person sent `count` commands in the last minute; `wait` seconds, and one more goes."""

    def __init__(self, count: int, wait: float) -> None:
        super().__init__(count, wait)
        self.count = count
        self.wait = wait


class ForeignWorkspace(UserError):
    """Who asks belongs to another workspace, as people in a shared channel do."""


class MayNotAsk(UserError):
    """The policy does not let this person ask for this instance."""

    def __init__(self, instance_name: str, rule: RuleReference, requesters: Sequence[str]) -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name
        self.rule = rule
        self.requesters = tuple(requesters)


class OtherChannel(UserError):
    """The policy lets people ask for this instance in `channels` only."""

    def __init__(self, instance_name: str, rule: RuleReference, channels: Sequence[str]) -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name
        self.rule = rule
        self.channels = tuple(channels)


class TooFewApprovers(UserError):
    """`approvals` people have to approve it, and only `able` are left who can."""

    def __init__(
        self, instance_name: str, rule: RuleReference, approvals: int, able: Sequence[str]
    ) -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name
        self.rule = rule
        self.approvals = approvals
        self.able = tuple(able)


class MayNotAudit(UserError):
    """The policy lets only `auditors` read the instance's trail."""

    def __init__(self, instance_name: str, rule: RuleReference, auditors: Sequence[str]) -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name
        self.rule = rule
        self.auditors = tuple(auditors)


class GroupsUnknown(UserError):
    """Slack could not say who is in the user groups that may; `allowed` names them.

    `wish` is what the person wanted, as in "may … orders-prod": "ask for", "read the trail of".
    """

    def __init__(self, instance_name: str, allowed: Sequence[str], wish: str = "ask for") -> None:
        super().__init__(instance_name)
        self.instance_name = instance_name
        self.allowed = tuple(allowed)
        self.wish = wish


class CannotPost(UserError):
    """Slack does not let the bot write in the channel; `error` is Slack's own code."""

    def __init__(self, channel_id: str, error: str) -> None:
        super().__init__(channel_id, error)
        self.channel_id = channel_id
        self.error = error


class GaveUp(UserError):
    """RDS gave no clear answer within `seconds` after the decision; `tries` calls were sent."""

    def __init__(self, seconds: float, tries: int) -> None:
        super().__init__(seconds, tries)
        self.seconds = seconds
        self.tries = tries


class FormNotOpened(UserError):
    """Slack wants a form within three seconds, and did not open this one."""


class StoreUnavailable(UserError):
    """The database took nothing, so nothing was accepted."""


class RefusalReason(StrEnum):
    """Why RDS will not do it, in our words; the codes behind each stand in `bot/rds/errors.py`."""

    INSTANCE_NOT_FOUND = "instance_not_found"
    INSTANCE_BUSY = "instance_busy"  # another operation; wait and ask again
    BACKUP_RUNNING = "backup_running"  # wait and ask again
    INSTANCE_STATE = "instance_state"  # its status does not allow a backup
    STORAGE_FULL = "storage_full"
    NAME_TAKEN = "name_taken"
    BAD_PARAMETER = "bad_parameter"
    BACKUP_NOT_FOUND = "backup_not_found"
    BACKUP_IN_USE = "backup_in_use"  # made, restored or copied; wait and ask again
    NOT_PERMITTED = "not_permitted"  # the bot's account lacks the right
    CREDENTIALS = "credentials"  # wrong or expired keys, or a wrong clock: never retried
    QUOTA = "quota"
    WRONG_ENDPOINT = "wrong_endpoint"
    OTHER = "other"


class RdsError(BotError):
    """RDS, or the way to it, said no.

    `code` is RDS's own (`DBS.…`, `APIGW.…`) or empty, `status` the HTTP status or None,
    `request_id` what support asks for, or None. The gateway's text is never kept:
    it can hold the Authorization header.
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
        """What support asks for, as far as RDS said it."""
        told = {"code": self.code, "rds_request_id": self.request_id or ""}
        return {key: value for key, value in told.items() if value}


class RdsUnreachable(RdsError):
    """Nothing was carried out; the same call may be made again after `retry_after` seconds."""

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
    """A create that may have been carried out: look the name up, never repeat blindly."""


class RdsRefused(RdsError):
    """RDS answered, and will not do it."""

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
        """Whether RDS itself says that it has no such thing; a bare 404 may be a proxy's."""
        return bool(self.code) and self.reason in (
            RefusalReason.INSTANCE_NOT_FOUND,
            RefusalReason.BACKUP_NOT_FOUND,
        )


class LeaseLost(BotError):
    """Another replica took over this one's work: it must neither act nor speak any more."""


class SlackUnreachable(BotError):
    """Slack did not take a message, and may take it later; `error` is its code, or what broke."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class SettingsError(BotError):
    """The settings cannot work; `problems` names every one, each with what to do."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
