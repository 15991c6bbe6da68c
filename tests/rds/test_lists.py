"""Long lists, read page by page while they change, or while RDS gets them wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from bot.domain.errors import RdsUnreachable
from bot.rds.client import RdsClient, call_budget
from tests.stepped_clock import SteppedClock

Answer = Callable[[int, dict[str, str]], dict[str, Any]]


class PatientClock(SteppedClock):
    """Time passes at once for whoever sleeps: a retry needs no waiting."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)
        await asyncio.sleep(0)


@asynccontextmanager
async def listing(answer: Answer, calls: list[dict[str, str]]) -> AsyncIterator[RdsClient]:
    """A client whose n-th call, with its query, gets what `answer` says."""

    def serve(request: httpx.Request) -> httpx.Response:
        calls.append(dict(request.url.params))
        return httpx.Response(200, json=answer(len(calls), calls[-1]))

    clock, transport = PatientClock(), httpx.MockTransport(serve)
    async with httpx.AsyncClient(base_url="http://rds", transport=transport) as http:
        yield RdsClient(http, "p", call_budget(60, clock), clock)


def items(*numbers: int) -> list[dict[str, Any]]:
    """Backups by their numbers."""
    return [
        {"id": f"b{n}", "instance_id": "i", "name": f"n{n}", "status": "COMPLETED"}
        for n in numbers
    ]


def cut(numbers: range | list[int], query: dict[str, str], total: object = ...) -> dict[str, Any]:
    """The page of these backups that the query asks for."""
    offset = int(query.get("offset", "0"))
    return {
        "backups": items(*numbers[offset : offset + int(query["limit"])]),
        "total_count": len(numbers) if total is ... else total,
    }


async def read(answer: Answer, *, backup_type: str | None = "manual") -> tuple[list[str], int]:
    """The ids of the list, and how many calls it took."""
    calls: list[dict[str, str]] = []
    async with listing(answer, calls) as rds:
        return [b.id for b in await rds.list_backups("i", backup_type=backup_type)], len(calls)


def ids(numbers: range) -> list[str]:
    return [f"b{n}" for n in numbers]


async def test_a_list_that_shifts_between_two_pages_is_read_again() -> None:
    """A backup that appears at its head is neither offered twice nor left out."""

    def answer(call: int, query: dict[str, str]) -> dict[str, Any]:
        return cut(range(1 if call == 1 else 0, 151), query)

    found, calls = await read(answer)

    assert found == ids(range(151))
    assert calls == 4


async def test_a_list_that_loses_one_between_two_pages_is_read_again() -> None:
    """The one that slipped from the second page to the first is not taken for deleted."""

    def answer(call: int, query: dict[str, str]) -> dict[str, Any]:
        return cut(range(0 if call == 1 else 1, 150), query)

    assert await read(answer) == (ids(range(1, 150)), 4)


async def test_a_page_that_comes_twice_is_no_second_page() -> None:
    """The count fits; the ids do not."""

    def answer(call: int, query: dict[str, str]) -> dict[str, Any]:
        if call == 2:
            query = query | {"offset": "0"}
        return cut(range(200), query)

    assert await read(answer) == (ids(range(200)), 4)


@pytest.mark.parametrize("backup_type", ["manual", None])
async def test_a_list_that_is_cut_off_is_read_again(backup_type: str | None) -> None:
    """RDS counts 30 and shows 20: it is not all of it."""

    def answer(call: int, query: dict[str, str]) -> dict[str, Any]:
        return cut(range(20), query, total=30) if call == 1 else cut(range(30), query)

    found, _ = await read(answer, backup_type=backup_type)

    assert found == ids(range(30))


@pytest.mark.parametrize("backup_type", ["manual", None])
@pytest.mark.parametrize(
    "answer",
    [
        lambda _, query: cut(range(20), query, total=30),
        lambda _, query: cut([], query, total=3),
        lambda call, query: cut(range(150), query, total=150 + call),
        lambda _, query: cut(range(150), query | {"offset": "0"}),
    ],
    ids=["cut off", "empty", "another count each time", "the first page for ever"],
)
async def test_a_list_that_never_fits_is_an_outage(
    answer: Answer, backup_type: str | None
) -> None:
    """Who asks whether something is there must hear that nobody knows."""
    calls: list[dict[str, str]] = []
    async with listing(answer, calls) as rds:
        with pytest.raises(RdsUnreachable) as raised:
            await rds.list_backups("i", backup_type=backup_type)

    assert raised.value.code == rds.trouble == "inconsistent list"


