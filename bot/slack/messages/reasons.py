"""Why something can't be done, and what to do about it, for every error a user can meet."""

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
)
from bot.domain.instances import BackupStatus
from bot.domain.quantities import counted
from bot.slack.messages.mrkdwn import channel, code, date, duration, listed, mention, name, people
from bot.slack.messages.policy_words import rule
from bot.slack.messages.refusals import REFUSALS, Reason
from bot.slack.messages.words import status

_TO_START = "ask for"
_OF_A_DELETION = BackupUnknown, BackupNotManual, BackupBusy, RequestOpen
_OF_ANYTHING = RdsOutcomeUnknown, MayNotAudit, RequestUnknown, TooManyCommands
_GROUP_TODO = (
    "in a minute; if this stays, whoever runs the bot has to check the group's id and the scopes "
    "`usergroups:read` and `users:read`."
)


def told(error: UserError | RdsError, nothing: str = "Nothing was started.") -> str:
    """What happened, what did not (`nothing`), what to do, and what support asks for."""
    why, todo = reason(error)
    if not _was_to_start(error):
        nothing = ""
    elif isinstance(error, _OF_A_DELETION):
        nothing = "Nothing was deleted."
    return " ".join(filter(None, (why, nothing, todo, reference(error))))


def _was_to_start(error: UserError | RdsError) -> bool:
    """Whether something was to be started, or deleted, and certainly was not."""
    if isinstance(error, BackupBusy) and error.status == BackupStatus.DELETING:
        return False
    if isinstance(error, GroupsUnknown):
        return error.wish == _TO_START
    return not isinstance(error, _OF_ANYTHING)


def reference(error: UserError | RdsError) -> str:
    """RDS's code and request id, where there are any."""
    if not isinstance(error, RdsError):
        return ""
    told_by = code(error.code) if error.code else f"HTTP {error.status}" if error.status else ""
    asked = f"request {code(error.request_id)}" if error.request_id else ""
    parts = ", ".join(filter(None, (told_by, asked)))
    return f"RDS: {parts}." if parts else ""


@singledispatch
def reason(error: UserError | RdsError) -> Reason:
    """The words for an error; every class has its own below."""
    raise NotImplementedError(type(error).__name__)


@reason.register
def _(error: UnknownInstance) -> Reason:
    todo = "Give its id, or its name as the RDS console shows it."
    if error.suggestions:
        todo = f"Did you mean {listed([code(near) for near in error.suggestions], 'or')}?"
    return Reason(f"I don't know an instance {code(error.reference)}.", todo)


@reason.register
def _(error: AmbiguousInstance) -> Reason:
    ids = listed([code(instance_id) for instance_id in error.instance_ids], "or")
    return Reason(f"Several instances are named {code(error.reference)}.", f"Give the id: {ids}.")


@reason.register
def _(error: ReadReplica) -> Reason:
    why = f"{name(error.instance_name)} is a read replica, and RDS takes no backups of those."
    primary = f": {code(error.primary)}" if error.primary else ""
    return Reason(why, f"Back up its primary instead{primary}.")


@reason.register
def _(error: InstanceBusy) -> Reason:
    details = [
        code(error.backup_name) if error.backup_name else "",
        f"since {date(datetime.fromisoformat(error.since))}" if error.since else "",
    ]
    shown = ", ".join(filter(None, details))
    why = f"{name(error.instance_name)} is being backed up already"
    return Reason(
        f"{why} ({shown})." if shown else f"{why}.",
        "RDS runs one at a time: ask again when it is over.",
    )


@reason.register
def _(error: InstanceNotReady) -> Reason:
    if error.status == "RESTORING":
        return Reason(
            f"{name(error.instance_name)} is being restored (RDS says {code(error.status)}). "
            "Until that is over, no backup of it can be made or deleted.",
            "Ask again then.",
        )
    why = (
        f"{name(error.instance_name)} is {status(error.status)} (RDS says {code(error.status)}), "
        "and RDS backs up only what is available."
    )
    return Reason(why, "Ask again when it is.")


@reason.register
def _(error: NameTaken) -> Reason:
    owner = f"a request of {mention(error.asked_by)}" if error.asked_by else "another backup"
    if error.instance_name:
        why = (
            f"The name {code(error.name)} is taken: a backup of {name(error.instance_name)} uses "
            "it, and backup names must be unique across instances."
        )
        return Reason(why, f"Try {code(error.suggestion)}.")
    why = f"The name {code(error.name)} is taken: {owner} has it, and RDS wants a name once."
    return Reason(why, f"Try {code(error.suggestion)}.")


@reason.register
def _(error: BackupUnknown) -> Reason:
    if error.instance_name is None:
        return Reason(
            f"I have made no backup {code(error.name)}.",
            "If somebody else made it, say of which instance: put the instance behind the name.",
        )
    return Reason(
        f"{name(error.instance_name)} has no backup {code(error.name)}.",
        "Somebody has deleted it already, or its name is spelt otherwise.",
    )


