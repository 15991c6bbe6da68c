"""Explain each reason for which RDS refuses a call, and what to do next."""

from typing import NamedTuple

from bot.domain.errors import RefusalReason


class Reason(NamedTuple):
    """Why something failed and what to do next, as sentences in mrkdwn."""

    why: str
    todo: str


_OPERATOR = "The bot's operator needs to check"
REFUSALS = {
    RefusalReason.INSTANCE_NOT_FOUND: Reason(
        "RDS no longer knows this instance.",
        "Check in the RDS console whether it still exists.",
    ),
    RefusalReason.INSTANCE_BUSY: Reason(
        "RDS is busy with the instance and runs one operation at a time.",
        "Try again when it has finished.",
    ),
    RefusalReason.BACKUP_RUNNING: Reason(
        "Another backup of the instance is running; RDS runs one per instance at a time.",
        "Try again when it finishes.",
    ),
    RefusalReason.INSTANCE_STATE: Reason(
        "RDS can't back up the instance in its current status.",
        "Try again when the RDS console shows it as available.",
    ),
    RefusalReason.STORAGE_FULL: Reason(
        "The instance's storage is full.", "Free up or add storage, then try again."
    ),
    RefusalReason.NAME_TAKEN: Reason(
        "Another backup in RDS already has this name; backup names must be unique.",
        "Request it again with another name.",
    ),
    RefusalReason.BAD_PARAMETER: Reason(
        "RDS didn't accept the instance ID, the name or the description.",
        "Try a simpler name and description.",
    ),
    RefusalReason.BACKUP_NOT_FOUND: Reason(
        "RDS doesn't know this backup.", "Check in the RDS console whether it still exists."
    ),
    RefusalReason.BACKUP_IN_USE: Reason(
        "The backup is in use: RDS is still creating, restoring or copying it.",
        "Try again once that has finished.",
    ),
    RefusalReason.NOT_PERMITTED: Reason(
        "The bot's account isn't allowed to do this.",
        f"{_OPERATOR} its permissions: `rds:backup:create`, `rds:backup:list`, "
        "`rds:backup:delete`, `rds:instance:list`.",
    ),
    RefusalReason.CREDENTIALS: Reason(
        "RDS rejected the bot's access key. It may have expired or been revoked.",
        f"{_OPERATOR} the access key, and that the bot's clock is right.",
    ),
    RefusalReason.QUOTA: Reason(
        "The RDS project has reached a quota.",
        "Delete backups you no longer need, or request a higher quota.",
    ),
    RefusalReason.WRONG_ENDPOINT: Reason(
        "The bot's RDS endpoint, region or project is wrong.",
        f"{_OPERATOR} these settings.",
    ),
    RefusalReason.OTHER: Reason(
        "RDS returned an error I don't recognize.",
        "Look it up in the RDS error codes, or ask Huawei Cloud support.",
    ),
}
