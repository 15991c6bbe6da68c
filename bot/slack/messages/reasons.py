"""Explain every error that a user can get: why it happened, and what to do next."""

from datetime import datetime, timedelta
from functools import singledispatch
from math import ceil

from bot.domain.errors import (
    AmbiguousInstance,
    AskedInDirectMessage,
    BackupBusy,
    BackupNotManual,
    BackupUnknown,
    CannotPost,
    ForeignWorkspace,
    FormNotOpened,
    GaveUp,
    GroupsUnknown,
    InstanceBusy,
    InstanceNotReady,
    MayNotAsk,
    MayNotAudit,
    NameTaken,
    OtherChannel,
    RdsError,
    RdsOutcomeUnknown,
    RdsRefused,
    RdsUnreachable,
    ReadReplica,
    RequestOpen,
    RequestUnknown,
    StoreUnavailable,
    TooFewApprovers,
    TooManyCommands,
    UnknownInstance,
    UserError,
    WorkspaceUnknown,
)
from bot.domain.instances import BackupStatus
from bot.domain.quantities import counted
from bot.slack.messages.mrkdwn import channel, code, date, duration, listed, mention, name, people
from bot.slack.messages.policy_words import rule
from bot.slack.messages.refusals import REFUSALS, Reason
from bot.slack.messages.words import status

_TO_START = "ask for"
_NEEDS_PERMISSION = {  # GroupsUnknown.action → how a message says it
    _TO_START: "request backups of",
    "read the audit trail of": "read the audit log of",
}
_OF_A_DELETION = BackupUnknown, BackupNotManual, BackupBusy, RequestOpen
_OF_ANYTHING = RdsOutcomeUnknown, MayNotAudit, RequestUnknown, TooManyCommands
_GROUP_TODO = (
    "Try again in a minute. If this keeps happening, the bot's operator needs to check the "
    "group's ID and the scopes `usergroups:read` and `users:read`."
)


def told(error: UserError | RdsError, nothing: str = "Nothing was started.") -> str:
    """Say what is wrong, what did not happen (`nothing`), what to do, and RDS's reference."""
    why, todo = reason(error)
    if not _was_to_start(error):
        nothing = ""
    elif isinstance(error, _OF_A_DELETION):
        nothing = "Nothing was deleted."
    return " ".join(filter(None, (why, nothing, todo, reference(error))))


def _was_to_start(error: UserError | RdsError) -> bool:
    """Whether the error stopped a backup or a deletion that certainly never began."""
    if isinstance(error, BackupBusy) and error.status == BackupStatus.DELETING:
        return False
    if isinstance(error, GroupsUnknown):
        return error.action == _TO_START
    return not isinstance(error, _OF_ANYTHING)


def reference(error: UserError | RdsError) -> str:
    """Return RDS's error code and request ID for support, or "" if there are none."""
    if not isinstance(error, RdsError):
        return ""
    told_by = code(error.code) if error.code else f"HTTP {error.status}" if error.status else ""
    asked = f"request {code(error.request_id)}" if error.request_id else ""
    parts = ", ".join(filter(None, (told_by, asked)))
    return f"RDS: {parts}." if parts else ""


@singledispatch
def reason(error: UserError | RdsError) -> Reason:
    """Return why the error happened and what to do; one function per class follows."""
    raise NotImplementedError(type(error).__name__)


@reason.register
def _(error: UnknownInstance) -> Reason:
    todo = "Use its ID, or its name as shown in the RDS console."
    if error.suggestions:
        todo = f"Did you mean {listed([code(near) for near in error.suggestions], 'or')}?"
    return Reason(f"I can't find an instance called {code(error.reference)}.", todo)


@reason.register
def _(error: AmbiguousInstance) -> Reason:
    ids = listed([code(instance_id) for instance_id in error.instance_ids], "or")
    more = "project, too" if all("/" in one for one in error.instance_ids) else "ID"
    return Reason(
        f"Several instances are named {code(error.reference)}.", f"Use the {more}: {ids}."
    )


