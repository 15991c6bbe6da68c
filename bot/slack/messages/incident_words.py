"""Short names of incidents, for lists."""

from bot.domain.incidents import IncidentKind
from bot.slack.messages.mrkdwn import name

KINDS = {
    IncidentKind.FAILED: "backups are failing",
    IncidentKind.STALE: "backup overdue",
    IncidentKind.GAP: "point-in-time recovery is behind",
    IncidentKind.HUNG: "a backup is stuck",
    IncidentKind.UNUSUAL_SIZE: "unusual backup size",
    IncidentKind.UNUSUAL_DURATION: "unusual backup duration",
    IncidentKind.POLICY_OFF: "automated backups are off",
    IncidentKind.KEPT_SHORTER: "backup retention was shortened",
    IncidentKind.DELETED: "a backup was deleted outside the bot",
    IncidentKind.GONE: "the instance is gone",
    IncidentKind.REFUSED: "RDS rejects the bot's access key",
    IncidentKind.UNREAD: "some instances can't be checked",
}


def label(instance_name: str, kind: IncidentKind) -> str:
    """Return an incident in a few words, with its instance if it is about one."""
    return f"{name(instance_name)}: {KINDS[kind]}" if instance_name else KINDS[kind]
