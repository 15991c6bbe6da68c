"""Check that a backup can be deleted: a manual one that isn't in use."""

from collections.abc import Iterable

from bot.domain.errors import BackupBusy, BackupNotManual, BackupUnknown, InstanceNotReady
from bot.domain.instances import Backup, BackupStatus, Instance

AT_REST = {BackupStatus.COMPLETED, BackupStatus.FAILED}


def deletable(name: str, instance: Instance, backups: Iterable[Backup]) -> Backup:
    """Return the instance's backup with this name.

    Raises BackupUnknown, BackupNotManual, BackupBusy, or InstanceNotReady while the instance is
    being restored, because RDS doesn't say from which backup.
    """
    named = [backup for backup in backups if backup.name == name]
    if not named:
        raise BackupUnknown(name, instance.label)
    backup = next((found for found in named if found.type == "manual"), None)
    if backup is None:
        raise BackupNotManual(name, named[0].type)
    if backup.status not in AT_REST:
        raise BackupBusy(name, backup.status)
    if instance.status == "RESTORING":
        raise InstanceNotReady(instance.label, instance.status)
    return backup
