"""One recorded item of each kind, and what becomes of it when one field is otherwise."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.instances import AutomatedPolicy, Backup, Instance, RestoreWindow
from bot.rds import models

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
    "backup_strategy": {"start_time": "19:00-20:00", "keep_days": 7},
}
ABSENT = object()


def varied(item: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The item with some fields changed, or left out."""
    return {key: value for key, value in (item | change).items() if value is not ABSENT}


def backup(**change: Any) -> Backup:
    """What becomes of the backup."""
    body = {"backups": [varied(BACKUP, change)], "total_count": 1}
    return models.backups(models.parsed(json.dumps(body).encode())).items[0]


def instance(**change: Any) -> Instance:
    """What becomes of the instance."""
    body = {"instances": [varied(INSTANCE, change)], "total_count": 1}
    return models.instances(models.parsed(json.dumps(body).encode())).items[0]


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


@pytest.mark.parametrize(
    "unreadable",
    [
        "soon",
        "null",
        "None",
        "  ",
        "-",
        "0",
        1533530474,
        {"at": 1},
        [],
        True,
        "2018 - 08 - 06 T12: 41: 14 + 0800",
        "2018-13-45T99:00:00Z",
        "0000-00-00T00:00:00Z",
        "0001-01-01T00:00:00+0800",
        "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59-0800",
        "9999-12-31T23:59:59Z",
        "9" * 5000,
        "\ud800",
    ],
)
def test_a_time_that_cannot_be_read_is_unknown(unreadable: object) -> None:
    """The backup is there all the same; only its times are not."""
    odd = backup(begin_time=unreadable, end_time=unreadable)

    assert (odd.id, odd.begin_time, odd.end_time, odd.duration) == (BACKUP["id"], None, None, None)


@pytest.mark.parametrize(
    "unreadable",
    ["12.5", 12.25, "-", "-5", -6, {}, {"kb": 1}, [2803], True, "2 GB", 2**60, "٣x"],
)
def test_a_size_that_cannot_be_read_is_unknown(unreadable: object) -> None:
    """Nobody may read a number of KB that RDS did not say."""
    assert backup(size=unreadable).size_kb is None


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "9" * 5000])
def test_a_number_without_measure_is_unknown(number: str) -> None:
    """Python reads some of them as infinite, and refuses others."""
    body = f'{{"backups": [{{"id": "b", "size": {number}}}], "total_count": {number}}}'
    page = models.backups(models.parsed(body.encode()))

    assert (page.items[0].size_kb, page.total) == (None, None)


@pytest.mark.parametrize("size", [2803, "02803", 2803.0, " 2803 "])
def test_a_size_is_read_in_each_of_its_forms(size: object) -> None:
    """As a number or as text."""
    assert backup(size=size).size_kb == 2803


@pytest.mark.parametrize("odd", [None, ABSENT, 7, [], {}, "  "])
def test_a_text_that_cannot_be_read_is_unknown(odd: object) -> None:
    """The item stays, under its id."""
    assert (backup(name=odd).name, backup(status=odd).status) == ("", "")
    assert backup(instance_id=odd).instance_id == ""
    assert (instance(name=odd).name, instance(status=odd).status) == ("", "")


@pytest.mark.parametrize("odd", [None, ABSENT, 7, [], {}, "", " ", "a b", "x" * 65, "é"])
def test_an_item_without_an_id_is_left_out(odd: object) -> None:
    """It is counted, so that the rest of the list is still asked for."""
    items = [varied(BACKUP, {"id": odd}), BACKUP]
    page = models.backups({"backups": items, "total_count": 2})

    assert [found.id for found in page.items] == [BACKUP["id"]]
    assert (page.left_out, page.size, page.total) == (1, 2, 2)


@pytest.mark.parametrize("item", [None, 7, "text", [], [[]], {}])
def test_what_is_no_item_is_left_out(item: object) -> None:
    """A list may hold anything."""
    assert models.backups({"backups": [item, BACKUP]}).items == [backup()]
    assert models.instances({"instances": [item, INSTANCE]}).items == [instance()]


def test_a_page_of_thousands_is_none() -> None:
    """Reading millions of empty items would hold the loop for seconds."""
    with pytest.raises(ValueError, match="too many"):
        models.backups({"backups": [{}] * 5_001})


