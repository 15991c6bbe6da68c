"""The region as the cloud pane shows it, and the switches that make it behave badly."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import TypeVar

from bot.demo.playground.screen import Part
from bot.demo.rds import faults
from bot.demo.rds.automated import AutomatedBackups
from bot.demo.rds.records import Ending, RdsBackup, RdsInstance
from bot.demo.rds.region import Region
from bot.demo.rds.wire import Operation, Refused
from bot.demo.slack.records import Json
from bot.demo.slack.state import State

SHOWN_CALLS = 120  # of each service, the newest
LONG = timedelta(minutes=45)
KEPT = 7  # days, of automated backups that are switched on again

_T = TypeVar("_T")


class Answers(StrEnum):
    """How RDS responds to every call from now on."""

    WELL = "well"
    SLOWLY = "slowly"
    OUTAGE = "outage"
    THROTTLED = "throttled"
    KEYS_REFUSED = "keys_refused"


class NextCreate(StrEnum):
    """What happens to the next backup that is requested from RDS."""

    GOES_WELL = "goes_well"
    FAILS = "fails"
    REFUSED = "refused"
    ANSWER_LOST = "answer_lost"
    VANISHES = "vanishes"
    TAKES_LONG = "takes_long"


class InConsole(StrEnum):
    """What someone does to an instance in the RDS console, or what befalls it tonight."""

    AUTOMATED_OFF = "automated_off"
    AUTOMATED_ON = "automated_on"
    FAIL_TONIGHT = "fail_tonight"
    SUCCEED_TONIGHT = "succeed_tonight"
    STOP_LOGS = "stop_logs"
    RESUME_LOGS = "resume_logs"


ALWAYS = {
    Answers.WELL: faults.NONE,
    Answers.SLOWLY: faults.slow(4),
    Answers.OUTAGE: faults.UNAVAILABLE,
    Answers.THROTTLED: faults.throttled(20),
    Answers.KEYS_REFUSED: faults.refused(401, "APIGW.0301"),
}
PREPARE: dict[NextCreate, Callable[[Region], None]] = {
    NextCreate.GOES_WELL: lambda _: None,
    NextCreate.FAILS: lambda region: region.next_backup(Ending.FAILED),
    NextCreate.REFUSED: lambda region: region.faults.next_create(
        faults.refused(409, "DBS.200316")
    ),
    NextCreate.ANSWER_LOST: lambda region: region.faults.next_create(faults.LOST_ANSWER),
    NextCreate.VANISHES: lambda region: region.next_backup(Ending.VANISHED),
    NextCreate.TAKES_LONG: lambda region: region.next_backup(Ending.COMPLETED, LONG),
}
DO: dict[InConsole, Callable[[Region, RdsInstance], None]] = {
    InConsole.AUTOMATED_OFF: lambda region, instance: region.set_policy(instance, keep_days=0),
    InConsole.AUTOMATED_ON: lambda region, instance: region.set_policy(instance, keep_days=KEPT),
    InConsole.FAIL_TONIGHT: lambda region, instance: region.fail_night(instance),
    InConsole.SUCCEED_TONIGHT: lambda region, instance: region.fail_night(instance, fails=False),
    InConsole.STOP_LOGS: lambda region, instance: region.stop_logs(instance),
    InConsole.RESUME_LOGS: lambda region, instance: region.resume_logs(instance),
}


class Cloud:
    """The region's switches."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self.answers = Answers.WELL
        self._next = NextCreate.GOES_WELL

    def answer(self, how: Answers) -> None:
        """Make RDS respond like this until changed again."""
        self.answers = how
        self._region.faults.always(ALWAYS[how])

    def prepare(self, what: NextCreate) -> None:
        """Set what happens to the next create, replacing what was set before."""
        self._region.faults.forget(Operation.CREATE_BACKUP)
        self._region.plans.clear()
        PREPARE[what](self._region)
        self._next = what

    def change(self, instance_id: str, what: InConsole) -> None:
        """Do this to an instance. Raises LookupError unless it can have automated backups."""
        try:
            instance = self._region.instance(instance_id)
        except Refused as refused:
            raise LookupError(instance_id) from refused
        if self._region.automated(instance) is None:
            raise LookupError(instance_id)
        DO[what](self._region, instance)

    def delete(self, backup_id: str) -> None:
        """Delete a manual backup outside the bot. Raises LookupError if RDS refuses to."""
        try:
            self._region.delete_backup(backup_id)
        except Refused as refused:
            raise LookupError(backup_id) from refused

    @property
    def next_create(self) -> NextCreate:
        """What will happen to the next create; it goes well once a set fault has occurred."""
        waits = self._region.plans or self._region.faults.waiting(Operation.CREATE_BACKUP)
        return self._next if waits else NextCreate.GOES_WELL

    def parts(self) -> Iterator[Part]:
        """Yield what the pane shows of the region."""
        yield "cloud", {"answers": self.answers, "next_create": self.next_create}
        for instance in self._region.instances:
            automated = self._region.automated(instance)
            yield f"instance:{instance.id}", _instance(instance) | _automated(automated)


def calls(region: Region, slack: State) -> Iterator[Part]:
    """Yield the bot's calls to both services, one part each."""
    for number, call in _newest(region.calls):
        path = call.path.replace(region.gateway.project_id, "{project}")
        told = {"method": call.method, "path": path, "code": call.code}
        yield f"call:rds:{number}", _call("rds", call.at, call.status, call.milliseconds) | told
    for number, done in _newest(slack.calls):
        told = {"method": "POST", "path": done.method, "code": done.error or ""}
        yield (
            f"call:slack:{number}",
            _call("slack", done.at, done.status, done.milliseconds) | told,
        )


def _newest(items: list[_T]) -> Iterator[tuple[int, _T]]:
    first = max(0, len(items) - SHOWN_CALLS)
    return enumerate(islice(items, first, None), first)


def _call(service: str, at: datetime, status: int | None, milliseconds: float) -> Json:
    return {
        "service": service,
        "at": at.timestamp(),
        "status": status,
        "milliseconds": round(milliseconds),
    }


def _instance(instance: RdsInstance) -> Json:
    """Return an instance as list-instances does, with its backups, newest first."""
    backups = [backup for backup in instance.backups if backup.exists]
    backups.sort(key=lambda backup: backup.began, reverse=True)
    return {
        "id": instance.id,
        "name": instance.name,
        "engine": f"{instance.engine} {instance.version}",
        "type": instance.type,
        "status": instance.status,
        "backups": [_backup(backup) for backup in backups],
    }


def _automated(automated: AutomatedBackups | None) -> Json:
    if automated is None:
        return {"automated": None}
    return {
        "automated": {
            "is_on": automated.is_on,
            "fails_tonight": automated.fails_night,
            "takes_logs": automated.takes_logs,
        }
    }


def _backup(backup: RdsBackup) -> Json:
    is_running = backup.status == "BUILDING"
    return {
        "id": backup.id,
        "name": backup.name,
        "type": backup.type,
        "status": backup.status,
        "began": backup.began.timestamp(),
        "ended": None if is_running else backup.ended.timestamp(),
        "takes": backup.takes.total_seconds(),
        "size_kb": backup.as_listed()["size"],
    }
