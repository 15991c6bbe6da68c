"""Why RDS refuses, and what to do about it, for every reason there is."""

from typing import NamedTuple

from bot.domain.errors import RefusalReason


class Reason(NamedTuple):
    """Two sentences or so, in mrkdwn."""

    why: str
    todo: str


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
    RefusalReason.BACKUP_IN_USE: Reason(
        "The backup is in use: RDS is still creating, restoring or copying it.",
        "Try again once that has finished.",
    ),
    RefusalReason.NOT_PERMITTED: Reason(
        "RDS does not let the bot's account do this.",
        f"{_OPERATOR} its rights: `rds:backup:create`, `rds:backup:list`, "
        "`rds:backup:delete`, `rds:instance:list`.",
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