@reason.register
def _(error: BackupNotManual) -> Reason:
    return Reason(
        f"{code(error.name)} is not a manual backup: RDS made it by itself "
        f"({name(error.type)}), and deletes it by itself.",
        "How long it keeps such backups stands in the instance's backup policy.",
    )


@reason.register
def _(error: BackupBusy) -> Reason:
    if error.status == BackupStatus.DELETING:
        return Reason(f"{code(error.name)} is being deleted already.", "There is nothing to do.")
    running = error.status == BackupStatus.BUILDING
    why = "is still running" if running else f"is {code(error.status)}, as RDS says"
    return Reason(f"{code(error.name)} {why}.", "Ask again when it is at rest.")


@reason.register
def _(error: RequestOpen) -> Reason:
    whose = f"a request of {mention(error.asked_by)}" if error.asked_by else "another request"
    return Reason(
        f"{code(error.name)} waits for {whose} already.",
        "Look at its card, and ask again when that has ended.",
    )


@reason.register
def _(error: RequestUnknown) -> Reason:
    return Reason(
        f"I know no request {code(error.about)}.",
        "Give the backup's name as its card shows it.",
    )


@reason.register
def _(error: AskedInDirectMessage) -> Reason:
    return Reason(
        f"{name(error.instance_name)} wants somebody else's approval, and here nobody else reads.",
        "Ask in a channel where they are.",
    )


@reason.register
def _(error: TooManyCommands) -> Reason:
    why = f"You've sent {error.count} commands in the last minute."
    return Reason(why, f"Try again in {ceil(error.wait)} s.")


@reason.register
def _(_: ForeignWorkspace) -> Reason:
    return Reason(
        "You are here as a guest of another workspace, and I take requests from mine only.",
        "Let somebody of this workspace ask.",
    )


@reason.register
def _(error: GaveUp) -> Reason:
    tries = counted(error.tries, "try", "tries")
    waited = duration(timedelta(seconds=error.seconds))
    why = f"RDS gave no clear answer for {waited} ({tries}), so I stopped trying."
    return Reason(why, "Check that RDS responds before you request it again.")


@reason.register
def _(_: FormNotOpened) -> Reason:
    return Reason("Slack did not open the form.", "Try once more.")


@reason.register
def _(error: MayNotAsk) -> Reason:
    only = people(error.requesters, "or") or "nobody"
    why = f"You may not ask for a backup of {name(error.instance_name)}: only {only} may"
    return Reason(f"{why} ({rule(error.rule)}).", "Let one of them ask.")


@reason.register
def _(error: OtherChannel) -> Reason:
    where = listed([channel(channel_id) for channel_id in error.channels], "or")
    why = f"A backup of {name(error.instance_name)} can be asked for in {where} only"
    return Reason(f"{why} ({rule(error.rule)}).", "Ask there.")


@reason.register
def _(error: TooFewApprovers) -> Reason:
    needed = counted(error.approvals, "person", "people")
    able = f"only {people(error.able)} can" if error.able else "nobody can"
    verb = "has" if error.approvals == 1 else "have"
    why = f"{needed} {verb} to approve a backup of {name(error.instance_name)}, and {able}"
    return Reason(f"{why} ({rule(error.rule)}).", "Whoever runs the bot has to name more.")


@reason.register
def _(error: MayNotAudit) -> Reason:
    only = people(error.auditors, "or") or "people of this workspace"
    why = f"You may not read the audit trail of {name(error.instance_name)}: only {only} may"
    return Reason(f"{why} ({rule(error.rule)}).", "Let one of them look.")


@reason.register
def _(error: GroupsUnknown) -> Reason:
    allowed = people(error.allowed, "or") or "the members of a group"
    what = f"{name(error.wish)} {name(error.instance_name)}"
    why = f"Only {allowed} may {what}, and Slack does not say who that is."
    return Reason(why, f"Send it again {_GROUP_TODO}")


@reason.register
def _(error: CannotPost) -> Reason:
    if error.channel_id.startswith("D"):
        why = f"I can't post in a direct message of others: Slack says {code(error.error)}."
        return Reason(why, "Ask in a channel to which I was invited.")
    why = f"I can't post in {channel(error.channel_id)}: Slack says {code(error.error)}."
    if error.error in ("not_in_channel", "channel_not_found"):
        return Reason(why, "Invite me there with `/invite`, then ask again.")
    return Reason(why, "Ask in another channel, or let a workspace admin allow me to post there.")


@reason.register
def _(_: StoreUnavailable) -> Reason:
    return Reason(
        "My database does not answer, so I could not write anything down.",
        "Try again in a minute; if this stays, tell whoever runs the bot.",
    )


@reason.register
def _(error: RdsUnreachable) -> Reason:
    wait = f"{round(error.retry_after)} s" if error.retry_after else "a minute"
    return Reason(
        "RDS does not answer right now, or takes no more calls.", f"Try again in {wait}."
    )


@reason.register
def _(_: RdsOutcomeUnknown) -> Reason:
    return Reason(
        "RDS did not answer, so I don't know whether it started the backup.",
        "Look at the instance's backups in the RDS console before you ask again.",
    )


@reason.register
def _(error: RdsRefused) -> Reason:
    return REFUSALS[error.reason]
