"""What RDS does on its own: automated backups and their retries, retention, and log backups."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zlib import crc32

from bot.demo.rds.records import Ending, Policy, RdsBackup, RdsInstance, new_id
from bot.runtime.clock import Clock

RETRY_AFTER = timedelta(minutes=30)  # since the failed backup ended
RETRIES_FOR = timedelta(hours=3)  # since the night's first backup began
LOG_EVERY = timedelta(minutes=5)
DAY = timedelta(days=1)
EVER = datetime.min.replace(tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class LogSpan:
    """A time in which log backups were taken without a gap."""

    start: datetime
    end: datetime | None = None  # None while it goes on


class AutomatedBackups:
    """One instance's automated backups, which are worked out up to now by `catch_up`.

    Each night has one, at the same time of the window; while another backup runs, it waits. A
    failed one is tried again, until three hours after the night's first began. Nights on which
    the instance isn't ACTIVE have none. `enter` is given every backup that begins.
    """

    def __init__(
        self,
        instance: RdsInstance,
        clock: Clock,
        enter: Callable[[RdsBackup], None],
        *,
        log_backups: bool = True,
    ) -> None:
        self._instance = instance
        self._clock = clock
        self._enter = enter
        self._failures = 0  # of the next backups
        self._fails_night = False  # all backups of the next night that has one
        self._last: RdsBackup | None = None
        self._first = EVER  # when the first backup of its night began
        self._due = NEVER  # when the next backup begins, unless it must wait
        self._is_retry = False  # the next one
        self._wake = EVER  # nothing happens until then
        self._is_on = False
        self._takes_logs = log_backups  # while automated backups are on
        # Backups from before are taken to have had their logs.
        self._logs = [LogSpan(EVER)] if log_backups else []

    def catch_up(self) -> None:
        """Begin the backups that are due by now, and delete those that are too old."""
        now = self._clock.now()
        if now < self._wake:
            return
        while (at := self._free_from(self._due)) <= now:
            self._begin(at)
        self._wake = min(self._due, self._expire(now))

    def look_again(self) -> None:
        """Take into account that a backup was added to the instance."""
        self._wake = EVER

    def ended(self, backup: RdsBackup) -> None:
        """Take into account that a running backup has just ended otherwise than planned."""
        if backup is self._last and self._is_on:
            self._plan_after(backup)
        self._wake = EVER

    def follow(self, policy: Policy) -> None:
        """Follow another policy from now on: 0 days stop both automated backups and logs."""
        self.catch_up()
        self._instance.policy = policy
        self._is_on = policy.keep_days > 0
        if not self._is_on:
            self._due, self._is_retry, self._fails_night = NEVER, False, False
        elif not self._is_retry:
            self._plan_night(self._clock.now())
        self._switch_logs()
        self._wake = EVER

    def fail(self, times: int) -> None:
        """Let the next backups fail."""
        self.catch_up()
        self._failures += times

    def fail_night(self, *, fails: bool) -> None:
        """Let all backups of the next night fail, or what is left of this one; or don't."""
        self.catch_up()
        self._fails_night = fails

    @property
    def fails_night(self) -> bool:
        """Whether all backups of the next night, or the rest of this one, will fail."""
        self.catch_up()
        return self._fails_night

    @property
    def is_on(self) -> bool:
        """Whether there are automated backups."""
        return self._is_on

    @property
    def takes_logs(self) -> bool:
        """Whether log backups are taken while automated backups are on."""
        return self._takes_logs

    def stop_logs(self) -> None:
        """Stop taking log backups, whatever the policy says, until `resume_logs`."""
        self._takes_logs = False
        self._switch_logs()

    def resume_logs(self) -> None:
        """Take log backups again while automated backups are on."""
        self._takes_logs = True
        self._switch_logs()

    def remove(self) -> None:
        """Delete all automated backups and stop taking them."""
        self.catch_up()
        self._due = NEVER
        for backup in self._automated():
            backup.remove(self._clock.now())
        self._keep_existing()
        self._wake = NEVER

    def restore_windows(self) -> list[tuple[datetime, datetime]]:
        """Return from when to when the instance can be restored.

        In each span of logs that is from the end of its oldest automated backup.
        """
        self.catch_up()
        full = sorted(
            backup.ended
            for backup in self._automated()
            if backup.type == "auto" and backup.status == "COMPLETED"
        )
        windows = []
        for span in self._logs:
            end = _last_log(span.end or self._clock.now())
            start = next((ended for ended in full if ended >= span.start), end)
            if start < end:
                windows.append((start, end))
        return windows

    def _switch_logs(self) -> None:
        """Begin or end a span of logs if they have just started or stopped flowing."""
        flow = self._is_on and self._takes_logs
        flowed = bool(self._logs) and self._logs[-1].end is None
        if flow and not flowed:
            self._logs.append(LogSpan(self._clock.now()))
        elif flowed and not flow:
            self._logs[-1].end = self._clock.now()

    def _free_from(self, at: datetime) -> datetime:
        """Return from when on no backup of the instance runs, at the earliest from `at` on."""
        while running := [b.ended for b in self._instance.made if b.began <= at < b.ended]:
            at = max(running)
        return at

    def _begin(self, at: datetime) -> None:
        """Begin the backup that is due, unless there is none tonight."""
        if self._instance.condition != "ACTIVE":
            self._plan_night(at)
            return
        if not self._is_retry:
            self._first = at
        ending = Ending.FAILED if self._failures or self._fails_night else Ending.COMPLETED
        self._failures = max(0, self._failures - 1)
        self._last = RdsBackup(
            clock=self._clock,
            id=new_id("br", self._instance.engine),
            instance=self._instance,
            name=_name(self._instance, at),
            description=None,
            type="auto",
            began=at,
            takes=self._instance.backup_takes,
            ending=ending,
            size_kb=self._instance.size_kb,
        )
        self._enter(self._last)
        self._plan_after(self._last)

    def _plan_after(self, backup: RdsBackup) -> None:
        """Plan a retry if the backup fails in time for one, else the next night's backup."""
        retry = backup.ended + RETRY_AFTER
        if backup.ending is Ending.FAILED and retry <= self._first + RETRIES_FOR:
            self._due, self._is_retry = retry, True
        else:
            self._fails_night = False
            self._plan_night(backup.began)

    def _plan_night(self, after: datetime) -> None:
        self._due, self._is_retry = _night_after(after, self._instance), False

    def _expire(self, now: datetime) -> datetime:
        """Delete what is too old; return when the next one will be. Off, RDS keeps what it has."""
        kept_for = timedelta(days=self._instance.policy.keep_days)
        if not kept_for:
            return NEVER
        next_one = NEVER
        for backup in self._automated():
            if (old := backup.began + kept_for) > now:
                next_one = min(next_one, old)
            else:
                backup.remove(old)
        self._keep_existing()
        return next_one

    def _automated(self) -> list[RdsBackup]:
        return [backup for backup in self._instance.made if backup.type != "manual"]

    def _keep_existing(self) -> None:
        self._instance.made = [backup for backup in self._instance.made if backup.exists]


def _night_after(after: datetime, instance: RdsInstance) -> datetime:
    """Return when the first nightly backup after that is due, at the instance's own minute."""
    begin, end = (time.fromisoformat(part) for part in instance.policy.start.split("-"))
    length = (end.hour - begin.hour) * 3600 + (end.minute - begin.minute) * 60
    offset = timedelta(seconds=_number(instance) % (length % 86_400))
    yesterday = after.astimezone(UTC).date() - DAY  # its window may reach into today
    for day in (yesterday + DAY * number for number in range(9)):
        at = datetime.combine(day, begin, UTC) + offset
        if at > after and day.isoweekday() in instance.policy.days:
            return at
    return NEVER


def _name(instance: RdsInstance, at: datetime) -> str:
    """Name a backup as RDS does: `mysql-orders-prod-20261126190312345`."""
    milliseconds = _number(instance) % 1000
    return f"{instance.engine.lower()}-{instance.name}-{at:%Y%m%d%H%M%S}{milliseconds:03}"


def _number(instance: RdsInstance) -> int:
    """Return the same number whenever an instance of this name is simulated."""
    return crc32(instance.name.encode())


def _last_log(at: datetime) -> datetime:
    return at - (at - EVER) % LOG_EVERY
