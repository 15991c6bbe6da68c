"""What may be deleted: a manual backup that is at rest."""

from collections.abc import Iterable

from bot.domain.errors import BackupBusy, BackupNotManual, BackupUnknown, InstanceNotReady
from bot.domain.instances import Backup, BackupStatus, Instance

AT_REST = {BackupStatus.COMPLETED, BackupStatus.FAILED}


def deletable(name: str, instance: Instance, backups: Iterable[Backup]) -> Backup:
    """The instance's backup of this name.

    Raises BackupUnknown, BackupNotManual, BackupBusy, and InstanceNotReady while the instance
    is being restored, as RDS does not say from which backup.
    """
    named = [backup for backup in backups if backup.name == name]
    if not named:
        raise BackupUnknown(name, instance.name)
    backup = next((found for found in named if found.type == "manual"), None)
    if backup is None:
        raise BackupNotManual(name, named[0].type)
    if backup.status not in AT_REST:
        raise BackupBusy(name, backup.status)
    if instance.status == "RESTORING":
        raise InstanceNotReady(instance.name, instance.status)
    return backup