def test_a_key_and_a_value_with_a_blank_are_read() -> None:
    """Huawei's own examples have both."""
    item = {f"{key} ": f"{value} " for key, value in BACKUP.items() if key != "datastore"}

    assert models.backups({" backups": [item], "total_count ": "1"}).items == [backup()]


@pytest.mark.parametrize(
    ("count", "total"),
    [(2, 2), ("3", 3), (2.0, 2), ("2.5", None), (-1, None), (None, None), ([], None), (0, None)],
)
def test_a_count_that_cannot_be_is_unknown(count: object, total: int | None) -> None:
    """The list is then read until a page is short."""
    assert models.backups({"backups": [BACKUP], "total_count": count}).total == total


@pytest.mark.parametrize("related", [None, {}, "x", [None], [{}], [[]], [{"type": "replica_of"}]])
def test_an_odd_relation_is_none(related: object) -> None:
    """A replica without a primary is still a replica."""
    replica = instance(related_instance=related)

    assert (replica.primary_id, replica.is_replica) == (None, True)


@pytest.mark.parametrize("datastore", [None, [], "MySQL", {}, {"type": None, "version": 5.7}])
def test_an_odd_engine_is_unknown(datastore: object) -> None:
    """The instance can be backed up all the same."""
    assert (instance(datastore=datastore).engine, instance(datastore=datastore).version) == (
        "",
        "",
    )


@pytest.mark.parametrize("answer", ["{}", '{"error_code": "DBS.108000"}', '{"backups": null}'])
def test_an_answer_without_the_list_is_no_empty_list(answer: str) -> None:
    """A backup that is taken for missing would be made a second time."""
    with pytest.raises(ValueError, match="no list of backups"):
        models.backups(models.parsed(answer.encode()))


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"\x1f\x8b"]
)
def test_what_is_no_json_is_a_value_error(content: bytes) -> None:
    """Even brackets without end."""
    with pytest.raises(ValueError, match=r".*"):
        models.parsed(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gbk"])
def test_a_body_in_another_encoding_is_read(encoding: str) -> None:
    """What cannot be told spoils the name alone, and never what is stored or sent."""
    text = json.dumps({"backups": [BACKUP | {"name": "订单库"}]}, ensure_ascii=False)
    [found] = models.backups(models.parsed(text.encode(encoding))).items

    assert found.id == BACKUP["id"]
    assert (found.name == "订单库") == (encoding != "gbk")


@pytest.mark.parametrize("odd", ["\ud800", "\x00", "\x1b", "\x9b", "\n"])
def test_a_text_can_be_stored_and_printed(odd: str) -> None:
    """PostgreSQL takes no NUL, UTF-8 no half of a pair, and a terminal obeys ESC."""
    assert backup(name=f" a{odd}b\r\n").name == "a?b"


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
        keep_days=7,
        backup_window="19:00-20:00",
    )


@pytest.mark.parametrize("nothing", [None, ABSENT], ids=["null", "absent"])
@pytest.mark.parametrize("field", ["type", "datastore", "related_instance", "backup_strategy"])
def test_an_instance_in_the_making_hides_no_other(field: str, nothing: object) -> None:
    """Null is as good as absent: one half-built instance must not spoil the list."""
    assert instance(**{field: nothing}).name == "orders-read"


@pytest.mark.parametrize(("days", "meant"), [(0, 0), ("7", 7), (7.0, 7), (732, 732)])
def test_days_of_retention_are_read_in_each_of_their_forms(days: object, meant: int) -> None:
    """0 says that automated backups are off."""
    strategy = {"keep_days ": days, "start_time ": " 23:45 - 00:45 "}
    read = instance(backup_strategy=strategy)

    assert (read.keep_days, read.backup_window) == (meant, "23:45-00:45")
    assert models.automated_policy({"backup_policy": strategy}).keep_days == meant


@pytest.mark.parametrize("odd", [None, ABSENT, "", "a week", -1, 1.5, True, [7], {}, 10**6, 2**60])
def test_days_of_retention_that_cannot_be_read_are_unknown(odd: object) -> None:
    """Nobody may take them for 0, which says that automated backups are off."""
    strategy = varied({"start_time": "19:00-20:00"}, {"keep_days": odd})

    assert instance(backup_strategy=strategy).keep_days is None
    assert instance(backup_strategy=strategy).backup_window == "19:00-20:00"
    with pytest.raises(ValueError, match="no days"):
        models.automated_policy({"backup_policy": strategy})


