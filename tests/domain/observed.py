"""Watched instances for tests, and the backups that RDS shows of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bot.domain.instances import Backup, BackupStatus
from bot.domain.observations import Observed

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
USUAL_KB = 4 * 2**20  # 4 GB
COMPLETED, FAILED, BUILDING = BackupStatus.COMPLETED, BackupStatus.FAILED, BackupStatus.BUILDING


def backup(
    began: datetime,
    status: BackupStatus = COMPLETED,
    *,
    took: timedelta = 7 * MINUTE,
    size_kb: int = USUAL_KB,
    type: str = "auto",  # noqa: A002, RDS's word
    id: str = "",  # noqa: A002, RDS's word
) -> Backup:
    """A backup as RDS lists it."""
    return Backup(
        id=id or f"{began:%m%d%H%M}",
        instance_id="in1",
        name=f"mysql-orders-{began:%Y%m%d%H%M%S}",
        status=status,
        type=type,
        begin_time=began,
        end_time=None if status is BUILDING else began + took,
        size_kb=size_kb if status is COMPLETED else None,
    )


def nightly(nights: int, last: datetime) -> list[Backup]:
    """Good automated backups, one a night, newest first."""
    return [backup(last - night * DAY) for night in range(nights)]


def observed(backups: Sequence[Backup], read_at: datetime, **changes: object) -> Observed:
    """An instance whose backups were all read at this time."""
    known = Observed(
        instance_id="in1",
        name="orders-prod",
        since=read_at - 30 * DAY,
        keep_days=7,
        kept_days=7,
        read_at=read_at,
        manual_read_at=read_at,
        automated=tuple(b for b in backups if b.type == "auto"),
        manual=tuple(b for b in backups if b.type == "manual"),
    )
    return known.model_copy(update=changes)
