"""Why something can't be done, and what to do about it, for every error a user can meet."""

from datetime import datetime
from functools import singledispatch
from typing import NamedTuple

from bot.domain.errors import (
    AmbiguousInstance,
    CannotPost,
    GroupsUnknown,
    InstanceBusy,
    InstanceNotReady,
    MayNotAsk,
    NameTaken,
    RdsError,
    RdsOutcomeUnknown,
    RdsRefused,
    RdsUnreachable,
    ReadReplica,
    RefusalReason,
    StoreUnavailable,
    UnknownInstance,
    UserError,
)
from bot.domain.policy import Terms
from bot.slack.mrkdwn import code, date, listed, mention, name, people
from bot.slack.words import rule, status


class Reason(NamedTuple):
    """Two sentences or so, in mrkdwn."""

    why: str
    todo: str


def told(error: UserError | RdsError) -> str:
    """What happened, what did not, what to do, and what support asks for."""
    why, todo = reason(error)
    unsure = isinstance(error, RdsOutcomeUnknown)
    parts = (why, "" if unsure else "Nothing was started.", todo, reference(error))
    return " ".join(filter(None, parts))


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
    why = (
        f"{name(error.instance_name)} is {status(error.status)} (RDS says {code(error.status)}), "
        "and RDS backs up only what is available."
    )
    return Reason(why, "Ask again when it is.")


@reason.register
def _(error: NameTaken) -> Reason:
    owner = f"a request of {mention(error.asked_by)}" if error.asked_by else "another backup"
    why = f"The name {code(error.name)} is taken: {owner} has it, and RDS wants a name once."
    return Reason(why, f"Try {code(error.suggestion)}.")


@reason.register
def _(error: MayNotAsk) -> Reason:
    wanted = people(error.requesters, "or")
    why = f"You may not ask for a backup of {name(error.instance_name)}: only {wanted} may"
    return Reason(f"{why} ({rule(Terms(rule=error.rule))}).", "Let one of them ask.")


@reason.register
def _(error: GroupsUnknown) -> Reason:
    wanted = people(error.requesters, "or")
    why = f"Only {wanted} may ask for {name(error.instance_name)}, and Slack does not say who is"
    todo = (
        "Ask again in a minute; if this stays, whoever runs the bot has to check the group's id "
        "and the scope `usergroups:read`."
    )
    return Reason(f"{why} in there.", todo)


@reason.register
def _(error: CannotPost) -> Reason:
    why = f"I can't post in <#{name(error.channel_id)}>: Slack says {code(error.error)}."
    if error.error in ("not_in_channel", "channel_not_found"):
        return Reason(why, "Invite me there with `/invite`, then ask again.")
    return Reason(why, "Ask in another channel, or let a workspace admin allow me to post there.")


@reason.register
def _(_: StoreUnavailable) -> Reason:
    return Reason(
        "My database does not answer, so I could not write anything down.",
        "Send it again in a minute; if this stays, tell whoever runs the bot.",
    )


@reason.register
def _(error: RdsUnreachable) -> Reason:
    wait = f"{round(error.retry_after)} s" if error.retry_after else "a minute"
    return Reason(
        "RDS does not answer right now, or takes no more calls.", f"Send it again in {wait}."
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


_OPERATOR = "Whoever runs the bot has to check"
REFUSALS = {
    RefusalReason.INSTANCE_NOT_FOUND: Reason(
        "RDS does not know this instance any more.",
        "Check in the RDS console whether it still exists.",
    ),
    RefusalReason.INSTANCE_BUSY: Reason(
        "RDS does something else with the instance, and does one thing at a time.",
        "Ask again when that is over.",
    ),
    RefusalReason.BACKUP_RUNNING: Reason(
        "Another backup of the instance is running, and RDS runs one at a time.",
        "Ask again when it is over.",
    ),
    RefusalReason.INSTANCE_STATE: Reason(
        "RDS takes no backup of the instance in its present status.",
        "Ask again when the RDS console shows it as available.",
    ),
    RefusalReason.STORAGE_FULL: Reason(
        "The instance's storage is full.", "Free some, or scale it up, then ask again."
    ),
    RefusalReason.NAME_TAKEN: Reason(
        "RDS has something else under this name, and wants a name once.",
        "Ask again with another name.",
    ),
    RefusalReason.BAD_PARAMETER: Reason(
        "RDS does not take what it was given: the instance's id, the name or the description.",
        "Try a plainer name and description.",
    ),
    RefusalReason.BACKUP_NOT_FOUND: Reason(
        "RDS does not know this backup.", "Check in the RDS console whether it still exists."
    ),
    RefusalReason.NOT_PERMITTED: Reason(
        "RDS does not let the bot's account do this.",
        f"{_OPERATOR} its rights: `rds:backup:create`, `rds:backup:list`, `rds:instance:list`.",
    ),
    RefusalReason.CREDENTIALS: Reason(
        "RDS does not accept the bot's keys.",
        f"{_OPERATOR} that they are right and not expired, and that the bot's clock is right.",
    ),
    RefusalReason.QUOTA: Reason(
        "A quota of the RDS project is used up.",
        "Delete backups that nobody needs, or have the quota raised.",
    ),
    RefusalReason.WRONG_ENDPOINT: Reason(
        "There is no RDS where the bot looks for it.",
        f"{_OPERATOR} the region, the project id and the endpoint.",
    ),
    RefusalReason.OTHER: Reason(
        "RDS gave a code that I have no words for.",
        "Look it up in RDS's list of error codes, or ask Huawei Cloud support.",
    ),
}