@pytest.mark.parametrize(
    "odd",
    [
        None,
        ABSENT,
        "",
        "19:00",
        "24:00-25:00",
        "19:60-20:60",
        "7pm-8pm",
        "19:00-20:00-21:00",
        "\uff11\uff19:00-20:00",
        1900,
        [],
    ],
)
def test_a_window_that_cannot_be_read_is_unknown(odd: object) -> None:
    """The days of retention are there all the same."""
    strategy = varied({"keep_days": 7}, {"start_time": odd})
    read, policy = (
        instance(backup_strategy=strategy),
        models.automated_policy({"backup_policy": strategy}),
    )

    assert (read.keep_days, read.backup_window) == (7, None)
    assert (policy.keep_days, policy.start_time) == (7, "")


@pytest.mark.parametrize("odd", [None, [], "daily", 7, [{"keep_days": 7}]])
def test_an_odd_strategy_is_unknown(odd: object) -> None:
    """The instance is there all the same; a policy of its own kind is no answer."""
    read = instance(backup_strategy=odd)

    assert (read.name, read.keep_days, read.backup_window) == ("orders-read", None, None)
    with pytest.raises(ValueError, match="no days"):
        models.automated_policy({"backup_policy": odd})


@pytest.mark.parametrize(
    ("period", "days"),
    [
        ("1,2,3,4,5,6,7", (1, 2, 3, 4, 5, 6, 7)),
        (" 7, 3 ,3,", (3, 7)),
        ("", ()),
        ("1,x", ()),
        ("0,1", ()),
        ("1,8", ()),
        ("1;2", ()),
        (None, ()),
        (ABSENT, ()),
        (3, ()),
        ([1, 2], ()),
    ],
)
def test_days_of_the_week_are_all_read_or_unknown(period: object, days: tuple[int, ...]) -> None:
    """With one of them missing, a night would be expected that RDS leaves out, or not."""
    body = varied({"keep_days": 7, "start_time": "19:00-20:00"}, {"period": period})

    assert models.automated_policy({"backup_policy": body}) == AutomatedPolicy(
        keep_days=7, start_time="19:00-20:00", days=days
    )


def window(start: object, end: object) -> dict[str, object]:
    """An item of restore-time."""
    return varied({}, {"start_time": start, "end_time": end})


NOON = 1_709_294_400_000  # 2024-03-01 12:00 UTC
HOUR = 3_600_000


def test_restore_windows_come_in_order() -> None:
    """As aware times in UTC, whether RDS writes numbers or text."""
    items = [window(NOON + HOUR, NOON + 2 * HOUR), window(f" {NOON} ", float(NOON + 60_000))]

    assert models.restore_windows({"restore_time": items}) == [
        RestoreWindow(
            datetime(2024, 3, 1, 12, tzinfo=UTC), datetime(2024, 3, 1, 12, 1, tzinfo=UTC)
        ),
        RestoreWindow(datetime(2024, 3, 1, 13, tzinfo=UTC), datetime(2024, 3, 1, 14, tzinfo=UTC)),
    ]


@pytest.mark.parametrize(
    "odd",
    [
        window(NOON, NOON - 1),
        window(ABSENT, NOON),
        window(NOON, ABSENT),
        window(None, NOON),
        window(NOON, ""),
        window(0, NOON),
        window(NOON, NOON * 1000),
        window(NOON, 2**53),
        window(NOON, 2**70),
        window(-NOON, NOON),
        window("2024-03-01T12:00:00Z", "2024-03-01T13:00:00Z"),
        {"start_time": True, "end_time": NOON},
        window([NOON], {"at": NOON}),
        None,
        "1709294400000",
        [NOON, NOON + HOUR],
    ],
)
def test_an_impossible_restore_window_is_left_out(odd: object) -> None:
    """The others are there all the same."""
    items = [odd, window(NOON, NOON + HOUR)]

    assert len(models.restore_windows({"restore_time": items})) == 1


@pytest.mark.parametrize("body", [{}, {"restore_time": None}, {"restore_time": {}}, []])
def test_no_list_of_restore_windows_is_no_empty_list(body: object) -> None:
    """Nobody may read that an instance can't be restored."""
    with pytest.raises(ValueError, match="no list of restore_time"):
        models.restore_windows(body)
    assert models.restore_windows({"restore_time": []}) == []
