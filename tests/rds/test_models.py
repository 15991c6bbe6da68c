"""One recorded item of each kind, and what becomes of it when one field is otherwise."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from bot.domain.instances import Backup, Instance
from bot.rds.models import BackupPage, InstancePage

BACKUP = {
    "id": "43e4feaab48f11e89039fa163ebaa7e4br01",
    "instance_id": "d8e6ca5a624745bcb546a227aa3ae1cfin01",
    "name": "before-42",
    "begin_time": "2018-08-06T12:41:14+0800",
    "end_time": "2018-08-06T12:43:14+0800",
    "status": "COMPLETED",
    "type": "manual",
    "size": 2803,
    "datastore": {"type": "MySQL", "version": "5.7"},
}
INSTANCE = {
    "id": "ed7cc6166ec24360a5ed5c5c9c2ed726in01",
    "name": "orders-read",
    "status": "ACTIVE",
    "type": "Replica",
    "datastore": {"type": "MySQL", "version": "5.7", "complete_version": "5.7.23"},
    "related_instance": [
        {"id": "other", "type": "replica"},
        {"id": "primary", "type": "replica_of"},
    ],
}
ABSENT = object()


def varied(item: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The item with some fields changed, or left out."""
    return {key: value for key, value in (item | change).items() if value is not ABSENT}


def backup(**change: Any) -> Backup:
    """What becomes of the backup."""
    page = {"backups": [varied(BACKUP, change)], "total_count": 1}
    return BackupPage.model_validate_json(json.dumps(page)).backups[0].backup()


def instance(**change: Any) -> Instance:
    """What becomes of the instance."""
    page = {"instances": [varied(INSTANCE, change)], "total_count": 1}
    return InstancePage.model_validate_json(json.dumps(page)).instances[0].instance()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2022-08-23T07:41:50Z", datetime(2022, 8, 23, 7, 41, 50, tzinfo=UTC)),
        ("2018-08-06T12:41:14+0800", datetime(2018, 8, 6, 4, 41, 14, tzinfo=UTC)),
        ("2016-09-12T01:17:05", datetime(2016, 9, 12, 1, 17, 5, tzinfo=UTC)),
    ],
    ids=["Z", "offset", "no-zone"],
)
def test_a_time_in_each_of_its_forms_is_utc(written: str, meant: datetime) -> None:
    """One without a zone is taken as UTC."""
    assert backup(begin_time=written).begin_time == meant


@pytest.mark.parametrize(
    "nothing", [None, "", 0, "0", ABSENT], ids=["null", "empty", "0", "text-0", "absent"]
)
def test_a_running_backup_has_no_size(nothing: object) -> None:
    """However RDS says so, it is unknown and not nought."""
    assert backup(status="BUILDING", size=nothing).size_kb is None


@pytest.mark.parametrize("nothing", [None, "", ABSENT], ids=["null", "empty", "absent"])
def test_a_running_backup_has_no_end(nothing: object) -> None:
    """However RDS says so, there is no duration yet."""
    running = backup(status="BUILDING", end_time=nothing)

    assert running.end_time is None
    assert running.duration is None


@pytest.mark.parametrize("unreadable", ["soon", "0001-01-01T00:00:00+0800"])
def test_a_time_that_cannot_be_makes_the_answer_unreadable(unreadable: str) -> None:
    """It is no crash, and no backup without a beginning, which might pass for ours."""
    with pytest.raises(ValidationError):
        backup(begin_time=unreadable)


@pytest.mark.parametrize("answer", ["{}", '{"error_code": "DBS.108000"}', '{"backups": null}'])
def test_an_answer_without_the_list_is_no_empty_list(answer: str) -> None:
    """A backup that is taken for missing would be made a second time."""
    with pytest.raises(ValidationError):
        BackupPage.model_validate_json(answer)


def test_what_we_do_not_know_is_kept_or_ignored() -> None:
    """A new status stays as RDS spells it, a new field does no harm."""
    assert backup(status="AVAILABLE", associated_with_ddm=False).status == "AVAILABLE"


def test_a_replica_knows_its_primary() -> None:
    """Of the related instances it is the one that is replicated."""
    assert instance() == Instance(
        id="ed7cc6166ec24360a5ed5c5c9c2ed726in01",
        name="orders-read",
        status="ACTIVE",
        type="Replica",
        engine="MySQL",
        version="5.7.23",
        primary_id="primary",
    )


@pytest.mark.parametrize("nothing", [None, ABSENT], ids=["null", "absent"])
@pytest.mark.parametrize("field", ["type", "datastore", "related_instance"])
def test_an_instance_in_the_making_hides_no_other(field: str, nothing: object) -> None:
    """Null is as good as absent: one half-built instance must not spoil the list."""
    assert instance(**{field: nothing}).name == "orders-read"
