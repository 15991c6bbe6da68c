"""Restore windows and policies of automated backups, as the client reads them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest

from bot.domain.errors import RdsRefused, RdsUnreachable, RefusalReason
from bot.domain.instances import AutomatedPolicy, RestoreWindow
from bot.rds.client import RdsClient, call_budget
from tests.stepped_clock import SteppedClock

NOON = 1_709_294_400_000  # 2024-03-01 12:00 UTC
WINDOWS = {"restore_time": [{"start_time": NOON, "end_time": NOON + 300_000}]}
POLICY = {"backup_policy": {"keep_days": 7, "start_time": "19:00-20:00", "period": "1,7"}}
COPIES = {
    "policy_para": [
        {"backup_type": "incremental", "keep_days": 7, "destination_region": "eu-1"},
        {"backup_type": "auto", "keep_days": 7, "destination_region": "ap-2"},
    ]
}
READS = [RdsClient.restore_windows, RdsClient.automated_policy, RdsClient.copies_to]


class PatientClock(SteppedClock):
    """Time passes at once for whoever sleeps: a retry needs no waiting."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)
        await asyncio.sleep(0)


class Asked:
    """Answers one call after the other, the last answer for ever, and notes what was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.targets: list[str] = []
        self._answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.targets.append(f"{request.method} {request.url.raw_path.decode()}")
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@asynccontextmanager
async def reading(asked: Asked) -> AsyncIterator[RdsClient]:
    """A client that gets these answers."""
    clock, transport = PatientClock(), httpx.MockTransport(asked)
    async with httpx.AsyncClient(base_url="http://rds", transport=transport) as http:
        yield RdsClient(http, "p", call_budget(60, clock), clock)


async def test_restore_windows_are_those_of_the_instance() -> None:
    """Its ID can't lead elsewhere."""
    asked = Asked(httpx.Response(200, json=WINDOWS))
    async with reading(asked) as rds:
        windows = await rds.restore_windows("a/../b?c")

    assert windows == [
        RestoreWindow(
            datetime(2024, 3, 1, 12, tzinfo=UTC), datetime(2024, 3, 1, 12, 5, tzinfo=UTC)
        )
    ]
    assert asked.targets == ["GET /v3/p/instances/a%2F..%2Fb%3Fc/restore-time"]


async def test_the_policy_is_that_of_the_instance() -> None:
    """Its window and its days come as RDS has them."""
    asked = Asked(httpx.Response(200, json=POLICY))
    async with reading(asked) as rds:
        policy = await rds.automated_policy("in01")

    assert policy == AutomatedPolicy(keep_days=7, start_time="19:00-20:00", days=(1, 7))
    assert asked.targets == ["GET /v3/p/instances/in01/backups/policy"]


async def test_full_backups_are_copied_to_the_region_of_their_policy() -> None:
    asked = Asked(httpx.Response(200, json=COPIES))
    async with reading(asked) as rds:
        region = await rds.copies_to("in01")

    assert region == "ap-2"
    assert asked.targets == ["GET /v3/p/instances/in01/backups/offsite-policy"]


@pytest.mark.parametrize(
    ("policies", "region"),
    [
        ([], ""),
        ([{"backup_type": "auto", "keep_days": 0, "destination_region": "ap-2"}], ""),
        ([{"backup_type": "incremental", "keep_days": 7, "destination_region": "ap-2"}], ""),
        ([{"backup_type": "all", "keep_days": "7", "destination_region": "ap-2"}], "ap-2"),
        ([{"backup_type": "auto", "keep_days": 7}], "another region"),
        ([None, 7, {}], ""),
    ],
)
async def test_without_a_policy_nothing_is_copied(policies: object, region: str) -> None:
    async with reading(Asked(httpx.Response(200, json={"policy_para": policies}))) as rds:
        assert await rds.copies_to("in01") == region


@pytest.mark.parametrize("read", READS)
async def test_an_outage_is_waited_out(read: object) -> None:
    """As with every read, the third try counts."""
    body = WINDOWS | POLICY | COPIES
    asked = Asked(
        httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(200, json=body)
    )
    async with reading(asked) as rds:
        assert callable(read)
        assert await read(rds, "in01")

    assert len(asked.targets) == 3


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"<html>Log in</html>",
        b'{"restore_time": null, "backup_policy": null, "policy_para": null}',
        b'{"restore_time": "always", "backup_policy": {"start_time": "19:00-20:00"}}',
        b'{"restore_time": [], "backup_policy": {"keep_days": 7}, "error_code": "DBS.200203"}',
    ],
)
async def test_an_unreadable_answer_is_an_outage(read: object, body: bytes) -> None:
    """Nobody may conclude from it that automated backups are off."""
    asked = Asked(httpx.Response(200, content=body))
    async with reading(asked) as rds:
        assert callable(read)
        with pytest.raises(RdsUnreachable):
            await read(rds, "in01")
        assert rds.trouble

    assert len(asked.targets) == 3


@pytest.mark.parametrize("read", READS)
async def test_a_refusal_is_not_asked_again(read: object) -> None:
    """An instance that is gone stays gone, and a throttled call waits for its turn."""
    gone = httpx.Response(404, json={"error_code": "DBS.200002", "error_msg": "gone"})
    async with reading(asked := Asked(gone)) as rds:
        assert callable(read)
        with pytest.raises(RdsRefused) as raised:
            await read(rds, "in01")
    crowded = httpx.Response(429, headers={"Retry-After": "7"}, json={"error_code": "APIGW.0308"})
    async with reading(throttled := Asked(crowded)) as rds:
        with pytest.raises(RdsUnreachable) as waits:
            await read(rds, "in01")

    assert raised.value.reason is RefusalReason.INSTANCE_NOT_FOUND
    assert waits.value.retry_after is not None
    assert len(asked.targets) == len(throttled.targets) == 1
