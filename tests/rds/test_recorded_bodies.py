"""Bodies that Huawei and its partners document, and that others recorded, read through the client.

Sources: opentelekomcloud-docs and huaweicloudDocs (`….rst`, `….md`), the flight recordings of
Cloud Custodian (`c7n:`), and python-otcextensions (`otcext:`). `means` was checked by hand.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.domain.errors import RdsRefused
from bot.domain.instances import Backup, Instance
from bot.rds.client import RdsClient, call_budget
from tests.stepped_clock import SteppedClock

BODIES = json.loads((Path(__file__).parent / "recorded-bodies.json").read_text(encoding="utf-8"))


async def meaning(body: dict[str, Any]) -> list[Backup] | list[Instance] | list[RdsRefused]:
    """What the client makes of the body."""
    status = 400 if body["kind"] == "error" else 200
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=body["body"]))
    clock = SteppedClock()
    async with httpx.AsyncClient(base_url="http://rds", transport=transport) as http:
        rds = RdsClient(http, "p", call_budget(60, clock), clock)
        match body["kind"]:
            case "backups":
                return await rds.list_backups("i")
            case "instances":
                return await rds.list_instances()
            case "created":
                return [(await rds.create_backup("i", "before-42")).backup]
            case _:
                with pytest.raises(RdsRefused) as raised:
                    await rds.list_instances()
                return [raised.value]


def shown(value: object) -> object:
    """As it stands in the file."""
    return value.isoformat() if isinstance(value, datetime) else value


@pytest.mark.parametrize("number", range(len(BODIES)))
async def test_a_recorded_body_is_read(number: int) -> None:
    """All of it, however old its form."""
    body = BODIES[number]
    found = await meaning(body)

    assert len(found) == len(body["means"]), body["source"]
    for read, means in zip(found, body["means"], strict=True):
        assert {key: shown(getattr(read, key)) for key in means} == means, body["source"]


def test_every_kind_is_there() -> None:
    """A file that was cut would prove nothing."""
    assert {body["kind"] for body in BODIES} == {"backups", "instances", "created", "error"}
    assert len(BODIES) == 85