async def test_a_list_is_not_cut_off_at_ten_thousand() -> None:
    """The name we look for may be the last."""
    found, calls = await read(lambda _, query: cut(range(10_050), query))

    assert found == ids(range(10_050))
    assert calls == 101


async def test_a_list_without_an_end_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends somewhere, and says that it did."""
    monkeypatch.setattr("bot.rds.client.LONGEST_LIST", 1000)
    with pytest.raises(RdsUnreachable) as raised:
        await read(lambda _, query: cut(range(10_000), query, total=None))

    assert raised.value.code == "endless list"


async def test_a_page_as_short_as_the_gateway_likes_is_not_the_last() -> None:
    """Where no more than 50 come at once, the count says that there are more."""

    def answer(_: int, query: dict[str, str]) -> dict[str, Any]:
        return cut(range(120), query | {"limit": "50"})

    assert await read(answer) == (ids(range(120)), 3)


async def test_a_page_longer_than_requested_is_read_whole() -> None:
    """Where the limit is not known, nor the offset, one page is the list."""

    def answer(_: int, query: dict[str, str]) -> dict[str, Any]:
        return cut(range(250), query | {"limit": "1000", "offset": "0"})

    assert await read(answer) == (ids(range(250)), 1)


async def test_an_id_that_comes_twice_in_a_page_is_one_backup() -> None:
    """Or its name would be offered twice, and refused."""
    assert await read(lambda _, query: cut([1, 2, 2, 3], query)) == (["b1", "b2", "b3"], 1)


async def test_thousands_of_old_increments_cost_few_calls() -> None:
    """An instance of which only the full backups matter is asked for those."""
    increments, full = range(6100), range(7000, 7040)
    asked: list[str] = []

    def answer(_: int, query: dict[str, str]) -> dict[str, Any]:
        asked.append(kind := query.get("backup_type", "any"))
        listed = {"any": [*increments, *full], "manual": full[:30], "auto": full[30:]}
        return cut(list(listed[kind]), query)

    assert await read(answer, backup_type=None) == (ids(full), 3)
    assert asked == ["any", "manual", "auto"]


async def test_a_few_backups_are_listed_whatever_their_type() -> None:
    """Up to 300 it is cheaper not to ask by type."""
    assert await read(lambda _, query: cut(range(250), query), backup_type=None) == (
        ids(range(250)),
        3,
    )


async def test_an_item_without_an_id_is_left_out_and_said_once() -> None:
    """The others are there, however many pages it spoils."""
    odd = {"name": "nobody", "status": "COMPLETED"}

    def answer(_: int, query: dict[str, str]) -> dict[str, Any]:
        page = cut(range(150), query)
        page["backups"][7] = odd
        return page

    calls: list[dict[str, str]] = []
    with capture_logs() as logs:
        async with listing(answer, calls) as rds:
            first = await rds.list_backups("i")
            again = await rds.list_backups("i")

    assert len(first) == len(again) == 148
    assert [entry["event"] for entry in logs] == ["rds_item_without_id"]


@pytest.mark.parametrize(
    "page",
    [
        {"backups": items(1, 2), "total_count": 2},
        {"backups": [], "total_count": 1},
        {"backups": [{"name": "n7"}], "total_count": 1},
    ],
    ids=["others", "hidden", "without id"],
)
async def test_a_backup_is_missing_only_where_rds_lists_nothing(page: dict[str, Any]) -> None:
    """An answer to another question does not say that it is gone."""
    calls: list[dict[str, str]] = []
    async with listing(lambda *_: page, calls) as rds:
        with pytest.raises(RdsUnreachable):
            await rds.find_backup("i", "b7")
    async with listing(lambda *_: {"backups": [], "total_count": 0}, calls) as rds:
        assert await rds.find_backup("i", "b7") is None


async def test_a_success_with_an_error_in_it_is_no_empty_list() -> None:
    """It would say that everything was deleted."""
    page = {"backups": [], "total_count": 0, "error_code": "DBS.200203"}
    calls: list[dict[str, str]] = []
    async with listing(lambda *_: page, calls) as rds:
        with pytest.raises(RdsUnreachable):
            await rds.find_backup("i", "b7")
        assert rds.trouble == "DBS.200203"
