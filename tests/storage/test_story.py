"""The log tells what was done, by whom, and nothing that people wrote."""

import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog

from bot.application.ports import Conflict
from bot.domain.audit import AuditAction, AuditEntry
from bot.runtime import logs
from bot.storage.store import Store
from tests.requests import NOON, asked


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, before = root.handlers, root.level, structlog.get_config()
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.configure(**before)


def entry(**changes: Any) -> AuditEntry:
    about = {"request_id": "r-1", "instance": "orders-prod", "rule": "rule 1", **changes}
    return AuditEntry(at=NOON, actor="U0BEN", action=AuditAction.APPROVED, **about)


@pytest.mark.parametrize("log_format", ["console", "json"])
async def test_what_is_committed_is_a_line(
    store: Store, log_format: Literal["console", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the request, the instance and who did it; words of people stay out."""
    logs.configure(log_format)
    words = {"reason": "the boss said so", "verdict": "approved"}
    async with store.transaction() as transaction:
        await transaction.record(entry(detail=words), entry(instance="a whole sentence\n"))
        before = capsys.readouterr().err
    first, second = capsys.readouterr().err.splitlines()

    assert before == ""
    for said in ("approved", "r-1", "U0BEN", "rule 1"):
        assert said in first
        assert said in second
    assert "orders-prod" in first
    assert "sentence" not in second
    assert "boss" not in first
    if log_format == "json":
        assert json.loads(first)["event"] == "approved"


async def test_what_is_rolled_back_is_none(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was not done."""
    logs.configure("console")

    async def write_twice() -> None:
        async with store.transaction() as transaction:
            await transaction.record(entry())
            await transaction.insert(asked(), asked())

    with pytest.raises(Conflict):
        await write_twice()

    assert capsys.readouterr().err == ""