@reason.register
def _(error: ReadReplica) -> Reason:
    why = f"{name(error.instance_name)} is a read replica, and RDS can't back up read replicas."
    primary = f": {code(error.primary)}" if error.primary else ""
    return Reason(why, f"Back up its primary instead{primary}.")


@reason.register
def _(error: InstanceBusy) -> Reason:
    details = [
        code(error.backup_name) if error.backup_name else "",
        f"since {date(datetime.fromisoformat(error.since))}" if error.since else "",
    ]
    shown = ", ".join(filter(None, details))
    why = f"{name(error.instance_name)} is already being backed up"
    return Reason(
        f"{why} ({shown})." if shown else f"{why}.",
        "RDS runs one backup per instance at a time. Try again when it finishes.",
    )


@reason.register
def _(error: InstanceNotReady) -> Reason:
    if error.status == "RESTORING":
        return Reason(
            f"{name(error.instance_name)} is being restored ({code(error.status)}). "
            "Its backups can't be created or deleted until that finishes.",
            "Try again then.",
        )
    why = (
        f'{name(error.instance_name)}\'s status is "{status(error.status)}" '
        f"({code(error.status)}); "
        "RDS backs up only available instances."
    )
    return Reason(why, "Try again when it's available.")


@reason.register
def _(error: NameTaken) -> Reason:
    owner = f"{mention(error.requested_by)}'s request" if error.requested_by else "another backup"
    if error.instance_name:
        why = (
            f"The name {code(error.name)} is taken: a backup of {name(error.instance_name)} uses "
            "it; backup names must be unique across instances."
        )
        return Reason(why, f"Try {code(error.suggestion)}.")
    why = f"The name {code(error.name)} is taken: {owner} already uses it"
    return Reason(f"{why}; backup names must be unique.", f"Try {code(error.suggestion)}.")


@reason.register
def _(error: BackupUnknown) -> Reason:
    if error.instance_name is None:
        return Reason(
            f"I haven't made a backup called {code(error.name)}.",
            "If it was made elsewhere, add the instance after the name.",
        )
    return Reason(
        f"{name(error.instance_name)} has no backup called {code(error.name)}.",
        "It may have been deleted, or the name may be misspelled.",
    )


@reason.register
def _(error: BackupNotManual) -> Reason:
    return Reason(
        f"{code(error.name)} isn't a manual backup: RDS created it automatically "
        f"({name(error.type)}) and will delete it.",
        "Retention is set in the instance's backup policy.",
    )


@reason.register
def _(error: BackupBusy) -> Reason:
    if error.status == BackupStatus.DELETING:
        return Reason(f"{code(error.name)} is already being deleted.", "There is nothing to do.")
    running = error.status == BackupStatus.BUILDING
    why = "is still running" if running else f"has status {code(error.status)} in RDS"
    return Reason(f"{code(error.name)} {why}.", "Try again once it has finished.")


@reason.register
def _(error: RequestOpen) -> Reason:
    whose = f"{mention(error.requested_by)}'s request" if error.requested_by else "another request"
    return Reason(
        f"{whose[:1].upper()}{whose[1:]} for {code(error.name)} is still open.",
        "See its card, and try again once it has ended.",
    )


@reason.register
def _(error: RequestUnknown) -> Reason:
    return Reason(
        f"I can't find a request named {code(error.about)}.",
        "Use the backup's name as shown on its card.",
    )


@reason.register
def _(error: AskedInDirectMessage) -> Reason:
    return Reason(
        f"Backups of {name(error.instance_name)} need someone else's approval, and no one else "
        "can see this conversation.",
        "Request it in a channel.",
    )


@reason.register
def _(error: TooManyCommands) -> Reason:
    why = f"You've sent {error.count} commands in the last minute."
    return Reason(why, f"Try again in {ceil(error.wait)} s.")


