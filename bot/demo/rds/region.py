"""A simulated Huawei Cloud region: RDS's instances and backups, and the rules they live by."""

import asyncio
import re
from collections import defaultdict, deque
from datetime import datetime, timedelta

from bot.demo.rds.automated import AutomatedBackups
from bot.demo.rds.faults import Faults
from bot.demo.rds.gateway import Gateway
from bot.demo.rds.records import (
    EVERY_DAY,
    WINDOW,
    Ending,
    Policy,
    RdsBackup,
    RdsInstance,
    new_id,
)
from bot.demo.rds.wire import Call, Refused
from bot.runtime.clock import Clock

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{3,63}")
NOT_IN_DESCRIPTION = frozenset(">!<\"&'=\r\n")
DESCRIPTION_LENGTH = 256
REFUSED_STATUSES = {
    "BACKING UP": (409, "DBS.201205", "A backup is being created for the DB instance."),
    "FROZEN": (400, "DBS.280449", "The DB instance is frozen."),
    "STORAGE FULL": (409, "DBS.200316", "The storage of the DB instance is full."),
}
OTHER_STATUS = (409, "DBS.200011", "Another operation is being performed on the DB instance.")


class Region:
    """One project in one region: read its state as you like, change it through its methods.

    Backups run by `clock`: what has become of them is worked out whenever they are read.
    Keys, budget and lock-out are those of `gateway`, what goes wrong is queued in `faults`.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        project_id: str = "0483b6b16e954cb88930a360d2c4e663",
        access_key: str = "EXAMPLEAK0123456789A",
        secret_key: str = "ExampleSecretKeyForUnitTestsOnly0123456x",
        security_token: str | None = None,
        calls_per_minute: int | None = 60,
    ) -> None:
        self.clock = clock
        self.name = "ap-southeast-1"
        self.gateway = Gateway(
            clock,
            project_id=project_id,
            access_key=access_key,
            secret_key=secret_key,
            security_token=security_token,
            calls_per_minute=calls_per_minute,
        )
        self.faults = Faults()
        self.calls: list[Call] = []
        self._instances: dict[str, RdsInstance] = {}
        self._removed: dict[str, RdsInstance] = {}
        self._automated: dict[str, AutomatedBackups] = {}  # by the instance's ID
        self._backups: dict[str, RdsBackup] = {}
        self._named: defaultdict[str, list[RdsBackup]] = defaultdict(list)
        self._failing: dict[str, RdsBackup] = {}
        self.plans: deque[tuple[Ending, timedelta | None]] = deque()  # of `next_backup`
        self.event_delay = timedelta()  # until Cloud Eye shows an event
        self._change = asyncio.Event()

    # What there is

    @property
    def instances(self) -> list[RdsInstance]:
        """All instances, the oldest first."""
        return list(self._instances.values())

    @property
    def backups(self) -> list[RdsBackup]:
        """All backups that exist now, in the order in which they were made."""
        return [backup for backup in self.history if backup.exists]

    @property
    def history(self) -> list[RdsBackup]:
        """All backups that were ever made, in the order in which they were made.

        Automated ones of several instances come in the order in which they were worked out.
        """
        self._catch_up()
        return list(self._backups.values())

    @property
    def failing(self) -> list[RdsBackup]:
        """All backups that failed, or will."""
        self._catch_up()
        return list(self._failing.values())

    async def changed(self) -> None:
        """Return at the next change: a call came or was answered, a record was added or changed.

        Time that passes is not a change. To wait for something:
        `while not it_is_so(): await region.changed()`.
        """
        await self._change.wait()

    def tell(self) -> None:
        """Wake everybody who waits for a change."""
        self._change.set()
        self._change = asyncio.Event()

    # What a test or the demo sets up

    def add_instance(  # noqa: PLR0913 - what RDS asks for, too
        self,
        name: str,
        *,
        engine: str = "MySQL",
        version: str = "8.0",
        type: str = "Ha",  # noqa: A002 - RDS's word
        status: str = "ACTIVE",
        replica_of: RdsInstance | None = None,
        backup_takes: timedelta = timedelta(minutes=7),
        size_kb: int = 40_000_000,
    ) -> RdsInstance:
        """Add an instance whose next backup takes `backup_takes` of the clock's time."""
        instance = RdsInstance(
            id=new_id("in", engine),
            name=name,
            engine=engine,
            version=version,
            type="Replica" if replica_of else type,
            condition=status,
            replica_of=replica_of.id if replica_of else None,
            backup_takes=backup_takes,
            size_kb=size_kb,
            created=self.clock.now(),
        )
        self._instances[instance.id] = instance
        self.tell()
        return instance

    def add_backup(  # noqa: PLR0913 - what a list shows of it
        self,
        instance: RdsInstance,
        name: str,
        *,
        type: str = "auto",  # noqa: A002 - RDS's word
        began: datetime | None = None,
        takes: timedelta | None = None,
        size_kb: int | None = None,
        ending: Ending = Ending.COMPLETED,
        description: str | None = None,
    ) -> RdsBackup:
        """Add a backup without asking the rules: history if it began long ago, else it runs."""
        backup = RdsBackup(
            clock=self.clock,
            id=new_id("br", instance.engine),
            instance=instance,
            name=name,
            description=description,
            type=type,
            began=began or self.clock.now(),
            takes=instance.backup_takes if takes is None else takes,
            ending=ending,
            size_kb=instance.size_kb if size_kb is None else size_kb,
        )
        instance.catch_up()
        self._enter(backup)
        if instance.id in self._automated:
            self._automated[instance.id].look_again()
        self.tell()
        return backup

    def _enter(self, backup: RdsBackup) -> None:
        self._backups[backup.id] = backup
        self._named[backup.name].append(backup)
        if backup.ending is Ending.FAILED:
            self._failing[backup.id] = backup
        backup.instance.made.append(backup)

    def _catch_up(self) -> None:
        for automated in self._automated.values():
            automated.catch_up()

    def next_backup(
        self, ending: Ending = Ending.COMPLETED, takes: timedelta | None = None
    ) -> None:
        """Let the next created backup end so, after `takes` (default: as its instance does)."""
        self.plans.append((ending, takes))

    def end_backup(self, backup: RdsBackup, ending: Ending = Ending.COMPLETED) -> None:
        """End a running backup now."""
        backup.instance.catch_up()
        backup.takes = self.clock.now() - backup.began
        backup.ending = ending
        self._failing.pop(backup.id, None)
        if ending is Ending.FAILED:
            self._failing[backup.id] = backup
        if backup.instance.id in self._automated:
            self._automated[backup.instance.id].ended(backup)
        self.tell()

    def set_status(self, instance: RdsInstance, status: str) -> None:
        """Put an instance into a status of RDS's; ACTIVE shows as BACKING UP during a backup."""
        instance.catch_up()
        instance.condition = status
        self.tell()

    def automate(
        self,
        instance: RdsInstance,
        *,
        keep_days: int = 7,
        start: str = WINDOW,
        days: tuple[int, ...] = EVERY_DAY,
        log_backups: bool = True,
    ) -> None:
        """Switch on automated backups and log backups: the first backup is tonight's.

        `start` is the window in UTC, and `days` are those of the week, from Monday = 1. Without
        `log_backups`, there is no time to restore to.
        """
        automated = self._automated.get(instance.id)
        if automated is None:
            automated = AutomatedBackups(
                instance, self.clock, self._enter, log_backups=log_backups
            )
            self._automated[instance.id] = automated
            instance.catch_up = automated.catch_up
        self.set_policy(instance, keep_days=keep_days, start=start, days=days)
        if log_backups:
            self.resume_logs(instance)
        else:
            self.stop_logs(instance)

    def set_policy(
        self,
        instance: RdsInstance,
        *,
        keep_days: int | None = None,
        start: str | None = None,
        days: tuple[int, ...] | None = None,
    ) -> None:
        """Change an instance's policy, as someone in the console does; None changes nothing.

        `keep_days=0` switches automated backups and log backups off: RDS keeps what it has. Fewer
        days than before delete what is older. Without `automate`, the policy is only shown.
        """
        known = instance.policy
        policy = Policy(
            keep_days=known.keep_days if keep_days is None else keep_days,
            start=start or known.start,
            days=known.days if days is None else days,
        )
        if instance.id in self._automated:
            self._automated[instance.id].follow(policy)
        else:
            instance.policy = policy
        self.tell()

    def fail_automated(self, instance: RdsInstance, times: int = 1) -> None:
        """Let the next automated backups of an automated instance fail, retries included."""
        self._automated[instance.id].fail(times)

    def fail_night(self, instance: RdsInstance, *, fails: bool = True) -> None:
        """Let all automated backups of an automated instance's next night fail; or don't."""
        self._automated[instance.id].fail_night(fails=fails)
        self.tell()

    def automated(self, instance: RdsInstance) -> AutomatedBackups | None:
        """Return an instance's automated backups, or None if it never had any."""
        return self._automated.get(instance.id)

    def stop_logs(self, instance: RdsInstance) -> None:
        """Stop taking log backups until `resume_logs`; the restore window no longer grows."""
        self._automated[instance.id].stop_logs()
        self.tell()

    def resume_logs(self, instance: RdsInstance) -> None:
        """Take log backups again: with the next automated backup another window begins."""
        self._automated[instance.id].resume_logs()
        self.tell()

    def remove_instance(self, instance: RdsInstance) -> None:
        """Delete an instance with its automated backups; RDS keeps its manual ones."""
        automated = self._automated.pop(instance.id, None)
        if automated is None:
            automated = AutomatedBackups(instance, self.clock, self._enter)
        automated.remove()
        self._removed[instance.id] = self._instances.pop(instance.id)
        self.tell()

    # What RDS does

    def create_backup(self, instance_id: str, name: str, description: str | None) -> RdsBackup:
        """Start a manual backup. Raises Refused where RDS would refuse it."""
        _check_texts(name, description)
        instance = self.instance(instance_id)
        self._catch_up()
        if any(backup.exists for backup in self._named.get(name, ())):
            raise Refused(409, "DBS.201201", "The backup name already exists.")
        if instance.type == "Replica":
            raise Refused(400, "DBS.200076", "Backups of a read replica are not supported.")
        if instance.status != "ACTIVE":
            raise Refused(*REFUSED_STATUSES.get(instance.status, OTHER_STATUS))
        ending, takes = self.plans.popleft() if self.plans else (Ending.COMPLETED, None)
        return self.add_backup(
            instance, name, type="manual", takes=takes, ending=ending, description=description
        )

    def delete_backup(self, backup_id: str) -> None:
        """Delete a finished manual backup. Raises Refused where RDS would refuse it."""
        backup = self._backups.get(backup_id)
        if backup is None or not backup.exists:
            raise Refused(404, "DBS.201010", "The backup does not exist.")
        if backup.type != "manual":
            raise Refused(400, "DBS.200001", "Parameter error: only manual backups.")
        if backup.status in {"BUILDING", "DELETING"}:
            raise Refused(400, "DBS.201208", "The backup status does not allow this operation.")
        backup.deleted = self.clock.now()
        self.tell()

    def backups_of(self, instance_id: str) -> list[RdsBackup]:
        """Return an instance's backups, even if it was removed. Raises Refused if it never was."""
        instance = self._removed.get(instance_id) or self.instance(instance_id)
        return [backup for backup in instance.backups if backup.exists]

    def restore_windows(self, instance_id: str) -> list[tuple[datetime, datetime]]:
        """Return from when to when an instance can be restored. Raises Refused if there is none.

        Each window is from the end of the oldest automated backup since log backups began, to the
        last log backup, one of which is taken every five minutes.
        """
        automated = self._automated.get(self.instance(instance_id).id)
        return automated.restore_windows() if automated else []

    def instance(self, instance_id: str) -> RdsInstance:
        """Return the instance. Raises Refused if there is none."""
        if instance_id not in self._instances:
            raise Refused(404, "DBS.200002", "The DB instance does not exist.")
        return self._instances[instance_id]


def _check_texts(name: str, description: str | None) -> None:
    if not NAME.fullmatch(name):
        raise Refused(400, "DBS.280277", "Invalid backup name.")
    text = description or ""
    if len(text) > DESCRIPTION_LENGTH or NOT_IN_DESCRIPTION & set(text):
        raise Refused(400, "DBS.280127", "Invalid backup description.")
