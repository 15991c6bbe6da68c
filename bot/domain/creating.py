"""Check that RDS would start a backup: instance and name are free."""

from collections.abc import Sequence

from bot.domain.errors import InstanceBusy, InstanceNotReady, NameTaken
from bot.domain.instances import Backup, BackupStatus, Instance
from bot.domain.naming import free_name


def check_creatable(name: str, instance: Instance, backups: Sequence[Backup]) -> None:
    """Check by RDS's lists. Raises InstanceBusy, InstanceNotReady or NameTaken."""
    full = (b for b in backups if b.type != "incremental")  # these don't block others
    running = next((b for b in full if b.status == BackupStatus.BUILDING), None)
    if instance.status == "BACKING UP" or running:
        since = running.begin_time.isoformat() if running and running.begin_time else None
        raise InstanceBusy(instance.label, running.name if running else None, since)
    if instance.status != "ACTIVE":
        raise InstanceNotReady(instance.label, instance.status)
    taken = {backup.name for backup in backups}
    if name in taken:
        raise NameTaken(name, free_name(name, taken))