@reason.register
def _(_: ForeignWorkspace) -> Reason:
    return Reason(
        "You belong to another workspace, and I accept requests only from people in this one.",
        "Ask someone in this workspace to request it.",
    )


@reason.register
def _(_: WorkspaceUnknown) -> Reason:
    return Reason(
        "Slack didn't say which of your workspaces you're in.", "Type the command in a channel."
    )


@reason.register
def _(error: GaveUp) -> Reason:
    tries = counted(error.tries, "try", "tries")
    waited = duration(timedelta(seconds=error.seconds))
    why = f"RDS gave no clear answer for {waited} ({tries}), so I stopped trying."
    return Reason(why, "Before you request it again, check that RDS is responding.")


@reason.register
def _(_: FormNotOpened) -> Reason:
    return Reason("Slack didn't open the form.", "Try again.")


@reason.register
def _(error: MayNotAsk) -> Reason:
    only = people(error.requesters, "or") or "certain people"
    why = f"Only {only} can request backups of {name(error.instance_name)} ({rule(error.rule)})."
    return Reason(why, "Ask one of them to request it.")


@reason.register
def _(error: OtherChannel) -> Reason:
    where = listed([channel(channel_id) for channel_id in error.channels], "or")
    why = f"Backups of {name(error.instance_name)} can be requested only in {where}"
    return Reason(f"{why} ({rule(error.rule)}).", "Request it there.")


@reason.register
def _(error: TooFewApprovers) -> Reason:
    needed = counted(error.approvals, "approval")
    able = f"only {people(error.able)} can approve it" if error.able else "no one can approve it"
    why = f"A backup of {name(error.instance_name)} requires {needed}, but {able}"
    return Reason(f"{why} ({rule(error.rule)}).", "The bot's operator needs to add approvers.")


@reason.register
def _(error: MayNotAudit) -> Reason:
    only = people(error.auditors, "or") or "people in this workspace"
    why = f"Only {only} can read the audit log of {name(error.instance_name)}"
    return Reason(f"{why} ({rule(error.rule)}).", "Ask one of them.")


@reason.register
def _(error: GroupsUnknown) -> Reason:
    allowed = people(error.allowed, "or") or "the members of a group"
    permitted = _NEEDS_PERMISSION.get(error.action) or name(error.action)
    why = (
        f"Only {allowed} can {permitted} {name(error.instance_name)}, but I couldn't get the "
        "group's members from Slack."
    )
    return Reason(why, _GROUP_TODO)


@reason.register
def _(error: CannotPost) -> Reason:
    if error.channel_id.startswith("D"):
        why = f"I can't post in other people's direct messages (Slack: {code(error.error)})."
        return Reason(why, "Request it in a channel that I'm in.")
    why = f"I can't post in {channel(error.channel_id)} (Slack: {code(error.error)})."
    if error.error in ("not_in_channel", "channel_not_found"):
        return Reason(why, "Invite me there with `/invite`, then try again.")
    return Reason(
        why, "Request it in another channel, or ask a workspace admin to let me post there."
    )


@reason.register
def _(_: StoreUnavailable) -> Reason:
    return Reason(
        "I can't reach my database, so nothing was saved.",
        "Try again in a minute. If this keeps happening, tell the bot's operator.",
    )


@reason.register
def _(error: RdsUnreachable) -> Reason:
    wait = f"{round(error.retry_after)} s" if error.retry_after else "a minute"
    return Reason(
        "RDS isn't responding right now, or is rate-limiting me.", f"Try again in {wait}."
    )


@reason.register
def _(_: RdsOutcomeUnknown) -> Reason:
    return Reason(
        "RDS didn't respond, so I don't know whether it started the backup.",
        "Check the instance's backups in the RDS console before you request it again.",
    )


@reason.register
def _(error: RdsRefused) -> Reason:
    return REFUSALS[error.reason]
